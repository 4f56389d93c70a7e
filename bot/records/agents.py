"""What the AI agents do together: one event each time an agent begins, ends or tells another (S3)."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from bot.records.base import PII, Index, NowByDefault, Record, record


class AgentEventType(StrEnum):
    TASK_STARTED = "task_started"
    TASK_COMPLETED = "task_completed"
    MESSAGE = "message"
    COLLABORATION = "collaboration"


@record(
    "agent_events",
    Index("event_id", unique=True),
    Index("conversation_id", "-timestamp"),
    Index("agent_name"),
    Index("event_type"),
)
class AgentEvent(Record):
    """One such event."""

    event_id: str | None = None
    conversation_id: str | None = None
    user_id: str | None = None
    agent_name: str
    event_type: AgentEventType
    data: Annotated[dict[str, Any], PII] = {}
    timestamp: NowByDefault
