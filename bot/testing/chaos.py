"""kill -9 under load, again and again, and then an account of every message: was anything lost, said twice, done twice, mixed up?

    run = await chaos(folder, kills=20, seed=7)
    print(run.table())
    assert not run.problems

Many people write to a real `bot serve` by signed webhooks, each message with words of its own; what is not answered with 200 is
posted again, as Meta does. The program is killed at random moments and started again on the same data. In the end what the fake
WhatsApp received (the outside) is compared with what the store holds (the inside).
"""

from __future__ import annotations

import asyncio
import itertools
import math
import random
import shutil
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

from bot.clock import SystemClock, new_id
from bot.inbox import read_item
from bot.message import InboundMessage
from bot.records.base import Record
from bot.records.conversations import Conversation, Direction, Message
from bot.records.people import Customer
from bot.records.tickets import Ticket
from bot.records.work import Delivery, DeliveryState, InboxRow, InboxState
from bot.store.base import Store
from bot.store.sqlite import SqliteStore
from bot.testing.processes import Program, Send, Surroundings, surroundings
from bot.testing.whatsapp.server import PHONE_ID, SECRET
from bot.testing.whatsapp.vendor import Vendor

R = TypeVar("R", bound=Record)

SERVES_WITHIN = 1.0
"""Seconds from listening again to the first reply of a turn that had been waiting (DESIGN 11)."""
_MOST_EACH = 40
"""Messages of one person, who is followed by another: WhatsApp takes no more replies to one person at once than about so many."""
_PAGE = 1000
_REST_SECONDS = 90.0


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


@dataclass(slots=True)
class Kill:
    """One kill and what came after it."""

    after: float
    """Seconds that the program had been listening."""
    killed_at: float
    waiting: dict[str, str]
    """Messages that waited at that moment: provider id -> lane."""
    sending: set[str]
    """Lanes in which a delivery was being posted."""
    begun: int
    """Turns that had been frozen and were not finished."""
    starts_in: float = 0.0
    """Seconds from the start of the process to listening."""
    listening_at: float = 0.0
    first: float | None = None
    """Seconds from listening to the first reply of a turn that had been waiting."""
    last: float | None = None
    """The same for the last such turn that was answered before the next kill. Lanes with a send in flight are left out of
    both: there the next reply waits for news of that one."""


@dataclass(slots=True)
class Account:
    """What a run came to."""

    seed: int
    seconds: float = 0.0
    kills: list[Kill] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    figures: dict[str, int] = field(default_factory=dict)

    def table(self) -> str:
        """The whole run as text."""
        lines = [f"seed {self.seed}, {len(self.kills)} kills in {self.seconds:.0f} s"]
        lines.append("  kill   after s   waiting   in turns   in flight   start s   first reply s   last reply s")
        for number, kill in enumerate(self.kills, 1):
            lines.append(
                f"  {number:4}   {kill.after:7.2f}   {len(kill.waiting):7}   {kill.begun:8}   {len(kill.sending):9}"
                f"   {kill.starts_in:7.2f}   {_shown(kill.first):>13}   {_shown(kill.last):>12}"
            )
        width = max(map(len, self.figures), default=0)
        lines += [f"  {name:{width}}  {figure}" for name, figure in self.figures.items()]
        lines += [f"  PROBLEM: {problem}" for problem in self.problems[:20]]
        lines.append(f"  {len(self.problems)} problems" if self.problems else "  no problems")
        return "\n".join(lines)


def _shown(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.3f}"


