"""The agent's loop: model, tools, model, ... until there is an answer, within bounds, journaled step by step.

Every mistake of the model goes back to it as a ToolError; over a bound there is an honest sentence and a handoff, never silence.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
import orjson
import structlog
from pydantic_core import to_jsonable_python

from bot.clock import Clock
from bot.conversation import Assignee, AssigneeKind, assignee_of, kind_of, name_of
from bot.dialogs.llm import Model, ModelRequest, ModelStep, ToolCall, Usage
from bot.dialogs.prices import micros
from bot.dialogs.prompts import Agent
from bot.errors import (
    Conflict,
    Duplicate,
    EpochMoved,
    FenceLost,
    ModelError,
    RecordError,
    ServiceError,
    StoreUnavailable,
    ToolError,
)
from bot.journal import Journal
from bot.message import Reply
from bot.records.work import JournalKind
from bot.store.base import Unit
from bot.tools.base import Result, Tool, Toolbox, ToolContext

log = structlog.get_logger()

_RESULT_LENGTH = 8_000
"""Characters of a tool's result that the model gets to see."""
_REPLY_LENGTH = 16_000
"""Characters of an answer that are said; a model gone wild is cut here."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far one turn may go."""

    steps: int = 8
    calls_per_step: int = 8
    seconds: float = 90.0
    tokens: int = 60_000
    """Input and output together, over all steps of the turn."""
    answer_tokens: int = 1024


@dataclass(slots=True)
class Spent:
    """What a turn took."""

    model: str = ""
    steps: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    micros: int = 0
    """Millionths of a US dollar, by the price table."""
    seconds: float = 0.0
    offline: bool = False

    def add(self, model: str, usage: Usage) -> None:
        self.model = model or self.model
        self.steps += 1
        self.input_tokens += usage.input_tokens
        self.output_tokens += usage.output_tokens
        self.micros += micros(model, usage)

    def amounts(self) -> dict[str, int]:
        """What is added up over a conversation, by the names of its Cost."""
        return {
            "model_steps": self.steps,
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "micros": self.micros,
        }


@dataclass(slots=True)
class Answer:
    """What the agent wants to be said and done at the end of the turn."""

    replies: list[Reply] = field(default_factory=list)
    assignee: Assignee | None = None
    reason: str = ""
    trouble: bool = False
    """Whether it had to give up: then the person is told so."""
    spent: Spent = field(default_factory=Spent)


@dataclass(frozen=True, slots=True)
class Task:
    """One question to an agent."""

    agent: Agent
    messages: list[dict[str, Any]]
    """System prompt, history and the turn's words, in the wire format; the loop appends to it."""
    context: ToolContext
    journal: Journal
    model: str = ""
    """Model to ask for; empty: the agent's, else the one from the settings."""


class GaveUp(Exception):
    """A bound was reached."""


