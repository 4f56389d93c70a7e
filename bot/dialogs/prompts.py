"""Agents: a Markdown file each, front matter and a Jinja prompt (DESIGN 7); what they share lies in partials.

What is wrong with a file is found when it is read, not in the middle of a turn, and told as a `Problem`: all of them, each with
its fix. Everything is read and compiled once; a file that changes counts from the next start on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

import yaml
from jinja2 import Template, TemplateError
from jinja2.sandbox import SandboxedEnvironment
from pydantic import BaseModel, ConfigDict, ValidationError

from bot.dialogs.scenery import Colleague, Scenery, Someone
from bot.dialogs.templates import PARTIALS, Partials, Problem, environment, line, nearest
from bot.errors import ResourceError
from bot.principal import Strength
from bot.records.base import explain
from bot.records.conversations import ChannelName, ConversationKind
from bot.records.users import Role
from bot.resources import ROOT, parse_yaml, read
from bot.services.hours import Opening

AGENTS = "prompts/agents"


class _FrontMatter(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    description: str = ""
    tools: list[str] = []
    handoffs: list[str] = []
    kinds: list[ConversationKind] = [ConversationKind.CUSTOMER]
    channels: list[ChannelName] = []
    roles: list[Role] = []
    skills: list[str] = []
    languages: list[Literal["es", "en", "hi"]] = []
    model: str = ""


_WITHOUT_PARTIALS = environment({})


@dataclass(frozen=True)
class Agent:
    """A prompt, the tools it may call, the agents it may hand to, and whom it is for."""

    name: str
    description: str
    tools: tuple[str, ...]
    model: str
    """Empty: the one from the settings."""
    prompt: str
    hash: str
    """Tells one wording of the prompt, with all that it includes, from another in the journal."""
    handoffs: tuple[str, ...] = ()
    """Names of the agents it may hand the conversation to."""
    kinds: tuple[str, ...] = (ConversationKind.CUSTOMER,)
    """Kinds of conversations it is for (customer, assistant, call); none: it is only reached by a handoff."""
    channels: tuple[str, ...] = ()
    """Empty: all."""
    roles: tuple[str, ...] = ()
    """Roles of the users it is for; empty: all."""
    skills: tuple[str, ...] = ()
    """What it is asked for by, in lower case."""
    languages: tuple[str, ...] = ()
    """Empty: all."""
    jinja: SandboxedEnvironment = field(default=_WITHOUT_PARTIALS, repr=False, compare=False)

    @property
    def file(self) -> str:
        return f"{AGENTS}/{self.name}.md"

    def fill(self, scenery: Scenery) -> str:
        """The prompt with its blanks filled in. Raises ResourceError that names the file and what is wrong."""
        try:
            return self._template.render(scenery.values())
        except _FILLING_ERRORS as error:
            raise ResourceError(f"{self.file}: {line(error)}") from None

    @cached_property
    def _template(self) -> Template:
        return self.jinja.from_string(self.prompt)


_FILLING_ERRORS = (TemplateError, TypeError, LookupError, ValueError, ArithmeticError, AttributeError)


def read_agents() -> tuple[dict[str, Agent], list[Problem]]:
    """Every agent under prompts/agents by name, and all that is wrong with its file and with the partials.

    An agent whose file cannot be read or filled in is missing among the first and named among the second.
    """
    problems: list[Problem] = []
    shared = Partials(dict(_texts(PARTIALS, problems)))
    problems.extend(shared.problems())
    agents: dict[str, Agent] = {}
    for file_name, text in _texts(AGENTS, problems):
        try:
            agent = _read(file_name, text, shared)
        except _Wrong as wrong:
            problems.extend(wrong.problems)
        else:
            agents[agent.name] = agent
    return agents, problems


def agent_names() -> list[str]:
    """The names that handoffs may use: those of all the files, also of one that is broken."""
    return [path.stem for path in _files(AGENTS)]


def _files(folder: str) -> list[Path]:
    return sorted(ROOT.joinpath(folder).glob("*.md"))


def _texts(folder: str, problems: list[Problem]) -> Iterator[tuple[str, str]]:
    """The files of a folder by name; one that cannot be read becomes a problem."""
    for path in _files(folder):
        try:
            yield path.name, read(*folder.split("/"), path.name)
        except ResourceError as error:
            where, _, what = str(error).partition(": ")
            problems.append(Problem(where, what))


class _Wrong(Exception):
    """A file cannot be used."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__()
        self.problems = problems


def _read(file_name: str, text: str, shared: Partials) -> Agent:
    """Raises _Wrong."""
    where = f"{AGENTS}/{file_name}"
    front, prompt = _front_matter(where, file_name, text)
    problems = shared.problems_of(where, prompt)
    if problems:
        raise _Wrong(problems)
    if shared.is_broken(prompt):
        raise _Wrong([])  # told already, under the partial's own name
    agent = Agent(
        name=front.name,
        description=" ".join(front.description.split()),
        tools=_once(front.tools),
        handoffs=_once(front.handoffs),
        kinds=_once(front.kinds),
        channels=_once(front.channels),
        roles=_once(front.roles),
        skills=_once(skill.strip().lower() for skill in front.skills),
        languages=_once(front.languages),
        model=front.model,
        prompt=prompt.strip(),
        hash=shared.hash(text, prompt),
        jinja=shared.jinja,
    )
    _try_out(agent)
    return agent


def _once(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(value) for value in values))


def _front_matter(where: str, file_name: str, text: str) -> tuple[_FrontMatter, str]:
    """The front matter and what comes after it. Raises _Wrong."""
    head, separator, prompt = text.removeprefix("---\n").partition("\n---\n")
    if not text.startswith("---\n") or not separator:
        raise _Wrong([Problem(where, "begins with no front matter", "write it between two lines of ---")])
    try:
        values = parse_yaml(head)
        unknown = [str(key) for key in values if key not in _FrontMatter.model_fields] if isinstance(values, dict) else []
        if unknown:
            raise _Wrong([Problem(where, f"there is no {key!r}", nearest(key, _FrontMatter.model_fields)) for key in unknown])
        front = _FrontMatter.model_validate(values)
    except yaml.YAMLError as error:
        raise _Wrong([Problem(where, line(error))]) from None
    except ValidationError as error:
        raise _Wrong([Problem(where, explain("front matter", error))]) from None
    if f"{front.name}.md" != file_name:
        raise _Wrong([Problem(where, f"its name has to be that of the file, not {front.name!r}")])
    return front, prompt


_SOMEWHERE = (
    Scenery("", "", ""),
    Scenery(
        *("Acme", "English", "noon", "whatsapp", "Lima, Peru"),
        *(Someone("Ana", ("a fact",)), Strength.SIGNED, Opening(True, "09:00 to 18:00", ""), (Colleague("other", "Helps."),)),
    ),
    Scenery("Acme", "Hindi", "noon", "voice", strength=Strength.CLAIMED, hours=Opening(False, "closed", "tomorrow at 09:00")),
    Scenery("Acme", "English", "noon", "voice", strength=Strength.CLAIMED, is_our_call=True, about="the new tariff"),
)
"""With nothing known, and with all: what fails here would fail in a turn."""


def _try_out(agent: Agent) -> None:
    """Raises _Wrong where the prompt cannot be filled in."""
    try:
        for scenery in _SOMEWHERE:
            agent.fill(scenery)
    except ResourceError as error:
        raise _Wrong([Problem(agent.file, str(error).removeprefix(f"{agent.file}: "))]) from None
