"""The audit log (S2, S3, S5; C-20): one, appended to, never changed."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from bot.records.base import PII, Index, NowByDefault, Record, record


class AuditAction(StrEnum):
    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"
    ASSIGNED = "assigned"
    TRANSFERRED = "transferred"
    RESOLVED = "resolved"
    CLOSED = "closed"
    REOPENED = "reopened"
    ESCALATED = "escalated"
    COMMENTED = "commented"


class AuditStream(StrEnum):
    ACTIVITY = "activity"
    """S2's activity log: its five kinds of entity, its ten actions."""
    SECURITY = "security"
    """Everything else: sign-ins, credentials, tools, other records (S3, S5)."""


ACTIVITY_ENTITIES = frozenset({"conversation", "ticket", "customer", "agent", "message"})


def stream_of(entity_type: str, action: str) -> AuditStream:
    """Where an entry belongs: with the activities if S2's words can say it."""
    is_activity = entity_type in ACTIVITY_ENTITIES and action in frozenset(AuditAction)
    return AuditStream.ACTIVITY if is_activity else AuditStream.SECURITY


@record(
    "audit_log",
    Index("entity_type", "entity_id", "-timestamp"),
    Index("performed_by", "-timestamp"),
    Index("action", "-timestamp"),
    Index("timestamp"),
    Index("entity_id"),
    append_only=True,
)
class AuditEntry(Record):
    """Who changed what, when, and why."""

    stream: AuditStream = AuditStream.ACTIVITY
    entity_type: Annotated[str | None, Field(max_length=50, examples=["ticket"])] = None
    entity_id: str | None = None
    action: Annotated[AuditAction | Annotated[str, Field(max_length=50)], Field(union_mode="left_to_right", examples=["created"])]
    performed_by: str | None = None
    """`person:<customer id>`, `user:<id>`, `agent:<name>` or `system`."""
    details: Annotated[dict[str, Any], PII] = {}
    """Of an activity: before, after, changes (the names of the fields), reason."""
    ip_address: Annotated[str | None, Field(max_length=45, examples=["203.0.113.7"]), PII] = None
    user_agent: str | None = None
    timestamp: NowByDefault

    @model_validator(mode="after")
    def _keeps_to_the_words_of_its_stream(self) -> Self:
        if self.stream is AuditStream.ACTIVITY:
            if self.entity_type not in ACTIVITY_ENTITIES:
                raise ValueError(f"entityType of an activity must be one of {', '.join(sorted(ACTIVITY_ENTITIES))}")
            if self.action not in frozenset(AuditAction):
                raise ValueError(f"action of an activity must be one of {', '.join(AuditAction)}")
            if not self.entity_id:
                raise ValueError("entityId is required of an activity")
        return self
