"""What a lane takes that nothing has happened to, at the same time and on the same way: what a slow machine is told apart by.

Lanes of no conversation are woken now and then; some worker takes each as it takes any other, finds nothing in it, and lets go.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from bot.clock import new_id
from bot.errors import StoreUnavailable
from bot.records.work import Fence
from bot.store.base import Store
from bot.store.redis import RedisLanes
from bot.store.redis_connection import Connection

_EVERY_SECONDS = 0.5
_LOOK_SECONDS = 0.05
_MOST_SECONDS = 60.0
"""What has not been taken by then, and was not disturbed, counts as so late."""
_AROUND_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Sample:
    """One lane that was woken, and taken so many seconds later."""

    woken_at: float
    """Seconds of the wall clock."""
    seconds: float


class Control:
    """Wakes lanes until it is told that it is over."""

    def __init__(self, connection: Connection, database: str, store: Store, was_disturbed: Callable[[float], bool]) -> None:
        """`was_disturbed` tells whether something was done to workers or Redis since then: what overlaps that does not count."""
        self.samples: list[Sample] = []
        self._lanes = RedisLanes(connection, database, "turns", 60.0, None)
        self._store = store
        self._was_disturbed = was_disturbed

    async def run(self) -> None:
        """Until it is cancelled."""
        try:
            while True:
                with suppress(StoreUnavailable):
                    await self._sample()
                await asyncio.sleep(_EVERY_SECONDS)
        finally:
            await self._lanes.close()

    async def _sample(self) -> None:
        lane, began = f"control:{new_id()}", time.time()
        await self._lanes.wake(lane)
        while time.time() < began + _MOST_SECONDS and not self._was_disturbed(began):
            fence = await self._store.get(Fence, f"turns:{lane}")
            if fence is not None and fence.updated_at is not None:
                self.samples.append(Sample(began, max(0.0, fence.updated_at.timestamp() - began)))
                return
            await asyncio.sleep(_LOOK_SECONDS)
        if not self._was_disturbed(began):
            self.samples.append(Sample(began, time.time() - began))

    def beside(self, begin: float, end: float) -> float:
        """What they took around that time, the median; 0 where none is known."""
        low, high = begin - _AROUND_SECONDS, end + _AROUND_SECONDS
        around = [each.seconds for each in self.samples if low <= each.woken_at <= high]
        return statistics.median(around) if around else 0.0
