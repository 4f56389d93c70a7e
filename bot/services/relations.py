"""Tickets and other tickets: related ones, and parts of a larger one (S2-180)."""

from __future__ import annotations

from bot.errors import Conflict, ServiceError
from bot.records.audit import AuditAction
from bot.records.tickets import ResolutionCategory, Ticket
from bot.services.editing import twice
from bot.services.tickets import Tickets
from bot.store.base import Require, Store, Unit

_DEEPEST = 50
"""Tickets above a ticket at most."""


class Relations:
    """Joins tickets to each other."""

    def __init__(self, store: Store, tickets: Tickets) -> None:
        self._store = store
        self._tickets = tickets

    async def relate(self, one: str, other: str, *, by: str) -> None:
        """Each is named among the other's related tickets. Raises ServiceError for one and the same."""

        async def once() -> None:
            first, second = await self._tickets.get(one), await self._tickets.get(other)
            if first.id == second.id:
                raise ServiceError(f"ticket {first.ticket_id} cannot be related to itself")
            unit = Unit()
            for ticket, related in ((first, second), (second, first)):
                if related.id not in ticket.related_tickets:
                    values = {"related_tickets": [*ticket.related_tickets, related.id]}
                    self._tickets.put(unit, ticket, values, AuditAction.UPDATED, by, f"related to {related.ticket_id}")
            await self._store.commit(unit)

        await twice(f"ticket {one}", once)

    async def unrelate(self, one: str, other: str, *, by: str) -> None:
        """Neither is named among the other's related tickets any more."""

        async def once() -> None:
            first, second = await self._tickets.get(one), await self._tickets.get(other)
            unit = Unit()
            for ticket, related in ((first, second), (second, first)):
                if related.id in ticket.related_tickets:
                    values = {"related_tickets": [each for each in ticket.related_tickets if each != related.id]}
                    self._tickets.put(unit, ticket, values, AuditAction.UPDATED, by, f"no longer related to {related.ticket_id}")
            await self._store.commit(unit)

        await twice(f"ticket {one}", once)

    async def duplicate(self, ticket: str, of: str, *, by: str) -> Ticket:
        """It says what another one says already: both are related, and this one is resolved as its duplicate.

        Raises ServiceError for one and the same, MoveRefused where it is resolved or closed already.
        """
        original = await self._tickets.get(of)
        await self.relate(ticket, original.id, by=by)
        summary = f"duplicate of {original.ticket_id}"
        return await self._tickets.resolve(ticket, summary, by=by, category=ResolutionCategory.DUPLICATE)

    async def set_parent(self, ticket: str, parent: str | None, *, by: str) -> Ticket:
        """It is a part of another one, or of none. Raises ServiceError where it would be above itself (S2-180)."""

        async def once() -> Ticket:
            child = await self._tickets.get(ticket)
            above = None if parent is None else await self._tickets.get(parent)
            unit = Unit()
            if above is not None:
                await self._refuse_circle(unit, child, above)
            values = {"parent_ticket": None if above is None else above.id}
            placed = self._tickets.put(unit, child, values, AuditAction.UPDATED, by, "")
            await self._store.commit(unit)
            return placed

        return await twice(f"ticket {ticket}", once)

    async def parts_of(self, ticket: str) -> list[Ticket]:
        """The tickets whose parent it is."""
        return await self._store.find(Ticket, {"parent_ticket": (await self._tickets.get(ticket)).id})

    async def _refuse_circle(self, unit: Unit, child: Ticket, above: Ticket) -> None:
        """Also requires that nobody moves one of those above meanwhile: two halves of a circle could be set at once."""
        at: Ticket | None = above
        for _ in range(_DEEPEST):
            if at is None:
                return
            if at.id == child.id:
                raise ServiceError(f"ticket {child.ticket_id} cannot be above itself: {above.ticket_id} is it or a part of it")
            unit.add(Require(Ticket, {"id": at.id, "version": at.version}, Conflict))
            at = await self._store.get(Ticket, at.parent_ticket) if at.parent_ticket else None
        raise ServiceError(f"ticket {above.ticket_id} is {_DEEPEST} tickets deep; nothing goes below it")
