"""The proof for many processes: real webs, workers and a Redis, harmed at random under load; then an account of every message.

    proof = await shared_chaos(folder, mongo_uri, Plan(seed=7, seconds=60))
    print(proof.table())
    assert not proof.problems

`bot bench chaos` is this as a command.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from bot.testing.audit import Account, Audit, Evidence, Invariant, come_to_rest, lines_of
from bot.testing.control import Control
from bot.testing.crowd import MOST_PEOPLE, Crowd, Habits, crowd
from bot.testing.deployment import Deployment, deployment
from bot.testing.faults import Faults, Kind, plan
from bot.testing.operators import Operators
from bot.testing.recovery import Recoveries, Recovery

GRACE = 0.5
"""Seconds beyond the lease within which another process has to go on (DESIGN 11)."""
_TOKEN_MS = 20.0
"""The model's pace: turns last long enough to be interrupted."""
_TELL_SECONDS = 5.0
_STOP_SECONDS = 60.0
_MOST_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be run: for so many `seconds`, or until so many `conversations` are over, whichever comes first."""

    seed: int
    seconds: float
    conversations: int = MOST_PEOPLE
    webs: int = 2
    workers: int = 2
    at_once: int = 40
    """People who write at the same time: so many that there is always work, not so many that each waits for a minute."""
    bursts: tuple[int, int] = (1, 2)
    """Bounds on how often each comes back."""
    every: tuple[float, float] = (1.0, 5.0)
    """Bounds on the seconds between two faults; they may overlap."""
    lease_ms: int = 2000
    redis_url: str = ""
    """Empty: one of its own, which is killed too."""


@dataclass(slots=True)
class Proof(Account):
    """What a run came to."""

    lease: float = 0.0
    faults: Counter[Kind] = field(default_factory=Counter)
    restarts: int = 0
    recoveries: list[Recovery] = field(default_factory=list)
    control: list[float] = field(default_factory=list)
    """Seconds that lanes took to which nothing had happened."""

    @property
    def wrong(self) -> list[str]:
        """The problems that no slow machine explains."""
        return [str(problem) for problem in self.problems if problem.invariant is not Invariant.SLOW]

    def table(self) -> str:
        """The whole run as text."""
        lines = [f"seed {self.seed}, {self.seconds:.0f} s", "load", *lines_of(self.figures), "faults"]
        faults = {str(kind): self.faults[kind] for kind in Kind}
        lines += lines_of({**faults, "processes started again": self.restarts})
        lines += ["recovery, in seconds", *self._recovery(), "what may never happen"]
        lines += lines_of({str(invariant): self.count(invariant) for invariant in Invariant})
        lines += [f"  sent twice, in flight at a kill or pause: {named}" for named in self.twice]
        lines += [f"  PROBLEM: {problem}" for problem in self.problems[:_MOST_SHOWN]]
        if len(self.problems) > _MOST_SHOWN:
            lines.append(f"  and {len(self.problems) - _MOST_SHOWN} more")
        return "\n".join(lines)

    def _recovery(self) -> list[str]:
        """When another process took a lane that a dead or paused one held."""
        bar = self.lease + GRACE
        lines = [f"  {'':38}  {'lanes':>6}  {'median':>7}  {'worst':>7}  {'bar':>7}"]
        for name, was_alone in (("after a kill or pause", True), ("after the last of several faults", False)):
            times = [found.seconds for found in self.recoveries if found.was_alone is was_alone]
            middle, worst = (f"{statistics.median(times):.3f}", f"{max(times):.3f}") if times else ("-", "-")
            lines.append(f"  {name:38}  {len(times):>6}  {middle:>7}  {worst:>7}  {bar:>7.3f}")
        if self.control:
            middle, worst = f"{statistics.median(self.control):.3f}", f"{max(self.control):.3f}"
            lines.append(f"  {'beside it, lanes that nothing befell':38}  {len(self.control):>6}  {middle:>7}  {worst:>7}")
        late = sum(found.seconds > bar for found in self.recoveries)
        lines.append(f"  later than the bar: {late}, of them later than such lanes were then: {self.count(Invariant.SLOW)}")
        return lines


def _quiet(_: str) -> None:
    """Nobody watches."""


async def shared_chaos(folder: Path, mongo_uri: str, plan: Plan, tell: Callable[[str], None] = _quiet) -> Proof:
    """Runs it; `tell` gets a line about the progress now and then. Raises SettingsError, StoreUnavailable before it begins."""
    proof = Proof(plan.seed, lease=plan.lease_ms / 1000)
    began = time.monotonic()
    async with deployment(
        folder,
        mongo_uri,
        redis_url=plan.redis_url,
        webs=plan.webs,
        workers=plan.workers,
        lease_ms=plan.lease_ms,
        token_ms=_TOKEN_MS,
    ) as running:
        await _Run(proof, running, plan, tell).whole()
    proof.seconds = time.monotonic() - began
    return proof


class _Run:
    """One run on a deployment."""

    def __init__(self, proof: Proof, running: Deployment, plan: Plan, tell: Callable[[str], None]) -> None:
        self._proof = proof
        self._running = running
        self._plan = plan
        self._tell = tell
        self._dice = random.Random(plan.seed)
        self._news: list[str] = []
        self._recoveries = Recoveries(running.store)
        self._control = Control(running.lanes, running.database, running.store, self._recoveries.was_disturbed)
        self._faults = Faults(running, self._recoveries, self._ended, self._news.append)

    def _ended(self, said: str) -> None:
        self._proof.problem(Invariant.ENDED, said)

    async def whole(self) -> None:
        around, plan = self._running.around, self._plan
        habits = Habits(plan.at_once, plan.conversations, plan.bursts)
        async with crowd(around.webhooks, around.sends_log, habits, self._dice.random()) as writers:
            operators = Operators(self._running.store, lambda: list(writers.active), self._dice.random())
            async with self._telling(writers):
                await self._harm(writers, operators)
                written = await writers.fall_silent()
                try:
                    await come_to_rest(self._running.store)
                except TimeoutError as error:
                    self._proof.problem(Invariant.LOST, str(error))
        await self._recoveries.over()
        await self._stop()
        evidence = await Evidence.of(self._running.store, around.sends(), written, operators.taken, self._faults.in_flight)
        Audit(self._proof, evidence).check()
        self._judge()

    async def _harm(self, writers: Crowd, operators: Operators) -> None:
        """Until the time is over or all have been served; then everything that was away is there again."""
        plan_ = plan(self._dice.random(), Faults.kinds(self._running), self._plan.every, self._proof.lease)
        enough = asyncio.Event()
        harming = asyncio.create_task(self._faults.happen(plan_, lambda: writers.arrivals.total))
        serving = asyncio.create_task(operators.work(enough))
        sampling = asyncio.create_task(self._control.run())
        try:
            until = time.monotonic() + self._plan.seconds
            while time.monotonic() < until and not writers.is_done and not harming.done():
                await asyncio.sleep(0.1)
            enough.set()
            await serving
        finally:
            for task in (harming, serving, sampling):
                task.cancel()
            await asyncio.gather(harming, serving, sampling, return_exceptions=True)
        await self._faults.over()

    @asynccontextmanager
    async def _telling(self, writers: Crowd) -> AsyncIterator[None]:
        telling = asyncio.create_task(self._report(writers))
        try:
            yield
        finally:
            telling.cancel()
            with suppress(asyncio.CancelledError):
                await telling

    async def _report(self, writers: Crowd) -> None:
        began = time.monotonic()
        while True:
            await asyncio.sleep(_TELL_SECONDS)
            load = f"{writers.begun:,} conversations, {len(writers.written):,} messages, {writers.arrivals.total:,} replies"
            self._tell(f"{time.monotonic() - began:4.0f} s  {load}{''.join(f'; {news}' for news in self._news)}")
            self._news.clear()

    async def _stop(self) -> None:
        """SIGTERM to all of them: each was there to the end, and ends as it should."""
        for program in (*self._running.webs, *self._running.workers):
            if not program.is_running:
                self._ended(f"not there at the end: {program.output()[-500:]}")
                continue
            try:
                code = await program.stop(_STOP_SECONDS)
            except TimeoutError:
                self._ended(f"did not end within {_STOP_SECONDS:g} s after SIGTERM: {program.output()[-500:]}")
            else:
                if code != 0:
                    self._ended(f"the exit code after SIGTERM was {code}: {program.output()[-500:]}")

    def _judge(self) -> None:
        proof = self._proof
        proof.faults, proof.restarts, proof.recoveries = self._faults.done, self._faults.restarts, self._recoveries.found
        proof.figures["posts in flight at a kill or pause"] = len(self._faults.in_flight)
        proof.control = [sample.seconds for sample in self._control.samples]
        for found in proof.recoveries:
            beside = self._control.beside(found.at + proof.lease, found.at + found.seconds)
            if found.seconds - beside > proof.lease + GRACE:
                after = "a kill or pause" if found.was_alone else "the last of several faults"
                named = f"{found.fence_id} {found.seconds:.2f} s after {after}"
                proof.problem(Invariant.SLOW, f"{named}; another lane took {beside:.2f} s then")
