"""What a tool is.

    @tool(write=True)
    async def create_ticket(context: ToolContext, subject: str, ...) -> Result:
        \"\"\"Opens a ticket ...\"\"\"

The signature becomes the JSON schema that the model sees, the docstring its description. Arguments are validated before it runs.
A tool runs for a principal: whose records it touches is never among the model's arguments (DESIGN 5). How sure we are of who the
principal is has a strength, and each tool names the least it needs.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, get_type_hints

import msgspec
from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from bot.conversation import Assignee
from bot.errors import NOT_DONE, ResourceError, ToolError
from bot.message import Reply
from bot.principal import PersonRef, Principal, Strength, UserRef
from bot.records.base import explain
from bot.records.conversations import Conversation, FlowState
from bot.records.handoffs import Cause
from bot.records.permissions import allows, canonical
from bot.services.callbacks import Callbacks
from bot.services.capture import Capture
from bot.services.consents import Consents
from bot.services.dialling import Dialling
from bot.services.directory import Directory
from bot.services.handoff import Handoffs
from bot.services.hours import Hours
from bot.services.knowledge import Knowledge
from bot.services.leads import Leads
from bot.services.memories import Memories
from bot.services.people import People
from bot.services.ratings import Ratings
from bot.services.search import Search
from bot.services.tickets import Tickets
from bot.services.verification import Verifying
from bot.store.base import Unit


@dataclass(frozen=True, slots=True)
class Services:
    """The use cases that tools are skins over."""

    tickets: Tickets
    handoffs: Handoffs
    people: People
    callbacks: Callbacks
    search: Search
    knowledge: Knowledge
    memories: Memories
    verification: Verifying
    leads: Leads
    capture: Capture
    directory: Directory
    ratings: Ratings
    consents: Consents
    hours: Hours
    dialling: Dialling


@dataclass(slots=True)
class ToolContext:
    """What a tool is given beside the model's arguments."""

    principal: Principal
    conversation: Conversation
    agent: str
    """Name of the agent that called it."""
    language: str
    services: Services
    awaits: str = ""
    """The flow whose question goes on waiting for the person after this turn; empty where none does."""
    colleagues: tuple[str, ...] = ()
    """Agents that it may hand the conversation on to."""
    flows: tuple[str, ...] = ()
    """Flows that it may begin."""
    turn: str = ""
    """The turn's id: the same when the turn is run again."""
    unit: Unit = field(default_factory=Unit)
    """What a write tool writes; committed with the journal's row when the tool returns."""

    @property
    def by(self) -> str:
        """Who the audit log says it was: the agent; for a user, the user on whose behalf it acts."""
        return f"user:{self.principal.user_id}" if isinstance(self.principal, UserRef) else f"agent:{self.agent}"

    @property
    def customer_id(self) -> str:
        """The person whose records it works on. Raises ToolError where it runs for a user."""
        if isinstance(self.principal, PersonRef):
            return self.principal.customer_id
        raise ToolError("this works on the records of the person who writes, and it is one of the team who writes")

    @property
    def is_sure(self) -> bool:
        """Whether the person is so surely who they seem to be that they may learn what is on record."""
        return isinstance(self.principal, PersonRef) and self.principal.strength >= Strength.SIGNED

    @property
    def user(self) -> UserRef:
        """The user it runs for. Raises ToolError where it runs for a person."""
        if isinstance(self.principal, UserRef):
            return self.principal
        raise ToolError("this is for people of the team only")


class Begun(msgspec.Struct, frozen=True):
    """A flow that is to ask the person from here on."""

    flow: str
    about: str = ""
    """What the person has said about it so far."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a tool gives back: text for the model, and what the turn is to do."""

    text: str
    replies: tuple[Reply, ...] = ()
    """Said to the person as they are."""
    assignee: Assignee | None = None
    """Who holds the conversation from the end of this turn on."""
    reason: str = ""
    """Why it changes hands."""
    ends_turn: bool = False
    """The model is not asked again in this turn."""
    flow: FlowState | None = None
    """What the conversation waits for from the end of this turn on (`bot.dialogs.flow`)."""
    begins: Begun | None = None
    """The flow that takes its first step in this turn."""

    wrote: bool = False
    """Whether something was changed; the loop's own note."""
    cause: Cause | None = None
    """Which of the known reasons it changes hands for."""

    @property
    def failed(self) -> bool:
        """Whether it was not done, and the text tells the model why."""
        return self.text.startswith(NOT_DONE)


