"""Lists of leads: a name once per user, a count that is right (S4-038 to S4-044)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from bot.clock import Clock, new_id
from bot.errors import Duplicate, NotFound, ServiceError
from bot.records.audit import AuditAction
from bot.records.leads import Lead, LeadList
from bot.services.audit import Audit, stored
from bot.services.editing import edited, twice
from bot.services.leads import LARGEST_PAGE, PAGE, Leads
from bot.store.base import Change, Delete, Require, Store, Unit

_FIXED = {"user_id": "a list stays with its user", "lead_count": "it is counted"}
_AT_ONCE = 200


class TheLeads(StrEnum):
    """What becomes of the leads of a list that is deleted: said by whoever deletes it (S4-044)."""

    KEEP = "keep"
    """They stay, in no list."""
    DELETE = "delete"


class Lists:
    """The only writer of lists. Every question names the user whose lists they are."""

    def __init__(self, store: Store, clock: Clock, audit: Audit, leads: Leads) -> None:
        self._store = store
        self._clock = clock
        self._audit = audit
        self._leads = leads

    async def create(self, user_id: str, name: str, *, by: str, description: str | None = None) -> LeadList:
        """Raises RecordError, and ServiceError where the user has a list of that name (S4-042)."""
        made = LeadList.new(id=new_id(), name=name.strip(), description=description, user_id=user_id)
        unit = Unit()
        unit.insert(made, self._audit.entry(AuditAction.CREATED, "list", made.id, by, after=stored(made)))
        await self._commit(unit, made.name)
        return made

    async def get(self, user_id: str, list_id: str) -> LeadList:
        """Raises NotFound, also for another user's."""
        found = await self._store.find(LeadList, {"id": list_id, "user_id": user_id}, limit=1)
        if not found:
            raise NotFound(f"there is no list {list_id}")
        return found[0]

    async def page(self, user_id: str, *, limit: int = PAGE, after: str | None = None) -> list[LeadList]:
        """A user's lists, the newest first."""
        limit = max(1, min(limit, LARGEST_PAGE))
        return await self._store.find(LeadList, {"user_id": user_id}, sort=("-created_at",), limit=limit, after=after)

    async def update(self, user_id: str, list_id: str, changes: Mapping[str, Any], *, by: str) -> LeadList:
        """Another name or description. Raises RecordError, ServiceError, NotFound, Conflict."""

        async def once() -> LeadList:
            found = await self.get(user_id, list_id)
            made = {name: value.strip() if isinstance(value, str) else value for name, value in changes.items()}
            change = edited(found, made, _FIXED)
            if change.change is not None:
                unit = Unit(change.change)
                unit.insert(self._audit.change(AuditAction.UPDATED, "list", found, change.after, by))
                await self._commit(unit, change.after.name)
            return await self.get(user_id, list_id)

        return await twice(f"list {list_id}", once)

    async def delete(self, user_id: str, list_id: str, leads: TheLeads, *, by: str) -> int:
        """Deletes a list; how many leads were in it, which are kept or deleted as `leads` says. Safe to call again after a crash.

        The leads leave first, in units of their own where they are deleted, so that each is written down.
        """
        found = await self.get(user_id, list_id)
        gone = 0
        if leads is TheLeads.DELETE:
            while page := await self._store.find(Lead, {"list_id": list_id, "user_id": user_id}, limit=_AT_ONCE):
                for lead in page:
                    await self._leads.delete(user_id, lead.id, by=by, reason=f"with the list {found.name}")
                gone += len(page)
        unit = Unit(Require(LeadList, {"id": list_id, "user_id": user_id}))
        if leads is TheLeads.KEEP:
            gone = await self._store.count(Lead, {"list_id": list_id, "user_id": user_id})
        # Also what came into it since it was counted: it is in no list then.
        unit.add(Change(Lead, {"list_id": list_id}, set={"list_id": None}))
        unit.add(Delete(LeadList, {"id": list_id, "user_id": user_id}))
        reason = f"its {gone} leads: {leads}"
        unit.insert(self._audit.entry(AuditAction.DELETED, "list", list_id, by, before=stored(found), reason=reason))
        await self._store.commit(unit)
        return gone

    async def recount(self, list_id: str) -> int:
        """How many leads are in a list, counted: what its `leadCount` equals at rest."""
        return await self._store.count(Lead, {"list_id": list_id})

    async def _commit(self, unit: Unit, name: str) -> None:
        try:
            await self._store.commit(unit)
        except Duplicate:
            raise ServiceError(f"lists: this user has a list named {name!r} already; choose another name") from None
