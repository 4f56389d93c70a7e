"""Calls and callbacks (S1 + S5; C-08, C-21)."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from bot.records.base import PII, Index, Part, Record, record
from bot.records.calling import CallBasis
from bot.records.fields import Count, Sentiment, Timezone, Unit


class CallType(StrEnum):
    INBOUND = "inbound"
    OUTBOUND = "outbound"
    SCHEDULED = "scheduled"


class CallDirection(StrEnum):
    INBOUND = "inbound"
    OUTBOUND = "outbound"


class CallStatus(StrEnum):
    SCHEDULED = "scheduled"
    INITIATED = "initiated"
    RINGING = "ringing"
    IN_PROGRESS = "in-progress"
    COMPLETED = "completed"
    FAILED = "failed"
    NO_ANSWER = "no-answer"
    MISSED = "missed"
    CANCELLED = "cancelled"


_ENDS = frozenset(
    {CallStatus.COMPLETED, CallStatus.FAILED, CallStatus.NO_ANSWER, CallStatus.MISSED, CallStatus.CANCELLED},
)
CALL_MOVES: dict[CallStatus, frozenset[CallStatus]] = {
    CallStatus.SCHEDULED: _ENDS | {CallStatus.INITIATED, CallStatus.RINGING, CallStatus.IN_PROGRESS},
    CallStatus.INITIATED: _ENDS | {CallStatus.RINGING, CallStatus.IN_PROGRESS},
    CallStatus.RINGING: _ENDS | {CallStatus.IN_PROGRESS},
    CallStatus.IN_PROGRESS: frozenset({CallStatus.COMPLETED, CallStatus.FAILED}),
    **{end: frozenset() for end in _ENDS},
}
"""Status -> those that may follow it: only forward, however late and in whatever order a provider tells them (S5-058)."""

TWILIO_STATUSES: dict[str, CallStatus] = {
    "queued": CallStatus.INITIATED,
    "initiated": CallStatus.INITIATED,
    "ringing": CallStatus.RINGING,
    "in-progress": CallStatus.IN_PROGRESS,
    "completed": CallStatus.COMPLETED,
    "busy": CallStatus.NO_ANSWER,
    "failed": CallStatus.FAILED,
    "no-answer": CallStatus.NO_ANSWER,
    "canceled": CallStatus.CANCELLED,
}
"""Twilio's word -> ours; the raw one stays in `provider_status` (C-08)."""


class CtiProvider(StrEnum):
    TWILIO = "twilio"
    RINGCENTRAL = "ringcentral"
    ZOOM = "zoom"
    TEAMS = "teams"


class RecordingStatus(StrEnum):
    PROCESSING = "processing"
    AVAILABLE = "available"
    DELETED = "deleted"


class ProcessingStatus(StrEnum):
    """Of a transcript and of a summary."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"


class Speaker(StrEnum):
    AGENT = "agent"
    CUSTOMER = "customer"
    """`contact` in S1's dialect (C-06)."""


class ActionItemStatus(StrEnum):
    PENDING = "pending"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class NextKind(StrEnum):
    """How a call goes on when the provider asks us the next time."""

    HANG_UP = "hang_up"
    TRANSFER = "transfer"


class NextStep(Part):
    kind: NextKind
    to: Annotated[str | None, PII] = None
    """Of a transfer: E.164, or `sip:...`."""


class ActionKind(StrEnum):
    """What an action item becomes once it is accepted."""

    TICKET = "ticket"
    CALLBACK = "callback"


class Recording(Part):
    url: Annotated[str | None, Field(max_length=255, examples=["https://api.twilio.com/.../Recordings/RE1"])] = None
    """In our own media store once it is available (`/media/...`); absent before, and once it is deleted."""
    duration: Count | None = None
    """Seconds."""
    size: Count | None = None
    """Bytes."""
    format: str | None = None
    status: RecordingStatus | None = None
    sid: str | None = None
    """The provider's id of it."""
    media_id: str | None = None
    """Of the file in our media store."""


class TranscriptSegment(Part):
    """What one speaker said in one go; times in seconds from the beginning of the call."""

    speaker: Speaker
    speaker_id: str | None = None
    text: Annotated[str, PII]
    start_time: float | None = None
    end_time: float | None = None
    confidence: Unit | None = None


class Transcript(Part):
    status: ProcessingStatus = ProcessingStatus.PENDING
    language: str | None = None
    text: Annotated[str | None, PII] = None
    confidence: Unit | None = None
    segments: list[TranscriptSegment] = []
    word_count: Count | None = None
    processed_at: datetime | None = None
    processing_time: float | None = None
    """Seconds."""


class ActionItem(Part):
    id: Annotated[str | None, Field(alias="_id")] = None
    description: Annotated[str, PII]
    assignee_id: str | None = None
    due_date: datetime | None = None
    priority: str | None = None
    status: ActionItemStatus = ActionItemStatus.PENDING
    """Completed: it was accepted and has become what it says."""
    kind: ActionKind | None = None
    became: str | None = None
    """Id of the ticket or callback that was made of it."""
    decided_by: str | None = None
    """`system` by rule, else `user:<id>`."""


class SentimentBreakdown(Part):
    positive: Unit
    neutral: Unit
    negative: Unit


class SentimentHighlights(Part):
    positive: Annotated[list[str], PII] = []
    concerns: Annotated[list[str], PII] = []


class CallSentiment(Part):
    overall: Sentiment
    score: float | None = None
    breakdown: SentimentBreakdown | None = None
    highlights: SentimentHighlights | None = None


class Opportunity(Part):
    type: str
    description: Annotated[str | None, PII] = None
    estimated_value: float | None = None
    probability: Unit | None = None


