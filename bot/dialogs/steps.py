"""The model's steps of a turn: asked for once, journaled, within the turn's money and tokens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import structlog

from bot.clock import Clock
from bot.dialogs.llm import Model, ModelRequest, ModelStep, ToolCall, Usage, broken_step, finish
from bot.dialogs.prices import micros
from bot.dialogs.prompts import Agent
from bot.dialogs.task import Bounds, OverBudget, Spent, Task
from bot.errors import ModelError
from bot.meter import KEEPS_NOTHING, Counted, Meter, Stage
from bot.records.work import JournalKind
from bot.tools.base import Toolbox

log = structlog.get_logger()

_BREAKS = 2
"""So many answers of a turn may break off in mid-word before it is served without the model. Retries before the first word are
the model's own affair."""


class Steps:
    """Asks the model, or, where there is none or it fails, what serves without one."""

    def __init__(
        self,
        model: Model | None,
        offline: Callable[[str, str], Model],
        toolbox: Toolbox,
        clock: Clock,
        bounds: Bounds,
        meter: Meter = KEEPS_NOTHING,
    ) -> None:
        self._model = model
        self._meter = meter
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
            with self._meter.stage(Stage.MODEL_STEP, task.agent.name):
                step = await self._ask(task, spent, number)
                self._charge(task, step)
            body = _body(step, task.agent, self._clock.monotonic() - began)
            task.journal.later(task.journal.row(JournalKind.MODEL, str(number), body))
        spent.add(step.model, step.usage)
        return step

    def _check_budget(self, task: Task, spent: Spent, number: int) -> None:
        """Before each step that would cost money. What the person has confirmed is done by now, and told without the model."""
        if self._model is None or spent.offline or task.budget is None:
            return
        whose = task.budget.used_up(spent.micros)
        if whose and (task.confirmed is None or number % self._bounds.steps > 0):
            raise OverBudget(f"AI budget of the {whose} used up")
        spent.offline = bool(whose)

    def _charge(self, task: Task, step: ModelStep) -> None:
        cost = micros(step.model, step.usage)
        if task.budget is not None:
            task.budget.charge(cost)
        agent, model = task.agent.name, step.model or "none"
        self._meter.count(Counted.TOKENS, agent, model, "input", by=step.usage.input_tokens)
        self._meter.count(Counted.TOKENS, agent, model, "output", by=step.usage.output_tokens)
        self._meter.count(Counted.DOLLARS, agent, model, by=cost / 1e6)

    async def _ask(self, task: Task, spent: Spent, number: int) -> ModelStep:
        request = ModelRequest(task.messages, self._offered(task), task.model or task.agent.model, self._bounds.answer_tokens)
        if self._model is not None and not spent.offline:
            step = await self._ask_model(self._model, request, task, spent, number)
            if step is not None:
                return step
        spent.offline = True
        return await finish(self._offline(task.context.language, task.context.turn), request)

    async def _ask_model(self, model: Model, request: ModelRequest, task: Task, spent: Spent, number: int) -> ModelStep | None:
        """The model's step; None where it fails. One that broke off in mid-word is asked again, unless those words were heard."""
        while spent.broken < _BREAKS:
            began = self._clock.monotonic()
            try:
                step = await finish(model, request, partial(self._first, began), task.speaker.say if task.speaker else None)
            except ModelError as error:
                # Never its words: they repeat the vendor's, which may quote the prompt.
                log.warning("model failed", kind=type(error).__name__, status=error.status or None, said=len(error.partial))
                self._meter.count(Counted.MODEL_FAILURES, type(error).__name__)
                if not error.partial:
                    return None
                broken = broken_step(request, error)
                spent.broken += 1
                spent.add(broken.model, broken.usage)
                self._charge(task, broken)
                if task.speaker is not None:  # what was spoken was heard: it stays, and is not begun anew
                    return broken
                body = _body(broken, task.agent, self._clock.monotonic() - began)
                task.journal.later(task.journal.row(JournalKind.MODEL, f"{number}:broken:{spent.broken}", body))
            else:
                if task.speaker is not None and step.text.strip():
                    task.speaker.end()
                if step.text.strip() or step.calls:
                    return step
                self._meter.count(Counted.MODEL_FAILURES, "answered_nothing")
                log.warning("model answered nothing", finish_reason=step.finish_reason)
                return None
        return None

    def _first(self, asked: float) -> None:
        """The model's first word, or its first whole step."""
        self._meter.took(Stage.FIRST_WORD, self._clock.monotonic() - asked)

    def _offered(self, task: Task) -> list[Mapping[str, Any]]:
        """The agent's tools that are for whom it talks to; others it is not even told of."""
        tools = (self._toolbox.get(name) for name in task.agent.tools)
        return [tool.schema for tool in tools if tool is not None and tool.is_for(task.context.principal)]


def _body(step: ModelStep, agent: Agent, seconds: float) -> dict[str, Any]:
    return {
        "agent": agent.name,
        "prompt": agent.hash,
        "model": step.model,
        "text": step.text,
        "calls": [{"id": call.id, "name": call.name, "arguments": call.arguments} for call in step.calls],
        "inputTokens": step.usage.input_tokens,
        "outputTokens": step.usage.output_tokens,
        "estimated": step.usage.estimated,
        "finishReason": step.finish_reason,
        "seconds": round(seconds, 4),
    }


def _read(body: Mapping[str, Any]) -> ModelStep:
    calls = tuple(ToolCall(call["id"], call["name"], call["arguments"]) for call in body["calls"])
    usage = Usage(body["inputTokens"], body["outputTokens"], estimated=body.get("estimated", False))
    return ModelStep(body["text"], calls, usage, body["finishReason"], body["model"])
