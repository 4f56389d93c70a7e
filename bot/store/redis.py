"""Lanes on Redis, for any number of processes: due times, leases and wake-ups, one step of Redis's each (`redis_scripts`).

What is here is speed, and all of it may be lost at any moment: the Store knows what waits (`attend`), and who may write for a
lane is a number in the Store, which rises before a claim is handed out. So nobody needs to believe Redis: two processes may think
that they hold a lane, but only the one that came last can commit.
"""

from __future__ import annotations

import asyncio
import math
import os
import socket
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from itertools import count, islice
from typing import Any

import structlog

from bot.clock import new_id
from bot.errors import StoreError, StoreUnavailable
from bot.running import end_tasks
from bot.store.base import Claim, Fences, LaneKinds
from bot.store.clearing import cleared
from bot.store.redis_connection import Connection
from bot.store.redis_scripts import BEAT, CLAIM, LEAVE, PULSE, RELEASE, WAKE, WORKERS
from bot.store.together import Together

log = structlog.get_logger()

_MOST = 32
"""Lanes in one claim: enough to share the cost of raising their fences, few enough that other workers get some."""
_TOLD = 500
"""Wake-ups in one step: a step holds everybody else up."""
_POLL_SECONDS = 1.0
"""A wake-up may be missed; so often is looked anyway."""
_BEHIND_SECONDS = 0.2
"""So much later than whoever was called for a lane the others look."""
_AGAIN_SECONDS = 0.5
_SOON_SECONDS = 0.1
"""A fence that could not be raised is tried again so soon: mostly a dead process's write, just undone, was in the way."""
_TTL_MS = 3_600_000
_MOST_UNTOLD = 100_000
"""Wake-ups that are kept while Redis is away; the Store knows of all others."""


@dataclass(frozen=True, slots=True)
class _Wake:
    """A wake-up that Redis does not know of yet."""

    due: float
    """By this process's monotonic clock: how long is left is told, never when."""
    always: bool


