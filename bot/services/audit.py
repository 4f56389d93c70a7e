"""Who changed what, when and why: one entry for each change of a business record (S2-200 to S2-211)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.clock import Clock, new_id
from bot.records.audit import AuditAction, AuditEntry, stream_of


class Audit:
    """Builds entries; the caller puts them into the unit that does the change, so neither exists without the other."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def entry(
        self,
        action: AuditAction,
        entity_type: str,
        entity_id: str,
        by: str,
        *,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
        reason: str = "",
    ) -> AuditEntry:
        """An entry with the values before and after, and the names of the fields that differ."""
        old, new = dict(before or {}), dict(after or {})
        changed = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
        details: dict[str, Any] = {"before": old, "after": new, "changes": changed, "reason": reason}
        return AuditEntry(
            id=new_id(),
            stream=stream_of(entity_type, action),
            entity_type=entity_type,
            entity_id=entity_id,
            action=action,
            performed_by=by,
            details=details,
            timestamp=self._clock.now(),
        )
