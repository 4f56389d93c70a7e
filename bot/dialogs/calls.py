"""The calls of one step of the model: checked, run once, journaled together with what they wrote.

Every mistake becomes a result that tells the model. What has to be confirmed is not run: the person is asked (`confirmation`).
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import msgspec
import orjson
import structlog
from pydantic_core import to_jsonable_python

from bot.clock import Clock
from bot.conversation import AssigneeKind, assignee_of, kind_of, name_of
from bot.dialogs.flows.confirmation import question
from bot.dialogs.llm import ToolCall
from bot.dialogs.task import CONFIRMED, Bounds, Task
from bot.errors import (
    NOT_DONE,
    Conflict,
    DataTooNew,
    Duplicate,
    EpochMoved,
    FenceLost,
    RecordError,
    ServiceError,
    StoreUnavailable,
    ToolError,
)
from bot.message import Reply
from bot.meter import KEEPS_NOTHING, Counted, Meter, Stage
from bot.records.conversations import FlowState
from bot.records.handoffs import Cause
from bot.records.work import JournalKind
from bot.store.base import Unit
from bot.tools.base import Begun, Result, Tool, Toolbox

log = structlog.get_logger()

_SHOWN = 300
"""Characters that are kept of a call that was not even well-formed."""


class Calls:
    """Runs tool calls."""

    def __init__(self, toolbox: Toolbox, clock: Clock, bounds: Bounds, meter: Meter = KEEPS_NOTHING) -> None:
        self._toolbox = toolbox
        self._meter = meter
        self._clock = clock
        self._bounds = bounds

    async def run_all(self, task: Task, number: int, calls: tuple[ToolCall, ...]) -> list[Result]:
        """Runs the calls of one step: those that only read side by side, those that write one after another, in order."""
        within = calls[: self._bounds.calls_per_step]
        reads = await self._read_all(task, number, within)
        results: list[Result] = []
        for index, call in enumerate(within):
            if any(result.ends_turn for result in results):
                results.append(Result(f"{NOT_DONE}the turn had ended already; nothing was done"))
            else:
                results.append(reads[index] if index in reads else await self._run(task, f"{number}.{index}", call))
        beyond = Result(f"{NOT_DONE}too many calls at once; nothing was done")
        results = [_before(result, calls[index + 1 :]) for index, result in enumerate(results)]
        return results + [beyond] * (len(calls) - len(within))

    async def run_confirmed(self, task: Task, call: ToolCall) -> Result:
        """Runs what the person has confirmed, with the very arguments that they were asked about.

        Where the question would be another one by now, as a record was changed meanwhile, they are asked that one instead.
        """
        place = f"{CONFIRMED}.{task.round}" if task.round else CONFIRMED
        return await self._run(task, place, call, is_confirmed=True)

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

    async def _run(self, task: Task, place: str, call: ToolCall, *, is_confirmed: bool = False) -> Result:
        """One call: from the journal, or for real.

        A read, or a write that was not done, is remembered under its place in the turn. A write that was done is remembered
        under its arguments, so that the same write asked for twice in one turn runs once (S2-174).
        """
        here = f"{call.name[:60]}:{place}"
        try:
            tool = self._toolbox.get(call.name) if is_confirmed else None  # whoever asked about it may have handed on since
            tool = tool or self._find(task, call)
            arguments = tool.read_arguments(_read_json(call))
        except ToolError as error:
            self._meter.count(Counted.TOOLS, call.name if self._toolbox.get(call.name) else "unknown", "malformed")
            return _failed(task, here, call.name[:60], {"": call.arguments[:_SHOWN]}, error, 0.0)
        key = f"{tool.name}:{_digest(arguments)}" if tool.write else here
        recorded = task.journal.recorded(JournalKind.TOOL, here) or task.journal.recorded(JournalKind.TOOL, key)
        if recorded is not None:
            return _read(recorded)
        began, outcome = self._clock.monotonic(), "refused"
        try:
            tool.check(task.context.principal)  # what an earlier run has done stays done, also where it may not be done any more
            outcome = "failed"
            asked = await self._ask(task, tool, here, arguments, task.question if is_confirmed else {})
            result = asked or await self._run_tool(task, tool, key, arguments)
            outcome = "asked" if asked else "done"
            return result
        except ToolError as error:
            return _failed(task, here, tool.name, arguments, error, self._clock.monotonic() - began)
        finally:
            self._meter.count(Counted.TOOLS, tool.name, outcome)

    def _find(self, task: Task, call: ToolCall) -> Tool:
        tool = self._toolbox.get(call.name) if call.name in task.agent.tools else None
        if tool is None:
            nearest = self._toolbox.nearest(call.name, list(task.agent.tools))
            hint = f"; did you mean {nearest}?" if nearest else f"; there are {', '.join(task.agent.tools)}"
            raise ToolError(f"there is no tool {call.name[:60]!r}{hint}")
        return tool

    async def _ask(
        self, task: Task, tool: Tool, here: str, arguments: dict[str, Any], confirmed: Mapping[str, Any]
    ) -> Result | None:
        """The question to the person, where there is one that they have not confirmed."""
        if tool.confirm is None:
            return None
        if task.context.awaits:  # two questions at once would have one answer
            raise ToolError(f"the person has to answer {task.context.awaits} first; call {tool.name} again when they have")
        began = self._clock.monotonic()
        language = str(confirmed.get("language", task.context.language))
        if confirmed and await _question(task, tool, arguments, language) in ("", confirmed.get("asked")):
            return None
        asked = await _question(task, tool, arguments, task.context.language)
        if not asked:
            return None
        result = question(task.context, tool.name, to_jsonable_python(arguments), asked, self._clock.now())
        body = _body(tool.name, arguments, result, self._clock.monotonic() - began)
        task.journal.later(task.journal.row(JournalKind.TOOL, here, body))
        return result

    async def _run_tool(self, task: Task, tool: Tool, key: str, arguments: dict[str, Any]) -> Result:
        """Runs it; what it wrote and the journal's row are one unit."""
        unit = Unit()
        context = replace(task.context, unit=unit)  # each call writes into a unit of its own
        began = self._clock.monotonic()
        async with _told(tool):
            with self._meter.stage(Stage.TOOL, tool.name):
                async with asyncio.timeout(tool.timeout):
                    result = replace(await tool.run(context, **arguments), wrote=bool(unit))
            row = task.journal.row(JournalKind.TOOL, key, _body(tool.name, arguments, result, self._clock.monotonic() - began))
            if tool.write:
                await task.journal.commit(unit, row)
            elif unit:
                raise RuntimeError(f"tool {tool.name} writes; declare it with @tool(write=True)")
            else:
                task.journal.later(row)
        return result


