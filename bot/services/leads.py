"""Leads: each belongs to a user, and no other user ever sees it (S4-019 to S4-037, S5-009 to S5-025, C-03, C-24, C-25).

A lead that the runtime met is nobody's until a user takes it: those are for every user to see.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bot.clock import Clock, new_id
from bot.errors import Conflict, Duplicate, MoveRefused, NotFound, RecordError, ServiceError
from bot.records.audit import AuditAction
from bot.records.leads import LEAD_MOVES, Lead, LeadList, LeadSource, LeadStatus
from bot.records.people import IdentityKind
from bot.services.audit import Audit, stored
from bot.services.editing import edited, twice
from bot.services.identities import Identities, Key
from bot.services.numbers import by_number, number_of
from bot.services.phones import read_phone
from bot.store.base import Change, Delete, In, Require, Store, Unit

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
    """The only writer of leads. Every question names the user whose leads they are, or None for those that are nobody's (S4-035).

    With a `unit` a change is put there, for its owner to commit.
    """

    def __init__(self, store: Store, clock: Clock, audit: Audit) -> None:
        self._store = store
        self._clock = clock
        self._audit = audit
        self._identities = Identities(store)

    async def create(
        self,
        user_id: str | None,
        values: Mapping[str, Any],
        *,
        by: str,
        source: LeadSource = LeadSource.MANUAL,
        list_id: str | None = None,
        region: str | None = None,
        proven: bool = True,
        unit: Unit | None = None,
    ) -> Lead:
        """A new lead (`values` by Python's names). What it needs goes by its source: from the runtime a phone only (C-03).

        `region` is where a phone without a country code is from. An e-mail address that is not `proven` is one that somebody only
        says is theirs: it makes them known by it to nobody. Raises RecordError that names field, rule and a valid example,
        and ServiceError where the user has a lead with this e-mail address already or has no such list.
        """
        for name in ("user_id", "list_id", "source", "phone_e164", "dialable"):
            if name in values:
                raise RecordError(f"Lead.{Lead.shape.stored_name(name)}: cannot be given among the values")
        made = _with_phone(dict(values), region)
        made |= {"id": new_id(), "user_id": user_id, "list_id": list_id, "source": source}
        lead = Lead.new(**{Lead.shape.stored_name(name): value for name, value in made.items()})
        if unit is not None:
            await self._create(unit, lead, by, proven)
            return lead

        async def once() -> Lead:
            into = Unit()
            await self._create(into, lead, by, proven)
            await self._commit(into)
            return lead

        return await twice("the lead", once)

    async def _create(self, unit: Unit, lead: Lead, by: str, proven: bool) -> None:
        if lead.list_id is not None:
            await self._require_list(lead.user_id, lead.list_id)
            unit.add(_counted(lead.user_id, lead.list_id, 1))
        unit.insert(lead)
        known_by = [key for key in _keys(lead) if proven or key[0] is not IdentityKind.EMAIL]
        await self._identities.join_lead(unit, lead.id, known_by)
        unit.insert(self._audit.entry(AuditAction.CREATED, "lead", lead.id, by, after=stored(lead)))

    async def get(self, user_id: str | None, lead_id: str) -> Lead:
        """Raises NotFound, also for another user's."""
        found = await self._store.find(Lead, {"id": lead_id, "user_id": user_id}, limit=1)
        if not found:
            raise NotFound(f"there is no lead {lead_id}")
        return found[0]

    async def visible(self, user_id: str, number: str) -> Lead:
        """A user's own lead, or one that is nobody's, by its number. Raises NotFound, for another user's in the same words."""
        found = await by_number(self._store, Lead, number, {"user_id": In((user_id, None))})
        if found is None:
            raise NotFound(f"there is no lead {number.strip()}; find_leads tells their numbers")
        return found

    async def page(
        self,
        user_id: str | None,
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

    async def set_status(
        self, user_id: str | None, lead_id: str, to: LeadStatus, *, by: str, reason: str = "", unit: Unit | None = None
    ) -> Lead:
        """Another status: by the program only forward, by a user (`by` is `user:...`) any (S5-025). Raises MoveRefused."""
        if unit is not None:
            return self.put_status(unit, await self.get(user_id, lead_id), to, by, reason)

        async def once() -> Lead:
            into = Unit()
            lead = self.put_status(into, await self.get(user_id, lead_id), to, by, reason)
            if not into:
                return lead
            await self._store.commit(into)
            return await self.get(user_id, lead_id)

        return await twice(f"lead {lead_id}", once)

    def put_status(self, unit: Unit, lead: Lead, to: LeadStatus, by: str, reason: str) -> Lead:
        """Puts another status into the unit, as `set_status` would; nothing where it has it. Raises MoveRefused."""
        if lead.status is not to and to not in LEAD_MOVES[lead.status] and not by.startswith(_USER):
            raise MoveRefused(f"lead {number_of(lead)} is {lead.status}; only a user makes it {to}")
        return self.put(unit, lead, {"status": to}, by, reason)

    def put(self, unit: Unit, lead: Lead, values: Mapping[str, Any], by: str, reason: str = "") -> Lead:
        """Puts other values and the audit entry into the unit, for services over leads; nothing where none differs. RecordError.

        The unit is void with Conflict where the lead was changed since it was read.
        """
        change = edited(lead, values, {})
        if change.change is None:
            return lead
        unit.add(replace(change.change, where={**change.change.where, "updated_at": lead.updated_at}))
        unit.insert(self._audit.change(AuditAction.UPDATED, "lead", lead, change.after, by, reason=reason))
        return change.after

    async def take(self, user_id: str, number: str, *, by: str, unit: Unit | None = None) -> Lead:
        """A lead that is nobody's becomes the user's. Raises NotFound, Conflict where somebody else was faster, and ServiceError
        where the user has a lead with its e-mail address already.
        """
        lead = await self.visible(user_id, number)
        if lead.user_id == user_id:
            return lead
        if lead.email and await self._store.find(Lead, {"user_id": user_id, "email": lead.email}, limit=1):
            raise ServiceError(f"lead {number_of(lead)}: you have a lead with the same e-mail address already")
        into = Unit() if unit is None else unit
        into.add(Change(Lead, {"id": lead.id, "user_id": None}, set={"user_id": user_id}, must=1))
        taken = lead.model_copy(update={"user_id": user_id})
        into.insert(self._audit.change(AuditAction.ASSIGNED, "lead", lead, taken, by))
        if unit is None:
            await self._commit(into)
        return taken

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

    async def _require_list(self, user_id: str | None, list_id: str) -> None:
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
