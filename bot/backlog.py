"""How much of what was received waits, against the most that may: past that, people and vendors are told to come again.

It is an estimate, counted behind the back of whoever is being answered: no webhook pays for a count, and each process finds out
for itself, however many write into the same inbox. What is accepted while it is counted goes past the bound.
"""

from __future__ import annotations

import asyncio
import math

import structlog

from bot.clock import Clock
from bot.errors import StoreError
from bot.records.work import InboxRow, InboxState
from bot.running import end_tasks
from bot.store.base import Between, Store

log = structlog.get_logger()

WAITING = {"state": InboxState.WAITING, "lane": Between(low="")}
"""All that waits. MongoDB takes a partial index only where its first field is asked for, so any lane is named."""

_LOOK_SECONDS = 1.0
_SOON_SECONDS = 0.05
"""Between two looks while the bound is near."""
_REST = 10
"""So many times as long as a count took nobody counts again: at most a tenth of one reader's time goes into it."""


class Backlog:
    """What waits in the inbox, looked at when somebody writes and it was not looked at of late."""

    def __init__(self, store: Store, clock: Clock, most: int) -> None:
        """`most` is in rows of the inbox."""
        self.most = most
        self.waiting = 0
        """As counted last."""
        self.is_full = False
        self._reopens = most * 9 // 10  # not at the first that is answered: it would open and close with every message
        self._store = store
        self._clock = clock
        self._since = 0
        """Rows that this process has written since the count began."""
        self._looked_at = -math.inf
        self._took = 0.0
        self._looking: asyncio.Task[None] | None = None

    def has_room(self) -> bool:
        """Whether more may come in, as far as is known; it is looked at again meanwhile, if that is due."""
        if self._looking is None and self._clock.monotonic() >= self._next_look():
            self._looking = asyncio.get_running_loop().create_task(self._look())
        return not self.is_full

    def grew(self, rows: int) -> None:
        """So many were accepted."""
        self._since += rows

    async def close(self) -> None:
        """Looks no more."""
        if self._looking is not None:
            await end_tasks(self._looking)

    def _next_look(self) -> float:
        is_near = self.is_full or self.waiting + self._since >= self.most
        return self._looked_at + max(_SOON_SECONDS if is_near else _LOOK_SECONDS, _REST * self._took)

    async def _look(self) -> None:
        began, counted_already = self._clock.monotonic(), self._since
        try:
            self._judge(await self._store.count(InboxRow, WAITING))
            self._since -= counted_already
        except StoreError as error:  # a store that is away refuses by itself
            log.debug("what waits could not be counted", error=str(error))
        finally:
            self._looked_at = self._clock.monotonic()
            self._took = self._looked_at - began
            self._looking = None

    def _judge(self, waiting: int) -> None:
        was_full, self.waiting = self.is_full, waiting
        self.is_full = waiting >= self.most or (was_full and waiting > self._reopens)
        if self.is_full and not was_full:
            log.warning("too much waits: new messages are refused", waiting=waiting, most=self.most)
        elif was_full and not self.is_full:
            log.info("messages are taken again", waiting=waiting, most=self.most)