class RedisLanes:
    """Lanes of one kind. Without `fences` a claim carries none: for work that commits under none."""

    def __init__(self, connection: Connection, name: str, kind: str, lease: float, fences: Fences | None) -> None:
        """`name` tells deployments apart that share a Redis; `lease` is in seconds."""
        prefix = f"switchboard:{{{name}:{kind}}}"
        self._due, self._held, self._tokens, self._woken, self._era_key, self._idle, self._watched = (
            f"{prefix}:{key}" for key in ("due", "held", "tokens", "woken", "era", "idle", "watched")
        )
        self._everybody = f"{prefix}:wake"
        self._called_at = f"{prefix}:wake:{new_id()}"
        self._connection = connection
        self._kind = kind
        self._lease = lease
        self._fences = fences
        self._me = f"{socket.gethostname()}, pid {os.getpid()}, {new_id()[-8:]}"
        self._numbers = count(1)
        self._era = ""
        self._forgotten: Callable[[], None] = lambda: None
        self._tokens_of: dict[Claim, str] = {}
        self._sure_until: dict[Claim, float] = {}
        """By this process's monotonic clock, which goes on while the process is stopped."""
        self._untold: dict[str, _Wake] = {}
        self._telling: asyncio.Task[None] | None = None
        self._one_teller = asyncio.Lock()
        self._look_at = 0.0
        """When there may be something to claim, by this process's monotonic clock."""
        self._called = asyncio.Event()
        self._hears = False
        self._background: set[asyncio.Task[None]] = set()
        self._beats: Together[tuple[str, str], int] = Together(self._send_beats)
        self._releases: Together[tuple[str, str, int], int] = Together(self._send_releases)

    @property
    def beat_seconds(self) -> float | None:
        return self._lease / 3

    def on_forgotten(self, told: Callable[[], None]) -> None:
        """Calls `told` when Redis has come back empty."""
        self._forgotten = told

    # Wake-ups: told behind the caller's back, so that no webhook ever waits for Redis

    async def wake(self, lane: str, delay: float = 0.0) -> None:
        self._note(lane, _Wake(time.monotonic() + delay, always=True))

    async def remind(self, lane: str, delay: float = 0.0) -> None:
        self._note(lane, _Wake(time.monotonic() + delay, always=False))

    def _note(self, lane: str, wake: _Wake) -> None:
        known = self._untold.get(lane)
        if known is None:
            if len(self._untold) < _MOST_UNTOLD:
                self._untold[lane] = wake
        elif wake.always > known.always or (wake.always == known.always and wake.due < known.due):
            self._untold[lane] = wake
        if self._telling is None:
            self._telling = asyncio.get_running_loop().create_task(self._tell())

    async def _tell(self) -> None:
        try:
            while self._untold:
                try:
                    await self._tell_some()
                except StoreUnavailable:
                    await asyncio.sleep(_AGAIN_SECONDS)
        finally:
            self._telling = None

    async def _tell_some(self) -> None:
        async with self._one_teller:  # else a later one might overtake
            batch = dict(islice(self._untold.items(), _TOLD))
            if not batch:
                return
            for lane in batch:
                del self._untold[lane]
            now = time.monotonic()
            arguments: list[str | int] = [_TTL_MS, self._everybody]
            for lane, wake in batch.items():
                arguments += (lane, _micros(wake.due - now), int(wake.always))
            try:
                await self._connection.run(WAKE, (self._due, self._tokens, self._woken, self._idle, self._watched), arguments)
            except BaseException:
                self._untold = batch | self._untold
                raise

    # Claiming

    async def claim(self) -> Claim:
        [claim] = await self.claim_some(1)
        return claim

    async def claim_some(self, most: int) -> list[Claim]:
        """Waits for lanes that are due and that nobody holds, the one that fell due first before all others, and takes some.

        Their fences have risen when it returns. While Redis or the Store is away, it waits for them.
        """
        if not self._hears:
            self._hears = True
            self._connection.hear(self._called_for, self._everybody, self._called_at)
        try:
            while True:
                await self._until_there_may_be_some()
                taking = asyncio.get_running_loop().create_task(self._take(min(most, _MOST)))
                try:
                    claims = await asyncio.shield(taking)
                except asyncio.CancelledError:
                    self._behind(self._give_back(taking))
                    raise
                if claims:
                    return claims
        except asyncio.CancelledError:
            self._look_at = 0.0
            self._behind(self._leave())
            raise

    async def take(self, lane: str) -> Claim:
        token = f"{self._me}, {next(self._numbers)}"
        if self._fences is None:
            return Claim(lane, f"{self._kind}:{lane}", 0)
        while True:  # somebody else may raise it at the same moment
            raised = await self._fences.raise_fences([f"{self._kind}:{lane}"], token)
            for fence_id, value in raised.items():
                return Claim(lane, fence_id, value)
            await asyncio.sleep(_SOON_SECONDS)

    def _called_for(self, word: str) -> None:
        """A lane is due in so many microseconds; without a word, something may have been missed."""
        at = time.monotonic() + (int(word) / 1e6 if word else 0.0)
        if at < self._look_at:
            self._look_at = at
            self._called.set()

    async def _until_there_may_be_some(self) -> None:
        while (left := self._look_at - time.monotonic()) > 0:
            self._called.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._called.wait()

    async def _take(self, most: int) -> list[Claim]:
        """What could be claimed right now."""
        token = f"{self._me}, {next(self._numbers)}"
        began = time.monotonic()
        self._look_at = math.inf  # a call that comes meanwhile counts
        try:
            if self._untold:
                await self._tell_some()
            keys = (self._due, self._held, self._tokens, self._woken, self._era_key, self._idle, self._watched)
            me = (self._called_at, _micros(_BEHIND_SECONDS))
            arguments = (most, _micros(self._lease), token, _TTL_MS, self._everybody, new_id(), *me)
            era, next_in, lanes = await self._connection.run(CLAIM, keys, arguments)
        except StoreUnavailable:
            self._look_within(_AGAIN_SECONDS)
            return []
        self._look_within(_POLL_SECONDS if next_in < 0 else min(next_in / 1e6, _POLL_SECONDS))
        if era != self._era:
            is_first, self._era = not self._era, era
            if not is_first:
                log.warning("Redis has come back empty; it is filled again from the store", kind=self._kind)
                self._forgotten()
        if not lanes:
            return []
        fences, sure_until = await self._raised_in_hand(lanes, token, began + self._lease)
        claims = [Claim(lane, f"{self._kind}:{lane}", fences[lane]) for lane in lanes if lane in fences]
        self._tokens_of.update(dict.fromkeys(claims, token))
        self._sure_until.update(dict.fromkeys(claims, sure_until))
        missed = [lane for lane in lanes if lane not in fences]
        if missed:
            await self._let_go([(lane, token, _micros(_SOON_SECONDS)) for lane in missed])
        return claims

    def _look_within(self, seconds: float) -> None:
        self._look_at = min(self._look_at, time.monotonic() + seconds)

    async def _leave(self) -> None:
        """Nobody here waits for a call any more."""
        with suppress(StoreUnavailable):
            await self._connection.run(LEAVE, (self._due, self._idle, self._watched), (self._everybody, self._called_at))

    async def _raised_in_hand(self, lanes: Sequence[str], token: str, until: float) -> tuple[dict[str, int], float]:
        """Lane -> its new fence, and until when they are ours, which they are until then; a slow store costs no lease."""
        raising = asyncio.get_running_loop().create_task(self._raised(lanes, token))
        while not (await asyncio.wait((raising,), timeout=self._lease / 3))[0]:
            began = time.monotonic()
            with suppress(StoreUnavailable):
                if all(await asyncio.gather(*(self._beats.ask((lane, token)) for lane in lanes))):
                    until = began + self._lease
        fences = await raising
        if time.monotonic() > until:  # this process slept: others have had time to take them
            return {}, until
        return fences, until

    async def _raised(self, lanes: Sequence[str], token: str) -> dict[str, int]:
        """Lane -> its new fence; those of which somebody else has raised it meanwhile are missing."""
        if self._fences is None:
            return dict.fromkeys(lanes, 0)
        try:
            raised = await self._fences.raise_fences([f"{self._kind}:{lane}" for lane in lanes], token)
        except StoreError as error:
            log.warning("fences could not be raised; tried again", kind=self._kind, error=str(error))
            return {}
        skip = len(self._kind) + 1
        return {fence_id[skip:]: value for fence_id, value in raised.items()}

    async def _give_back(self, taking: asyncio.Task[list[Claim]]) -> None:
        """The claimer has gone; what was taken for it is due at once."""
        for claim in await taking:
            await self.release(claim, 0.0)

    # Holding and giving back

    async def beat(self, claim: Claim) -> bool:
        """Whether it is still ours. While Redis is away nobody can take it, so it is."""
        token = self._tokens_of.get(claim)
        if token is None:
            return False
        began = time.monotonic()
        try:
            is_kept = await self._beats.ask((claim.lane, token)) == 1
        except StoreUnavailable:
            return True
        if is_kept and claim in self._sure_until:
            self._sure_until[claim] = began + self._lease
        return is_kept

    def is_sure(self, claim: Claim) -> bool:
        return time.monotonic() < self._sure_until.get(claim, 0.0)

    async def _send_beats(self, batch: Sequence[tuple[str, str]]) -> Sequence[int]:
        arguments: list[str | int] = [_micros(self._lease), _TTL_MS, *(part for pair in batch for part in pair)]
        kept: Sequence[int] = await self._connection.run(BEAT, (self._held, self._tokens), arguments)
        return kept

    async def release(self, claim: Claim, again: float | None = None) -> None:
        self._sure_until.pop(claim, None)
        token = self._tokens_of.pop(claim, None)
        if token is not None:
            await self._let_go([(claim.lane, token, -1 if again is None else _micros(again))])

    async def _let_go(self, lanes: Sequence[tuple[str, str, int]]) -> None:
        """Where Redis is away, the lease ends by itself, and the Store knows whether there is more to do."""
        with suppress(StoreUnavailable):
            await asyncio.gather(*(self._releases.ask(lane) for lane in lanes))

    async def _send_releases(self, batch: Sequence[tuple[str, str, int]]) -> Sequence[int]:
        keys = (self._due, self._held, self._tokens, self._woken, self._idle, self._watched)
        arguments: list[str | int] = [_TTL_MS, self._everybody, *(part for each in batch for part in each)]
        answers: Sequence[int] = await self._connection.run(RELEASE, keys, arguments)
        return answers

    def _behind(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def close(self) -> None:
        """Tells Redis what it has not been told yet, if it listens."""
        if self._background:
            await asyncio.wait(self._background, timeout=self._lease)
        if self._telling is not None:
            await end_tasks(self._telling)
        with suppress(StoreUnavailable):
            while self._untold:
                await self._tell_some()


class RedisCommons:
    """What the processes of a deployment know of each other."""

    def __init__(self, connection: Connection, name: str, lease: float, lanes: Sequence[RedisLanes], fences: Fences) -> None:
        prefix = f"switchboard:{{{name}}}"
        self._workers, self._turn = f"{prefix}:workers", f"{prefix}:look"
        self._connection = connection
        self._lease = lease
        self._lanes = lanes
        self._fences = fences
        self._me = f"{socket.gethostname()}, pid {os.getpid()}, {new_id()[-8:]}"
        self._pulse: asyncio.Task[None] | None = None

    def attend(self, look: Callable[[], None]) -> None:
        """This process works from now on, and says so.

        `look` is called when the Store has to be asked for work that waits: Redis was away or is empty, or it is this
        process's turn to look whether something was forgotten (one of all of them, once in a lease). The caller has just looked.
        """
        self._fences.need_no_watch()
        for lanes in self._lanes:
            lanes.on_forgotten(look)
        self._pulse = asyncio.get_running_loop().create_task(self._beat(look))

    async def leave(self) -> None:
        """This process takes no more work."""
        if self._pulse is not None:
            await end_tasks(self._pulse)
            with suppress(StoreUnavailable):
                await self._connection.forget(self._workers, self._me)

    async def workers(self) -> list[str]:
        """The workers that have beaten of late. Raises StoreUnavailable."""
        found: list[str] = await self._connection.run(WORKERS, (self._workers,), ())
        return found

    async def faults(self) -> list[str]:
        """Whether Redis throws our keys away when its memory is full, which nobody would notice but by work done late or twice.

        Raises StoreUnavailable.
        """
        policy = await self._connection.eviction()
        if not policy:
            return []
        return [f"REDIS_URL: throws keys away when its memory is full ({policy}); who works on what is then forgotten"]

    async def _beat(self, look: Callable[[], None]) -> None:
        is_away, has_looked = False, True
        while True:
            try:
                is_turn = await self._connection.run(PULSE, (self._workers, self._turn), (self._me, int(self._lease * 1000)))
            except StoreUnavailable as error:
                if not is_away:
                    log.warning("Redis is away; nothing new is begun until it is back", error=str(error))
                is_away = True
            else:
                if is_away:
                    log.info("Redis is back")
                if is_away or (is_turn and not has_looked):
                    look()
                is_away = has_looked = False
            await asyncio.sleep(self._lease / 4)


@asynccontextmanager
async def shared_lanes(url: str, name: str, lease: float, fences: Fences, *, must_answer: bool) -> AsyncIterator[LaneKinds]:
    """The lanes of a deployment. Raises SettingsError, and StoreUnavailable where Redis `must_answer` and does not."""
    connection = Connection(url)
    try:
        try:
            await connection.check()
        except StoreUnavailable as error:
            if must_answer:
                raise
            log.warning("starting without Redis; workers find what is accepted in the store", error=str(error))
        # Receipts and jobs commit under no fence: what is done twice is the same (`bot.services.receipts`, `bot.jobs`).
        kinds = (("turns", fences), ("receipts", None), ("sends", fences), ("jobs", None))
        lanes = [RedisLanes(connection, name, kind, lease, of) for kind, of in kinds]
        try:
            turns, receipts, sends, jobs = lanes
            commons = RedisCommons(connection, name, lease, lanes, fences)
            async with cleared(fences, lease):
                yield LaneKinds(turns, receipts, sends, jobs, commons)
        finally:
            for each in lanes:
                await each.close()
    finally:
        await connection.close()


def _micros(seconds: float) -> int:
    return max(0, round(seconds * 1e6))
