"""Conversations and their messages (S2, S3, S5; C-04, C-05, C-06, C-17, C-19): one timeline for model, desk and analytics.

What S3 embeds in a conversation and what S5 keeps as conversation segments are messages here.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from bot.conversation import Assignee, AssigneeKind, ConversationStatus, assignee_of
from bot.message import Address, Media
from bot.records.base import PII, Index, NowByDefault, Part, Record, TextIndex, record
from bot.records.fields import Count, Rating, Sentiment, SentimentScore, Unit
from bot.records.handoffs import Cause


class Priority(StrEnum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    URGENT = "urgent"


QUEUE_RANKS: dict[Priority, int] = {Priority.URGENT: 0, Priority.HIGH: 1, Priority.MEDIUM: 2, Priority.LOW: 3}
"""Where a priority stands in a queue: the lowest comes first."""


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


class ChannelName(StrEnum):
    WHATSAPP = "whatsapp"
    WEB = "web"
    MOBILE_APP = "mobile_app"
    VOICE = "voice"
    CONSOLE = "console"


class Outcome(StrEnum):
    """What came of a call."""

    INTERESTED = "interested"
    NOT_INTERESTED = "not-interested"
    CALLBACK = "callback"
    DISCONNECTED = "disconnected"


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
    USER = "user"
    """A marketer in a conversation with the assistant (C-17)."""


class Direction(StrEnum):
    INBOUND = "inbound"
    OUTBOUND = "outbound"


class MessageStatus(StrEnum):
    PENDING = "pending"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"


class WhatsAppStatus(StrEnum):
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
    rating: Rating
    comment: str | None = None
    submitted_at: datetime | None = None


class InternalNote(Part):
    agent: str
    content: Annotated[str, PII]
    timestamp: NowByDefault
    is_visible: bool = False
    """Whether the customer may see it."""


class WhatsAppData(Part):
    phone_number_id: str
    business_account_id: str | None = None


class BriefContext(Part):
    """What a marketer has told the assistant so far (S3)."""

    campaign_brief: dict[str, Any] = {}
    collected_info: dict[str, Any] = {}
    ready_to_plan: bool = False


class HandoffNote(Part):
    """The last change of assignee: why, by whom, when. All of them are in the record `handoffs`."""

    cause: Cause | None = None
    """Absent in what was written before causes were told apart."""
    reason: str
    """In words."""
    by: str
    at: datetime
    note: Annotated[str, PII] = ""


class Told(Part):
    """What somebody who waits in a queue was last told of their place in it."""

    position: Count
    at: datetime


class FlowState(Part):
    """A question of the runtime's that waits for the person's answer (DESIGN 7)."""

    name: str
    """Of the flow: a file under dialogs/flows."""
    step: str = ""
    slots: Annotated[dict[str, Any], PII] = {}
    """What the flow knows so far."""
    token: str
    """In the ids of its buttons: a tap on those of an older question is told from an answer to this one."""
    agent: str
    """The agent that goes on afterwards."""
    epoch: int = 0
    """It counts only while the conversation's epoch is this one: not when somebody took over since."""
    asked_at: datetime
    expires_at: datetime


class Verification(Part):
    """The person of this conversation has shown with a one-time code who they are."""

    via: str
    """`email` or `whatsapp`."""
    at: datetime
    until: datetime


class Cost(Part):
    """What the model took, added up over the conversation."""

    model_steps: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    micros: int = 0
    """Millionths of a US dollar, by the price table; 0 where the model has no price."""
    day: str = ""
    """The UTC day (2026-11-20) of the last turn that cost something."""
    day_micros: int = 0
    """What that day has cost so far."""


