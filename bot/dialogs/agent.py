"""The agent's loop: model, tools, model, ... until there is an answer, within bounds, journaled step by step.

Every mistake of the model goes back to it as a ToolError; over a bound there is an honest sentence and a handoff, never silence.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import structlog

from bot.clock import Clock
from bot.conversation import AgentRef
from bot.dialogs.calls import Calls
from bot.dialogs.llm import Model, ModelStep, ToolCall
from bot.dialogs.steps import Steps
from bot.dialogs.task import Answer, Bounds, GaveUp, OverBudget, Task
from bot.message import Reply
from bot.meter import KEEPS_NOTHING, Meter
from bot.resources import say
from bot.tools.base import Result, Toolbox

log = structlog.get_logger()

_RESULT_LENGTH = 8_000
"""Characters of a tool's result that the model gets to see."""
_REPLY_LENGTH = 16_000
"""Characters of an answer that are said; a model gone wild is cut here."""


class AgentLoop:
    """Runs agents."""

    def __init__(
        self,
        model: Model | None,
        offline: Callable[[str, str], Model],
        toolbox: Toolbox,
        clock: Clock,
        bounds: Bounds | None = None,
        meter: Meter = KEEPS_NOTHING,
    ) -> None:
        self._meter = meter
        self._clock = clock
        self._bounds = bounds or Bounds()
        self._model = Steps(model, offline, toolbox, clock, self._bounds, meter)
        self._calls = Calls(toolbox, clock, self._bounds, meter)

    async def answer(self, task: Task) -> Answer:
        """Steps until there is an answer. Raises FenceLost, EpochMoved, StoreUnavailable: then nothing is to be said."""
        answer = Answer(spent=task.spent)
        began = self._clock.monotonic()
        try:
            async with asyncio.timeout(self._bounds.seconds):
                await self._steps(task, answer)
        except OverBudget as error:  # the log has it once a day (`services.spending`), not for each turn
            answer.trouble, answer.over_budget = True, str(error)
        except (GaveUp, TimeoutError) as error:
            log.warning("agent gave up", agent=task.agent.name, why=str(error) or "time")
            answer.trouble = True
        answer.spent.seconds = self._clock.monotonic() - began
        if answer.untold or (answer.unsaid and answer.spent.offline):  # what serves without the model tells of little
            answer.replies.insert(0, Reply(say(task.context.language, "done", seed=task.context.turn)))
        if not answer.replies and answer.begins is None and (answer.assignee is None or isinstance(answer.assignee, AgentRef)):
            answer.trouble = True
        return answer

    async def _steps(self, task: Task, answer: Answer) -> None:
        if task.confirmed is not None:
            result = await self._calls.run_confirmed(task, task.confirmed)
            answer.untold = not (result.failed or result.replies or result.assignee)
            if self._take_over(task, answer, (task.confirmed,), [result]):
                return
        first = task.round * self._bounds.steps
        for number in range(first, first + self._bounds.steps):
            step = await self._model.take(task, answer.spent, number)
            if not step.calls:
                answer.say(_words(step))
                return
            results = await self._calls.run_all(task, number, step.calls)
            if task.speaker is not None or _are_said(results):  # what was spoken was heard
                answer.say(_words(step))
            if self._take_over(task, answer, step.calls, results, step.text):
                return
            if answer.spent.tokens > self._bounds.tokens:
                raise GaveUp("tokens")
        raise GaveUp("steps")

    def _take_over(self, task: Task, answer: Answer, calls: tuple[ToolCall, ...], results: list[Result], text: str = "") -> bool:
        """What tools ask of the turn, and what they tell the model; whether the turn has ended with them."""
        answer.take(results)
        task.messages.append(_assistant(text, calls))
        task.messages.extend(_told(call, result) for call, result in zip(calls, results, strict=True))
        for result in results:
            if isinstance(result.assignee, AgentRef):
                task.hand_on(result.assignee, self._bounds.agents)
        return any(result.ends_turn for result in results)


def _are_said(results: list[Result]) -> bool:
    """Whether words beside calls are said. Where the turn goes on, they are thinking aloud; beside a question of the
    runtime's they were written as if nobody had to be asked."""
    return any(result.ends_turn for result in results) and not any(result.flow for result in results)


def _words(step: ModelStep) -> list[Reply]:
    text = step.text.strip()
    return [Reply(text[:_REPLY_LENGTH])] if text else []


def _assistant(text: str, calls: tuple[ToolCall, ...]) -> dict[str, Any]:
    asked = [{"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}} for call in calls]
    return {"role": "assistant", "content": text[:_REPLY_LENGTH] or None, "tool_calls": asked}


def _told(call: ToolCall, result: Result) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call.id, "content": result.text[:_RESULT_LENGTH]}
