"""The model's steps of a turn: asked for once, journaled, within the turn's money and tokens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import aclosing
from typing import Any

import structlog

from bot.clock import Clock
from bot.dialogs.llm import Model, ModelRequest, ModelStep, ToolCall, Usage
from bot.dialogs.prices import micros
from bot.dialogs.prompts import Agent
from bot.dialogs.task import Bounds, OverBudget, Spent, Task
from bot.errors import ModelError
from bot.records.work import JournalKind
from bot.tools.base import Toolbox

log = structlog.get_logger()


class Steps:
    """Asks the model, or, where there is none or it fails, what serves without one."""

    def __init__(
        self, model: Model | None, offline: Callable[[str], Model], toolbox: Toolbox, clock: Clock, bounds: Bounds
    ) -> None:
        self._model = model
        self._offline = offline
        self._toolbox = toolbox
        self._clock = clock
        self._bounds = bounds

    async def take(self, task: Task, spent: Spent, number: int) -> ModelStep:
        """The next step of the model, from the journal if an earlier run of this turn came that far. Raises OverBudget."""
        recorded = task.journal.recorded(JournalKind.MODEL, str(number))
        if recorded is not None:
            step = _read(recorded)
        else:
            began = self._clock.monotonic()
            self._check_budget(task, spent, number)
            step = await self._ask(task, spent)
            if task.budget is not None:
                task.budget.charge(micros(step.model, step.usage))
            body = _body(step, task.agent, self._clock.monotonic() - began)
            task.journal.later(task.journal.row(JournalKind.MODEL, str(number), body))
        spent.add(step.model, step.usage)
        return step

    def _check_budget(self, task: Task, spent: Spent, number: int) -> None:
        """Before each step that would cost money. What the person has confirmed is done by now, and told without the model."""
        if self._model is None or spent.offline or task.budget is None:
            return
        whose = task.budget.used_up(spent.micros)
        if whose and (task.confirmed is None or number > 0):
            raise OverBudget(f"AI budget of the {whose} used up")
        spent.offline = bool(whose)

    async def _ask(self, task: Task, spent: Spent) -> ModelStep:
        request = ModelRequest(task.messages, self._offered(task), task.model or task.agent.model, self._bounds.answer_tokens)
        if self._model is not None and not spent.offline:
            try:
                step = await _finish(self._model, request)
            except ModelError as error:
                # Never its words: they repeat the vendor's, which may quote the prompt. The status is that of the client's error.
                status = getattr(error.__context__, "status_code", None)
                log.warning("model failed; serving without it", kind=type(error).__name__, status=status)
            else:
                if step.text.strip() or step.calls:
                    return step
                log.warning("model answered nothing; serving without it", finish_reason=step.finish_reason)
        spent.offline = True
        return await _finish(self._offline(task.context.language), request)

    def _offered(self, task: Task) -> list[Mapping[str, Any]]:
        """The agent's tools that are for whom it talks to; others it is not even told of."""
        tools = (self._toolbox.get(name) for name in task.agent.tools)
        return [tool.schema for tool in tools if tool is not None and tool.is_for(task.context.principal)]


async def _finish(model: Model, request: ModelRequest) -> ModelStep:
    """Reads a model's stream to its end."""
    step = None
    async with aclosing(model.stream(request)) as items:
        async for item in items:
            if isinstance(item, ModelStep):
                step = item  # and on to the very end: leaving a stream earlier costs its connection
    if step is None:
        raise ModelError("the stream ended without a finished step")
    return step


def _body(step: ModelStep, agent: Agent, seconds: float) -> dict[str, Any]:
    return {
        "agent": agent.name,
        "prompt": agent.hash,
        "model": step.model,
        "text": step.text,
        "calls": [{"id": call.id, "name": call.name, "arguments": call.arguments} for call in step.calls],
        "inputTokens": step.usage.input_tokens,
        "outputTokens": step.usage.output_tokens,
        "finishReason": step.finish_reason,
        "seconds": round(seconds, 4),
    }


def _read(body: Mapping[str, Any]) -> ModelStep:
    calls = tuple(ToolCall(call["id"], call["name"], call["arguments"]) for call in body["calls"])
    usage = Usage(body["inputTokens"], body["outputTokens"])
    return ModelStep(body["text"], calls, usage, body["finishReason"], body["model"])
