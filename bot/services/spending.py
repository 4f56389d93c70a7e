"""What models cost today, and how much more they may: per conversation and for the whole installation, per UTC day.

A conversation's own spending stands in its record, exact, also after a crash. The day's is counted in memory, step by step, and
added to one counter every few seconds and at shutdown: in every turn's own commit, that one document would make all turns wait
for each other. Reading it back tells each process what the others have spent. A process that is killed forgets what it counted
in its last seconds, and by so much the day's bound may be overrun; no message and no conversation's cost is lost.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from math import ceil
from typing import Any

import structlog

from bot.clock import Clock
from bot.errors import SettingsError, StoreError
from bot.records.conversations import Conversation
from bot.records.settings import MONEY_BOUNDS
from bot.records.work import Counter
from bot.running import end_tasks
from bot.services.settings import SystemSettings
from bot.store.base import Store

log = structlog.get_logger()

PER_CONVERSATION = "ai_max_cost_per_conversation"
PER_DAY = "ai_max_cost_per_day"

SYNC_SECONDS = 5.0
"""How old the day's counter may be before it is read again, and how long an amount waits to be added to it."""
_WARN_AT = Decimal("0.8")
_MICROS = 1_000_000
_MOST = 10**9
"""US dollars: more than this is a slip of the keyboard."""


def micros_of(key: str, value: Any) -> int:
    """A bound from the settings, in millionths of a US dollar; 0 is no bound. Raises SettingsError."""
    try:
        amount = Decimal(str(value))
        if not isinstance(value, bool) and 0 <= amount <= _MOST:
            return ceil(amount * _MICROS)  # the smallest amount is still no "no bound"
    except InvalidOperation:
        pass
    raise SettingsError(
        f"{key}: {str(value)[:40]!r} is no amount in US dollars; set a number like {MONEY_BOUNDS[key]}, or 0 for no bound"
    )


def dollars(micros: int, places: int = 6) -> str:
    """An amount for people to read."""
    return f"${Decimal(micros) / _MICROS:.{places}f}"


def counter_of(day: str) -> str:
    """The id of the counter in which a UTC day (2026-11-20) is added up."""
    return f"spend:{day}"


async def spent_on(store: Store, day: str) -> int:
    """What the counter of a UTC day stands at, in millionths of a US dollar."""
    counter = await store.get(Counter, counter_of(day))
    return counter.value if counter is not None else 0


def spent_by(conversation: Conversation, day: str) -> int:
    """What a conversation has taken on this UTC day, in millionths of a US dollar."""
    return conversation.cost.day_micros if conversation.cost.day == day else 0


@dataclass(frozen=True, slots=True)
class Budget:
    """What one turn may still cost."""

    spending: Spending
    conversation_id: str
    left: int | None
    """Of the conversation's bound when the turn began, in millionths of a US dollar; None is no bound."""

    def charge(self, micros: int) -> None:
        """A step of the model was asked for and has cost this."""
        self.spending.add(micros)

    def used_up(self, micros: int) -> str:
        """Whose bound is reached, where this turn has taken so much already: `day`, `conversation`, or empty for neither."""
        if self.spending.is_used_up():
            return "day"
        if self.left is not None and micros >= self.left:
            self.spending.tell_of(self.conversation_id)
            return "conversation"
        return ""


