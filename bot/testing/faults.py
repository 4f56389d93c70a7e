"""What is done to a deployment at random, as a seed decides it, and what is noted about it at that moment."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from enum import StrEnum

from bot.errors import StoreError, StoreUnavailable
from bot.records.work import Delivery, DeliveryState, Fence
from bot.store.base import In
from bot.testing.deployment import Deployment, is_claim_of
from bot.testing.processes import ProcessEnded, Program
from bot.testing.recovery import Recoveries

_START_SECONDS = 120.0
"""So long a program may take to be there again, on a machine that has other things to do."""
_STARTS = 5
_SOME_REPLIES = 5
_PATIENCE_SECONDS = 20.0
_LOOK_SECONDS = 0.05
_AT_ONCE = 2


class Kind(StrEnum):
    """What can happen, as the table names it."""

    KILL_WORKER = "kill -9 of a worker"
    KILL_WEB = "kill -9 of a web"
    PAUSE_WORKER = "a worker paused for longer than its lease"
    STOP_WORKER = "SIGTERM of a worker, and restart"
    STOP_WEB = "SIGTERM of a web, and restart"
    FLUSH = "Redis emptied"
    KILL_REDIS = "kill -9 of Redis"
    KILL_ALL = "kill -9 of everything, and restart"


_WEIGHTS = {
    Kind.KILL_WORKER: 6,
    Kind.KILL_WEB: 4,
    Kind.PAUSE_WORKER: 4,
    Kind.STOP_WORKER: 2,
    Kind.STOP_WEB: 1,
    Kind.FLUSH: 3,
    Kind.KILL_REDIS: 2,
    Kind.KILL_ALL: 1,
}


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happens."""

    after: float
    """Seconds since the one before began; it may still last."""
    kind: Kind
    place: float
    """Which one, from 0 to 1."""
    seconds: float
    """How long what is gone stays away."""


def plan(seed: float, kinds: Sequence[Kind], every: tuple[float, float], lease: float) -> Iterator[Step]:
    """What happens, without end: first each kind once, everything at once last, then as it comes."""
    dice = random.Random(seed)
    first = list(kinds)
    dice.shuffle(first)
    first.sort(key=lambda kind: kind is not Kind.KILL_ALL)
    while True:
        kind = first.pop() if first else dice.choices(kinds, [_WEIGHTS[kind] for kind in kinds])[0]
        away = lease * dice.uniform(1.2, 2.5) if kind is Kind.PAUSE_WORKER else dice.uniform(0.0, 1.5)
        yield Step(dice.uniform(*every), kind, dice.random(), away)


