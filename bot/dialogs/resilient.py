"""Asks several models in order of preference, and leaves those alone for a while that keep failing.

The pattern is the circuit breaker: https://learn.microsoft.com/en-us/azure/architecture/patterns/circuit-breaker
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from enum import StrEnum

import structlog

from bot.clock import Clock
from bot.dialogs.deadline import Deadline
from bot.dialogs.llm import Model, ModelRequest, ModelStep
from bot.dialogs.prices import context_tokens
from bot.errors import ModelError, ModelRejected, ModelUnavailable
from bot.memory.window import fit

log = structlog.get_logger()

PATIENCE = 20.0
"""Seconds until a model's first word, or its first whole step where that has only calls. Who is slower counts as failed: what
serves without it answers at once, and nobody waits in a chat for half a minute."""
FAILURES = 5
"""So many in a row open a breaker."""
COOL_DOWN = 30.0
"""Seconds that a model is left alone at first; each try that fails doubles them."""
LONGEST_COOL_DOWN = 300.0

_REFUSES_EVERYTHING = frozenset({401, 402, 403, 404, 405})


class BreakerState(StrEnum):
    CLOSED = "closed"
    """It is asked."""
    OPEN = "open"
    """It is left alone."""
    HALF_OPEN = "half_open"
    """The next request tries whether it works again; the others go elsewhere meanwhile."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A model that may be asked."""

    name: str
    model: Model
    context: int = 0
    """Its context length in tokens; 0 takes it from the table."""

    def fitted(self, request: ModelRequest) -> ModelRequest:
        """The request, with as much of its messages as this model can take."""
        context = self.context or context_tokens(request.model or self.name)
        messages = fit(request.messages, request.tools, context=context, answer=request.max_tokens)
        return request if messages is request.messages else replace(request, messages=messages)


@dataclass(frozen=True, slots=True)
class ModelState:
    """How a model is doing."""

    name: str
    state: BreakerState
    failures: int
    """In a row."""
    seconds: float
    """Until it is tried again; 0 where it may be asked."""


class Breaker:
    """Remembers how one model has been doing."""

    def __init__(self, name: str, clock: Clock) -> None:
        self.name = name
        self._clock = clock
        self._failures = 0
        self._cool_down = 0.0  # 0 while it is closed
        self._until = 0.0
        self._trying = False

    @property
    def state(self) -> BreakerState:
        if not self._cool_down:
            return BreakerState.CLOSED
        return BreakerState.OPEN if self._clock.monotonic() < self._until else BreakerState.HALF_OPEN

    def describe(self) -> ModelState:
        """For those who look."""
        waits = max(0.0, self._until - self._clock.monotonic()) if self._cool_down else 0.0
        return ModelState(self.name, self.state, self._failures, waits)

    def enter(self) -> BreakerState:
        """The state in which a request may go ahead; OPEN where it may not. Who entered has to leave."""
        state = self.state
        if state is BreakerState.HALF_OPEN:
            if self._trying:
                return BreakerState.OPEN
            self._trying = True
        return state

    def leave(self, entered: BreakerState) -> None:
        """The request is over, whichever way it ended."""
        if entered is BreakerState.HALF_OPEN:
            self._trying = False

    def worked(self) -> None:
        """It answered."""
        if self._cool_down:
            log.info("model works again", model=self.name)
        self._failures, self._cool_down = 0, 0.0

    def failed(self, entered: BreakerState, error: ModelError) -> None:
        """It did not. Requests that were under way when the breaker opened change nothing any more."""
        self._failures += 1
        if self._cool_down and entered is BreakerState.HALF_OPEN:
            self._open(min(self._cool_down * 2, LONGEST_COOL_DOWN), error)
        elif not self._cool_down and self._failures >= FAILURES:
            self._open(COOL_DOWN, error)

    def _open(self, seconds: float, error: ModelError) -> None:
        self._cool_down, self._until = seconds, self._clock.monotonic() + seconds
        # Never the error's words: they repeat the vendor's, which may quote the prompt.
        kind = type(error).__name__
        log.warning("model left alone", model=self.name, seconds=seconds, kind=kind, status=error.status or None)


class ResilientModel:
    """A `Model` that asks the first of its choices that answers.

    The next one is asked when one fails before its first word; after that the error goes up, for nobody can take back what was
    said. A choice that keeps failing is not asked for a while; when none may be asked, ModelUnavailable is raised at once.
    `request.model` is for the first choice; the others answer with their own.
    """

    def __init__(self, choices: Sequence[Choice], clock: Clock, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._choices = [(choice, Breaker(choice.name, clock)) for choice in choices]

    def states(self) -> list[ModelState]:
        """How each model is doing, in the order in which they are asked."""
        return [breaker.describe() for _, breaker in self._choices]

    async def stream(self, request: ModelRequest) -> AsyncGenerator[str | ModelStep, None]:
        """The words as they come, then exactly one ModelStep. Raises the last choice's error when none has answered."""
        error: ModelError = ModelUnavailable("every model has failed too often and is left alone for a while")
        for place, (choice, breaker) in enumerate(self._choices):
            entered = breaker.enter()
            if entered is BreakerState.OPEN:
                continue
            asked = request if place == 0 else replace(request, model="")
            began = False
            try:
                async with aclosing(_prompt(choice.model.stream(choice.fitted(asked)), self._patience)) as items:
                    async for item in items:
                        began = True
                        if isinstance(item, ModelStep):
                            breaker.worked()
                        yield item
                return
            except ModelError as failure:
                error = failure
                error.model = asked.model or choice.name
                if _is_its_fault(failure, asked):
                    breaker.failed(entered, failure)
                if began:
                    raise
            finally:
                breaker.leave(entered)
        raise error

    async def close(self) -> None:
        """Closes them all."""
        for choice, _ in self._choices:
            await choice.model.close()


async def _prompt(items: AsyncGenerator[str | ModelStep, None], patience: float) -> AsyncGenerator[str | ModelStep, None]:
    """The same items. Raises ModelUnavailable where the first one takes longer than so many seconds."""
    deadline = Deadline(patience)
    try:
        async with aclosing(items):
            first = await deadline.next(items)
            deadline.stop()
            if first is not None:
                yield first
            async for item in items:
                yield item
    except TimeoutError:
        raise ModelUnavailable(f"no word of the model within {patience:g} s") from None
    finally:
        deadline.stop()


def _is_its_fault(error: ModelError, request: ModelRequest) -> bool:
    """Whether the next request would fare no better; a request that was refused for itself says nothing about the others."""
    if not isinstance(error, ModelRejected):
        return True
    if error.status == 404 and request.model:
        return False  # it is the model this request named that does not exist
    return error.status in _REFUSES_EVERYTHING or 300 <= error.status < 400