class Spending:
    """Counts what this process's models cost, and knows the bounds."""

    def __init__(self, store: Store, clock: Clock, settings: SystemSettings) -> None:
        self._store = store
        self._clock = clock
        self._settings = settings
        self._day = ""
        self._counted = 0
        """Today's counter, as last read or written."""
        self._read_at = -SYNC_SECONDS
        self._unwritten: defaultdict[str, int] = defaultdict(int)
        """Day -> what has not been added to its counter yet."""
        self._bound = 0
        self._told: set[object] = set()
        """What today's log has said already."""
        self._bad: dict[str, Any] = {}
        """Settings that are no amounts, as the log has told of them."""
        self._syncing = asyncio.Lock()
        self._writer: asyncio.Task[None] | None = None

    async def budget(self, conversation: Conversation) -> Budget:
        """What a turn of this conversation may cost from here on. Raises StoreUnavailable."""
        most = await self._bound_of(PER_CONVERSATION)
        self._bound = await self._bound_of(PER_DAY)
        day = self._today()
        if self._bound and self._is_stale():
            async with self._syncing:
                if self._is_stale():  # not read by another turn meanwhile
                    await self._read()
        return Budget(self, conversation.id, most - spent_by(conversation, day) if most else None)

    def add(self, micros: int) -> None:
        """So much was spent just now, in millionths of a US dollar."""
        if not micros:
            return
        self._unwritten[self._today()] += micros
        self._warn()
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_soon())

    def is_used_up(self) -> bool:
        """Whether the day's bound is reached, as far as this process knows."""
        used_up = 0 < self._bound <= self.today()
        if used_up and self._is_news(("used up", self._bound)):
            log.warning("the day's AI budget is used up: people take over until midnight UTC", **self._figures())
        return used_up

    def today(self) -> int:
        """What is known to have been spent today, in millionths of a US dollar."""
        day = self._today()
        return self._counted + self._unwritten.get(day, 0)

    def tell_of(self, conversation_id: str) -> None:
        """A conversation has reached its bound: logged once a day."""
        if self._is_news(conversation_id):
            log.warning("a conversation's AI budget is used up for today", conversation=conversation_id)

    async def close(self) -> None:
        """Writes what is not written yet. What the store does not take is lost, and said so."""
        async with self._syncing:  # so that nobody is in the middle of writing
            if self._writer is not None:
                await end_tasks(self._writer)
            try:
                await self._write()
            except StoreError as error:
                log.warning("what models cost in the last seconds was not counted", error=str(error))

    async def _write_soon(self) -> None:
        while self._unwritten:
            await self._clock.sleep(SYNC_SECONDS)
            async with self._syncing:
                try:
                    await self._write()
                    await self._read()
                except StoreError as error:
                    log.warning("what models cost could not be counted; tried again", error=str(error))

    async def _write(self) -> None:
        """Adds what has come together to the counters. A failed write may have happened: counted twice is on the safe side."""
        for day, micros in list(self._unwritten.items()):
            await self._count(day, micros)
            self._unwritten[day] -= micros  # more may have come meanwhile
            if not self._unwritten[day]:
                del self._unwritten[day]
            if day == self._day:
                self._counted += micros

    async def _count(self, day: str, micros: int) -> None:
        where = {"id": counter_of(day)}
        if not await self._store.change(Counter, where, inc={"value": micros}):
            [is_new] = await self._store.insert([Counter(id=counter_of(day), value=micros)])
            if not is_new:  # another process has begun it
                await self._store.change(Counter, where, inc={"value": micros})

    async def _read(self) -> None:
        day = self._today()
        counted = await spent_on(self._store, day)
        if day == self._today():
            self._counted, self._read_at = counted, self._clock.monotonic()
        self._warn()

    def _is_stale(self) -> bool:
        return self._clock.monotonic() - self._read_at >= SYNC_SECONDS

    def _today(self) -> str:
        """The UTC day; at midnight everything begins anew."""
        day = self._clock.now().date().isoformat()
        if day != self._day:
            self._day, self._counted, self._read_at = day, 0, -SYNC_SECONDS
            self._told.clear()
        return day

    def _warn(self) -> None:
        if self._bound and self.today() >= self._bound * _WARN_AT and self._is_news(("most of it", self._bound)):
            log.warning("80 % of the day's AI budget is spent", **self._figures())

    def _is_news(self, what: object) -> bool:
        self._today()
        is_news = what not in self._told
        self._told.add(what)
        return is_news

    def _figures(self) -> dict[str, str]:
        return {"spent": dollars(self.today(), 2), "bound": dollars(self._bound, 2), "setting": PER_DAY}

    async def _bound_of(self, key: str) -> int:
        """The setting, or, where it is no amount, its default."""
        value = await self._settings.value(key)
        try:
            bound = micros_of(key, value)
        except SettingsError as error:
            if self._bad.get(key) != value:
                self._bad[key] = value
                log.error("a setting is ignored", error=str(error), used=MONEY_BOUNDS[key])
            return micros_of(key, MONEY_BOUNDS[key])
        self._bad.pop(key, None)
        return bound