@record(
    "conversations",
    Index("lane", unique=True, where={"openness": "open"}),
    Index("customer_id"),
    Index("assigned_agent"),
    Index("status", "assigned_agent"),
    Index("status", "assigned_at"),
    Index("status", "assignee_name", "queue_rank", "waiting_since"),
    Index("status", "queue_rank", "waiting_since"),
    Index("status", "-updated_at"),
    Index("snoozed_until"),
    Index("resolved_by", "-resolved_at"),
    Index("-resolved_at"),
    Index("priority"),
    Index("category"),
    Index("-created_at"),
    Index("-updated_at"),
    Index("tags"),
    Index("conversation_id", unique=True),
    Index("user_id", "-updated_at"),
    Index("call_id"),
    Index("outcome"),
    Index("sentiment_score"),
)
class Conversation(Record):
    """Everything said between one person and us at one address, until it is closed.

    A customer's has a customer, a marketer's with the assistant has a user, a telephone call's has a call (C-19).
    """

    kind: ConversationKind = ConversationKind.CUSTOMER
    conversation_id: str | None = None
    """S3's own key."""
    customer_id: str | None = None
    user_id: str | None = None
    call_id: str | None = None
    lane: str
    openness: str = "open"
    """`open` until the conversation is closed, then its id: at most one open one per lane (DESIGN 3)."""
    our_address: str
    their_address: Annotated[str, PII]
    channel: ChannelName = ChannelName.WHATSAPP
    source: str | None = None
    """How it came about."""

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
    """Set by somebody; else OPENAI_MODEL counts (DESIGN 6)."""
    auto_responses: bool = True
    language: str | None = None
    """The language the person last wrote in, when it could be told."""
    message_count: Count = 0
    unread_count: Count = 0
    last_message: LastMessage | None = None
    first_response_time: float | None = None
    """Minutes until a person of ours first answered."""
    average_response_time: float | None = None
    """Minutes, the mean over their answers."""
    last_agent_response: datetime | None = None
    last_customer_message: datetime | None = None
    resolved_at: datetime | None = None
    resolved_by: str | None = None
    resolution_notes: str | None = None
    customer_satisfaction: Satisfaction | None = None
    internal_notes: list[InternalNote] = []
    whatsapp_data: WhatsAppData | None = None
    closed_at: datetime | None = None
    context: BriefContext | None = None
    transcript: Annotated[str | None, PII] = None
    """Of a call: what was said, joined in order."""
    sentiment_score: SentimentScore | None = None
    intent: Annotated[str | None, Field(max_length=50, examples=["buy"])] = None
    outcome: Outcome | None = None
    cost: Cost = Cost()
    flow: FlowState | None = None
    verification: Verification | None = None
    queue_rank: int = QUEUE_RANKS[Priority.MEDIUM]
    """Of its priority: what a queue is ordered by."""
    waiting_since: datetime | None = None
    """Since when the person has waited for an answer of a person of ours."""
    told: Told | None = None
    snoozed_until: datetime | None = None
    """Its operator wants to be reminded of it then; what the person writes ends that."""
    responses: Count = 0
    """Answers of people of ours, and how long they were waited for in all."""
    response_ms: Count = 0
    missed: Count = 0
    """Turns in a row in which the AI had no answer, or failed; a change of hands begins anew."""
    rating_asked_at: datetime | None = None
    simple_mode_day: str = ""
    """The UTC day (2026-11-20) on which they were last told that no model answers."""

    @property
    def assignee(self) -> Assignee:
        return assignee_of(self.assignee_kind, self.assignee_name)

    @property
    def address(self) -> Address:
        return Address(str(self.channel), self.our_address, self.their_address)

    @model_validator(mode="after")
    def _has_whom_it_is_with(self) -> Self:
        needed, found = _WITH_WHOM[self.kind], getattr(self, _WITH_WHOM[self.kind])
        if not found:
            raise ValueError(f"{self.shape.stored_name(needed)} is required where the kind is {self.kind}")
        return self


_WITH_WHOM = {
    ConversationKind.CUSTOMER: "customer_id",
    ConversationKind.ASSISTANT: "user_id",
    ConversationKind.CALL: "call_id",
}
"""Kind -> the field that it cannot be without (C-19)."""


class AttachmentType(StrEnum):
    IMAGE = "image"
    DOCUMENT = "document"
    AUDIO = "audio"
    VIDEO = "video"


class Attachment(Part):
    type: AttachmentType
    url: str | None = None
    public_id: str | None = None
    filename: str | None = None
    mime_type: str | None = None
    size: Count | None = None
    """Bytes."""
    thumbnail_url: str | None = None
    duration: float | None = None
    """Seconds."""


_ATTACHMENT_TYPES = {**{str(type_): type_ for type_ in AttachmentType}, "sticker": AttachmentType.IMAGE}


