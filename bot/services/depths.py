"""What waits in the whole deployment, and for how long: looked at when somebody asks, at most every few seconds."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

from bot.clock import Clock
from bot.errors import StoreError
from bot.meter import Waiting
from bot.records.base import Record
from bot.records.work import Delivery, DeliveryState, InboxRow, InboxState, Job, JobStatus
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
        """Turns, deliveries and jobs; None while the store cannot be asked."""
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
        heard: Where = {"state": InboxState.WAITING, "lane": _ANY}
        said: Where = {"openness": "open", "lane": _ANY}
        due: Where = {"status": JobStatus.PENDING, "schedule.execute_at": Between(None, now)}
        row = await self._first(InboxRow, heard, "position")
        delivery = await self._first(Delivery, said, "position")
        job = await self._first(Job, due, "schedule.execute_at")
        return [
            Waiting(
                "turns",
                await self._store.count(InboxRow, heard),
                _age(row.accepted_at if row else None, now),
                await self._store.count(InboxRow, {"state": InboxState.DEAD}),
            ),
            Waiting(
                "deliveries",
                await self._store.count(Delivery, said),
                _age(delivery.created_at if delivery else None, now),
                await self._store.count(Delivery, {"state": DeliveryState.DEAD}),
            ),
            Waiting(
                "jobs",
                await self._store.count(Job, due),
                _age(job.due_at if job else None, now),
                await self._store.count(Job, {"status": JobStatus.FAILED}),
            ),
        ]

    async def _first(self, kind: type[R], where: Where, order: str) -> R | None:
        found = await self._store.find(kind, where, sort=(order,), limit=1)
        return found[0] if found else None


def _age(since: datetime | None, now: datetime) -> float:
    return max(0.0, (now - since).total_seconds()) if since is not None else 0.0