async def _question(task: Task, tool: Tool, arguments: dict[str, Any], language: str) -> str:
    """What a person would be asked in this language; nothing about what cannot be done (ToolError), or would change nothing."""
    trial = replace(task.context, unit=Unit(), language=language)
    async with _told(tool):
        async with asyncio.timeout(tool.timeout):
            await tool.run(trial, **arguments)
            return await tool.confirm(trial, **arguments) if tool.confirm and trial.unit else ""


def _before(result: Result, left: tuple[ToolCall, ...]) -> Result:
    """A question to the person keeps in mind which calls of the same step stood behind it and were not run."""
    if result.flow is None or not left:
        return result
    slots = {**result.flow.slots, "left": [[call.name[:60], call.arguments[:_SHOWN]] for call in left]}
    return replace(result, flow=result.flow.model_copy(update={"slots": slots}))


@asynccontextmanager
async def _told(tool: Tool) -> AsyncIterator[None]:
    """Turns whatever goes wrong inside a tool into a ToolError, but for what ends the turn."""
    try:
        yield
    except (FenceLost, EpochMoved, StoreUnavailable, DataTooNew, ToolError):
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


def _failed(task: Task, here: str, name: str, arguments: Mapping[str, Any], error: ToolError, seconds: float) -> Result:
    """What the model is told of a call that was not done; kept for who reads what happened."""
    result = Result(f"{NOT_DONE}{error}")
    if task.journal.recorded(JournalKind.TOOL, here) is None:
        task.journal.later(task.journal.row(JournalKind.TOOL, here, _body(name, arguments, result, seconds)))
    return result


def _read_json(call: ToolCall) -> object:
    try:
        return orjson.loads(call.arguments or "{}")
    except orjson.JSONDecodeError:
        raise ToolError(f"the arguments of {call.name} are not valid JSON; send one JSON object") from None


def _digest(arguments: Mapping[str, Any]) -> str:
    """The same for the same arguments, however they were spelled."""
    text = orjson.dumps(to_jsonable_python(arguments), option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(text).hexdigest()[:24]


def _body(tool: str, arguments: Mapping[str, Any], result: Result, seconds: float) -> dict[str, Any]:
    assignee = {"kind": kind_of(result.assignee), "name": name_of(result.assignee)} if result.assignee else None
    return {
        "tool": tool,
        "arguments": to_jsonable_python(arguments),
        "result": result.text,
        "replies": [msgspec.to_builtins(reply) for reply in result.replies],
        "assignee": assignee,
        "reason": result.reason,
        "cause": result.cause,
        "endsTurn": result.ends_turn,
        "flow": result.flow.model_dump(mode="json") if result.flow else None,
        "wrote": result.wrote,
        "begins": msgspec.to_builtins(result.begins) if result.begins else None,
        "seconds": round(seconds, 4),
    }


def _read(body: Mapping[str, Any]) -> Result:
    assignee = assignee_of(AssigneeKind(body["assignee"]["kind"]), body["assignee"]["name"]) if body["assignee"] else None
    replies = tuple(msgspec.convert(reply, Reply) for reply in body["replies"])
    flow = FlowState.model_validate(body["flow"]) if body.get("flow") else None
    begins = msgspec.convert(body["begins"], Begun) if body.get("begins") else None
    wrote = body.get("wrote", False)
    cause = Cause(body["cause"]) if body.get("cause") else None
    return Result(body["result"], replies, assignee, body["reason"], body["endsTurn"], flow, begins, wrote, cause)