async def chaos(
    folder: Path,
    *,
    kills: int,
    seed: int,
    people: int = 40,
    receipts: bool = True,
    lives: tuple[float, float] = (0.3, 2.0),
    token_ms: float = 3.0,
) -> Account:
    """Kills `bot serve` so many times under the load of so many people; `lives` bounds how long it lives each time, in seconds.

    Without `receipts` a send in flight at a kill can only be posted again: with them it is mostly known to have arrived.
    """
    account = Account(seed)
    dice = random.Random(seed)
    began = time.monotonic()
    async with surroundings(folder, receipts=receipts, token_ms=token_ms) as around, AsyncExitStack() as stack:
        server = around.bot("serve")
        await server.start().ready()
        writers = await stack.enter_async_context(crowd(around.webhook, people, dice.random()))
        for number in range(kills):
            await asyncio.sleep(dice.uniform(*lives))
            kill = await _kill(around, server, folder / f"at-kill-{number}")
            await server.start().ready()
            kill.starts_in = server.ready_at - server.started_at
            kill.listening_at = server.ready_at
            account.kills.append(kill)
        await asyncio.sleep(dice.uniform(*lives))
        written = await writers.fall_silent()
        await _rest(around)
        code = await server.stop()
        if code != 0:
            account.problems.append(f"the exit code after SIGTERM was {code}")
        async with _opened(around.data) as store:
            await Audit(account, around.sends(), written).check(store)
    account.seconds = time.monotonic() - began
    return account


class Crowd:
    """People who write, each one message after the other, without waiting for answers."""

    def __init__(self, vendor: Vendor, people: int, seed: float) -> None:
        self._vendor = vendor
        self._stop = asyncio.Event()
        self._written: list[Written] = []
        self._numbers = itertools.count()
        self._people = [asyncio.create_task(self._write(f"{seed}:{number}")) for number in range(people)]

    async def _write(self, seed: str) -> None:
        dice = random.Random(seed)
        who, number = self._next(), 0
        while not self._stop.is_set():
            number += 1
            if number > _MOST_EACH:
                who, number = self._next(), 1
            asks = dice.random() < 0.25
            text = f"Message {number} of {who}" + (", I need a ticket." if asks else ".")
            node = self._vendor.text_node(who, text, f"wamid.{who}.{number}.{new_id()}")
            posted = await self._vendor.batch([node], name=f"Person {who}")
            self._written.append(Written(posted.id, who, number, text, asks, posted.tries))
            if dice.random() < 0.1:
                await self._vendor.duplicate(posted)
            await asyncio.sleep(dice.expovariate(2.0))

    def _next(self) -> str:
        return f"1202555{next(self._numbers):04d}"

    async def fall_silent(self) -> list[Written]:
        """Nobody writes any more; all that was written and taken."""
        self._stop.set()
        await asyncio.gather(*self._people)
        return self._written

    async def leave(self) -> None:
        for task in self._people:
            task.cancel()
        await asyncio.gather(*self._people, return_exceptions=True)


@asynccontextmanager
async def crowd(webhook: str, people: int, seed: float) -> AsyncIterator[Crowd]:
    """So many people who write to that webhook."""
    vendor = Vendor(target=webhook, secret=SECRET, phone_id=PHONE_ID, clock=SystemClock(), redelivers=True)
    writers = Crowd(vendor, people, seed)
    try:
        yield writers
    finally:
        await writers.leave()
        await vendor.close()


async def _kill(around: Surroundings, server: Program, copy: Path) -> Kill:
    """Kills it and looks at what it left behind: at a copy, so that looking changes nothing."""
    killed_at = time.time()
    server.kill()
    shutil.copytree(around.data, copy)
    async with _opened(copy) as store:
        rows = [row for row in await _all(store, InboxRow) if row.state is InboxState.WAITING]
        messages = [item for row in rows if isinstance(item := read_item(row), InboundMessage)]
        sending = {row.lane for row in await _all(store, Delivery) if row.state is DeliveryState.SENDING}
        heard = {message.whatsapp_message_id for message in await _all(store, Message)}
    shutil.rmtree(copy)
    waiting = {message.id: message.address.lane for message in messages}
    begun = len({message.address.lane for message in messages if message.id in heard})
    return Kill(killed_at - server.ready_at, killed_at, waiting, sending, begun)


async def _rest(around: Surroundings) -> None:
    async with _opened(around.data) as store:
        await come_to_rest(store)


async def come_to_rest(store: Store) -> None:
    """Until nothing waits and nothing is to be sent, seen by another process than those that work."""
    async with asyncio.timeout(_REST_SECONDS):
        while (
            await store.distinct(InboxRow, "lane", {"state": InboxState.WAITING})
            or await store.distinct(Delivery, "lane", {"openness": "open"})
        ):  # fmt: skip
            await asyncio.sleep(0.1)


