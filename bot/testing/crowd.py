"""People who write to a webhook, many at once: bursts, the same webhook twice, questions that need a tool.

Each message has words of its own, so that what came of it can be told apart ever after. What is not answered with 200 is posted
again, to another address where there is one, as Meta does.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.clock import SystemClock, new_id
from bot.testing.processes import read_sends
from bot.testing.whatsapp.bodies import Node
from bot.testing.whatsapp.server import PHONE_ID, SECRET
from bot.testing.whatsapp.vendor import Vendor, person

MOST_PEOPLE = 10_000
"""So many numbers there are that are nobody's."""
_LOOK_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Written:
    """A message that somebody wrote and that was answered with 200."""

    id: str
    who: str
    number: int
    """The how-manieth of this person."""
    text: str
    asks_for_ticket: bool
    tries: int
    is_twice: bool
    """Whether its webhook was posted a second time after it had been taken."""


@dataclass(frozen=True, slots=True)
class Habits:
    """How people write."""

    at_once: int = 40
    """So many write at the same time; where one has done, the next one begins."""
    people: int = MOST_PEOPLE
    """So many there are in all."""
    bursts: tuple[int, int] = (1, 5)
    """Bounds on how often each comes back."""
    longest_burst: int = 4
    tickets: float = 0.25
    duplicates: float = 0.1
    patience: float = 10.0
    """Seconds that one waits for an answer before they write again; then they do it without."""
    pause: float = 0.3
    """Mean seconds between two bursts of one person."""


class Arrivals:
    """What has reached whom until now, by the fake WhatsApp's log."""

    def __init__(self, log: Path) -> None:
        self.count: Counter[str] = Counter()
        self._log = log
        self._offset = 0

    @property
    def total(self) -> int:
        """Replies in all."""
        return self.count.total()

    async def follow(self) -> None:
        """Reads on until it is cancelled."""
        while True:
            sends, self._offset = read_sends(self._log, self._offset)
            self.count.update(send.to for send in sends)
            await asyncio.sleep(_LOOK_SECONDS)


class Crowd:
    """The people, each in a task of theirs."""

    def __init__(self, vendors: Sequence[Vendor], arrivals: Arrivals, habits: Habits, seed: float) -> None:
        self.written: list[Written] = []
        self.active: dict[str, None] = {}
        """Who is in the middle of a conversation."""
        self.begun = 0
        self.arrivals = arrivals
        self._habits = habits
        self._stop = asyncio.Event()
        numbers = iter(range(habits.people))
        self._tasks = [
            asyncio.create_task(self._one_after_another(vendors[place % len(vendors)], numbers, seed))
            for place in range(habits.at_once)
        ]

    @property
    def is_done(self) -> bool:
        """Whether all of them have said what they wanted to say."""
        return all(task.done() for task in self._tasks)

    async def _one_after_another(self, vendor: Vendor, numbers: Iterator[int], seed: float) -> None:
        for number in numbers:
            if self._stop.is_set():
                return
            who = person(number)
            self.begun += 1
            self.active[who] = None
            await self._converse(vendor, who, random.Random(f"{seed}:{number}"))
            del self.active[who]

    async def _converse(self, vendor: Vendor, who: str, dice: random.Random) -> None:
        habits, number = self._habits, 0
        for _ in range(dice.randint(*habits.bursts)):
            if self._stop.is_set():
                return
            before = self.arrivals.count[who]
            number = await self._burst(vendor, who, number, dice)
            until = time.monotonic() + habits.patience
            while self.arrivals.count[who] == before and time.monotonic() < until and not self._stop.is_set():
                await asyncio.sleep(_LOOK_SECONDS)
            await asyncio.sleep(dice.expovariate(1 / habits.pause))

    async def _burst(self, vendor: Vendor, who: str, number: int, dice: random.Random) -> int:
        """One to a few messages in a row, each in a webhook of its own or all in one; the number of the last."""
        length = dice.randint(1, self._habits.longest_burst) if dice.random() < 0.4 else 1
        nodes = []
        for place in range(number + 1, number + 1 + length):
            asks = dice.random() < self._habits.tickets
            text = f"Message {place} of {who}" + (", I need a ticket." if asks else ".")
            nodes.append((place, text, asks, vendor.text_node(who, text, f"wamid.{who}.{place}.{new_id()}")))
        is_one_body = dice.random() < 0.3
        for part in [nodes] if is_one_body else [[node] for node in nodes]:
            await self._post(vendor, who, part, dice)
        return number + length

    async def _post(self, vendor: Vendor, who: str, part: Sequence[tuple[int, str, bool, Node]], dice: random.Random) -> None:
        posted = await vendor.batch([node for *_, node in part], name=f"Person {who}")
        is_twice = dice.random() < self._habits.duplicates
        self.written += [
            Written(str(node["id"]), who, number, text, asks, posted.tries, is_twice) for number, text, asks, node in part
        ]
        if is_twice:
            await vendor.duplicate(posted)

    async def fall_silent(self) -> list[Written]:
        """Nobody writes any more; all that was written and taken."""
        self._stop.set()
        await asyncio.gather(*self._tasks)
        return self.written

    async def leave(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def crowd(webhooks: Sequence[str], sends_log: Path, habits: Habits, seed: float) -> AsyncIterator[Crowd]:
    """People who write to these webhooks, each to all of them by turns of who answers."""
    turned = [[*webhooks[start:], *webhooks[:start]] for start in range(len(webhooks))]
    vendors = [
        Vendor(target=first, others=rest, secret=SECRET, phone_id=PHONE_ID, clock=SystemClock(), redelivers=True)
        for first, *rest in turned
    ]
    arrivals = Arrivals(sends_log)
    following = asyncio.create_task(arrivals.follow())
    writers = Crowd(vendors, arrivals, habits, seed)
    try:
        yield writers
    finally:
        await writers.leave()
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        for vendor in vendors:
            await vendor.close()
