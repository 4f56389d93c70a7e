"""Conversations and their messages (S2-063 to S2-142)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from bot.conversation import Assignee, AssigneeKind, ConversationStatus, assignee_of
from bot.message import Address
from bot.records.base import PII, Index, Part, Record, record


class Priority(StrEnum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    URGENT = "urgent"


class Category(StrEnum):
    SUPPORT = "support"
    SALES = "sales"
    BILLING = "billing"
    TECHNICAL = "technical"
    COMPLAINT = "complaint"
    OTHER = "other"


class ConversationKind(StrEnum):
    CUSTOMER = "customer"
    ASSISTANT = "assistant"
    CALL = "call"


class MessageType(StrEnum):
    TEXT = "text"
    IMAGE = "image"
    AUDIO = "audio"
    VIDEO = "video"
    DOCUMENT = "document"
    LOCATION = "location"
    CONTACT = "contact"
    TEMPLATE = "template"
    INTERACTIVE = "interactive"


class MessageSender(StrEnum):
    CUSTOMER = "customer"
    AGENT = "agent"
    """An operator; `agent` is the seed's word for one."""
    SYSTEM = "system"
    AI = "ai"


class Direction(StrEnum):
    INBOUND = "inbound"
    OUTBOUND = "outbound"


class MessageStatus(StrEnum):
    PENDING = "pending"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"


class LastMessage(Part):
    content: Annotated[str, PII] = ""
    timestamp: datetime
    sender: MessageSender = Field(alias="from")
    type: MessageType = MessageType.TEXT


class Satisfaction(Part):
    rating: Annotated[int, Field(ge=1, le=5)]
    comment: str | None = None
    submitted_at: datetime | None = None


class InternalNote(Part):
    agent: str
    content: Annotated[str, PII]
    timestamp: datetime
    is_visible: bool = False


class WhatsAppData(Part):
    phone_number_id: str
    business_account_id: str | None = None


class HandoffNote(Part):
    """The last change of assignee: why, by whom, when."""

    reason: str
    by: str
    at: datetime
    note: Annotated[str, PII] = ""


class Cost(Part):
    """What the model took, added up over the conversation."""

    model_steps: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    micros: int = 0
    """Millionths of a US dollar, by the price table; 0 where the model has no price."""


@record(
    "conversations",
    Index("lane", unique=True, where={"openness": "open"}),
    Index("customer_id"),
    Index("assigned_agent"),
    Index("status", "assigned_agent"),
    Index("priority"),
    Index("category"),
    Index("-created_at"),
    Index("-updated_at"),
    Index("tags"),
)
class Conversation(Record):
    """Everything said between one person and us at one address, until it is closed."""

    kind: ConversationKind = ConversationKind.CUSTOMER
    customer_id: str
    lane: str
    openness: str = "open"
    """`open` until the conversation is closed, then its id: at most one open one per lane (DESIGN 3)."""
    our_address: str
    their_address: Annotated[str, PII]
    channel: str = "whatsapp"
    source: str | None = None

    assignee_kind: AssigneeKind = AssigneeKind.AGENT
    assignee_name: str
    epoch: int = 0
    """Rises by one with every change of assignee."""
    handoff: HandoffNote | None = None

    status: ConversationStatus = ConversationStatus.OPEN
    is_ai_enabled: Annotated[bool, Field(alias="isAIEnabled")] = True
    assigned_agent: str | None = None
    assigned_at: datetime | None = None
    assigned_by: str | None = None

    priority: Priority = Priority.MEDIUM
    category: Category = Category.SUPPORT
    tags: list[str] = []
    ai_model: str | None = None
    auto_responses: bool = True
    language: str | None = None
    """The language the person last wrote in, when it could be told."""
    message_count: int = 0
    unread_count: int = 0
    last_message: LastMessage | None = None
    first_response_time: float | None = None
    average_response_time: float | None = None
    last_agent_response: datetime | None = None
    last_customer_message: datetime | None = None
    resolved_at: datetime | None = None
    resolved_by: str | None = None
    resolution_notes: str | None = None
    customer_satisfaction: Satisfaction | None = None
    internal_notes: list[InternalNote] = []
    whatsapp_data: WhatsAppData | None = None
    closed_at: datetime | None = None
    cost: Cost = Cost()

    @property
    def assignee(self) -> Assignee:
        return assignee_of(self.assignee_kind, self.assignee_name)

    @property
    def address(self) -> Address:
        return Address(self.channel, self.our_address, self.their_address)


class Attachment(Part):
    type: str
    url: str | None = None
    public_id: str | None = None
    filename: str | None = None
    mime_type: str | None = None
    size: int | None = None
    thumbnail_url: str | None = None
    duration: float | None = None


class MessageLocation(Part):
    latitude: float
    longitude: float
    address: str | None = None
    name: str | None = None


class InteractiveButton(Part):
    id: str
    title: str
    payload: str | None = None


class Interactive(Part):
    """Buttons we sent, or the one that was chosen (S2-135)."""

    type: str
    buttons: list[InteractiveButton] = []
    list_items: list[InteractiveButton] = []


class VendorError(Part):
    code: str
    title: str = ""


@record(
    "messages",
    Index("conversation_id", "-timestamp"),
    Index("customer_id", "-timestamp"),
    Index("direction", "-timestamp"),
    Index("status"),
    Index("whatsapp_message_id", unique=True),
    Index("type"),
    Index("timestamp"),
)
class Message(Record):
    """One message of a conversation, ours or theirs."""

    conversation_id: str
    customer_id: str
    content: Annotated[str, PII]
    type: MessageType = MessageType.TEXT
    direction: Direction
    sender: MessageSender
    agent_id: str | None = None
    whatsapp_message_id: str | None = None
    """The provider's id, unique where there is one (C-05)."""
    whatsapp_status: str | None = None
    whatsapp_timestamp: datetime | None = None
    whatsapp_error: VendorError | None = None
    status: MessageStatus = MessageStatus.PENDING
    attachments: list[Attachment] = []
    location: MessageLocation | None = None
    interactive: Interactive | None = None
    ai_processed: bool = False
    reply_to: str | None = None
    is_forwarded: bool = False
    forwarded_from: str | None = None
    timestamp: datetime
    read_at: datetime | None = None
    delivered_at: datetime | None = None
    turn_id: str | None = None
    """The turn that heard or wrote it."""
