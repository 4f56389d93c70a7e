"""The audit log: who did what, when and why."""

from __future__ import annotations

from typing import Any

from bot.errors import Conflict
from bot.records.audit import AuditEntry, AuditStream
from bot.services.audit import History
from bot.web.endpoint import Call, Endpoint, Model, declared, endpoint
from bot.web.faults import Invalid
from bot.web.fields import At, Query
from bot.web.paging import Page, Paged
from bot.web.site import Site

ADMIN = "system:admin"


class Wanted(Paged):
    """Of one record, or by one doer: one of the two."""

    entity_type: Query = ""
    """`conversation`, `ticket`, `customer`, `user`, ..."""
    entity_id: Query = ""
    by: Query = ""
    """`user:<id>`, `person:<id>`, `agent:<name>` or `system`."""


class Entry(Model):
    id: str
    at: At
    stream: AuditStream
    action: str
    entity_type: str | None
    entity_id: str | None
    by: str | None
    before: dict[str, Any]
    after: dict[str, Any]
    reason: str


class AuditLog:
    def __init__(self, site: Site) -> None:
        self._history = History(site.parts.store)

    @endpoint("GET", "/audit", ADMIN)
    async def listed(self, call: Call, query: Wanted) -> Page[Entry]:
        """What happened to one record, or what somebody did; the newest first."""
        if bool(query.by) == bool(query.entity_type and query.entity_id):
            raise Invalid("query.by: give by, or entity_type and entity_id", field="by")
        try:
            found = await self._found(query)
        except Conflict:
            raise Invalid("query.after: is no entry of this log", field="after") from None
        following = found[query.limit - 1].id if len(found) > query.limit else None
        return Page(items=[_shown(one) for one in found[: query.limit]], next=following)

    async def _found(self, query: Wanted) -> list[AuditEntry]:
        most, after = query.limit + 1, query.after or None
        if query.by:
            return await self._history.by(query.by, limit=most, after=after)
        return await self._history.of(query.entity_type, query.entity_id, limit=most, after=after)


def _shown(entry: AuditEntry) -> Entry:
    details = entry.details
    return Entry(
        id=entry.id,
        at=entry.timestamp,
        stream=entry.stream,
        action=str(entry.action),
        entity_type=entry.entity_type,
        entity_id=entry.entity_id,
        by=entry.performed_by,
        before=_mapping(details.get("before")),
        after=_mapping(details.get("after")),
        reason=str(details.get("reason") or ""),
    )


def _mapping(value: Any) -> dict[str, Any]:
    return dict(value) if isinstance(value, dict) else {}


def endpoints(site: Site) -> list[Endpoint]:
    return declared(AuditLog(site))
