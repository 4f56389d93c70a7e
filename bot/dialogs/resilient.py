"""Asks several models in order of preference, and leaves those alone for a while that keep failing (`bot.breakers`)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from bot.breakers import MODEL, Breakers, BreakerState
from bot.clock import Clock
from bot.dialogs.deadline import Deadline
from bot.dialogs.llm import Model, ModelRequest, ModelStep
from bot.dialogs.prices import context_tokens
from bot.errors import ModelError, ModelRejected, ModelUnavailable
from bot.memory.window import fit

PATIENCE = 20.0
"""Seconds until a model's first word, or its first whole step where that has only calls. Who is slower counts as failed: what
serves without it answers at once, and nobody waits in a chat for half a minute."""
_REFUSES_EVERYTHING = frozenset({401, 402, 403, 404, 405})


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


class ResilientModel:
    """A `Model` that asks the first of its choices that answers.

    The next one is asked when one fails before its first word; after that the error goes up, for nobody can take back what was
    said. A choice that keeps failing is not asked for a while; when none may be asked, ModelUnavailable is raised at once.
    `request.model` is for the first choice; the others answer with their own.
    """

    def __init__(
        self, choices: Sequence[Choice], clock: Clock, patience: float = PATIENCE, breakers: Breakers | None = None
    ) -> None:
        """Without `breakers` it has its own, which tell nobody."""
        self._patience = patience
        breakers = breakers or Breakers(clock)
        self._choices = [(choice, breakers.of(f"{MODEL}{choice.name}")) for choice in choices]

    def states(self) -> list[ModelState]:
        """How each model is doing, in the order in which they are asked."""
        found = ((choice.name, breaker.state, breaker.standing) for choice, breaker in self._choices)
        return [ModelState(name, state, standing.failures, standing.seconds) for name, state, standing in found]

    async def stream(self, request: ModelRequest) -> AsyncGenerator[str | ModelStep, None]:
        """The words as they come, then exactly one ModelStep. Raises the last choice's error when none has answered."""
        error: ModelError = ModelUnavailable("every model has failed too often and is left alone for a while")
        for place, (choice, breaker) in enumerate(self._choices):
            entered = await breaker.enter()
            if entered is BreakerState.OPEN:
                continue
            asked = request if place == 0 else replace(request, model="")
            began = False
            try:
                async with aclosing(_prompt(choice.model.stream(choice.fitted(asked)), self._patience)) as items:
                    async for item in items:
                        began = True
                        if isinstance(item, ModelStep):
                            await breaker.worked()
                        yield item
                return
            except ModelError as failure:
                error = failure
                error.model = asked.model or choice.name
                if _is_its_fault(failure, asked):
                    await breaker.failed(entered, failure)
                if began:
                    raise
            finally:
                await breaker.leave(entered)
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
