"""Claims lanes that are due and works on them, many at once, each lane by one at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

import msgspec
import structlog

from bot.clock import Clock
from bot.conversation import Heard, Turn
from bot.engine import Engine
from bot.errors import FenceLost, StoreUnavailable
from bot.inbox import TURN, Inbox, read_item
from bot.jobs import JOB, Jobs
from bot.message import InboundMessage, Incoming, Notice, Receipt
from bot.outbox import SEND, Outbox, backoff
from bot.records.work import InboxRow
from bot.sending import Sending
from bot.store.base import Claim, Lanes, Store

log = structlog.get_logger()

MAX_IN_HAND = 256
"""Lanes that one worker works on at once."""
MAX_TURN = 50
"""Messages that are answered together at most; a longer burst is several turns."""
STOP_SECONDS = 10.0
"""How long a stopping worker lets begun work finish."""


class Worker:
    """The loop of one process."""

    def __init__(
        self, store: Store, lanes: Lanes, clock: Clock, inbox: Inbox, outbox: Outbox, engine: Engine, sending: Sending, jobs: Jobs
    ) -> None:
        self._store = store
        self._lanes = lanes
        self._clock = clock
        self._inbox = inbox
        self._outbox = outbox
        self._engine = engine
        self._sending = sending
        self._jobs = jobs
        self._in_hand: set[asyncio.Task[None]] = set()
        self._room = asyncio.Semaphore(MAX_IN_HAND)
        self._loop: asyncio.Task[None] | None = None
        self._unwatch: Callable[[], None] | None = None
        self._rescan: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Finds what an earlier process left, then works until `stop`."""
        await self._recover()
        self._unwatch = self._store.watch(self._others_wrote)
        self._loop = asyncio.create_task(self._claim_and_work(), name="worker")

    async def stop(self) -> None:
        """Takes nothing new, lets begun work finish within a bound, gives up the rest (it is found again at the next start)."""
        if self._unwatch is not None:
            self._unwatch()
        for task in (self._loop, self._rescan):
            if task is not None:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
        if self._in_hand:
            _, late = await asyncio.wait(self._in_hand, timeout=STOP_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def is_idle(self) -> bool:
        """Whether it has nothing in hand."""
        return not self._in_hand

    async def _recover(self) -> None:
        turns, deliveries, jobs = await self._inbox.recover(), await self._outbox.recover(), await self._jobs.recover()
        log.info("worker looked for waiting work", turns=turns, deliveries=deliveries, jobs=jobs)

    def _others_wrote(self) -> None:
        """Another process has written: there may be work for us that nobody here knows of."""
        if self._rescan is None or self._rescan.done():
            self._rescan = asyncio.create_task(self._recover())

    async def _claim_and_work(self) -> None:
        while True:
            await self._room.acquire()
            claim = await self._lanes.claim()
            task = asyncio.create_task(self._work(claim))
            self._in_hand.add(task)
            task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._in_hand.discard(task)
        self._room.release()

    async def _work(self, claim: Claim) -> None:
        again: float | None = None
        try:
            again = await self._dispatch(claim)
        except FenceLost:
            log.warning("lane lost; another worker has it", lane=_kind(claim.lane))
        except asyncio.CancelledError:
            raise
        except Exception:
            log.exception("work failed; it is tried again", kind=_kind(claim.lane))
            again = backoff(1)
        finally:
            await self._lanes.release(claim, again)

    async def _dispatch(self, claim: Claim) -> float | None:
        """Works on a lane by its kind; seconds until it is due again, or None."""
        lane = claim.lane
        if lane.startswith(TURN):
            return await self._turns(claim, lane.removeprefix(TURN))
        if lane.startswith(SEND):
            return await self._sending.work(claim, lane.removeprefix(SEND))
        return await self._jobs.run(lane.removeprefix(JOB))

    async def _turns(self, claim: Claim, lane: str) -> float | None:
        rows = await self._inbox.waiting(lane)
        if not rows:
            return None
        items = await self._read(rows)
        await self._apply_others(claim, items)
        messages = [(row, item) for row, item in items if isinstance(item, InboundMessage)]
        if not messages:
            return None
        row, last = messages[-1]
        quiet = self._inbox.quiet_for(last, row.accepted_at)
        if quiet > 0:
            return quiet
        return await self._turn(claim, messages)

    async def _read(self, rows: Sequence[InboxRow]) -> list[tuple[InboxRow, Incoming]]:
        """The items of the rows; one that cannot be read is set aside, and the lane goes on."""
        read = []
        for row in rows:
            try:
                read.append((row, read_item(row)))
            except msgspec.DecodeError as error:
                log.error("inbox row cannot be read; set aside", row=row.id)
                await self._inbox.set_aside([row], f"cannot be read: {error}")
        return read

    async def _apply_others(self, claim: Claim, items: Sequence[tuple[InboxRow, Incoming]]) -> None:
        """Receipts and notices wait for no burst to end."""
        receipts = [(row.id, item) for row, item in items if isinstance(item, Receipt)]
        notices = [row.id for row, item in items if isinstance(item, Notice)]
        if receipts:
            await self._engine.receipts(claim, receipts)
        if notices:
            await self._engine.notices(claim, notices)

    async def _turn(self, claim: Claim, waiting: Sequence[tuple[InboxRow, InboundMessage]]) -> float | None:
        """One turn. 0 when some of what waited is left for the next one; what comes meanwhile wakes the lane itself."""
        taken = waiting[:MAX_TURN]
        turn = Turn(waiting[-1][1].address, tuple(Heard(row.id, row.position, message) for row, message in taken))
        try:
            finished = await self._engine.turn(claim, turn)
        except (FenceLost, StoreUnavailable):
            raise  # not the messages' fault
        except Exception as error:
            return await self._failed(claim, turn, [row for row, _ in taken], error)
        return 0.0 if finished < len(waiting) else None

    async def _failed(self, claim: Claim, turn: Turn, rows: Sequence[InboxRow], error: Exception) -> float:
        """A turn that fails is tried again; after a bound its messages are set aside and a person is asked to look."""
        log.error("turn failed", turn=turn.id, exc_info=error)
        if not await self._inbox.failed(rows, f"{type(error).__name__}: {error}"):
            return backoff(max(row.attempts for row in rows) + 1)
        try:
            await self._engine.give_up(claim, turn)
        except FenceLost:
            raise
        except Exception:
            log.exception("the conversation of a dead turn could not be queued", turn=turn.id)
        return 0.0


def _kind(lane: str) -> str:
    """A lane's kind and channel: the rest is somebody's number, which has no place in a log."""
    return ":".join(lane.split(":")[:2])
