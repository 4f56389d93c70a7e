"""Lists and figures of tickets, counted from the tickets themselves: there is no counter that could say something else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bot.clock import Clock
from bot.records.conversations import Priority
from bot.records.tickets import Ticket, TicketCategory, TicketStatus
from bot.services.ticket_clock import DONE
from bot.store.base import Between, In, Store

MOST = 200
_OPEN = tuple(status for status in TicketStatus if status not in DONE)
_EVER = Between(low=datetime(2000, 1, 1, tzinfo=UTC))


@dataclass(frozen=True, slots=True)
class TicketPeriod:
    """What became of tickets from one moment up to another."""

    opened: int
    resolved: int
    open: int
    """At this moment, whenever they were opened."""
    first_response_minutes: float | None
    """The mean over those opened in the period that have had one."""
    resolution_minutes: float | None
    """The mean over those resolved in the period."""
    response_breaches: int
    resolution_breaches: int
    rating: float | None
    """The mean over those resolved in the period, 1 to 5."""
    ratings: int


class TicketLists:
    """Reads them."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def page(
        self,
        *,
        status: TicketStatus | None = None,
        assigned_agent: str | None = None,
        customer_id: str | None = None,
        category: TicketCategory | None = None,
        priority: Priority | None = None,
        tag: str | None = None,
        overdue: bool = False,
        limit: int = 50,
        after: str | None = None,
    ) -> list[Ticket]:
        """The newest first, at most 200; `overdue`: those that have broken a promise for their resolution and are still open."""
        named = {
            "status": status,
            "assigned_agent": assigned_agent,
            "customer_id": customer_id,
            "category": category,
            "priority": priority,
            "tags": tag,
        }
        where: dict[str, Any] = {name: value for name, value in named.items() if value is not None}
        if overdue:
            where["sla.resolution.breached_at"] = _EVER
            where.setdefault("status", In(_OPEN))
        return await self._store.find(Ticket, where, sort=("-created_at",), limit=max(1, min(limit, MOST)), after=after)

    async def by_status(self) -> dict[str, int]:
        """How many there are, for each status that there is."""
        return {str(status): int(count) for status, count in (await self._store.tally(Ticket, "status", {})).items()}

    async def by_operator(self) -> dict[str, int]:
        """How many open ones each operator has."""
        found = await self._store.tally(Ticket, "assigned_agent", {"status": In(_OPEN)})
        return {str(user): int(count) for user, count in found.items() if user}

    async def period(self, begins: datetime, ends: datetime) -> TicketPeriod:
        """From `begins` up to `ends`."""
        within = Between(low=begins, high=ends)
        opened = await self._store.find(Ticket, {"created_at": within})
        resolved = await self._store.find(Ticket, {"resolution.resolved_at": within})
        ratings = [each.customer_feedback.rating for each in resolved if each.customer_feedback is not None]
        given = [float(rating) for rating in ratings if rating is not None]
        return TicketPeriod(
            opened=len(opened),
            resolved=len(resolved),
            open=await self._store.count(Ticket, {"status": In(_OPEN)}),
            first_response_minutes=_mean([each.first_response_time for each in opened]),
            resolution_minutes=_mean([each.resolution_time for each in resolved]),
            response_breaches=await self._store.count(Ticket, {"sla.response.breached_at": within}),
            resolution_breaches=await self._store.count(Ticket, {"sla.resolution.breached_at": within}),
            rating=_mean(given),
            ratings=len(given),
        )


def _mean(values: list[float | None] | list[float]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
