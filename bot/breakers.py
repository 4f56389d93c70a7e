"""Leaves a vendor alone for a while that keeps failing: a model, a number of WhatsApp, a mail server.

The pattern is the circuit breaker: https://learn.microsoft.com/en-us/azure/architecture/patterns/circuit-breaker
Each process goes by what it knows; where several work together, a board tells them of each other's failures, and lets one of
them try. A call to a vendor that works asks nobody.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import structlog

from bot.clock import Clock
from bot.errors import VendorLeftAlone

log = structlog.get_logger()

MODEL = "model:"
"""What the names of models' breakers begin with."""

TRIED_AGAIN = 1.0
"""Seconds until somebody asks again who was told that another one is trying just now."""


class BreakerState(StrEnum):
    CLOSED = "closed"
    """It is asked."""
    OPEN = "open"
    """It is left alone."""
    HALF_OPEN = "half_open"
    """The next request tries whether it works again; the others go elsewhere meanwhile."""


@dataclass(frozen=True, slots=True)
class Tolerance:
    """When a breaker opens, and for how long."""

    failures: int = 5
    """So many in a row open it."""
    cool_down: float = 30.0
    """Seconds that the vendor is left alone at first; each try that fails doubles them."""
    longest: float = 300.0


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a vendor."""

    failures: int = 0
    """In a row."""
    cool_down: float = 0.0
    """Seconds; 0 while it is closed."""
    seconds: float = 0.0
    """Until somebody may try; 0 where that is now."""


class Board(Protocol):
    """Where processes tell each other how vendors do. Each method's answer is None where the board is away."""

    async def failed(self, name: str, tolerance: Tolerance, *, was_a_try: bool) -> Standing | None:
        """One more failure; how it stands now."""

    async def worked(self, name: str) -> None:
        """It answered: nothing is held against it any more."""

    async def may_try(self, name: str) -> tuple[bool, Standing] | None:
        """Whether it is this process that tries whether the vendor works again: one of all, until it tells what came of it."""

    async def given_up(self, name: str) -> None:
        """The try ended without telling anything: the next one tries."""

    async def standings(self) -> Mapping[str, Standing] | None:
        """Vendors that have failed of late -> how they stand."""


