"""The worst model there can be: it does what the attack says, and then tells everything it was ever given."""

from __future__ import annotations

import copy
import json
from collections import deque
from collections.abc import AsyncGenerator

import orjson

from bot.dialogs.llm import Model, ModelRequest, ModelStep, ToolCall
from tests.guardrails.attacks import RawCall, Steps, Wanted


class ObedientModel:
    """Takes the attack's steps one by one; when they are done it repeats its prompt, the history and every tool's result."""

    def __init__(self) -> None:
        self.requests: list[ModelRequest] = []
        self._steps: deque[tuple[Wanted, ...]] = deque()
        self._made = 0

    def obeys(self, steps: Steps) -> None:
        """From now on it does this; what was left of earlier orders is forgotten."""
        self._steps = deque(steps)

    @property
    def steps_left(self) -> int:
        return len(self._steps)

    async def stream(self, request: ModelRequest) -> AsyncGenerator[str | ModelStep, None]:
        self.requests.append(copy.deepcopy(request))
        if self._steps:
            yield ModelStep("", tuple(self._call(wanted) for wanted in self._steps.popleft()), finish_reason="tool_calls")
            return
        everything = "\n".join(str(message.get("content") or "") for message in reversed(request.messages))
        yield everything
        yield ModelStep(everything or "I have nothing.")

    async def close(self) -> None:
        return

    def everything_told(self) -> str:
        """All that ever reached it, tools' schemas included."""
        return "\n".join(_readable([request.messages, request.tools]) for request in self.requests)

    def _call(self, wanted: Wanted) -> ToolCall:
        self._made += 1
        arguments = wanted.arguments if isinstance(wanted, RawCall) else orjson.dumps(wanted.arguments).decode()
        return ToolCall(f"call_{self._made}", wanted.name, arguments)


def _readable(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


_: type[Model] = ObedientModel
