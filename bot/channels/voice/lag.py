"""How late the event loop comes to what is due: the first sign that a process has more calls than it can carry."""

from __future__ import annotations

import asyncio
from collections import deque

from bot.clock import Clock
from bot.running import end_tasks

EVERY = 0.05
"""Seconds between two looks."""
LOOKS = 100
"""So many looks count: the last five seconds."""
_RANK = 2
"""As late as all but so many of them: about the 98th of a hundred."""


class Lag:
    """Measures while it is on; off it costs nothing."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._late: deque[float] = deque(maxlen=LOOKS)
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Looks from now on; started twice it looks once."""
        if self._task is None:
            self._task = asyncio.create_task(self._look())

    async def stop(self) -> None:
        """Looks no more, and forgets."""
        task, self._task = self._task, None
        self._late.clear()
        if task is not None:
            await end_tasks(task)

    @property
    def seconds(self) -> float:
        """How late it came of late, without the few worst; 0 while little is known."""
        return sorted(self._late)[-1 - _RANK] if len(self._late) > _RANK else 0.0

    async def _look(self) -> None:
        while True:
            due = self._clock.monotonic() + EVERY
            await self._clock.sleep(EVERY)
            self._late.append(max(0.0, self._clock.monotonic() - due))