class AgentLoop:
    """Runs agents."""

    def __init__(
        self,
        model: Model | None,
        offline: Callable[[str], Model],
        toolbox: Toolbox,
        clock: Clock,
        bounds: Bounds | None = None,
    ) -> None:
        self._model = model
        self._offline = offline
        self._toolbox = toolbox
        self._clock = clock
        self._bounds = bounds or Bounds()

    async def answer(self, task: Task) -> Answer:
        """Steps until there is an answer. Raises FenceLost, EpochMoved, StoreUnavailable: then nothing is to be said."""
        answer = Answer()
        began = self._clock.monotonic()
        try:
            async with asyncio.timeout(self._bounds.seconds):
                await self._steps(task, answer)
        except (GaveUp, TimeoutError) as error:
            conversation = task.context.conversation.id
            log.warning("agent gave up", agent=task.agent.name, conversation=conversation, why=str(error) or "time")
            answer.trouble = True
        answer.spent.seconds = self._clock.monotonic() - began
        if not answer.replies and answer.assignee is None:
            answer.trouble = True
        return answer

    async def _steps(self, task: Task, answer: Answer) -> None:
        for number in range(self._bounds.steps):
            step = await self._step(task, answer.spent, number)
            if not step.calls:
                answer.replies.extend(_words(step))
                return
            results = await self._run_all(task, number, step.calls)
            if any(result.ends_turn for result in results):
                answer.replies.extend(_words(step))  # without an ending, words beside calls are thinking aloud
            self._take_over(answer, results)
            if any(result.ends_turn for result in results):
                return
            task.messages.append(_assistant(step))
            task.messages.extend(_told(call, result) for call, result in zip(step.calls, results, strict=True))
            if answer.spent.input_tokens + answer.spent.output_tokens > self._bounds.tokens:
                raise GaveUp("tokens")
        raise GaveUp("steps")

    @staticmethod
    def _take_over(answer: Answer, results: list[Result]) -> None:
        """What the tools ask the turn to do."""
        for result in results:
            answer.replies.extend(result.replies)
            if result.assignee is not None:
                answer.assignee, answer.reason = result.assignee, result.reason

    async def _step(self, task: Task, spent: Spent, number: int) -> ModelStep:
        """The next step of the model, from the journal if an earlier run of this turn came that far."""
        recorded = task.journal.recorded(JournalKind.MODEL, str(number))
        if recorded is not None:
            step = _read_step(recorded)
        else:
            began = self._clock.monotonic()
            step = await self._ask(task, spent)
            body = _step_body(step, task.agent, self._clock.monotonic() - began)
            task.journal.later(task.journal.row(JournalKind.MODEL, str(number), body))
        spent.add(step.model, step.usage)
        return step

    async def _ask(self, task: Task, spent: Spent) -> ModelStep:
        """Asks the model, or, where there is none or it fails, what serves without one."""
        tools = [tool.schema for name in task.agent.tools if (tool := self._toolbox.get(name))]
        request = ModelRequest(task.messages, tools, task.model or task.agent.model, self._bounds.answer_tokens)
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

    async def _run_all(self, task: Task, number: int, calls: tuple[ToolCall, ...]) -> list[Result]:
        """Runs the calls of one step: those that only read side by side, those that write one after another, in order."""
        within = calls[: self._bounds.calls_per_step]
        reads = await self._read_all(task, number, within)
        results: list[Result] = []
        for index, call in enumerate(within):
            if any(result.ends_turn for result in results):
                results.append(Result("error: the turn had ended already; nothing was done"))
            else:
                results.append(reads[index] if index in reads else await self._run(task, f"{number}.{index}", call))
        beyond = Result("error: too many calls at once; nothing was done")
        return results + [beyond] * (len(calls) - len(within))

    async def _read_all(self, task: Task, number: int, calls: tuple[ToolCall, ...]) -> dict[int, Result]:
        """The results of the calls that only read, by their place in the step."""
        reads = {index: call for index, call in enumerate(calls) if not self._writes(call)}
        running = (self._run(task, f"{number}.{index}", call) for index, call in reads.items())
        done = await asyncio.gather(*running, return_exceptions=True)  # so that none runs on when another one fails
        for result in done:
            if isinstance(result, BaseException):
                raise result
        return {index: result for index, result in zip(reads, done, strict=True) if isinstance(result, Result)}

    def _writes(self, call: ToolCall) -> bool:
        tool = self._toolbox.get(call.name)
        return tool is not None and tool.write

    async def _run(self, task: Task, place: str, call: ToolCall) -> Result:
        """One call: from the journal, or for real. Mistakes become a result that tells the model.

        A read, or a write that failed, is remembered under its place in the turn. A write that was done is remembered under its
        arguments, so that the same write asked for twice in one turn runs once (S2-174).
        """
        try:
            tool = self._find(task, call)
            tool.check(task.context.principal)
            arguments = tool.read_arguments(_read_json(call))
        except ToolError as error:
            return Result(f"error: {error}")
        here = f"{tool.name}:{place}"
        key = f"{tool.name}:{_digest(arguments)}" if tool.write else here
        recorded = task.journal.recorded(JournalKind.TOOL, here) or task.journal.recorded(JournalKind.TOOL, key)
        if recorded is not None:
            return _read_result(recorded)
        began = self._clock.monotonic()
        try:
            return await self._run_tool(task, tool, key, arguments)
        except ToolError as error:
            failed = Result(f"error: {error}")
            body = _result_body(tool, arguments, failed, self._clock.monotonic() - began)
            task.journal.later(task.journal.row(JournalKind.TOOL, here, body))
            return failed

    def _find(self, task: Task, call: ToolCall) -> Tool:
        tool = self._toolbox.get(call.name) if call.name in task.agent.tools else None
        if tool is None:
            nearest = self._toolbox.nearest(call.name, list(task.agent.tools))
            hint = f"; did you mean {nearest}?" if nearest else f"; there are {', '.join(task.agent.tools)}"
            raise ToolError(f"there is no tool {call.name[:60]!r}{hint}")
        return tool

    async def _run_tool(self, task: Task, tool: Tool, key: str, arguments: dict[str, Any]) -> Result:
        """Runs it; what it wrote and the journal's row are one unit."""
        unit = Unit()
        context = _with_unit(task.context, unit)
        began = self._clock.monotonic()
        try:
            async with asyncio.timeout(tool.timeout):
                result = await tool.run(context, **arguments)
            body = _result_body(tool, arguments, result, self._clock.monotonic() - began)
            row = task.journal.row(JournalKind.TOOL, key, body)
            if tool.write:
                await task.journal.commit(unit, row)
            elif unit:
                raise RuntimeError(f"tool {tool.name} writes; declare it with @tool(write=True)")
            else:
                task.journal.later(row)
        except (FenceLost, EpochMoved, StoreUnavailable, ToolError):
            raise
        except TimeoutError:
            raise ToolError(f"{tool.name} took longer than {tool.timeout:g} s; nothing was changed") from None
        except (RecordError, ServiceError, Conflict, Duplicate) as error:
            if tool.write and not isinstance(error, ServiceError):
                log.warning("tool could not write", tool=tool.name, kind=type(error).__name__)
            raise ToolError(f"{error}; nothing was changed") from None
        except Exception:
            log.exception("tool failed", tool=tool.name)
            raise ToolError(f"{tool.name} failed inside; nothing was changed") from None
        return result


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