class Faults:
    """Does these things to a deployment, several at a time where they come so, and remembers them."""

    def __init__(
        self, running: Deployment, recoveries: Recoveries, failed: Callable[[str], None], tell: Callable[[str], None]
    ) -> None:
        """`failed` is told of every process that ended by itself or that did not start again, `tell` of every fault."""
        self.done: Counter[Kind] = Counter()
        self.restarts = 0
        self.in_flight: set[str] = set()
        """Trackers of what was being posted when its worker was killed or paused."""
        self._running = running
        self._recoveries = recoveries
        self._failed = failed
        self._tell = tell
        self._locks = {id(program): asyncio.Lock() for program in (*running.webs, *running.workers)}
        self._paused: set[int] = set()
        self._redis = asyncio.Lock()
        self._redis_is_there = asyncio.Event()
        self._redis_is_there.set()
        self._at_once = asyncio.Semaphore(_AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()

    @staticmethod
    def kinds(running: Deployment) -> list[Kind]:
        """What can be done to it: a Redis that was given is only emptied."""
        return [kind for kind in Kind if running.own_redis is not None or kind is not Kind.KILL_REDIS]

    async def happen(self, steps: Iterator[Step], replies: Callable[[], int]) -> None:
        """One after another until it is cancelled.

        Between two of them some replies arrive, however slow the machine is: where nobody gets anywhere nothing is proved.
        """
        for step in steps:
            seen = replies()
            await asyncio.sleep(step.after)
            with suppress(TimeoutError):
                async with asyncio.timeout(_PATIENCE_SECONDS):
                    while replies() < seen + _SOME_REPLIES:
                        await asyncio.sleep(_LOOK_SECONDS)
            await self._at_once.acquire()
            task = asyncio.create_task(self._do(step))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def over(self) -> None:
        """Waits until everything is there again that was away. Raises what went wrong on the way."""
        await asyncio.gather(*self._tasks)

    async def _do(self, step: Step) -> None:
        try:
            await self._happens(step)
        except (TimeoutError, StoreError) as error:
            self._failed(f"{step.kind}: {type(error).__name__} {error}")
        finally:
            self._at_once.release()
        self.done[step.kind] += 1

    async def _happens(self, step: Step) -> None:
        worker = self._running.workers[int(step.place * len(self._running.workers))]
        web = self._running.webs[int(step.place * len(self._running.webs))]
        match step.kind:
            case Kind.KILL_WORKER:
                await self._kill_worker(worker, step.seconds)
            case Kind.PAUSE_WORKER:
                await self._pause(worker, step.seconds)
            case Kind.STOP_WORKER:
                await self._stop(worker, is_worker=True)
            case Kind.KILL_WEB:
                await self._kill_web(web, step.seconds)
            case Kind.STOP_WEB:
                await self._stop(web, is_worker=False)
            case Kind.FLUSH:
                await self._flush()
            case Kind.KILL_REDIS:
                await self._kill_redis(step.seconds)
            case Kind.KILL_ALL:
                await self._kill_all(step.seconds)

    async def _kill_worker(self, worker: Program, away: float) -> None:
        async with self._locks[id(worker)]:
            self._must_run(worker)
            at = time.time()
            worker.kill()
            await self._note(worker, at, f"worker {self._number(worker)} killed")
            await asyncio.sleep(away)
            await self._up(worker)

    async def _pause(self, worker: Program, seconds: float) -> None:
        async with self._locks[id(worker)]:
            self._must_run(worker)
            at = time.time()
            worker.pause()
            self._paused.add(id(worker))
            await self._note(worker, at, f"worker {self._number(worker)} paused for {seconds:.1f} s")
            await asyncio.sleep(seconds)
            worker.resume()
            self._paused.discard(id(worker))
            self._back()

    async def _stop(self, program: Program, *, is_worker: bool) -> None:
        async with self._locks[id(program)]:
            self._must_run(program)
            self._tell(f"{'worker' if is_worker else 'web'} {self._number(program)} stopped")
            if is_worker:
                self._recoveries.disturbed()
            code = await program.stop(_START_SECONDS)
            if code != 0:
                self._failed(f"the exit code after SIGTERM was {code}: {program.output()[-500:]}")
            await self._up(program)

    async def _kill_web(self, web: Program, away: float) -> None:
        async with self._locks[id(web)]:
            self._must_run(web)
            web.kill()
            self._tell(f"web {self._number(web)} killed")
            await asyncio.sleep(away)
            await self._up(web)

    async def _flush(self) -> None:
        async with self._redis:
            await self._running.flush()
            self._recoveries.disturbed()
            self._tell("Redis emptied")

    async def _kill_redis(self, away: float) -> None:
        async with self._redis:
            self._redis_is_there.clear()
            self._running.redis.kill()
            self._recoveries.disturbed()
            self._tell("Redis killed")
            await asyncio.sleep(away)
            await asyncio.to_thread(self._running.redis.start)
            self._recoveries.disturbed()
            self._redis_is_there.set()

    async def _kill_all(self, away: float) -> None:
        async with AsyncExitStack() as stack:
            for lock in self._locks.values():
                await stack.enter_async_context(lock)
            await stack.enter_async_context(self._redis)
            everything = (*self._running.webs, *self._running.workers)
            for program in everything:
                self._must_run(program)
            for program in everything:
                program.kill()
            for worker in self._running.workers:
                self.in_flight |= await self._posting(worker)
            await self._running.flush()
            self._recoveries.disturbed()
            self._tell("everything killed, Redis emptied")
            await asyncio.sleep(away)
            await asyncio.gather(*(self._up(program) for program in everything))

    async def _note(self, worker: Program, at: float, said: str) -> None:
        """What a worker held that was killed or paused at that moment, and what it was posting."""
        self._recoveries.disturbed(at)
        held, posting = await asyncio.gather(self._held_by(worker), self._posting(worker))
        self.in_flight |= posting
        self._recoveries.watch(held, at)
        self._tell(f"{said} ({len(held)} lanes, {len(posting)} posts)")

    async def _held_by(self, worker: Program) -> list[str]:
        """The fences of the lanes that are its own until its lease ends; none where Redis cannot tell."""
        try:
            kinds = {kind: await self._running.held(kind) for kind in ("turns", "sends")}
        except StoreUnavailable:
            return []
        pid = worker.process.pid
        return [f"{kind}:{lane}" for kind, held in kinds.items() for lane, token in held.items() if is_claim_of(pid, token)]

    async def _posting(self, worker: Program) -> set[str]:
        """The deliveries that it has claimed and of which it does not know yet what became."""
        store = self._running.store
        lanes = await store.distinct(Delivery, "lane", {"openness": "open"})
        found = await store.find(Delivery, {"openness": "open", "lane": In(lanes)}) if lanes else []
        sending = [delivery for delivery in found if delivery.state is DeliveryState.SENDING]
        ids = [f"sends:{delivery.lane}" for delivery in sending]
        fences = {fence.id: fence for fence in await store.find(Fence, {"id": In(ids)})} if ids else {}
        return {
            delivery.id
            for delivery, id_ in zip(sending, ids, strict=True)
            if (fence := fences.get(id_)) and fence.value == delivery.claimed_by and is_claim_of(worker.process.pid, fence.holder)
        }

    async def _up(self, program: Program) -> None:
        """Starts it again, as whoever looks after processes would: a worker that finds no Redis ends and is started once more."""
        for _ in range(_STARTS):
            await self._redis_is_there.wait()
            self.restarts += 1
            try:
                await program.start().ready(_START_SECONDS)
            except ProcessEnded as error:
                if "no Redis answers" not in str(error):
                    self._failed(str(error))
            else:
                self._back()
                return

    def _back(self) -> None:
        """Where somebody works again and nobody did, what could not be taken meanwhile counts from here."""
        if sum(worker.is_ready and id(worker) not in self._paused for worker in self._running.workers) == 1:
            self._recoveries.disturbed()

    def _must_run(self, program: Program) -> None:
        if not program.is_running:
            self._failed(f"{self._number(program)} had ended by itself: {program.output()[-500:]}")
            program.start()

    def _number(self, program: Program) -> int:
        for programs in (self._running.webs, self._running.workers):
            if program in programs:
                return programs.index(program) + 1
        return 0
