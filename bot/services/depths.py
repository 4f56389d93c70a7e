"""What waits in the whole deployment, and for how long: looked at when somebody asks, at most every few seconds."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

from bot.clock import Clock
from bot.conversation import ConversationStatus
from bot.errors import StoreError
from bot.meter import Waiting
from bot.records.base import Record
from bot.records.conversations import Conversation
from bot.records.work import RECEIPTS_LANES, Delivery, DeliveryState, InboxRow, InboxState, Job, JobStatus
from bot.store.base import Between, Store, Where

R = TypeVar("R", bound=Record)

FRESH_SECONDS = 5.0
"""So old may an answer be: whoever asks more often, and however many ask, costs one look."""

_ANY = Between("")
"""Any lane. Named because MongoDB takes an index only where its first field is asked for; the index holds what waits alone."""


class Depths:
    """Counts what waits."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._looking = asyncio.Lock()
        self._seen: Sequence[Waiting] | None = None
        self._seen_at = -FRESH_SECONDS

    async def waiting(self) -> Sequence[Waiting] | None:
        """Turns, receipts, deliveries, jobs and people; None while the store cannot be asked."""
        async with self._looking:
            if self._clock.monotonic() - self._seen_at >= FRESH_SECONDS:
                self._seen_at = self._clock.monotonic()
                try:
                    self._seen = await self._look()
                except StoreError:
                    self._seen = None
            return self._seen

    async def _look(self) -> list[Waiting]:
        now = self._clock.now()
        return [*await self._received(now), await self._replies(now), await self._jobs(now), await self._people(now)]

    async def _received(self, now: datetime) -> list[Waiting]:
        begin, end = RECEIPTS_LANES
        said = [Between("", begin), Between(end)]
        dead = await self._store.count(InboxRow, {"state": InboxState.DEAD})
        return [
            Waiting("turns", *await self._inbox(said, now), dead),
            Waiting("receipts", *await self._inbox([Between(begin, end)], now)),
        ]

    async def _inbox(self, lanes: Sequence[Between], now: datetime) -> tuple[int, float]:
        """How much waits in these lanes, and for how long the oldest."""
        count, oldest = 0, 0.0
        for some in lanes:
            where: Where = {"state": InboxState.WAITING, "lane": some}
            row = await self._first(InboxRow, where, "position")
            if row is not None:
                count += await self._store.count(InboxRow, where)
                oldest = max(oldest, _age(row.accepted_at, now))
        return count, oldest

    async def _replies(self, now: datetime) -> Waiting:
        where: Where = {"openness": "open", "lane": _ANY}
        first = await self._first(Delivery, where, "position")
        dead = await self._store.count(Delivery, {"state": DeliveryState.DEAD})
        return Waiting(
            "deliveries", await self._store.count(Delivery, where), _age(first.created_at if first else None, now), dead
        )

    async def _jobs(self, now: datetime) -> Waiting:
        where: Where = {"status": JobStatus.PENDING, "schedule.execute_at": Between(None, now)}
        first = await self._first(Job, where, "schedule.execute_at")
        failed = await self._store.count(Job, {"status": JobStatus.FAILED})
        return Waiting("jobs", await self._store.count(Job, where), _age(first.due_at if first else None, now), failed)

    async def _people(self, now: datetime) -> Waiting:
        """Who waits for a person of the team."""
        where: Where = {"status": ConversationStatus.WAITING}
        first = await self._first(Conversation, where, "assigned_at")
        return Waiting("people", await self._store.count(Conversation, where), _age(first.assigned_at if first else None, now))

    async def _first(self, kind: type[R], where: Where, order: str) -> R | None:
        found = await self._store.find(kind, where, sort=(order,), limit=1)
        return found[0] if found else None


def _age(since: datetime | None, now: datetime) -> float:
    return max(0.0, (now - since).total_seconds()) if since is not None else 0.0
