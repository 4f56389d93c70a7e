"""How soon another process goes on with what a dead one held: measured by the fences, each raised by whoever takes a lane."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bot.records.work import Fence
from bot.store.base import In, Store

_LOOK_SECONDS = 0.05
_MOST_SECONDS = 30.0
"""What nobody has taken by then had nothing more to be done, or is found to be lost at the end."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """One lane that a process held when it was killed or paused."""

    fence_id: str
    at: float
    """What the seconds are counted from, by the wall clock."""
    seconds: float
    """From the fault, or from the last one that hit workers or Redis after it, to the first commit of whoever took the lane."""
    was_alone: bool
    """Whether nothing else happened in between."""


class Recoveries:
    """Watches the lanes that were held."""

    def __init__(self, store: Store) -> None:
        self.found: list[Recovery] = []
        self._store = store
        self._disturbed: list[float] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def disturbed(self, at: float | None = None) -> None:
        """Now, or then, workers or Redis were hit, or are back after nobody was there."""
        self._disturbed.append(time.time() if at is None else at)

    def was_disturbed(self, since: float) -> bool:
        """Whether workers or Redis were hit since then."""
        return any(moment >= since for moment in self._disturbed)

    def watch(self, fence_ids: Sequence[str], at: float) -> None:
        """These lanes were held by a process that has been gone since then, in seconds of the wall clock."""
        if fence_ids:
            task = asyncio.create_task(self._watch(list(fence_ids), at))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _watch(self, left: list[str], at: float) -> None:
        until = time.monotonic() + _MOST_SECONDS
        while left and time.monotonic() < until:
            for fence in await self._store.find(Fence, {"id": In(left)}):
                raised_at = fence.updated_at.timestamp() if fence.updated_at else 0.0
                if raised_at > at:
                    self._note(fence.id, at, raised_at)
                    left.remove(fence.id)
            await asyncio.sleep(_LOOK_SECONDS)

    def _note(self, fence_id: str, at: float, raised_at: float) -> None:
        between = [moment for moment in self._disturbed if at < moment < raised_at]
        begin = max([at, *between])
        self.found.append(Recovery(fence_id, begin, raised_at - begin, not between))

    async def over(self) -> None:
        """Whatever nobody has taken by now is watched no more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
