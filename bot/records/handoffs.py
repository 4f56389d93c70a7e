"""Handoffs: every change of who holds a conversation, with its cause, kept for good (the operators' desk, reports)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from bot.conversation import AssigneeKind
from bot.records.base import PII, Index, Record, record
from bot.records.fields import Count


class Cause(StrEnum):
    """Why a conversation changed hands. The words somebody gave for it stand beside it, as the reason."""

    ASKED = "asked"
    """The person asked for a person."""
    RULE = "rule"
    """A rule of the setting `handoff_rules` matched their words."""
    LOW_CONFIDENCE = "low_confidence"
    """The AI had no answer, twice in a row, or says that it cannot help."""
    REPEATED_FAILURE = "repeated_failure"
    """What they wanted done failed, turn after turn."""
    SENTIMENT = "sentiment"
    """They wrote in anger."""
    POLICY = "policy"
    """What they want is for a person to decide."""
    MODEL_DOWN = "model_down"
    """The AI could not finish its turn."""
    OVER_BUDGET = "over_budget"
    AI_OFF = "ai_off"
    """The AI is switched off for everybody (S2-194)."""
    COLLEAGUE = "colleague"
    """From one AI agent to another."""
    OPERATOR_TOOK_OVER = "operator_took_over"
    BEGAN = "began"
    """An operator began the talk."""
    AUTO_ASSIGNED = "auto_assigned"
    """The program gave it to a free operator."""
    ASSIGNED = "assigned"
    """Somebody gave it to an operator."""
    TRANSFERRED = "transferred"
    """Who held it passed it on."""
    PULLED = "pulled"
    """A supervisor took it out of somebody's hands."""
    HANDED_BACK = "handed_back"
    """To the AI."""
    OPERATOR_OFFLINE = "operator_offline"
    """Who held it is gone, and the person waits for an answer."""


@record(
    "handoffs",
    Index("conversation_id", "-at"),
    Index("customer_id"),
    Index("cause", "-at"),
    Index("from_kind", "from_name", "-at"),
    Index("to_kind", "to_name", "-at"),
    Index("-at"),
)
class Handoff(Record):
    """One change of assignee. Only its summary is ever changed afterwards."""

    conversation_id: str
    customer_id: str | None = None
    epoch: int
    """The conversation's after it."""
    from_kind: AssigneeKind
    from_name: str
    to_kind: AssigneeKind
    to_name: str
    cause: Cause
    reason: Annotated[str, PII] = ""
    """In words: the model's, a rule's name, an operator's note."""
    by: str
    """`person:<customer id>`, `user:<id>`, `agent:<name>` or `system`."""
    at: datetime
    waited_ms: Count | None = None
    """Out of a queue: how long it had waited there."""
    summary: Annotated[str, PII] = ""
    """For the operator: what was asked, what was tried, what is known."""
    summary_by: str = ""
    """The model that wrote it; empty where it is an extract."""
