"""The model's port: one request in, a stream of words and then one finished step out.

Messages and tools are plain dicts in the Chat Completions wire format, the one format that every compatible server speaks
(https://platform.openai.com/docs/api-reference/chat).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, Protocol

from bot.errors import ModelBroken, ModelError
from bot.memory.tokens import estimate_tokens, tokens_on_the_wire


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool that the model wants to be run. The arguments are its raw text: nothing has been checked yet."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Usage:
    """What a step took, in tokens, as the server counted them."""

    input_tokens: int = 0
    output_tokens: int = 0
    estimated: bool = False
    """Whether the server did not say, and this was estimated from what was sent and received."""


@dataclass(frozen=True, slots=True)
class ModelStep:
    """One finished answer of the model: words, or calls, or both."""

    text: str
    calls: tuple[ToolCall, ...] = ()
    usage: Usage = Usage()
    finish_reason: str = "stop"
    """`stop`, `tool_calls`, `length` (cut at the bound), `content_filter`, or `error` (see `broken_step`)."""
    model: str = ""
    """The model that the server says it used."""


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """One question to the model."""

    messages: Sequence[Mapping[str, Any]]
    tools: Sequence[Mapping[str, Any]] = ()
    model: str = ""
    """Empty: the one from the settings."""
    max_tokens: int = 1024
    """Bound on the answer, in tokens."""
    schema: Mapping[str, Any] | None = None
    """JSON schema that the answer has to follow, with a `title`, where the server can enforce one (`bot.dialogs.structured`)."""


class Model(Protocol):
    """Anything that can take the next step of a dialogue."""

    def stream(self, request: ModelRequest) -> AsyncGenerator[str | ModelStep, None]:
        """The words as they come, then exactly one ModelStep as the last item.

        Raises ModelUnavailable (retryable), ModelRejected, ModelBroken, also after some words: who needs those keeps them, as
        `finish` does. Closing the generator ends the request at once.
        """

    async def close(self) -> None:
        """Lets go of its connections."""


async def finish(
    model: Model,
    request: ModelRequest,
    began: Callable[[], None] | None = None,
    heard: Callable[[str], None] | None = None,
) -> ModelStep:
    """Reads a model's stream to its end. Raises ModelError; its `partial` is what had been said until then.

    `began` is called at its first item, `heard` with all words as they come.
    """
    said: list[str] = []
    step = None
    try:
        async with aclosing(model.stream(request)) as items:
            async for item in items:
                if began is not None:
                    began()
                    began = None
                if isinstance(item, str):
                    said.append(item)
                    if heard is not None:
                        heard(item)
                else:
                    step = item  # and on to the very end: leaving a stream earlier costs its connection
    except ModelError as error:
        error.partial = "".join(said)
        raise
    if step is None:
        raise ModelBroken("the stream ended without a finished step")
    return step


def counted(step: ModelStep, request: ModelRequest) -> ModelStep:
    """The step with its usage estimated where the server did not say: bounds on tokens and money hold on any server."""
    told = step.usage
    usage = Usage(told.input_tokens or _asked(request), told.output_tokens or _answered(step.text, step.calls))
    if (usage.input_tokens, usage.output_tokens) == (told.input_tokens, told.output_tokens):
        return step
    return replace(step, usage=replace(usage, estimated=True))


def broken_step(request: ModelRequest, error: ModelError) -> ModelStep:
    """The step that a model broke off in mid-answer: its words so far, and what it took, estimated; nothing if it never began."""
    usage = Usage(_asked(request), _answered(error.partial), estimated=True) if error.partial else Usage()
    return ModelStep(error.partial, (), usage, "error", error.model or request.model)


def _asked(request: ModelRequest) -> int:
    return tokens_on_the_wire(request.messages) + (tokens_on_the_wire(request.tools) if request.tools else 0)


def _answered(text: str, calls: tuple[ToolCall, ...] = ()) -> int:
    words = [text, *(f"{call.name}{call.arguments}" for call in calls)]
    return sum(estimate_tokens(part) for part in words if part)