@asynccontextmanager
async def _opened(data: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(data / "bot.db", SystemClock())
    await store.open()
    try:
        yield store
    finally:
        await store.close()


async def _all(store: Store, kind: type[R]) -> list[R]:
    found: list[R] = []
    page: list[R] = []
    while not found or len(page) == _PAGE:
        page = await store.find(kind, {}, limit=_PAGE, after=page[-1].id if page else None)
        found += page
        if not found:
            break
    return found


class Audit:
    """Compares what was written, what the store holds and what arrived; every difference is a problem."""

    def __init__(self, account: Account, sends: Sequence[Send], written: Sequence[Written]) -> None:
        self._account = account
        self._sends = sends
        self._written = written
        self._messages: dict[str, Message] = {}
        self._deliveries: dict[str, Delivery] = {}

    def _problem(self, text: str) -> None:
        self._account.problems.append(text)

    async def check(self, store: Store) -> None:
        self._messages = {message.id: message for message in await _all(store, Message)}
        self._deliveries = {delivery.id: delivery for delivery in await _all(store, Delivery)}
        inbox = await _all(store, InboxRow)
        tickets = await _all(store, Ticket)
        conversations = await _all(store, Conversation)
        customers = await _all(store, Customer)
        self._check_work(inbox)
        self._check_timeline()
        self._check_tickets(tickets)
        self._check_answers(tickets)
        self._check_order()
        self._check_counters(conversations, customers, tickets)
        self._time_kills()
        self._count(tickets)

    def _check_work(self, inbox: Iterable[InboxRow]) -> None:
        """Nothing was set aside, nothing is left over."""
        for row in inbox:
            if row.state is not InboxState.DONE:
                self._problem(f"inbox row {row.id} is {row.state}: {row.error}")
        for delivery in self._deliveries.values():
            if delivery.state is not DeliveryState.SENT:
                self._problem(f"delivery {delivery.id} is {delivery.state}: {delivery.error}")

    def _check_timeline(self) -> None:
        """Each message that was answered with 200 is there once, in the order in which its person wrote."""
        heard = [message for message in self._messages.values() if message.direction is Direction.INBOUND]
        counted = Counter(message.whatsapp_message_id for message in heard)
        for written in self._written:
            if counted.pop(written.id, 0) != 1:
                self._problem(f"{written.text!r} was accepted and is not in the timeline once")
        for id_ in counted:
            self._problem(f"{id_} is in the timeline and was never answered with 200")
        numbers = {written.id: (written.who, written.number) for written in self._written}
        places = defaultdict(list)
        for message in sorted(heard, key=lambda message: message.id):
            who, number = numbers.get(message.whatsapp_message_id or "", ("", 0))
            places[who].append(number)
        for who, order in places.items():
            if order != sorted(order):
                self._problem(f"the messages of {who} are out of order: {order}")

    def _check_tickets(self, tickets: Sequence[Ticket]) -> None:
        """One ticket for each turn that asked for one: no effect is missing, none repeated."""
        descriptions = Counter(line for ticket in tickets for line in ticket.description.splitlines())
        for written in self._written:
            if written.asks_for_ticket and descriptions[written.text] != 1:
                self._problem(f"{written.text!r} asked for a ticket and {descriptions[written.text]} were opened")
        asked = {written.id for written in self._written if written.asks_for_ticket}
        turns = {message.turn_id for message in self._messages.values() if message.whatsapp_message_id in asked}
        if len(turns) != len(tickets):
            self._problem(f"{len(turns)} turns asked for a ticket and {len(tickets)} were opened")
        if len({ticket.ticket_id for ticket in tickets}) != len(tickets):
            self._problem("two tickets have the same number")

    def _check_answers(self, tickets: Iterable[Ticket]) -> None:
        """Each turn has one reply, which speaks of all its messages and arrived; twice only after a send that was in flight."""
        opened = {line: ticket.ticket_id for ticket in tickets for line in ticket.description.splitlines()}
        texts = {written.id: written for written in self._written}
        replies = defaultdict(list)
        for message in self._messages.values():
            if message.direction is Direction.OUTBOUND:
                replies[message.turn_id].append(message)
        arrived = Counter(send.tracker for send in self._sends)
        by_message = {delivery.message_id: delivery for delivery in self._deliveries.values()}
        for message in self._messages.values():
            written = texts.get(message.whatsapp_message_id or "")
            if written is None:
                continue
            said = replies[message.turn_id]
            if len(said) != 1:
                self._problem(f"{written.text!r} has {len(said)} replies")
            for reply in said:
                if written.text not in reply.content.splitlines() and opened.get(written.text, "?") not in reply.content:
                    echo = f"You said: {written.text}"
                    if echo not in reply.content:
                        self._problem(f"{written.text!r} was answered with {reply.content!r}")
                if not arrived[by_message[reply.id].id]:
                    self._problem(f"the reply to {written.text!r} never arrived")
        for tracker, times in arrived.items():
            delivery = self._deliveries.get(tracker)
            if delivery is None:
                self._problem(f"something arrived that no delivery tells of: {tracker}")
            elif times > 1 + delivery.resends:
                self._problem(f"delivery {tracker} arrived {times} times with {delivery.resends} resends")

    def _check_order(self) -> None:
        """Replies arrived in the order of the turns they answer."""
        turns = defaultdict(list)
        for send in self._sends:
            delivery = self._deliveries.get(send.tracker)
            if delivery is not None:
                turns[send.to].append(self._messages[delivery.message_id].turn_id or "")
        for who, order in turns.items():
            if any(before > after for before, after in pairwise(order)):
                self._problem(f"replies reached {who} out of order")

    def _check_counters(
        self, conversations: Sequence[Conversation], customers: Sequence[Customer], tickets: Iterable[Ticket]
    ) -> None:
        """One customer and one conversation for each person, and their counters equal a recount."""
        people = {written.who for written in self._written}
        if not len(people) == len(conversations) == len(customers):
            self._problem(f"{len(people)} people, {len(conversations)} conversations, {len(customers)} customers")
        messages = Counter(message.conversation_id for message in self._messages.values())
        for conversation in conversations:
            if conversation.message_count != messages[conversation.id]:
                self._problem(f"a message count is {conversation.message_count} instead of {messages[conversation.id]}")
        opened = Counter(ticket.customer_id for ticket in tickets)
        for customer in customers:
            if customer.statistics.total_tickets != opened[customer.id]:
                self._problem(f"a ticket count is {customer.statistics.total_tickets} instead of {opened[customer.id]}")

    def _time_kills(self) -> None:
        """How soon after each restart the turns were answered that had been waiting."""
        first_reply: dict[str, float] = {}
        for send in self._sends:
            delivery = self._deliveries.get(send.tracker)
            if delivery is not None:
                turn = self._messages[delivery.message_id].turn_id or ""
                first_reply.setdefault(turn, send.seconds)
        turn_of = {message.whatsapp_message_id: message.turn_id for message in self._messages.values()}
        kills = self._account.kills
        ends = [*(kill.killed_at for kill in kills[1:]), math.inf][: len(kills)]
        for number, (kill, end) in enumerate(zip(kills, ends, strict=True), 1):
            free = (id_ for id_, lane in kill.waiting.items() if lane not in kill.sending)
            answered = (first_reply.get(turn_of.get(id_) or "", math.inf) for id_ in free)
            times = [at - kill.listening_at for at in answered if at < end]
            kill.first, kill.last = min(times, default=None), max(times, default=None)
            if kill.first is not None and kill.first > SERVES_WITHIN:
                self._problem(f"after kill {number} the first waiting turn was answered after {kill.first:.2f} s")

    def _count(self, tickets: Sequence[Ticket]) -> None:
        arrived = Counter(send.tracker for send in self._sends)
        turns = {message.turn_id for message in self._messages.values()}
        self._account.figures = {
            "people": len({written.who for written in self._written}),
            "messages accepted": len(self._written),
            "of them posted more than once": sum(written.tries > 1 for written in self._written),
            "turns": len(turns),
            "tickets": len(tickets),
            "sends": len(self._sends),
            "sends in flight at a kill": sum(len(kill.sending) for kill in self._account.kills),
            "deliveries posted again": sum(delivery.resends > 0 for delivery in self._deliveries.values()),
            "replies that arrived twice": sum(times > 1 for times in arrived.values()),
        }
