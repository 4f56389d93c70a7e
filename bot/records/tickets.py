"""Tickets (S2-143 to S2-181)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from bot.records.base import PII, Index, Part, Record, record
from bot.records.conversations import Priority


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


class SlaLevel(StrEnum):
    STANDARD = "standard"
    PRIORITY = "priority"
    VIP = "vip"


class TicketNote(Part):
    agent: str
    content: Annotated[str, PII]
    is_internal: bool = True
    timestamp: datetime


class Resolution(Part):
    summary: str
    steps: list[str] = []
    resolved_by: str | None = None
    resolved_at: datetime | None = None
    resolution_category: str | None = None


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
)
class Ticket(Record):
    """Something a customer asked us to look after."""

    ticket_id: Annotated[str, Field(pattern=r"^TICKET-\d{4}-\d{6}$")]
    customer_id: str
    conversation_id: str | None = None
    assigned_agent: str | None = None
    subject: Annotated[str, Field(min_length=1, max_length=200), PII]
    description: Annotated[str, Field(min_length=1), PII]
    category: TicketCategory
    subcategory: str | None = None
    priority: Priority = Priority.MEDIUM
    status: TicketStatus = TicketStatus.OPEN
    sla_level: SlaLevel = SlaLevel.STANDARD
    tags: list[str] = []
    notes: list[TicketNote] = []
    resolution: Resolution | None = None
    last_activity_at: datetime
    escalated: bool = False
