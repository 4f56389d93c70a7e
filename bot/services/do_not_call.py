"""Our own list of numbers that are never called again, and its look-up before each call (S5-020 to S5-022)."""

from __future__ import annotations

from bot.clock import Clock, new_id
from bot.errors import Conflict, Duplicate, NotFound, RecordError
from bot.policy import CALLS
from bot.records.audit import AuditAction
from bot.records.calling import DoNotCall
from bot.records.calls import Call, CallDirection
from bot.records.leads import Lead
from bot.records.people import Customer, Identity, IdentityKind
from bot.services.audit import Audit
from bot.services.consents import Consents
from bot.services.editing import twice
from bot.services.phones import read_phone
from bot.store.base import Change, Delete, In, Require, Store, Unit


class DoNotCallList:
    """The only writer of the list."""

    def __init__(self, store: Store, clock: Clock, audit: Audit) -> None:
        self._store = store
        self._clock = clock
        self._audit = audit
        self._consents = Consents(clock)

    async def listed(self, number: str) -> DoNotCall | None:
        """The entry of a number (E.164); None where it is not on the list."""
        found = await self._store.find(DoNotCall, {"number": number}, limit=1)
        return found[0] if found else None

    async def listed_as_typed(self, number: str) -> DoNotCall | None:
        """The same for a number as somebody types it. Raises RecordError."""
        return await self.listed(read_number(number))

    async def look_up(self, number: str) -> tuple[DoNotCall | None, list[Lead]]:
        """The entry, and the leads with this number, whose `dndStatus` and `dndCheckedAt` are stored now (S5-021)."""
        entry = await self.listed(number)
        leads = await self._store.find(Lead, {"phone_e164": number})
        if leads:
            await self._store.commit(self._noted(entry, leads))
        now = self._clock.now()
        return entry, [
            lead.model_copy(update={"dnd_status": lead.dnd_status or entry is not None, "dnd_checked_at": now}) for lead in leads
        ]

    def _noted(self, entry: DoNotCall | None, leads: list[Lead]) -> Unit:
        """What a look-up found, on the leads; the entry knows which of them it has marked."""
        unit = Unit(Change(Lead, {"id": In([lead.id for lead in leads])}, set={"dnd_checked_at": self._clock.now()}))
        for lead in leads if entry is not None else ():
            if not lead.dnd_status:
                self._mark(unit, lead, "system", entry.source if entry else "")
                unit.add(Change(DoNotCall, {"id": entry.id if entry else ""}, push={"lead_ids": lead.id}))
        return unit

    def _mark(self, unit: Unit, lead: Lead, by: str, source: str) -> None:
        now = self._clock.now()
        unit.add(Change(Lead, {"id": lead.id}, set={"dnd_status": True, "dnd_checked_at": now}))
        before, after = {"dndStatus": False}, {"dndStatus": True}
        unit.insert(self._audit.entry(AuditAction.UPDATED, "lead", lead.id, by, before=before, after=after, reason=source))

    async def add(self, number: str = "", *, call_id: str = "", proof: str, source: str, by: str) -> DoNotCall | None:
        """Somebody is never called again: the entry, their leads' mark and their withdrawn consent are written as one (S5-022).

        By the number as somebody types it, or by the call in which they said so; None where that call's number is withheld, and
        only the consent could be withdrawn. Done twice it is the same. Raises RecordError for what is no number, NotFound.
        """
        customer_id: str | None = None
        if call_id:
            call = await self._store.get(Call, call_id)
            if call is None:
                raise NotFound(f"there is no call {call_id}")
            number = _theirs(call)
            customer_id = call.customer_id
            if not number:
                await self._withdraw_only(customer_id, source, proof, by)
                return None
        e164 = read_number(number)
        return await twice("the do-not-call list", lambda: self._add(e164, call_id, customer_id, proof, source, by))

    async def said(self, call_id: str, proof: str) -> None:
        """Somebody says in a call that they do not want to be called; `proof` are their words, or the key that they pressed.

        Written when this returns: only then it is confirmed to them. Raises NotFound, StoreError.
        """
        await self.add(call_id=call_id, proof=proof, source="call", by="person")

    async def _add(self, number: str, call_id: str, customer_id: str | None, proof: str, source: str, by: str) -> DoNotCall:
        known = await self.listed(number)
        leads = await self._store.find(Lead, {"phone_e164": number})
        customer_id = customer_id or await customer_with(self._store, number)
        unmarked = [lead for lead in leads if not lead.dnd_status]
        unit = Unit()
        entry = known or DoNotCall(
            id=new_id(),
            number=number,
            source=source,
            proof=proof[:1000],
            at=self._clock.now(),
            by=by,
            call_id=call_id or None,
            customer_id=customer_id,
            lead_ids=[lead.id for lead in unmarked],
        )
        if known is None:
            unit.insert(entry, self._audit.entry(AuditAction.CREATED, "do_not_call", entry.id, by, reason=source))
        for lead in unmarked:
            self._mark(unit, lead, by, source)
            if known is not None:
                unit.add(Change(DoNotCall, {"id": known.id}, push={"lead_ids": lead.id}))
        if customer_id:
            self._consents.withdraw(unit, customer_id, source, proof, purpose=CALLS)
        try:
            await self._store.commit(unit)
        except Duplicate:  # said on another process, too
            raise Conflict("the do-not-call list: the number was added at the same moment") from None
        return entry

    async def _withdraw_only(self, customer_id: str | None, source: str, proof: str, by: str) -> None:
        if customer_id is None:
            return
        unit = Unit()
        self._consents.withdraw(unit, customer_id, source, proof, purpose=CALLS)
        unit.insert(self._audit.entry("calls_refused", "customer", customer_id, by, reason=source))
        await self._store.commit(unit)

    async def remove(self, number: str, *, reason: str, by: str) -> DoNotCall:
        """The number may be called again, where there is consent; what the entry has marked on leads is taken back.

        Raises RecordError without a reason, NotFound.
        """
        if not reason.strip():
            raise RecordError("do-not-call: taking a number off the list needs a reason; for example 'asked to be called again'")
        e164 = read_number(number)
        entry = await self.listed(e164)
        if entry is None:
            raise NotFound("this number is not on the do-not-call list")
        unit = Unit(Require(DoNotCall, {"id": entry.id}), Delete(DoNotCall, {"id": entry.id}))
        if entry.lead_ids:
            unit.add(Change(Lead, {"id": In(entry.lead_ids)}, set={"dnd_status": False}))
        before = {"source": entry.source, "at": entry.at.isoformat(), "leads": entry.lead_ids}
        unit.insert(self._audit.entry(AuditAction.DELETED, "do_not_call", entry.id, by, before=before, reason=reason.strip()))
        await self._store.commit(unit)
        return entry

    async def page(self, limit: int = 50, after: str | None = None) -> list[DoNotCall]:
        """The list, the newest first; `after` is the id of the last entry of the page before. Raises Conflict."""
        return await self._store.find(DoNotCall, {}, sort=("-at",), limit=limit, after=after)


def read_number(typed: str) -> str:
    """A number as somebody types it, in E.164. Raises RecordError with an example."""
    e164 = read_phone(typed, field="number").e164
    if e164 is None:
        raise RecordError(f"number: {typed[:20]!r} needs its country code; for example +12025550123")
    return e164


async def customer_with(store: Store, number: str) -> str | None:
    """The customer with this number: by what they are known by, or, of an imported one, by the record."""
    identity = await store.get(Identity, Identity.key(IdentityKind.PHONE, number))
    if identity is not None and identity.customer_id:
        return identity.customer_id
    found = await store.find(Customer, {"phone_number": number}, limit=1)
    return found[0].id if found else None


def _theirs(call: Call) -> str:
    """The other end's number; empty where it is withheld."""
    return (call.caller_number if call.direction is CallDirection.INBOUND else call.dialed_number) or ""
