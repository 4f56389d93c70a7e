"""Something that is to happen in a while, unless it is put off."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from bot.clock import Clock


class Alarm:
    """Rings once, so many seconds after it was set last. `ring` must not raise."""

    def __init__(self, clock: Clock, ring: Callable[[], None]) -> None:
        self._clock = clock
        self._ring = ring
        self._due = 0.0
        self._task: asyncio.Task[None] | None = None

    @property
    def is_set(self) -> bool:
        return self._task is not None

    def set(self, seconds: float) -> None:
        """From now on; an earlier setting counts no more."""
        is_later = self._task is not None and self._clock.monotonic() + seconds >= self._due
        self._due = self._clock.monotonic() + seconds
        if not is_later:  # else whoever sleeps wakes too early, and sleeps on
            self.clear()
            self._task = asyncio.create_task(self._wait())

    def clear(self) -> None:
        """It does not ring."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _wait(self) -> None:
        while (left := self._due - self._clock.monotonic()) > 0:
            await self._clock.sleep(left)
        self._task = None
        self._ring()
