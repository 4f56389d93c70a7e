"""A model that says what a test tells it to. The same steps are served over real HTTP by `bot.testing.openai`.

In a test:

    model = ScriptedModel(Called("create_ticket", subject="No internet"), Said("Done, that is TICKET-2026-000001."))
    agent = ...  # whatever takes a Model
    model.assert_complete()
"""

from __future__ import annotations

import asyncio
import copy
import re
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from bot.dialogs.llm import ModelRequest, ModelStep, ToolCall, Usage

WORDS = re.compile(r"\s*\S+|\s+")


class UnexpectedModelCall(AssertionError):
    """The model was asked more often than the test's script has steps."""


class UnconsumedModelSteps(AssertionError):
    """The test ended with steps left in the script."""


@dataclass(frozen=True, slots=True)
class Said:
    """The model answers with words."""

    text: str
    finish_reason: str = "stop"
    """`stop`, `length` or `content_filter`."""
    usage: Usage | None = None
    """Tokens to report; None counts words."""


@dataclass(frozen=True, slots=True, init=False)
class Called:
    """The model wants one tool to be run: `Called("create_ticket", subject="No internet")`."""

    name: str
    arguments: dict[str, Any]

    def __init__(self, name: str, /, **arguments: Any) -> None:
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "arguments", arguments)


@dataclass(frozen=True, slots=True, init=False)
class Calls:
    """The model wants several tools to be run in one step, having `said` something or nothing."""

    calls: tuple[Called, ...]
    said: str

    def __init__(self, *calls: Called, said: str = "") -> None:
        object.__setattr__(self, "calls", calls)
        object.__setattr__(self, "said", said)


@dataclass(frozen=True, slots=True)
class Raised:
    """The model fails with this error, having said some words or none."""

    exception: BaseException
    after: str = ""


Step = Said | Called | Calls | Raised
"""What a model can be made to do in one step."""

ScriptedStep = Step | Callable[[ModelRequest], Step]
"""A step, or a function of the request that decides on one."""


class ScriptedModel:
    """A `Model` that takes the steps it was given, one for each request, and remembers every request.

    Its words come one by one, as a real model's do. The ids of its calls are call_1, call_2, ... over its whole life.
    Being asked for more than it was given raises UnexpectedModelCall, at once and again in `assert_complete`.
    """

    def __init__(self, *steps: ScriptedStep, name: str = "scripted") -> None:
        self.name = name
        """The model that it says it is, where the request asks for none: one from the price table costs money."""
        self.requests: list[ModelRequest] = []
        """Every request so far, copied as it was at that moment."""
        self.closed = False
        self._steps = deque(steps)
        self._ids = CallIds()
        self._unexpected: UnexpectedModelCall | None = None

    def will(self, *steps: ScriptedStep) -> ScriptedModel:
        """Adds steps to the end of the script; returns the model itself."""
        self._steps.extend(steps)
        return self

    @property
    def steps_left(self) -> int:
        """How many steps nobody has asked for yet."""
        return len(self._steps)

    async def stream(self, request: ModelRequest) -> AsyncGenerator[str | ModelStep, None]:
        """The next step's words, then the step. Raises what `Raised` holds, or UnexpectedModelCall."""
        self.requests.append(copy.deepcopy(request))
        step = self._next(request)
        for word in WORDS.findall(_words_of(step)):
            yield word
            await asyncio.sleep(0)  # a real model lets others run between its words
        if isinstance(step, Raised):
            raise step.exception
        yield replace(model_step(step, request, self._ids), model=request.model or self.name)

    async def close(self) -> None:
        self.closed = True

    def assert_complete(self) -> None:
        """Checks that the script was followed to its end. Raises UnexpectedModelCall or UnconsumedModelSteps."""
        if self._unexpected is not None:
            raise self._unexpected
        if self._steps:
            raise UnconsumedModelSteps(left_over(self._steps))

    def _next(self, request: ModelRequest) -> Step:
        if not self._steps:
            error = UnexpectedModelCall(unscripted(len(self.requests), request.messages))
            self._unexpected = self._unexpected or error
            raise error
        step = self._steps.popleft()
        return step(request) if callable(step) else step


class CallIds:
    """call_1, call_2, ..."""

    def __init__(self) -> None:
        self._made = 0

    def __call__(self) -> str:
        self._made += 1
        return f"call_{self._made}"


def _words_of(step: Step) -> str:
    match step:
        case Said(text=text):
            return text
        case Calls(said=said):
            return said
        case Raised(after=after):
            return after
        case _:
            return ""


def _calls_of(step: Step) -> tuple[Called, ...]:
    match step:
        case Called():
            return (step,)
        case Calls(calls=calls):
            return calls
        case _:
            return ()


def model_step(step: Step, request: ModelRequest, new_id: Callable[[], str]) -> ModelStep:
    text = _words_of(step)
    calls = tuple(ToolCall(new_id(), call.name, orjson.dumps(call.arguments).decode()) for call in _calls_of(step))
    usage = step.usage if isinstance(step, Said) and step.usage is not None else _counted(request.messages, text, calls)
    reason = "tool_calls" if calls else step.finish_reason if isinstance(step, Said) else "stop"
    return ModelStep(text, calls, usage, reason, request.model or "scripted")


def _counted(messages: Sequence[Mapping[str, Any]], text: str, calls: tuple[ToolCall, ...]) -> Usage:
    """Words instead of tokens: roughly right, and the same on every run."""
    heard = sum(len(str(message.get("content") or "").split()) for message in messages)
    return Usage(heard, len(WORDS.findall(text)) + sum(len(call.arguments) // 4 + 1 for call in calls))


def unscripted(number: int, messages: Sequence[Mapping[str, Any]]) -> str:
    last = messages[-1] if messages else {}
    return f"the model was asked for step {number}, which is not in its script; the last message was {short(last)}"


def left_over(steps: Sequence[object]) -> str:
    return f"{len(steps)} step(s) of the model's script were never asked for, the next is {short(steps[0])}"


def short(value: object, limit: int = 200) -> str:
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"
