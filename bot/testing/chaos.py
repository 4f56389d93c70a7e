"""kill -9 of one process under load, again and again, and then an account of every message.

    run = await chaos(folder, kills=20, seed=7)
    print(run.table())
    assert not run.problems

Many people write to a real `bot serve` by signed webhooks. The program is killed at random moments and started again on the same
data. For many processes on one database see `bot.testing.shared_chaos`.
"""

from __future__ import annotations

import asyncio
import math
import random
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bot.clock import SystemClock
from bot.inbox import read_item
from bot.message import InboundMessage
from bot.records.conversations import Message
from bot.records.work import Delivery, DeliveryState, InboxRow, InboxState
from bot.store.sqlite import SqliteStore
from bot.testing.audit import Account, Audit, Evidence, Invariant, all_of, come_to_rest, lines_of
from bot.testing.crowd import Habits, crowd
from bot.testing.processes import Program, Surroundings, surroundings

SERVES_WITHIN = 1.0
"""Seconds from listening again to the first reply of a turn that had been waiting (DESIGN 11)."""


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
class Kills(Account):
    """What a run came to."""

    kills: list[Kill] = field(default_factory=list)

    def table(self) -> str:
        """The whole run as text."""
        lines = [f"seed {self.seed}, {len(self.kills)} kills in {self.seconds:.0f} s"]
        lines.append("  kill   after s   waiting   in turns   in flight   start s   first reply s   last reply s")
        for number, kill in enumerate(self.kills, 1):
            lines.append(
                f"  {number:4}   {kill.after:7.2f}   {len(kill.waiting):7}   {kill.begun:8}   {len(kill.sending):9}"
                f"   {kill.starts_in:7.2f}   {_shown(kill.first):>13}   {_shown(kill.last):>12}"
            )
        lines += lines_of(self.figures)
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
) -> Kills:
    """Kills `bot serve` so many times while so many people write; `lives` bounds how long it lives each time, in seconds.

    Without `receipts` a send in flight at a kill can only be posted again: with them it is mostly known to have arrived.
    """
    account = Kills(seed)
    dice = random.Random(seed)
    began = time.monotonic()
    async with surroundings(folder, receipts=receipts, token_ms=token_ms) as around, AsyncExitStack() as stack:
        server = around.bot("serve")
        await server.start().ready()
        habits = Habits(people, patience=0.0)
        writers = await stack.enter_async_context(crowd(around.webhooks, around.sends_log, habits, dice.random()))
        for number in range(kills):
            await asyncio.sleep(dice.uniform(*lives))
            kill = await _kill(around, server, folder / f"at-kill-{number}")
            await server.start().ready()
            kill.starts_in = server.ready_at - server.started_at
            kill.listening_at = server.ready_at
            account.kills.append(kill)
        await asyncio.sleep(dice.uniform(*lives))
        written = await writers.fall_silent()
        async with _opened(around.data) as store:
            await come_to_rest(store)
        code = await server.stop()
        if code != 0:
            account.problem(Invariant.ENDED, f"the exit code after SIGTERM was {code}")
        async with _opened(around.data) as store:
            evidence = await Evidence.of(store, around.sends(), written)
    Audit(account, evidence).check()
    account.figures["sends in flight at a kill"] = sum(len(kill.sending) for kill in account.kills)
    _time(account, evidence)
    account.seconds = time.monotonic() - began
    return account


async def _kill(around: Surroundings, server: Program, copy: Path) -> Kill:
    """Kills it and looks at what it left behind: at a copy, so that looking changes nothing."""
    killed_at = time.time()
    server.kill()
    shutil.copytree(around.data, copy)
    async with _opened(copy) as store:
        rows = [row for row in await all_of(store, InboxRow) if row.state is InboxState.WAITING]
        messages = [item for row in rows if isinstance(item := read_item(row), InboundMessage)]
        sending = {row.lane for row in await all_of(store, Delivery) if row.state is DeliveryState.SENDING}
        heard = {message.whatsapp_message_id for message in await all_of(store, Message)}
    shutil.rmtree(copy)
    waiting = {message.id: message.address.lane for message in messages}
    begun = len({message.address.lane for message in messages if message.id in heard})
    return Kill(killed_at - server.ready_at, killed_at, waiting, sending, begun)


@asynccontextmanager
async def _opened(data: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(data / "bot.db", SystemClock())
    await store.open()
    try:
        yield store
    finally:
        await store.close()


def _time(account: Kills, evidence: Evidence) -> None:
    """How soon after each restart the turns were answered that had been waiting."""
    first_reply: dict[str, float] = {}
    for send in evidence.sends:
        delivery = evidence.deliveries.get(send.tracker)
        if delivery is not None:
            turn = evidence.messages[delivery.message_id].turn_id or ""
            first_reply.setdefault(turn, send.seconds)
    turn_of = {message.whatsapp_message_id: message.turn_id for message in evidence.messages.values()}
    ends = [*(kill.killed_at for kill in account.kills[1:]), math.inf][: len(account.kills)]
    for number, (kill, end) in enumerate(zip(account.kills, ends, strict=True), 1):
        free = (id_ for id_, lane in kill.waiting.items() if lane not in kill.sending)
        answered = (first_reply.get(turn_of.get(id_) or "", math.inf) for id_ in free)
        times = [at - kill.listening_at for at in answered if at < end]
        kill.first, kill.last = min(times, default=None), max(times, default=None)
        if kill.first is not None and kill.first > SERVES_WITHIN:
            account.problem(Invariant.SLOW, f"after kill {number} the first waiting turn was answered after {kill.first:.2f} s")
