"""An exact scheduler over the real parts: which of several tasks goes on is drawn anew at every call of the store.

The parts of one world (outbox, conversations, transfers, policy) are those of the program, on a store that they share with many
other worlds. A world lets one call of the store happen at a time, so the order of its calls is known, and what must never happen
is looked for after each of them.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from bot.clock import new_id
from bot.conversation import AssigneeKind
from bot.errors import Conflict, EpochMoved, SendDelayed, ServiceError
from bot.live import Live
from bot.message import Reply
from bot.outbox import Outbox, Taken, Wait
from bot.policy import Policy
from bot.records.conversations import Conversation
from bot.records.people import Customer
from bot.records.users import User
from bot.records.work import Author, Delivery, DeliveryState, Fence
from bot.services.audit import Audit
from bot.services.conversations import Conversations
from bot.services.handoff import Handoffs
from bot.services.settings import SystemSettings
from bot.services.transfers import Transfers
from bot.store.base import Change, Claim, Require, Store, Unit
from bot.store.local import LocalLanes
from bot.testing.clock import ManualClock

_GATED = frozenset({"get", "find", "count", "commit", "change", "distinct", "tally"})
_QUIET_ROUNDS = 3
"""Turns of the event loop after which nobody is still on the way to the next call."""
_ROUNDS = 14
"""So often a sender looks for something to send."""


class Gate:
    """Where tasks wait for their turn."""

    def __init__(self, luck: random.Random) -> None:
        self._luck = luck
        self._waiting: list[asyncio.Future[None]] = []
        self._running = 0
        self._at_rest = asyncio.Event()
        self._at_rest.set()

    def begin(self) -> None:
        """A call of the store is under way."""
        self._running += 1
        self._at_rest.clear()

    def end(self) -> None:
        """It is over."""
        self._running -= 1
        if not self._running:
            self._at_rest.set()

    async def __call__(self) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        await turn

    async def run(self, tasks: list[asyncio.Task[None]], accident: Callable[[], None]) -> None:
        """Lets one task after the other go on, by lot, until all have ended; an `accident` may befall them in between."""
        while True:
            quiet = 0
            while quiet < _QUIET_ROUNDS:
                await self._at_rest.wait()
                await asyncio.sleep(0)
                quiet = 0 if self._running else quiet + 1
            self._waiting = [turn for turn in self._waiting if not turn.done()]
            if not self._waiting:
                if all(task.done() for task in tasks):
                    return
                continue
            accident()
            turn = self._waiting.pop(self._luck.randrange(len(self._waiting)))
            if not turn.done():
                turn.set_result(None)
                await asyncio.sleep(0)


class GatedStore:
    """The store, one call at a time, with somebody who looks at every commit."""

    def __init__(self, store: Store, gate: Gate, look: Callable[[Unit], None]) -> None:
        self._store = store
        self._gate = gate
        self._look = look

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._store, name)
        if name not in _GATED:
            return real

        async def gated(*args: Any, **options: Any) -> Any:
            await self._gate()
            self._gate.begin()
            try:
                result = await real(*args, **options)
                if name == "commit":
                    self._look(args[0])
                return result
            finally:
                self._gate.end()

        return gated


@dataclass
class Seen:
    """What happened in one world, in order, as the commits tell it."""

    held_by_ai: bool = True
    epoch: int = 0
    posting: set[str] = field(default_factory=set)
    """Deliveries of the AI that were claimed and of which nothing is known since."""
    crossed: set[str] = field(default_factory=set)
    """Those of them that a take-over met."""
    told: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


class World:
    """One conversation and everybody who works on it at once."""

    def __init__(self, store: Store, seed: int) -> None:
        self.luck = random.Random(seed)
        self.gate = Gate(self.luck)
        self.clock = ManualClock()
        self.seen = Seen()
        self._authors: dict[str, tuple[Author, int]] = {}
        self._real = store
        self._store: Any = GatedStore(store, self.gate, self._look)
        audit = Audit(self.clock)
        self._outbox = Outbox(
            self._store, LocalLanes(1, self.clock), self.clock, Policy(self._store, self.clock), lambda _, reply: [reply]
        )
        self._conversations = Conversations(self._store, self.clock, audit)
        settings = SystemSettings(self._store, self.clock)
        self._transfers = Transfers(self._store, self.clock, self._conversations, Handoffs(), settings, Live())
        self.id = new_id()
        self._fence = 1
        self._sender: asyncio.Task[None] | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def play(self) -> Seen:
        """Everything at once, once; what was seen."""
        await self._begin()
        work: list[Callable[[], Awaitable[None]]] = [self._turn, self._turn, self._operator("ana"), self._operator("bo")]
        self._tasks = [asyncio.ensure_future(self._ended(one())) for one in work]
        self._send()
        await self.gate.run(self._tasks, self._accident)
        for task in self._tasks:
            if not task.cancelled() and (error := task.exception()) is not None:
                raise error
        marked = await self._real.find(Delivery, {"conversation_id": self.id})
        found = {delivery.id for delivery in marked if delivery.crossed_at is not None}
        if found != self.seen.crossed:
            self.seen.wrong.append(f"marked as crossed: {len(found)}, met by a take-over: {len(self.seen.crossed)}")
        return self.seen

    async def _begin(self) -> None:
        whole = Unit()
        whole.insert(Customer(id=f"c-{self.id}", phone_number=None), Fence(id=f"f-{self.id}", value=1))
        whole.insert(
            Conversation(
                id=self.id,
                lane=f"web:us:{self.id}",
                our_address="us",
                their_address=self.id,
                channel="web",
                customer_id=f"c-{self.id}",
                assignee_name="support",
            )
        )
        await self._real.commit(whole)

    async def _turn(self) -> None:
        """The end of an AI's turn, under the guard that the engine commits with: void where it changed hands since it began."""
        for _ in range(self.luck.randint(1, 2)):
            await self._idle(8)
            conversation = await self._transfers.get(self.id)
            if conversation.assignee_kind is not AssigneeKind.AGENT:
                continue
            unit = Unit(Require(Conversation, {"id": self.id, "epoch": conversation.epoch}, EpochMoved))
            replies = [Reply(f"reply {number}") for number in range(self.luck.randint(1, 2))]
            self._outbox.add(unit, conversation, replies, Author.AI, epoch=conversation.epoch)
            await self._store.get(Customer, f"c-{self.id}")  # the model thinks
            with suppress(EpochMoved):
                await self._store.commit(unit)

    def _operator(self, name: str) -> Callable[[], Awaitable[None]]:
        user = User(id=f"{name}-{self.id}", email=f"{name}@example.com", name=name)

        async def works() -> None:
            for _ in range(self.luck.randint(1, 2)):
                await self._idle(30)
                try:
                    await self._transfers.take_over(self.id, user)
                    await self._says(user)
                    await self._transfers.hand_back(self.id, user)
                except (Conflict, ServiceError) as error:
                    self.seen.told.append(str(error))

        return works

    async def _idle(self, most: int) -> None:
        """Lets others go on for a while."""
        for _ in range(self.luck.randint(0, most)):
            await self.gate()

    async def _says(self, user: User) -> None:
        conversation = await self._transfers.get(self.id)
        unit = Unit(Require(Conversation, {"id": self.id, "epoch": conversation.epoch}))
        self._outbox.add(unit, conversation, [Reply(f"I am {user.name}")], Author.OPERATOR, epoch=conversation.epoch)
        await self._store.commit(unit)

    def _send(self) -> None:
        self._sender = asyncio.ensure_future(self._ended(self._sends(Claim(f"web:us:{self.id}", f"f-{self.id}", self._fence))))
        self._tasks.append(self._sender)

    async def _sends(self, claim: Claim) -> None:
        for _ in range(_ROUNDS):
            taken = await self._outbox.take(claim, tracks=True)
            if isinstance(taken, Wait):
                await self.clock.advance(taken.seconds)
            elif isinstance(taken, Taken):
                await self.gate()  # it is being posted
                await self._outcome(taken.delivery)
            else:
                await self.gate()

    async def _outcome(self, delivery: Delivery) -> None:
        outcome = self.luck.random()
        if outcome < 0.7:
            await self._outbox.sent(delivery, f"vendor-{delivery.id}")
            self.seen.posting.discard(delivery.id)
        elif outcome < 0.85:
            await self._outbox.failed(delivery, SendDelayed("busy"), unconfirmed=False)
            self.seen.posting.discard(delivery.id)
        else:
            await self._outbox.failed(delivery, SendDelayed("no answer"), unconfirmed=True)

    def _accident(self) -> None:
        """Now and then the sending process is killed; another one takes the lane with a higher fence."""
        if self._sender is None or self._sender.done() or self.luck.random() >= 0.02:
            return
        self._sender.cancel()
        self._fence += 1
        self._tasks.append(asyncio.ensure_future(self._ended(self._follow(self._fence))))

    async def _follow(self, fence: int) -> None:
        await self._store.change(Fence, {"id": f"f-{self.id}"}, set={"value": fence})
        if fence == self._fence:
            self._send()

    async def _ended(self, work: Awaitable[None]) -> None:
        with suppress(asyncio.CancelledError, Conflict):
            await work

    def _look(self, unit: Unit) -> None:
        """Every commit that held: whoever holds it now, and whether an AI's reply was claimed though no AI does."""
        for operation in unit.operations:
            if isinstance(operation, Change) and operation.kind is Conversation and "assignee_kind" in operation.set:
                self.seen.epoch += 1
                self.seen.held_by_ai = operation.set["assignee_kind"] is AssigneeKind.AGENT
                if not self.seen.held_by_ai:
                    self.seen.crossed |= self.seen.posting
            elif isinstance(operation, Change) and operation.kind is Delivery:
                self._look_at(operation)
            elif hasattr(operation, "record") and isinstance(operation.record, Delivery):
                self._authors[operation.record.id] = (operation.record.author, operation.record.epoch)

    def _look_at(self, change: Change) -> None:
        if change.set.get("state") in (DeliveryState.REFUSED, DeliveryState.DEAD):
            self.seen.posting.discard(change.where["id"])
        if change.set.get("state") is not DeliveryState.SENDING:
            return
        author, epoch = self._authors[change.where["id"]]
        if author is Author.AI:
            self.seen.posting.add(change.where["id"])
            if not self.seen.held_by_ai or epoch != self.seen.epoch:
                self.seen.wrong.append(f"an AI's reply of epoch {epoch} was claimed in epoch {self.seen.epoch}")


async def play(store: Store, seeds: range, at_once: int = 60) -> list[tuple[int, Seen]]:
    """A world for each seed, so many of them at a time on one store."""
    limit = asyncio.Semaphore(at_once)

    async def one(seed: int) -> tuple[int, Seen]:
        async with limit:
            return seed, await World(store, seed).play()

    return list(await asyncio.gather(*(one(seed) for seed in seeds)))
