"""What a call writes behind: the person does not wait for it, and it is written in order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

import structlog

from bot.clock import Clock
from bot.errors import StoreUnavailable
from bot.running import end_tasks

log = structlog.get_logger()

MAX_ATTEMPTS = 6
"""So often a note is tried, 1, 2, 4, ... seconds apart; then it is lost, and the log says so."""

Write = Callable[[], Awaitable[object]]


class Notes:
    """Of one call. While there is nothing to write it has no task."""

    def __init__(self, clock: Clock, written: Callable[[], None]) -> None:
        self._clock = clock
        self._written = written
        """Told once there is nothing more to write."""
        self._writes: deque[Write] = deque()
        self._task: asyncio.Task[None] | None = None

    def add(self, write: Write) -> None:
        """Writes this after all that it was given before."""
        self._writes.append(write)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work())

    async def settled(self) -> None:
        """Returns when all is written that was given until now."""
        if self._task is not None:
            await asyncio.wait({self._task})

    async def close(self, seconds: float) -> None:
        """Writes what is left, within so much time."""
        if self._task is None or self._task.done():
            return
        limit = asyncio.ensure_future(self._clock.sleep(seconds))
        await asyncio.wait({self._task, limit}, return_when=asyncio.FIRST_COMPLETED)
        if not self._task.done():
            log.error("notes of a call are lost: the store was away for too long", notes=len(self._writes))
        await end_tasks(limit, self._task)

    async def _work(self) -> None:
        while self._writes:
            await self._write(self._writes[0])
            self._writes.popleft()
        self._written()

    async def _write(self, write: Write) -> None:
        for attempt in range(MAX_ATTEMPTS):
            try:
                await write()
            except StoreUnavailable as error:
                log.warning("a note of a call could not be written; tried again", error=str(error))
                await self._clock.sleep(2**attempt)
            except Exception:
                log.exception("a note of a call cannot be written")
                return
            else:
                return
        log.error("a note of a call is lost: the store was away for too long")
