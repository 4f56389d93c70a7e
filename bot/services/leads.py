"""Leads: each belongs to a user, and nobody else ever sees it (S4-019 to S4-037, S5-009 to S5-025, C-03, C-24, C-25)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.clock import Clock, new_id
from bot.errors import Conflict, Duplicate, MoveRefused, NotFound, RecordError, ServiceError
from bot.records.audit import AuditAction
from bot.records.leads import LEAD_MOVES, Lead, LeadList, LeadSource, LeadStatus
from bot.records.people import IdentityKind
from bot.services.audit import Audit, stored
from bot.services.editing import edited, twice
from bot.services.identities import Identities, Key
from bot.services.phones import read_phone
from bot.store.base import Change, Delete, Require, Store, Unit

PAGE = 50
LARGEST_PAGE = 200
_USER = "user:"
_FIXED = {
    "user_id": "a lead stays with its user",
    "list_id": "move the lead to the list",
    "status": "use set_status",
    "phone_e164": "it is made of the phone",
    "dialable": "it is made of the phone",
}


class Leads:
    """The only writer of leads. Every question names the user whose leads they are (S4-035)."""

    def __init__(self, store: Store, clock: Clock, audit: Audit) -> None:
        self._store = store
        self._clock = clock
        self._audit = audit
        self._identities = Identities(store)

    async def create(
        self,
        user_id: str,
        values: Mapping[str, Any],
        *,
        by: str,
        source: LeadSource = LeadSource.MANUAL,
        list_id: str | None = None,
        region: str | None = None,
    ) -> Lead:
        """A new lead (`values` by Python's names). What it needs goes by its source: from the runtime a phone only (C-03).

        `region` is where a phone without a country code is from. Raises RecordError that names field, rule and a valid example,
        and ServiceError where the user has a lead with this e-mail address already or has no such list.
        """
        for name in ("user_id", "list_id", "source", "phone_e164", "dialable"):
            if name in values:
                raise RecordError(f"Lead.{Lead.shape.stored_name(name)}: cannot be given among the values")
        made = _with_phone(dict(values), region)
        made |= {"id": new_id(), "user_id": user_id, "list_id": list_id, "source": source}
        lead = Lead.new(**{Lead.shape.stored_name(name): value for name, value in made.items()})
        return await twice("the lead", lambda: self._create(lead, by))

    async def _create(self, lead: Lead, by: str) -> Lead:
        unit = Unit()
        if lead.list_id is not None:
            await self._require_list(str(lead.user_id), lead.list_id)
            unit.add(_counted(lead.user_id, lead.list_id, 1))
        unit.insert(lead)
        await self._identities.join_lead(unit, lead.id, _keys(lead))
        unit.insert(self._audit.entry(AuditAction.CREATED, "lead", lead.id, by, after=stored(lead)))
        await self._commit(unit)
        return lead

    async def get(self, user_id: str, lead_id: str) -> Lead:
        """Raises NotFound, also for another user's."""
        found = await self._store.find(Lead, {"id": lead_id, "user_id": user_id}, limit=1)
        if not found:
            raise NotFound(f"there is no lead {lead_id}")
        return found[0]

    async def page(
        self,
        user_id: str,
        *,
        list_id: str | None = None,
        status: LeadStatus | None = None,
        source: LeadSource | None = None,
        limit: int = PAGE,
        after: str | None = None,
    ) -> list[Lead]:
        """A user's leads, the newest first; `after` is the id of the last one of the page before (S2-217, S4-036)."""
        named = {"list_id": list_id, "status": status, "source": source}
        where = {"user_id": user_id, **{name: value for name, value in named.items() if value is not None}}
        return await self._store.find(Lead, where, sort=("-created_at",), limit=max(1, min(limit, LARGEST_PAGE)), after=after)

    async def same_number(self, user_id: str, lead: Lead) -> list[Lead]:
        """A user's other leads with the same number: told on import, never refused (C-24)."""
        if lead.phone_e164 is None:
            return []
        found = await self._store.find(Lead, {"phone_e164": lead.phone_e164, "user_id": user_id})
        return [other for other in found if other.id != lead.id]

    async def update(self, user_id: str, lead_id: str, changes: Mapping[str, Any], *, by: str, region: str | None = None) -> Lead:
        """Sets fields (Python's names, dots reach into parts). Raises as `create`, and NotFound, Conflict."""

        async def once() -> Lead:
            lead = await self.get(user_id, lead_id)
            for name in changes:
                if name in _FIXED:
                    raise RecordError(f"Lead.{Lead.shape.stored_name(name)}: cannot be set; {_FIXED[name]}")
            made = _with_phone(dict(changes), region)
            if "language_preference" in made:
                made.setdefault("is_language_chosen", True)
            change = edited(lead, made, {})
            if change.change is None:
                return lead
            unit = Unit(change.change)
            gone, new = set(_keys(lead)) - set(_keys(change.after)), set(_keys(change.after)) - set(_keys(lead))
            await self._identities.leave_lead(unit, lead.id, sorted(gone))
            await self._identities.join_lead(unit, lead.id, sorted(new))
            unit.insert(self._audit.change(AuditAction.UPDATED, "lead", lead, change.after, by))
            await self._commit(unit)
            return await self.get(user_id, lead_id)

        return await twice(f"lead {lead_id}", once)

    async def set_status(self, user_id: str, lead_id: str, to: LeadStatus, *, by: str, reason: str = "") -> Lead:
        """Another status: by the program only forward, by a user (`by` is `user:...`) any (S5-025). Raises MoveRefused."""

        async def once() -> Lead:
            lead = await self.get(user_id, lead_id)
            if lead.status is to:
                return lead
            if to not in LEAD_MOVES[lead.status] and not by.startswith(_USER):
                raise MoveRefused(f"lead {lead_id} is {lead.status}; only a user makes it {to}")
            change = edited(lead, {"status": to}, {})
            unit = Unit(*([change.change] if change.change else []))
            unit.insert(self._audit.change(AuditAction.UPDATED, "lead", lead, change.after, by, reason=reason))
            await self._store.commit(unit)
            return await self.get(user_id, lead_id)

        return await twice(f"lead {lead_id}", once)

    async def move_to_list(self, user_id: str, lead_id: str, list_id: str | None, *, by: str) -> Lead:
        """Into another list of the user's, or out of all; both lists' counts move with it (S4-043)."""

        async def once() -> Lead:
            lead = await self.get(user_id, lead_id)
            if lead.list_id == list_id:
                return lead
            unit = Unit()
            where = {"id": lead.id, "user_id": user_id, "list_id": lead.list_id}
            unit.add(Change(Lead, where, set={"list_id": list_id}, must=1))
            if lead.list_id is not None:
                unit.add(_counted(user_id, lead.list_id, -1))
            if list_id is not None:
                await self._require_list(user_id, list_id)
                unit.add(_counted(user_id, list_id, 1))
            after = lead.model_copy(update={"list_id": list_id})
            unit.insert(self._audit.change(AuditAction.UPDATED, "lead", lead, after, by))
            await self._store.commit(unit)
            return await self.get(user_id, lead_id)

        return await twice(f"lead {lead_id}", once)

    async def delete(self, user_id: str, lead_id: str, *, by: str, reason: str = "") -> None:
        """It goes, out of its list and its numbers too; the audit log keeps that it was. Raises NotFound, Conflict."""

        async def once() -> None:
            lead = await self.get(user_id, lead_id)
            where = {"id": lead.id, "user_id": user_id, "list_id": lead.list_id}
            unit = Unit(Require(Lead, where), Delete(Lead, where))
            if lead.list_id is not None:
                unit.add(_counted(user_id, lead.list_id, -1))
            await self._identities.leave_lead(unit, lead.id, _keys(lead))
            unit.insert(self._audit.entry(AuditAction.DELETED, "lead", lead.id, by, before=stored(lead), reason=reason))
            await self._store.commit(unit)

        await twice(f"lead {lead_id}", once)

    async def _require_list(self, user_id: str, list_id: str) -> None:
        if not await self._store.find(LeadList, {"id": list_id, "user_id": user_id}, limit=1):
            raise NotFound(f"there is no list {list_id}")

    async def _commit(self, unit: Unit) -> None:
        """Raises ServiceError where the address is taken, Conflict where an identity came in between."""
        try:
            await self._store.commit(unit)
        except Duplicate as error:
            if error.collection == Lead.shape.collection:
                raise ServiceError(f"leads: this user has a lead with the same {error.key.split(', ')[-1]} already") from None
            raise Conflict(str(error)) from None


def _with_phone(values: dict[str, Any], region: str | None) -> dict[str, Any]:
    """The number as typed, normalised, and whether it can be dialled (C-24, C-25)."""
    typed = values.get("phone")
    if isinstance(typed, str):
        number = read_phone(typed, region=region, field="Lead.phone")
        values |= {"phone": number.typed, "phone_e164": number.e164, "dialable": number.dialable}
    return values


def _keys(lead: Lead) -> list[Key]:
    """What a lead is known by."""
    keys: list[Key] = [(IdentityKind.PHONE, lead.phone_e164)] if lead.phone_e164 else []
    return [*keys, (IdentityKind.EMAIL, lead.email)] if lead.email else keys


def _counted(user_id: str | None, list_id: str, more: int) -> Change:
    """The list's count moves in the same unit; it must be there, and the user's."""
    return Change(LeadList, {"id": list_id, "user_id": user_id}, inc={"lead_count": more}, must=1)
