"""The audit log (S2-200 to S2-211, C-20): appended to, never changed."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from bot.records.base import PII, Index, Record, record


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


@record(
    "audit_log",
    Index("entity_type", "entity_id", "-timestamp"),
    Index("performed_by", "-timestamp"),
    Index("action", "-timestamp"),
    Index("timestamp"),
    Index("entity_id"),
)
class AuditEntry(Record):
    """Who changed what, when, and why."""

    stream: str = "activity"
    entity_type: str
    entity_id: str
    action: AuditAction
    performed_by: str
    """`person:<customer id>`, `user:<id>`, `agent:<name>` or `system`."""
    details: Annotated[dict[str, Any], PII] = {}
    timestamp: datetime
