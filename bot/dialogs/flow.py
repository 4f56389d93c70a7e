"""Flows: questions of the runtime's own, whose next step is never left to a model (DESIGN 7).

A flow is a module of `bot.dialogs.flows` with a FLOW in it. What it waits for is a `FlowState` in the conversation; the next turn
goes to `advance`, which says what becomes of it. It survives a restart, and it ends when somebody else takes the conversation.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

import msgspec
from pydantic_core import to_jsonable_python

from bot.dialogs.intents import IntentGuess
from bot.message import InboundMessage, Reply
from bot.records.conversations import FlowState
from bot.tools.base import ToolContext


def nothing_like_it(_: str) -> IntentGuess:
    """The guess of who knows no intents."""
    return IntentGuess("", 0.0, is_in_scope=False)


@dataclass(frozen=True, slots=True)
class FlowTurn:
    """What a flow is given of a turn."""

    state: FlowState
    """What it asked, and knows so far."""
    messages: tuple[InboundMessage, ...]
    context: ToolContext
    """For whom, where, in which language; what is put into its unit is committed once, before anything else of this turn."""
    now: datetime
    guess: Callable[[str], IntentGuess] = nothing_like_it
    """What a text most likely asks for; in the language of the turn."""


class Undone(msgspec.Struct, frozen=True):
    """A call that was not run, and why. Its arguments are the person's words: they belong in no prompt."""

    tool: str
    arguments: str
    """As JSON."""
    why: str


@dataclass(frozen=True, slots=True)
class Move:
    """What a flow makes of it."""

    replies: tuple[Reply, ...] = ()
    """Said to the person as they are."""
    state: FlowState | None = None
    """What the conversation goes on waiting for; None where the flow is over."""
    told: str = ""
    """Hands the turn on to the agent, with this note on what has happened: the runtime's own words and nobody else's."""
    call: tuple[str, dict[str, Any]] | None = None
    """A tool with its arguments, run now; the agent goes on with its result."""
    after: tuple[Reply, ...] = ()
    """Said behind the agent's answer, if the state is still what is waited for then."""
    undone: tuple[Undone, ...] = ()
    """Calls of the agent's that were not run: it sees them as its own, with what came of each. The turn goes on to it."""
    outcome: str = ""
    """What became of the question, in a word or two, for who reads what happened."""

    @property
    def goes_to_agent(self) -> bool:
        return bool(self.told or self.call or self.undone)


class Flow(Protocol):
    """One kind of question."""

    name: str

    async def advance(self, turn: FlowTurn) -> Move:
        """The next step, by what the person said. Raises what services raise."""


@runtime_checkable
class Discreet(Protocol):
    """A flow to which people say what nobody else is to read."""

    def veiled(self, message: InboundMessage) -> InboundMessage:
        """The message as it stands on the timeline and before the model."""


def discover() -> Mapping[str, Flow]:
    """The flows in the modules of `bot.dialogs.flows`, by name: adding a flow is adding a file."""
    package = importlib.import_module("bot.dialogs.flows")
    modules = (importlib.import_module(info.name) for info in pkgutil.iter_modules(package.__path__, "bot.dialogs.flows."))
    flows: list[Flow] = [module.FLOW for module in modules if hasattr(module, "FLOW")]
    return {flow.name: flow for flow in flows}


def stored(move: Move) -> dict[str, Any]:
    """A move as the journal keeps it."""
    return {
        "replies": [msgspec.to_builtins(reply) for reply in move.replies],
        "state": move.state.model_dump(mode="json") if move.state else None,
        "after": [msgspec.to_builtins(reply) for reply in move.after],
        "told": move.told,
        "call": to_jsonable_python(move.call),
        "undone": [list(msgspec.structs.astuple(one)) for one in move.undone],
        "outcome": move.outcome,
    }


def read(body: Mapping[str, Any]) -> Move:
    """The move that `stored` wrote."""
    replies, after = (tuple(msgspec.convert(reply, Reply) for reply in body.get(kind, ())) for kind in ("replies", "after"))
    state = FlowState.model_validate(body["state"]) if body["state"] else None
    call = (str(body["call"][0]), dict(body["call"][1])) if body["call"] else None
    undone = tuple(Undone(*one) for one in body["undone"])
    return Move(replies, state, body["told"], call, after, undone, body["outcome"])
