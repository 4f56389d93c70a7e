"""Tickets (S2-143 to S2-181)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from bot.records.base import PII, Index, NowByDefault, Part, Record, TextIndex, record
from bot.records.conversations import AttachmentType, Priority
from bot.records.fields import HexColour, Rating


class TicketCategory(StrEnum):
    TECHNICAL_SUPPORT = "technical_support"
    BILLING = "billing"
    PRODUCT_INQUIRY = "product_inquiry"
    COMPLAINT = "complaint"
    FEATURE_REQUEST = "feature_request"
    BUG_REPORT = "bug_report"
    GENERAL_INQUIRY = "general_inquiry"
    OTHER = "other"


class TicketStatus(StrEnum):
    OPEN = "open"
    IN_PROGRESS = "in_progress"
    WAITING_CUSTOMER = "waiting_customer"
    WAITING_INTERNAL = "waiting_internal"
    RESOLVED = "resolved"
    CLOSED = "closed"


TICKET_MOVES: dict[TicketStatus, frozenset[TicketStatus]] = {
    **{
        status: frozenset(TicketStatus) - {status}
        for status in (TicketStatus.OPEN, TicketStatus.IN_PROGRESS, TicketStatus.WAITING_CUSTOMER, TicketStatus.WAITING_INTERNAL)
    },
    TicketStatus.RESOLVED: frozenset({TicketStatus.OPEN, TicketStatus.IN_PROGRESS, TicketStatus.CLOSED}),
    TicketStatus.CLOSED: frozenset({TicketStatus.OPEN}),
}
"""Status -> those that may follow it. Resolved and closed tickets can be opened again, and nothing else."""


CUSTOMER_MOVES = frozenset({TicketStatus.OPEN, TicketStatus.CLOSED})
"""What a customer, and an agent for them, may set of that table: closed when it is no longer needed, open when it is again."""


class SlaLevel(StrEnum):
    STANDARD = "standard"
    PRIORITY = "priority"
    VIP = "vip"


class ResolutionCategory(StrEnum):
    SOLVED = "solved"
    WORKAROUND = "workaround"
    DUPLICATE = "duplicate"
    INVALID = "invalid"
    WONT_FIX = "wont_fix"


class TicketAttachment(Part):
    """A file of a ticket: an object, though the seed's notation declares a text (C-12)."""

    type: AttachmentType
    url: str | None = None
    public_id: str | None = None
    filename: str | None = None
    size: int | None = None
    """Bytes."""
    uploaded_by: str | None = None
    uploaded_at: NowByDefault


class TicketNote(Part):
    id: Annotated[str | None, Field(alias="_id")] = None
    agent: str
    content: Annotated[str, PII]
    is_internal: bool = True
    """Internal ones are never told to the customer."""
    timestamp: NowByDefault
    attachments: list[TicketAttachment] = []


class TicketLocation(Part):
    latitude: float | None = None
    longitude: float | None = None
    address: str | None = None
    formatted_address: str | None = None
    is_service_location: bool = False


class Resolution(Part):
    summary: str | None = None
    steps: list[str] = []
    resolved_by: str | None = None
    resolved_at: datetime | None = None
    resolution_category: ResolutionCategory | None = None


class CustomerFeedback(Part):
    rating: Rating | None = None
    comment: Annotated[str | None, PII] = None
    submitted_at: datetime | None = None
    follow_up_needed: bool = False


class Label(Part):
    name: str
    color: HexColour | None = None


class SlaClock(Part):
    """One promise: so much time, and how much of it is used."""

    target_minutes: Annotated[float, Field(gt=0, examples=[240])]
    spent_ms: Annotated[int, Field(ge=0, examples=[0])] = 0
    """What counted of the time until the ticket was last looked at; more counts from `running_since` on."""
    due_at: datetime | None = None
    """When it is broken if nothing happens; None while it stands still, and when it is over."""
    met_at: datetime | None = None
    breached_at: datetime | None = None
    """When it was broken; written once and never taken back."""


class TicketSla(Part):
    """What was promised for a ticket (S2-175, S2-176)."""

    response: SlaClock | None = None
    """None: nothing is promised."""
    resolution: SlaClock | None = None
    by_business_hours: bool = True
    running_since: datetime | None = None
    """None while the clocks stand still: the customer has to answer, or it is done."""
    escalation_level: int = 0
    """How often it was escalated for being late."""
    next_at: datetime | None = None
    """When somebody has to look at it again."""


class TicketEscalation(Part):
    level: int
    """1 is the first because it was late; 0: somebody escalated it."""
    to: str | None = None
    """A user; None where there was nobody."""
    at: datetime
    reason: Annotated[str, PII]
    by: str


@record(
    "tickets",
    Index("ticket_id", unique=True),
    Index("customer_id", "-created_at"),
    Index("conversation_id"),
    Index("assigned_agent", "status"),
    Index("category", "status"),
    Index("priority", "status"),
    Index("-created_at"),
    Index("status", "-updated_at"),
    Index("tags"),
    Index("parent_ticket"),
    Index("sla.next_at"),
    Index("sla.response.breached_at"),
    Index("sla.resolution.breached_at"),
    Index("resolution.resolved_at"),
    text=TextIndex(("subject", "description")),
)
class Ticket(Record):
    """Something a customer asked us to look after."""

    ticket_id: Annotated[str, Field(pattern=r"^TICKET-[0-9]{4}-[0-9]{6}$", examples=["TICKET-2026-000001"])]
    customer_id: str
    conversation_id: str | None = None
    assigned_agent: str | None = None
    subject: Annotated[str, Field(min_length=1, max_length=200, examples=["No internet since yesterday"]), PII]
    description: Annotated[str, Field(min_length=1, examples=["The light on the router is red."]), PII]
    category: TicketCategory
    subcategory: str | None = None
    priority: Priority = Priority.MEDIUM
    status: TicketStatus = TicketStatus.OPEN
    sla_level: SlaLevel = SlaLevel.STANDARD
    estimated_resolution: datetime | None = None
    first_response_time: float | None = None
    """Minutes."""
    resolution_time: float | None = None
    """Minutes."""
    attachments: list[TicketAttachment] = []
    location: Annotated[TicketLocation | None, PII] = None
    tags: list[str] = []
    labels: list[Label] = []
    notes: list[TicketNote] = []
    resolution: Resolution | None = None
    customer_feedback: CustomerFeedback | None = None
    last_activity_at: NowByDefault
    escalated: bool = False
    escalated_to: str | None = None
    escalated_at: datetime | None = None
    escalation_reason: str | None = None
    related_tickets: list[str] = []
    parent_ticket: str | None = None
    sla: TicketSla | None = None
    """None: opened when nothing was promised, or somewhere else."""
    escalations: list[TicketEscalation] = []
    external_id: str | None = None
    external_url: str | None = None
    closed_at: datetime | None = None
