"""Callbacks: a time at which a customer or a lead wants to be called (S5-073 to S5-082)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from bot.clock import Clock, new_id
from bot.errors import Conflict, MoveRefused, NotFound, RecordError
from bot.records.audit import AuditAction
from bot.records.calls import CALLBACK_MOVES, Callback, CallbackStatus
from bot.records.leads import Lead
from bot.records.people import Customer
from bot.services.audit import Audit
from bot.services.editing import changed, twice
from bot.store.base import Between, Put, Require, Store, Unit

CALLBACK_FLOW = "book_callback"
"""The flow that books one."""
OFFERED = "offered"
"""Its step while a call back is offered: what they say next tells whether they want one."""

_LATEST = 100
"""Callbacks of one customer among which one is found by its number."""


def number_of(callback: Callback) -> str:
    """What people call it by: short enough to read out, and one of a kind among the callbacks of one person."""
    return callback.id[-8:].upper()


class Callbacks:
    """The only writer of callbacks. With a `unit` a change is put there, for its owner to commit."""

    def __init__(self, store: Store, clock: Clock, audit: Audit) -> None:
        self._store = store
        self._clock = clock
        self._audit = audit

    async def book(
        self,
        requested_time: datetime,
        *,
        by: str,
        customer_id: str | None = None,
        lead_id: str | None = None,
        conversation_id: str | None = None,
        timezone: str | None = None,
        notes: str | None = None,
        unit: Unit | None = None,
    ) -> Callback:
        """A call at this moment. `timezone` is where the time was said; the moment itself has its zone.

        Raises RecordError for a time that is past or nobody to call, and Conflict where there is no such person.
        """
        if (customer_id is None) == (lead_id is None):
            raise RecordError("Callback: is for one person; give either customerId or leadId")
        self._check_time(requested_time)
        callback = Callback.new(
            id=new_id(),
            customer_id=customer_id,
            lead_id=lead_id,
            conversation_id=conversation_id,
            requested_time=requested_time,
            timezone=timezone,
            notes=notes,
        )
        into = Unit() if unit is None else unit
        kind, id_ = (Customer, customer_id) if customer_id is not None else (Lead, lead_id)
        into.add(Require(kind, {"id": id_}, Conflict))
        into.insert(callback)
        after = {"requestedTime": _iso(requested_time), "status": str(callback.status)}
        into.insert(self._audit.entry(AuditAction.CREATED, "callback", callback.id, by, after=after))
        if unit is None:
            await self._store.commit(into)
        return callback

    async def get(self, callback_id: str) -> Callback:
        """Raises NotFound."""
        found = await self._store.get(Callback, callback_id)
        if found is None:
            raise NotFound(f"there is no callback {callback_id}")
        return found

    async def own(self, customer_id: str, number: str) -> Callback:
        """A customer's own callback by its number or id, among their latest ones: nobody else's is ever looked at. NotFound."""
        wanted = number.strip().lower()
        for callback in await self.of_customer(customer_id, _LATEST) if wanted else ():
            if wanted in (callback.id.lower(), number_of(callback).lower()):
                return callback
        raise NotFound(f"there is no callback {number}; list the callbacks for their numbers")

    async def of_customer(self, customer_id: str, limit: int = 10) -> list[Callback]:
        """A customer's own, the latest time first."""
        return await self._store.find(Callback, {"customer_id": customer_id}, sort=("-requested_time",), limit=limit)

    async def due(self, limit: int = 100) -> list[Callback]:
        """Those whose time has come, the earliest first."""
        until = self._clock.now() + timedelta(milliseconds=1)
        where = {"status": CallbackStatus.SCHEDULED, "requested_time": Between(high=until)}
        return await self._store.find(Callback, where, sort=("requested_time",), limit=limit)

    async def move(self, callback_id: str, to: datetime, *, by: str, reason: str = "", unit: Unit | None = None) -> Callback:
        """Another time; a missed one is scheduled again by it. Raises RecordError, MoveRefused, NotFound, Conflict."""
        self._check_time(to)
        values = {"requested_time": to, "status": CallbackStatus.SCHEDULED}
        return await self._edit(callback_id, values, by, reason, unit)

    async def cancel(self, callback_id: str, *, by: str, reason: str = "", unit: Unit | None = None) -> Callback:
        """They are not called. Raises MoveRefused, NotFound, Conflict."""
        return await self._edit(callback_id, {"status": CallbackStatus.CANCELLED}, by, reason, unit)

    async def complete(self, callback_id: str, *, by: str, unit: Unit | None = None) -> Callback:
        """They were called. Raises MoveRefused, NotFound, Conflict."""
        return await self._edit(callback_id, {"status": CallbackStatus.COMPLETED}, by, "", unit)

    async def miss(self, callback_id: str, *, by: str, unit: Unit | None = None) -> Callback:
        """They were called and did not answer, or nobody called. Raises MoveRefused, NotFound, Conflict."""
        return await self._edit(callback_id, {"status": CallbackStatus.MISSED}, by, "", unit)

    async def _edit(self, callback_id: str, values: Mapping[str, Any], by: str, reason: str, unit: Unit | None) -> Callback:
        async def once() -> Callback:
            found = await self.get(callback_id)
            to = values["status"]
            is_moved = "requested_time" in values and found.status is CallbackStatus.SCHEDULED
            if not is_moved and to not in CALLBACK_MOVES[found.status]:
                raise MoveRefused(f"callback {callback_id} is {found.status}; it cannot become {to}")
            after = changed(found, values, {})
            into = Unit() if unit is None else unit
            into.add(Put(after))
            into.insert(self._audit.change(AuditAction.UPDATED, "callback", found, after, by, reason=reason))
            if unit is None:
                await self._store.commit(into)
            return after

        return await (once() if unit is not None else twice(f"callback {callback_id}", once))

    def _check_time(self, moment: datetime) -> None:
        now = self._clock.now()
        if moment.tzinfo is None:
            raise RecordError(f"Callback.requestedTime: needs its zone; for example {_iso(_next_day(now))}")
        if moment <= now:
            raise RecordError(
                f"Callback.requestedTime: must be in the future (it is {_iso(moment)}); for example {_iso(_next_day(now))}"
            )


def _next_day(now: datetime) -> datetime:
    return (now + timedelta(days=1)).replace(minute=0, second=0, microsecond=0)


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
