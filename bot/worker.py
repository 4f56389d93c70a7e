"""Claims lanes that are due and works on them, many at once, each lane by one at a time.

Turns, receipts, sends and jobs are claimed apart, each with a bound of its own: a thousand turns that wait for a slow model keep
no reply from going out, and no receipt from being applied. Lanes come in the order in which they fell due, and one with more to
do than it may at once goes behind all others: nobody waits for somebody else's burst to end.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

import msgspec
import structlog
from structlog.contextvars import bind_contextvars

from bot.conversation import Heard, Turn
from bot.engine import Engine
from bot.errors import DataTooNew, FenceLost, StoreUnavailable
from bot.inbox import MAX_ATTEMPTS, Inbox, read_item
from bot.jobs import Jobs
from bot.live import Live
from bot.message import InboundMessage, Incoming, Notice, Receipt
from bot.meter import KEEPS_NOTHING, Counted, Meter, Stage
from bot.outbox import Outbox, backoff
from bot.records.work import InboxRow, address_lane
from bot.running import end_tasks
from bot.sending import Sending
from bot.store.base import Claim, LaneKinds, Lanes, Store

log = structlog.get_logger()

MAX_TURNS = 256
"""Turns that one process has in hand at once."""
MAX_RECEIPTS = 64
MAX_SENDS = 64
MAX_JOBS = 32
MAX_TURN = 50
"""Messages that are answered together at most; a longer burst is several turns."""
MAX_RECEIPTS_TOGETHER = 100
"""Receipts of one address that are applied in one commit at most."""
STOP_SECONDS = 10.0
"""How long a stopping worker lets begun work finish."""
TOO_NEW_SECONDS = 1.0
"""So long a lane is left alone that a newer version has to work on: it is there already, or will be."""
NOT_THE_MESSAGES_FAULT = (FenceLost, StoreUnavailable, DataTooNew)


Work = Callable[[Claim], Awaitable[float | None]]
"""Works on a claimed lane; seconds until it is due again, or None. Raises FenceLost."""


class Crew:
    """Claims lanes of one kind and works on so many of them at once."""

    def __init__(self, name: str, lanes: Lanes, work: Work, at_once: int, meter: Meter = KEEPS_NOTHING) -> None:
        self.name = name
        self._meter = meter
        self._lanes = lanes
        self._work = work
        self._at_once = at_once
        self._in_hand: dict[asyncio.Task[None], Claim] = {}
        self._room = asyncio.Event()
        self._loops: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self._loops.append(asyncio.create_task(self._claim(), name=self.name))
        if self._lanes.beat_seconds is not None:
            self._loops.append(asyncio.create_task(self._beat(self._lanes.beat_seconds), name=f"{self.name}, beat"))

    def in_hand(self) -> int:
        """How many lanes it works on."""
        return len(self._in_hand)

    async def stop(self, seconds: float) -> None:
        """Takes nothing new, lets begun work finish within so many seconds, gives back the rest."""
        await end_tasks(*self._loops[:1])
        if self._in_hand:
            _, late = await asyncio.wait(self._in_hand, timeout=seconds)
            await end_tasks(*late)
        await end_tasks(*self._loops[1:])

    async def _claim(self) -> None:
        while True:
            while len(self._in_hand) >= self._at_once:
                self._room.clear()
                await self._room.wait()
            for claim in await self._lanes.claim_some(self._at_once - len(self._in_hand)):
                task = asyncio.create_task(self._on(claim))
                self._in_hand[task] = claim
                task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        del self._in_hand[task]
        self._room.set()

    async def _beat(self, seconds: float) -> None:
        """Keeps what is in hand; whatever is lost is given up at once, as nothing of it could be committed."""
        while True:
            await asyncio.sleep(seconds)
            in_hand = list(self._in_hand.items())
            kept = await asyncio.gather(*(self._lanes.beat(claim) for _, claim in in_hand))
            lost = [task for (task, _), is_kept in zip(in_hand, kept, strict=True) if not is_kept and not task.done()]
            for task in lost:
                task.cancel()
            if lost:
                log.warning("lanes lost; others have them or will", kind=self.name, lanes=len(lost))

    async def _on(self, claim: Claim) -> None:
        again: float | None = None
        try:
            again = await self._work(claim)
        except FenceLost:
            log.warning("lane lost; another worker has it", kind=self.name)
            if self._lanes.beat_seconds is not None:  # or had it: where it is ours after all, it is taken with a new fence
                again = backoff(1)
        except DataTooNew as error:
            log.warning("left for a newer version of this program", kind=self.name, error=str(error))
            again = TOO_NEW_SECONDS
        except asyncio.CancelledError:
            again = 0.0  # somebody else may go on at once
            raise
        except Exception:
            log.exception("work failed; it is tried again", kind=self.name)
            self._meter.count(Counted.RETRIES, self.name)
            again = backoff(1)
        finally:
            await self._lanes.release(claim, again)


class Worker:
    """All the work of one process."""

    def __init__(
        self,
        store: Store,
        lanes: LaneKinds,
        inbox: Inbox,
        outbox: Outbox,
        engine: Engine,
        sending: Sending,
        jobs: Jobs,
        live: Live | None = None,
        meter: Meter = KEEPS_NOTHING,
    ):
        self._store = store
        self._meter = meter
        self._inbox = inbox
        self._outbox = outbox
        self._engine = engine
        self._jobs = jobs
        self._commons = lanes.commons
        self._live = live or Live()
        self._crews = (
            Crew("turns", lanes.turns, self._turns, MAX_TURNS, meter),
            Crew("receipts", lanes.receipts, self._reports, MAX_RECEIPTS, meter),
            Crew("deliveries", lanes.sends, sending.work, MAX_SENDS, meter),
            Crew("jobs", lanes.jobs, jobs.work, MAX_JOBS, meter),
        )
        self._unwatch: Callable[[], None] | None = None
        self._rescan: asyncio.Task[None] | None = None
        self._is_stale = False
        self._found: tuple[int, ...] | None = None
        """How much waited at the last look: turns, deliveries, jobs."""
        self._turns_done = 0

    async def start(self) -> None:
        """Finds what an earlier process left, then works until `stop`."""
        self._store.announce(self.doing)
        await self._recover()
        if self._commons is None:
            self._unwatch = self._store.watch(self._others_wrote)
        else:  # others tell of what they write
            self._commons.attend(self._others_wrote)
        for crew in self._crews:
            crew.start()

    async def stop(self) -> None:
        """Takes nothing new, lets begun work finish within a bound, gives back the rest (or finds it again at the next start)."""
        if self._unwatch is not None:
            self._unwatch()
        if self._commons is not None:
            await self._commons.leave()
        if self._rescan is not None:
            await end_tasks(self._rescan)
        await asyncio.gather(*(crew.stop(STOP_SECONDS) for crew in self._crews))

    def is_idle(self) -> bool:
        """Whether it has nothing in hand."""
        return not any(self.in_hand().values())

    def in_hand(self) -> dict[str, int]:
        """How many lanes of each kind it works on."""
        return {crew.name: crew.in_hand() for crew in self._crews}

    def doing(self) -> dict[str, int]:
        """What it has done since it started, and what it has in hand now."""
        return {"conversations": self._crews[0].in_hand(), "turns": self._turns_done}

    async def _recover(self) -> None:
        turns, deliveries, jobs = await self._inbox.recover(), await self._outbox.recover(), await self._jobs.recover()
        before, self._found = self._found, (turns, deliveries, jobs)
        is_news = before is None or any(now > then for now, then in zip(self._found, before, strict=True))
        level = logging.INFO if is_news else logging.DEBUG  # others may write many times a second
        log.log(level, "worker looked for waiting work", turns=turns, deliveries=deliveries, jobs=jobs)

    def _others_wrote(self) -> None:
        """There may be work for us in the store that the lanes do not know of."""
        self._is_stale = True
        if self._rescan is None or self._rescan.done():
            self._rescan = asyncio.create_task(self._look_again())

    async def _look_again(self) -> None:
        """Until what was written last has been looked at: a write may come in the middle of a look, or the store be busy."""
        while self._is_stale:
            self._is_stale = False
            try:
                await self._recover()
            except StoreUnavailable as error:
                log.warning("could not look for waiting work; tried again", error=str(error))
                self._is_stale = True
                await asyncio.sleep(backoff(1))

    async def _turns(self, claim: Claim) -> float | None:
        rows = await self._inbox.waiting(claim.lane)
        if not rows:
            return None
        items = await self._read(rows)
        await self._apply_others(claim.lane, items)  # written by a former version: ours have lanes of their own
        messages = [(row, item) for row, item in items if isinstance(item, InboundMessage)]
        if not messages:
            return None
        if len(messages) < MAX_TURN:
            row, last = messages[-1]
            quiet = self._inbox.quiet_for(last, row.accepted_at, since=messages[0][0].accepted_at)
            if quiet > 0:
                return quiet
        return await self._turn(claim, messages)

    async def _reports(self, claim: Claim) -> float | None:
        """What vendors tell of our messages to one address, in its order."""
        rows = await self._inbox.waiting(claim.lane)
        if rows:
            await self._apply_others(address_lane(claim.lane), await self._read(rows[:MAX_RECEIPTS_TOGETHER]))
        return 0.0 if len(rows) > MAX_RECEIPTS_TOGETHER else None

    async def _read(self, rows: Sequence[InboxRow]) -> list[tuple[InboxRow, Incoming]]:
        """The items of the rows; one that cannot be read is set aside, and the lane goes on."""
        read = []
        for row in rows:
            try:
                read.append((row, read_item(row)))
            except msgspec.DecodeError as error:
                log.error("inbox row cannot be read; set aside", row=row.position)
                await self._inbox.set_aside([row.id], f"cannot be read: {error}")
        return read

    async def _apply_others(self, lane: str, items: Sequence[tuple[InboxRow, Incoming]]) -> None:
        """Receipts and notices wait for no burst to end."""
        receipts = [(row.id, item) for row, item in items if isinstance(item, Receipt)]
        notices = [row.id for row, item in items if isinstance(item, Notice)]
        if receipts:
            await self._receipts(receipts)
            self._live.tell(lane)
        if notices:
            await self._engine.notices(notices)

    async def _receipts(self, receipts: Sequence[tuple[str, Receipt]]) -> None:
        """All in one commit; where one of them cannot be applied, each on its own, and that one is set aside."""
        try:
            await self._engine.receipts(receipts)
        except NOT_THE_MESSAGES_FAULT:
            raise
        except Exception as error:
            if len(receipts) == 1:
                log.exception("receipt cannot be applied; set aside", delivery=receipts[0][1].tracker)
                await self._inbox.set_aside([receipts[0][0]], f"{type(error).__name__}: {error}")
                return
            for receipt in receipts:
                await self._receipts([receipt])

    async def _turn(self, claim: Claim, waiting: Sequence[tuple[InboxRow, InboundMessage]]) -> float | None:
        """One turn. 0 when some of what waited is left for the next one; what comes meanwhile wakes the lane itself."""
        taken = waiting[:MAX_TURN]
        heard = (Heard(row.id, row.position, message) for row, message in taken)
        # Webhooks overtake each other; the vendor's time says what was written first.
        turn = Turn(taken[-1][1].address, tuple(sorted(heard, key=lambda item: item.message.sent_at)))
        bind_contextvars(turn=turn.id)  # the task is this claim's own, so nobody else's lines carry it
        try:
            with self._meter.within(turn.id, Stage.WHOLE, turn.message_ids):
                self._meter.took(Stage.WAITED, self._inbox.age(taken[0][0]))
                finished = await self._engine.turn(claim, turn)
        except NOT_THE_MESSAGES_FAULT:
            raise
        except Exception as error:
            return await self._failed(claim, turn, [row for row, _ in taken], error)
        finally:
            self._live.tell(claim.lane)
        self._turns_done += 1
        return 0.0 if finished < len(waiting) else None

    async def _failed(self, claim: Claim, turn: Turn, rows: Sequence[InboxRow], error: Exception) -> float:
        """A turn that fails is tried again; after a bound its messages are set aside and a person is asked to look."""
        log.error("turn failed", exc_info=error)
        why = f"{type(error).__name__}: {error}"
        attempts = await self._inbox.failed(rows[0], why)
        if attempts < MAX_ATTEMPTS:
            self._meter.count(Counted.RETRIES, "turns")
            return backoff(attempts)
        try:
            await self._engine.give_up(claim, turn, why)
        except NOT_THE_MESSAGES_FAULT:
            raise
        except Exception:
            log.exception("the conversation of a dead turn could not be queued")
            await self._inbox.set_aside(turn.inbox_ids, why)
        return 0.0