def attachment_of(media: Media) -> Attachment:
    """As the timeline keeps a file; `url` only where it is in our own store."""
    return Attachment(
        type=_ATTACHMENT_TYPES.get(media.kind, AttachmentType.DOCUMENT),
        url=f"/media/{media.media_id}" if media.media_id else None,
        public_id=media.media_id or media.provider_id or None,
        filename=media.filename or None,
        mime_type=media.mime_type or None,
        size=media.size or None,
    )


class MessageLocation(Part):
    latitude: float
    longitude: float
    address: str | None = None
    name: str | None = None


class InteractiveButton(Part):
    id: str
    title: str
    payload: str | None = None


class ListItem(Part):
    id: str
    title: str
    description: str | None = None


class InteractiveType(StrEnum):
    BUTTON = "button"
    LIST = "list"
    QUICK_REPLY = "quick_reply"


class Interactive(Part):
    """Buttons or rows we sent, or the one that was chosen (S2-135)."""

    type: InteractiveType
    buttons: list[InteractiveButton] = []
    list_items: list[ListItem] = []


class Template(Part):
    """The approved template that a message was made of."""

    name: str
    language: str | None = None
    parameters: Annotated[list[str], PII] = []
    category: str | None = None


class AiReading(Part):
    """What the AI made of what it heard."""

    confidence: Unit | None = None
    intent: str | None = None
    entities: Annotated[list[str], PII] = []
    sentiment: Sentiment | None = None


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
    Index("client_id", unique=True),
    Index("agent_id", "-timestamp"),
    Index("type"),
    Index("timestamp"),
    text=TextIndex(("content",), language="spanish", newest="timestamp"),
)
class Message(Record):
    """One message of a conversation, ours or theirs; of a call, what one speaker said in one go."""

    kind: ConversationKind = ConversationKind.CUSTOMER
    """Its conversation's."""
    conversation_id: str
    customer_id: str | None = None
    """Required where the kind is customer (DESIGN 6)."""
    content: Annotated[str, PII]
    type: MessageType = MessageType.TEXT
    direction: Direction
    sender: MessageSender
    agent_id: str | None = None
    whatsapp_message_id: str | None = None
    """The provider's id, unique where there is one (C-05)."""
    whatsapp_status: WhatsAppStatus = WhatsAppStatus.SENT
    whatsapp_timestamp: datetime | None = None
    whatsapp_error: VendorError | None = None
    client_id: str | None = None
    """The desk's own id of what an operator wrote: sent once, however often it is asked for."""
    waited_ms: Count | None = None
    """Of an operator's answer: how long the person had waited for it."""
    status: MessageStatus = MessageStatus.PENDING
    attachments: list[Attachment] = []
    location: MessageLocation | None = None
    template: Template | None = None
    interactive: Interactive | None = None
    ai_processed: bool = False
    ai_response: AiReading | None = None
    metadata: Annotated[dict[str, Any], PII] = {}
    reply_to: str | None = None
    is_forwarded: bool = False
    forwarded_from: str | None = None
    timestamp: NowByDefault
    read_at: datetime | None = None
    delivered_at: datetime | None = None
    turn_id: str | None = None
    """The turn that heard or wrote it."""
    start_time: Count | None = None
    """Of a call: seconds from its beginning."""
    end_time: Count | None = None
    confidence: Unit | None = None
    """Of a call: how sure the recogniser was of these words."""
    interrupted: bool = False
    """Of a call: the person spoke over it or hung up, and the content is what they heard."""
    sentiment_score: SentimentScore | None = None

    @model_validator(mode="after")
    def _has_whom_it_is_with(self) -> Self:
        if self.customer_id is None and self.kind is ConversationKind.CUSTOMER:
            raise ValueError("customerId is required where the kind is customer")
        return self


@record(
    "conversationthreads",
    Index("conversation_id", unique=True),
    Index("customer_id"),
    Index("user_id"),
    Index("is_active", "-last_interaction"),
)
class ConversationThread(Record):
    """The thread that a model's vendor keeps for a conversation; one each (S2-002)."""

    conversation_id: str
    customer_id: str
    user_id: Annotated[str | None, PII] = None
    """The phone number, by which threads were found before there were conversations."""
    thread_id: str | None = None
    message_count: Count = 0
    last_interaction: datetime | None = None
    last_cleanup: datetime | None = None
    is_active: bool = True