class CallSummary(Part):
    """What was made of the transcript, by a model or by rules."""

    status: ProcessingStatus = ProcessingStatus.PENDING
    model: str | None = None
    """`rules` where no model had a part in it."""
    summary: Annotated[str | None, PII] = None
    key_points: Annotated[list[str], PII] = []
    action_items: list[ActionItem] = []
    sentiment: CallSentiment | None = None
    topics: list[str] = []
    next_steps: Annotated[str | None, PII] = None
    opportunities: list[Opportunity] = []
    generated_at: datetime | None = None
    processing_time: float | None = None
    """Seconds."""


@record(
    "calls",
    Index("contact_id"),
    Index("account_id"),
    Index("user_id"),
    Index("customer_id"),
    Index("lead_id"),
    Index("campaign_lead_id"),
    Index("status"),
    Index("scheduled_at"),
    Index("started_at", "ended_at"),
    Index("external_call_id", unique=True),
    Index("dialed_number", "-scheduled_at"),
    Index("transcript.status"),
    Index("ai_summary.status"),
    Index("recording.status", "ended_at"),
    Index("tags"),
    Index("-created_at"),
)
class Call(Record):
    """One telephone call."""

    contact_id: str | None = None
    account_id: str | None = None
    user_id: str | None = None
    customer_id: str | None = None
    lead_id: str | None = None
    campaign_lead_id: str | None = None
    conversation_id: str | None = None
    type: CallType | None = None
    direction: CallDirection | None = None
    status: CallStatus = CallStatus.INITIATED
    provider_status: str | None = None
    scheduled_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    duration: Count | None = None
    """Whole seconds."""
    cti_provider: CtiProvider | None = None
    external_call_id: Annotated[str | None, Field(max_length=100, examples=["CA123456789abc"])] = None
    """The provider's id; Twilio's call SID."""
    dialed_number: Annotated[str | None, PII] = None
    caller_number: Annotated[str | None, PII] = None
    call_cost: Annotated[Decimal | None, Field(max_digits=10, decimal_places=4, examples=["0.0085"])] = None
    call_cost_unit: str | None = None
    """Currency of the cost, as the provider names it: `USD`."""
    line_lost_at: datetime | None = None
    """When its line last broke off while the call was under way; it may have gone on over another one."""
    recording: Recording | None = None
    transcript: Transcript | None = None
    ai_summary: CallSummary | None = None
    notes: Annotated[str | None, PII] = None
    """Of a call of ours: what it is about."""
    language: str | None = None
    """`es`, `en` or `hi`: what is spoken at first, where whoever places it says so."""
    basis: CallBasis | None = None
    """Of a call of ours: why it was allowed."""
    callback_id: str | None = None
    """The callback that it answers."""
    dialled_at: datetime | None = None
    """When the provider was asked to place it; its answer may be lost."""
    answered_by: str | None = None
    """What the provider takes it for: `human`, `machine_end_beep`, `fax`, ..."""
    tags: list[str] = []
    created_by: str | None = None
    next_step: NextStep | None = None
    """Decided already, and not done yet; without one we go on talking."""

    @property
    def about(self) -> str:
        """What a call of ours is about; empty where nobody said so, and of calls to us."""
        return (self.notes or "") if self.direction is CallDirection.OUTBOUND else ""


@record("call_turns", Index("call_id", "number", unique=True))
class CallTurn(Record):
    """How one turn of a call went: what the person waited for, and what they heard of the answer.

    Times are milliseconds from the moment in which the person stopped speaking. A stage that was not reached is absent.
    """

    call_id: str
    number: Count
    """Rises by one within a call, from 1."""
    turn_id: str | None = None
    """The engine's, where there was one: `bot replay` and traces know it."""
    line: str
    """`gather`, `relay` or `stream`."""
    ended: Annotated[float, Field(ge=0)]
    """When the person stopped speaking, in seconds of the call."""
    transcript_ms: Annotated[float | None, Field(ge=0)] = None
    """Until it was known what they said."""
    first_token_ms: Annotated[float | None, Field(ge=0)] = None
    """Until the model's first word."""
    first_audio_ms: Annotated[float | None, Field(ge=0)] = None
    """Until the first sound of the answer left us."""
    interrupted: bool = False
    """Whether the person spoke over the answer."""
    heard_ratio: Unit | None = None
    """How much of the answer they heard, 0 to 1."""


class CallbackStatus(StrEnum):
    SCHEDULED = "scheduled"
    COMPLETED = "completed"
    MISSED = "missed"
    CANCELLED = "cancelled"


CALLBACK_MOVES: dict[CallbackStatus, frozenset[CallbackStatus]] = {
    CallbackStatus.SCHEDULED: frozenset({CallbackStatus.COMPLETED, CallbackStatus.MISSED, CallbackStatus.CANCELLED}),
    CallbackStatus.MISSED: frozenset({CallbackStatus.SCHEDULED, CallbackStatus.COMPLETED, CallbackStatus.CANCELLED}),
    CallbackStatus.COMPLETED: frozenset(),
    CallbackStatus.CANCELLED: frozenset(),
}
"""Status -> those that may follow it. A missed one can be given another time."""


@record(
    "callbacks",
    Index("requested_time"),
    Index("status", "requested_time"),
    Index("lead_id"),
    Index("customer_id", "-requested_time"),
)
class Callback(Record):
    """A time at which somebody asked to be called."""

    lead_id: str | None = None
    customer_id: str | None = None
    """Also customers ask for one (DESIGN 6)."""
    campaign_id: str | None = None
    conversation_id: str | None = None
    requested_time: datetime
    timezone: Timezone | None = None
    """Where the person is: the time was said in it."""
    status: CallbackStatus = CallbackStatus.SCHEDULED
    notes: Annotated[str | None, PII] = None