def _words(step: ModelStep) -> list[Reply]:
    text = step.text.strip()
    return [Reply(text[:_REPLY_LENGTH])] if text else []


def _assistant(step: ModelStep) -> dict[str, Any]:
    calls = [
        {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}} for call in step.calls
    ]
    return {"role": "assistant", "content": step.text[:_REPLY_LENGTH] or None, "tool_calls": calls}


def _told(call: ToolCall, result: Result) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call.id, "content": result.text[:_RESULT_LENGTH]}


def _read_json(call: ToolCall) -> object:
    try:
        return orjson.loads(call.arguments or "{}")
    except orjson.JSONDecodeError:
        raise ToolError(f"the arguments of {call.name} are not valid JSON; send one JSON object") from None


def _digest(arguments: Mapping[str, Any]) -> str:
    """The same for the same arguments, however they were spelled."""
    text = orjson.dumps(to_jsonable_python(arguments), option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(text).hexdigest()[:24]


def _with_unit(context: ToolContext, unit: Unit) -> ToolContext:
    """Each call writes into a unit of its own."""
    return replace(context, unit=unit)


def _step_body(step: ModelStep, agent: Agent, seconds: float) -> dict[str, Any]:
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


def _read_step(body: Mapping[str, Any]) -> ModelStep:
    calls = tuple(ToolCall(call["id"], call["name"], call["arguments"]) for call in body["calls"])
    usage = Usage(body["inputTokens"], body["outputTokens"])
    return ModelStep(body["text"], calls, usage, body["finishReason"], body["model"])


def _result_body(tool: Tool, arguments: Mapping[str, Any], result: Result, seconds: float) -> dict[str, Any]:
    assignee = {"kind": kind_of(result.assignee), "name": name_of(result.assignee)} if result.assignee else None
    return {
        "tool": tool.name,
        "arguments": to_jsonable_python(arguments),
        "result": result.text,
        "replies": [msgspec.to_builtins(reply) for reply in result.replies],
        "assignee": assignee,
        "reason": result.reason,
        "endsTurn": result.ends_turn,
        "seconds": round(seconds, 4),
    }


def _read_result(body: Mapping[str, Any]) -> Result:
    assignee = assignee_of(AssigneeKind(body["assignee"]["kind"]), body["assignee"]["name"]) if body["assignee"] else None
    replies = tuple(msgspec.convert(reply, Reply) for reply in body["replies"])
    return Result(body["result"], replies, assignee, body["reason"], body["endsTurn"])
