"""Who changed what, when and why: one entry for each change of a business record (S2-200 to S2-211), and reading them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, get_args

from pydantic import BaseModel

from bot.clock import Clock, new_id
from bot.records.audit import AuditAction, AuditEntry, stream_of
from bot.records.base import RECORDS, Record, Secret
from bot.records.merges import Merge
from bot.store.base import Between, In, Store

REDACTED = "[redacted]"
"""Stands in an entry where a secret was (S2-211)."""

_SECRET_NAME = re.compile(r"password|secret|token|credential|api_?key", re.IGNORECASE)
_STAMPS = frozenset({"_id", "version", "createdAt", "updatedAt", "shapeNumber"})


class Audit:
    """Builds entries; the caller puts them into the unit that does the change, so neither exists without the other."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def entry(
        self,
        action: AuditAction | str,
        entity_type: str,
        entity_id: str,
        by: str,
        *,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
        reason: str = "",
    ) -> AuditEntry:
        """An entry with the values before and after, by stored names, and the names of the fields that differ; no secrets."""
        old, new = dict(before or {}), dict(after or {})
        changed = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
        details: dict[str, Any] = {"before": _safe(old), "after": _safe(new), "changes": changed, "reason": reason}
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

    def change(
        self, action: AuditAction, entity_type: str, before: Record, after: Record, by: str, *, reason: str = ""
    ) -> AuditEntry:
        """An entry with those fields of a record that differ."""
        old, new = stored(before), stored(after)
        changed = [name for name in {**old, **new} if name not in _STAMPS and old.get(name) != new.get(name)]
        return self.entry(
            action,
            entity_type,
            before.id,
            by,
            before={name: old.get(name) for name in changed},
            after={name: new.get(name) for name in changed},
            reason=reason,
        )


class History:
    """Reads the audit log. Nothing changes or deletes an entry: the store refuses it (S2-210)."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def of(self, entity_type: str, entity_id: str, *, limit: int = 50, after: str | None = None) -> list[AuditEntry]:
        """What happened to one record, the newest first; of a person, also what happened under the ids that were merged into it.

        `after` is the id of the last entry of the page before.
        """
        ids = [entity_id]
        if entity_type == "customer":
            ids += [merge.id for merge in await self._store.find(Merge, {"into": entity_id})]
        where = {"entity_type": entity_type, "entity_id": In(ids) if len(ids) > 1 else entity_id}
        return await self._store.find(AuditEntry, where, sort=("-timestamp",), limit=limit, after=after)

    async def by(self, performed_by: str, *, limit: int = 50, after: str | None = None) -> list[AuditEntry]:
        """What somebody did, the newest first."""
        return await self._store.find(AuditEntry, {"performed_by": performed_by}, sort=("-timestamp",), limit=limit, after=after)

    async def page(
        self,
        *,
        by: str = "",
        action: str = "",
        entity_type: str = "",
        entity_id: str = "",
        begins: datetime | None = None,
        ends: datetime | None = None,
        limit: int = 50,
        after: str | None = None,
    ) -> list[AuditEntry]:
        """What somebody did, what happened to something, what was done in a time; the newest first. Raises Conflict for an
        `after` that there is not."""
        asked = {"performed_by": by, "action": action, "entity_type": entity_type, "entity_id": entity_id}
        where: dict[str, Any] = {name: value for name, value in asked.items() if value}
        if begins is not None or ends is not None:
            where["timestamp"] = Between(low=begins, high=ends)
        return await self._store.find(AuditEntry, where, sort=("-timestamp",), limit=limit, after=after)


def stored(record: Record) -> dict[str, Any]:
    """A record's fields by stored names, as JSON has them."""
    return record.model_dump(mode="json", by_alias=True, exclude_none=True)


def _safe(value: Any) -> Any:
    """A value without secrets, however deep they lie."""
    if isinstance(value, Mapping):
        return {name: REDACTED if _is_secret(str(name)) and inner is not None else _safe(inner) for name, inner in value.items()}
    return [_safe(inner) for inner in value] if isinstance(value, list) else value


def _is_secret(name: str) -> bool:
    return _SECRET_NAME.search(name) is not None or name in _declared_secrets()


_declared: frozenset[str] = frozenset()


def _declared_secrets() -> frozenset[str]:
    """The stored names of all fields that a record marks as secret."""
    global _declared
    if not _declared:
        _declared = frozenset(name for kind in RECORDS.values() for name in _secrets_of(kind, ()))
    return _declared


def _secrets_of(model: type[BaseModel], inside: tuple[type[BaseModel], ...]) -> Iterator[str]:
    for name, info in model.model_fields.items():
        if Secret in info.metadata:
            yield info.alias or name
        for part in _parts_of(info.annotation):
            if part not in inside:
                yield from _secrets_of(part, (*inside, part))


def _parts_of(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _parts_of(inner)