class Breaker:
    """Remembers how one vendor has been doing."""

    def __init__(self, name: str, clock: Clock, tolerance: Tolerance | None = None, board: Board | None = None) -> None:
        self.name = name
        self._clock = clock
        self._tolerance = tolerance or Tolerance()
        self._board = board
        self._failures = 0
        self._cool_down = 0.0  # 0 while it is closed
        self._until = 0.0
        self._is_trying = False
        self._others_try_until = 0.0

    @property
    def state(self) -> BreakerState:
        if not self._cool_down:
            return BreakerState.CLOSED
        return BreakerState.OPEN if self._clock.monotonic() < self._until else BreakerState.HALF_OPEN

    @property
    def standing(self) -> Standing:
        """How it stands, as far as this process knows."""
        waits = max(0.0, self._until - self._clock.monotonic()) if self._cool_down else 0.0
        return Standing(self._failures, self._cool_down, waits)

    @property
    def wait(self) -> float:
        """Seconds after which whoever was told OPEN may come again."""
        return max(self.standing.seconds, TRIED_AGAIN)

    async def enter(self) -> BreakerState:
        """The state in which a request may go ahead; OPEN where it may not. Who entered has to leave."""
        state = self.state
        if state is not BreakerState.HALF_OPEN:
            return state
        if self._is_trying or self._clock.monotonic() < self._others_try_until:
            return BreakerState.OPEN
        self._is_trying = True
        if self._board is None:
            return state
        try:
            return await self._ask(self._board)
        except BaseException:
            self._is_trying = False
            raise

    async def _ask(self, board: Board) -> BreakerState:
        answer = await board.may_try(self.name)
        if answer is None:
            return BreakerState.HALF_OPEN
        is_ours, standing = answer
        if is_ours:
            return BreakerState.HALF_OPEN
        self._is_trying = False
        self.learn(standing)
        if not standing.cool_down:  # others found out that it works
            return BreakerState.CLOSED
        self._others_try_until = self._clock.monotonic() + TRIED_AGAIN
        return BreakerState.OPEN

    async def leave(self, entered: BreakerState) -> None:
        """The request is over, whichever way it ended."""
        if entered is not BreakerState.HALF_OPEN or not self._is_trying:
            return
        self._is_trying = False
        if self._board is not None:
            await self._board.given_up(self.name)

    async def worked(self) -> None:
        """It answered."""
        if not self._failures and not self._cool_down:
            return
        if self._cool_down:
            log.info("vendor works again", vendor=self.name)
        self._failures, self._cool_down, self._is_trying = 0, 0.0, False
        if self._board is not None:
            await self._board.worked(self.name)

    async def failed(self, entered: BreakerState, error: Exception) -> None:
        """It did not. Requests that were under way when the breaker opened change nothing any more."""
        was_a_try, was_closed = entered is BreakerState.HALF_OPEN, not self._cool_down
        told = await self._board.failed(self.name, self._tolerance, was_a_try=was_a_try) if self._board is not None else None
        if told is not None:
            self.learn(told)
        else:
            self._count(was_a_try)
        if was_a_try:
            self._is_trying = False
        if self._cool_down and (was_a_try or was_closed):
            # Never the error's words: they repeat the vendor's, which may quote the prompt.
            status = getattr(error, "status", 0) or getattr(error, "code", "") or None
            log.warning("vendor left alone", vendor=self.name, seconds=self._cool_down, kind=type(error).__name__, status=status)

    def _count(self, was_a_try: bool) -> None:
        self._failures += 1
        if self._cool_down and was_a_try:
            self._open(min(self._cool_down * 2, self._tolerance.longest))
        elif not self._cool_down and self._failures >= self._tolerance.failures:
            self._open(self._tolerance.cool_down)

    def _open(self, seconds: float) -> None:
        self._cool_down, self._until = seconds, self._clock.monotonic() + seconds

    def learn(self, standing: Standing) -> None:
        """What others know of it."""
        self._failures, self._cool_down = standing.failures, standing.cool_down
        self._until = self._clock.monotonic() + standing.seconds
        self._others_try_until = 0.0

    @asynccontextmanager
    async def asking(self, is_its_fault: Callable[[Exception], bool]) -> AsyncIterator[BreakerState]:
        """One request to the vendor. Raises VendorLeftAlone where it may not be asked, and whatever the request raises."""
        entered = await self.enter()
        if entered is BreakerState.OPEN:
            raise VendorLeftAlone(f"{self.name} failed too often and is left alone for a while", wait=self.wait)
        try:
            yield entered
        except Exception as error:
            await (self.failed(entered, error) if is_its_fault(error) else self.worked())
            raise
        else:
            await self.worked()
        finally:
            await self.leave(entered)


class Breakers:
    """The breakers of a process, by their vendors' names."""

    def __init__(self, clock: Clock, board: Board | None = None, tolerance: Tolerance | None = None) -> None:
        self._clock = clock
        self._board = board
        self._tolerance = tolerance
        self._known: dict[str, Breaker] = {}

    def of(self, name: str) -> Breaker:
        """The one of this vendor; made when it is first asked for."""
        known = self._known.get(name)
        if known is None:
            known = self._known[name] = Breaker(name, self._clock, self._tolerance, self._board)
        return known

    def learn(self, name: str, standing: Standing) -> None:
        """Others have told of this vendor."""
        self.of(name).learn(standing)

    async def look(self) -> None:
        """Learns all that others have told, as somebody does who has missed some of it."""
        told = await self._board.standings() if self._board is not None else None
        if told is not None:
            for name in {*self._known, *told}:
                self.learn(name, told.get(name, Standing()))

    def states(self) -> Mapping[str, BreakerState]:
        """How each vendor is doing, as far as this process knows."""
        return {name: breaker.state for name, breaker in self._known.items()}

    async def left_alone(self) -> Mapping[str, float]:
        """Vendors that are left alone -> seconds until somebody tries: by all processes, as far as they can be asked."""
        told = await self._board.standings() if self._board is not None else None
        if told is None:
            told = {name: breaker.standing for name, breaker in self._known.items()}
        return {name: standing.seconds for name, standing in told.items() if standing.cool_down}
