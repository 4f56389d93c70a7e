"""The model's port: one request in, a stream of words and then one finished step out.

Messages and tools are plain dicts in the Chat Completions wire format, the one format that every compatible server speaks
(https://platform.openai.com/docs/api-reference/chat).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool that the model wants to be run. The arguments are its raw text: nothing has been checked yet."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Usage:
    """What a step took, in tokens, as the server counted them; zeros where it did not say."""

    input_tokens: int = 0
    output_tokens: int = 0


@dataclass(frozen=True, slots=True)
class ModelStep:
    """One finished answer of the model: words, or calls, or both."""

    text: str
    calls: tuple[ToolCall, ...] = ()
    usage: Usage = Usage()
    finish_reason: str = "stop"
    """`stop`, `tool_calls`, `length` (cut at the bound) or `content_filter`."""
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


class Model(Protocol):
    """Anything that can take the next step of a dialogue."""

    def stream(self, request: ModelRequest) -> AsyncGenerator[str | ModelStep, None]:
        """The words as they come, then exactly one ModelStep as the last item.

        Raises ModelUnavailable (retryable), ModelRejected, ModelBroken. Whatever had been said before is lost then.
        """

    async def close(self) -> None:
        """Lets go of its connections."""