Confirm = Callable[..., Awaitable[str]]
"""Given the same as the tool: the question that the person has to answer with yes before it runs, in their language.

Empty where these arguments need no asking. It is called after a trial run of the tool into a unit that is thrown away, so that
nobody is asked about what could not be done anyway: such a tool changes things through its unit only.
"""


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that agents may call."""

    name: str
    description: str
    run: Callable[..., Awaitable[Result]]
    arguments: type[BaseModel]
    write: bool
    timeout: float
    """Seconds until it is given up."""
    schema: Mapping[str, Any]
    """The tool in the Chat Completions wire format."""
    needs: Strength
    """How sure we have to be of whom it runs for, where that is a person."""
    permission: str = ""
    """What a user has to be permitted, like `read:tickets`; empty for a tool that persons may use."""
    confirm: Confirm | None = None
    """Makes the question that the runtime asks the person before it runs; None where it just runs."""

    def is_for(self, principal: Principal) -> bool:
        """Whether it is one that such a principal is offered at all."""
        if isinstance(principal, PersonRef):
            return not self.permission
        return not self.permission or allows(principal.permissions, *canonical(self.permission))

    def check(self, principal: Principal) -> None:
        """Raises ToolError that tells the model what to say: not permitted, or not sure enough of who the person is."""
        if not self.is_for(principal):
            raise ToolError(f"{self.name} was not run: who you are talking to has no permission for it; do not try it again")
        if isinstance(principal, PersonRef) and principal.strength < self.needs:
            raise ToolError(
                f"{self.name} was not run: it is not certain yet that the person is who they seem to be. Tell them that they "
                "have to be verified before this can be done or shown, and offer them a one-time code (send_code, if you have "
                "it) or a person of the team; do not try it again before they are"
            )

    def read_arguments(self, values: object) -> dict[str, Any]:
        """The validated arguments. Raises ToolError that names the argument and the rule, for the model to mend."""
        try:
            read = self.arguments.model_validate(values)
        except ValidationError as error:
            raise ToolError(explain(self.name, error)) from None
        return {name: getattr(read, name) for name in self.arguments.model_fields}


class _Arguments(BaseModel):
    model_config = ConfigDict(extra="forbid")


def tool(
    *,
    write: bool = False,
    timeout: float = 15.0,
    needs: Strength = Strength.CLAIMED,
    permission: str = "",
    confirm: Confirm | None = None,
) -> Callable[[Callable[..., Awaitable[Result]]], Tool]:
    """Makes a tool of an async function whose first parameter is the ToolContext."""

    def declare(function: Callable[..., Awaitable[Result]]) -> Tool:
        name = function.__name__
        arguments = _arguments_of(function)
        description = inspect.cleandoc(function.__doc__ or "")
        if not description:
            raise ResourceError(f"tool {name}: has no docstring; the model needs it as the description")
        schema = {
            "type": "function",
            "function": {"name": name, "description": description, "parameters": _json_schema(arguments)},
        }
        if confirm is not None and not write:
            raise ResourceError(f"tool {name}: only what writes is confirmed; declare it with write=True")
        return Tool(name, description, function, arguments, write, timeout, schema, needs, permission, confirm)

    return declare


def _arguments_of(function: Callable[..., Awaitable[Result]]) -> type[BaseModel]:
    hints = get_type_hints(function, include_extras=True)
    _, *parameters = inspect.signature(function).parameters.values()
    fields: dict[str, Any] = {
        parameter.name: (hints[parameter.name], ... if parameter.default is parameter.empty else parameter.default)
        for parameter in parameters
    }
    return create_model(f"{function.__name__}_arguments", __base__=_Arguments, **fields)


def _json_schema(arguments: type[BaseModel]) -> dict[str, Any]:
    """The schema without pydantic's titles, which only cost tokens."""
    schema = arguments.model_json_schema()
    schema.pop("title", None)
    for part in schema.get("properties", {}).values():
        part.pop("title", None)
    for part in schema.get("$defs", {}).values():
        part.pop("title", None)
        part.pop("description", None)
    return schema


def clip(text: str, length: int) -> str:
    """At most so many characters of a text, on one line: for results that the model reads."""
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1] + "…"


class Toolbox:
    """Every tool there is, by name: all that the modules of `bot.tools` declare."""

    def __init__(self, tools: Mapping[str, Tool]) -> None:
        self._tools = dict(tools)

    @classmethod
    def discover(cls) -> Toolbox:
        """Finds the tools in the modules of `bot.tools`: adding a tool is adding a file."""
        package = importlib.import_module("bot.tools")
        found: dict[str, Tool] = {}
        for info in pkgutil.iter_modules(package.__path__, "bot.tools."):
            module = importlib.import_module(info.name)
            found.update((value.name, value) for value in vars(module).values() if isinstance(value, Tool))
        return cls(found)

    def names(self) -> list[str]:
        return sorted(self._tools)

    def get(self, name: str) -> Tool | None:
        return self._tools.get(name)

    def nearest(self, name: str, among: list[str] | None = None) -> str:
        """The real name most like a wrong one; empty when none is."""
        return next(iter(get_close_matches(name, self.names() if among is None else among, 1, 0.5)), "")
