"""A clock that only moves when a test says so."""

from __future__ import annotations

import asyncio
import heapq
from datetime import UTC, datetime, timedelta
from itertools import count

_SETTLE_ROUNDS = 20
"""How many turns of the event loop the woken tasks get before the next sleeper is due."""


class ManualClock:
    """Stands still until `advance`; whoever sleeps on it is woken in the order in which they are due."""

    def __init__(self, start: datetime = datetime(2026, 1, 15, 10, 0, tzinfo=UTC)) -> None:
        self._start = start
        self._elapsed = 0.0
        self._order = count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        """The time now, in UTC, in whole milliseconds."""
        return self._start + timedelta(milliseconds=int(self._elapsed * 1000 + 1e-6))

    def monotonic(self) -> float:
        """Seconds since the start."""
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        """Waits until the clock was moved on by that many seconds."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._elapsed + seconds, next(self._order), woken))
        await woken

    async def advance(self, seconds: float) -> None:
        """Moves the clock on; between two sleepers the loop runs, so that what they do happens at their own time."""
        target = self._elapsed + seconds
        await self._settle()
        while (due := self._earliest()) is not None and due <= target:
            self._elapsed = max(self._elapsed, due)
            _, _, woken = heapq.heappop(self._sleepers)
            woken.set_result(None)
            await self._settle()
        self._elapsed = target
        await self._settle()

    def next_sleeper(self) -> float | None:
        """Seconds until the next sleeper is due; None when nobody sleeps."""
        due = self._earliest()
        return None if due is None else due - self._elapsed

    def _earliest(self) -> float | None:
        while self._sleepers and self._sleepers[0][2].done():  # cancelled meanwhile
            heapq.heappop(self._sleepers)
        return self._sleepers[0][0] if self._sleepers else None

    @staticmethod
    async def _settle() -> None:
        for _ in range(_SETTLE_ROUNDS):
            await asyncio.sleep(0)
