"""Agents: a Markdown file each, front matter and a Jinja prompt (DESIGN 7); what they share lies in partials.

What is wrong with a file is found when it is read, not in the middle of a turn, and told as a `Problem`: all of them, each with
its fix. Everything is read and compiled once; a file that changes counts from the next start on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import yaml
from jinja2 import DictLoader, StrictUndefined, Template, TemplateError, meta, nodes
from jinja2.sandbox import SandboxedEnvironment
from pydantic import BaseModel, ConfigDict, ValidationError

from bot.dialogs.scenery import BLANKS, Colleague, Scenery, Someone, data
from bot.errors import ResourceError
from bot.principal import Strength
from bot.records.base import explain
from bot.records.conversations import ChannelName, ConversationKind
from bot.records.users import Role
from bot.resources import ROOT, read
from bot.services.hours import Opening

AGENTS = "prompts/agents"
PARTIALS = "prompts/partials"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with a file."""

    file: str
    what: str
    fix: str = ""

    def __str__(self) -> str:
        return f"{self.file}: {self.what}{f'; {self.fix}' if self.fix else ''}"


def nearest(name: str, among: Iterable[str]) -> str:
    """The fix for a name that does not exist: the real one most like it, or all there are."""
    known = sorted(among)
    like = get_close_matches(name, known, 1, 0.5)
    if like:
        return f"did you mean {like[0]}?"
    return f"there are {', '.join(known)}" if known else "there are none"


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


def _environment(partials: Mapping[str, str]) -> SandboxedEnvironment:
    """Where prompts are compiled: they see their blanks and these partials; no other name leads anywhere."""
    jinja = SandboxedEnvironment(
        loader=DictLoader(partials),
        undefined=StrictUndefined,
        autoescape=False,
        auto_reload=False,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    jinja.filters["data"] = data
    return jinja


_WITHOUT_PARTIALS = _environment({})


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
            raise ResourceError(f"{self.file}: {_line(error)}") from None

    @cached_property
    def _template(self) -> Template:
        return self.jinja.from_string(self.prompt)

    def render(self, *, company: str, language: str, now: str, person: str) -> str:
        """`fill`, where no more than this is known; the time is UTC."""
        return self.fill(Scenery(company=company, language=language, now=f"{now} (UTC)", person=Someone(person)))


_FILLING_ERRORS = (TemplateError, TypeError, LookupError, ValueError, ArithmeticError, AttributeError)


def read_agents() -> tuple[dict[str, Agent], list[Problem]]:
    """Every agent under prompts/agents by name, and all that is wrong with its file and with the partials.

    An agent whose file cannot be read or filled in is missing among the first and named among the second.
    """
    problems: list[Problem] = []
    shared = _Partials(dict(_texts(PARTIALS, problems)))
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


def _read(file_name: str, text: str, shared: _Partials) -> Agent:
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
        values = yaml.safe_load(head)
        unknown = [str(key) for key in values if key not in _FrontMatter.model_fields] if isinstance(values, dict) else []
        if unknown:
            raise _Wrong([Problem(where, f"there is no {key!r}", nearest(key, _FrontMatter.model_fields)) for key in unknown])
        front = _FrontMatter.model_validate(values)
    except yaml.YAMLError as error:
        raise _Wrong([Problem(where, _line(error))]) from None
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
)
"""With nothing known, and with all: what fails here would fail in a turn."""


def _try_out(agent: Agent) -> None:
    """Raises _Wrong where the prompt cannot be filled in."""
    try:
        for scenery in _SOMEWHERE:
            agent.fill(scenery)
    except ResourceError as error:
        raise _Wrong([Problem(agent.file, str(error).removeprefix(f"{agent.file}: "))]) from None


class _Partials:
    """What prompts may include: the files of one folder, read once. No other name leads anywhere."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = {name: text.strip() + "\n" for name, text in texts.items()}
        self.jinja = _environment(self._texts)
        self._broken: frozenset[str] = frozenset()

    def problems(self) -> list[Problem]:
        """All that is wrong with the partials themselves."""
        found = {name: self._own_problems(name) for name in self._texts}
        self._broken = frozenset(name for name, problems in found.items() if problems)
        return [problem for problems in found.values() for problem in problems]

    def _own_problems(self, name: str) -> list[Problem]:
        where = f"{PARTIALS}/{name}"
        problems = self.problems_of(where, self._texts[name])
        if not problems and name in self._covers(self._texts[name]):
            problems.append(Problem(where, "includes itself, by way of what it includes", "take one of the includes out"))
        return problems

    def problems_of(self, where: str, text: str) -> list[Problem]:
        """What can be seen in a text without filling it in: includes and blanks that do not exist, broken syntax."""
        try:
            tree = self.jinja.parse(text)
        except TemplateError as error:
            return [Problem(where, _line(error))]
        return [*self._wrong_includes(where, tree), *_wrong_blanks(where, tree)]

    def _wrong_includes(self, where: str, tree: nodes.Template) -> Iterator[Problem]:
        for name in meta.find_referenced_templates(tree):
            if name is None:
                yield Problem(where, "includes a file whose name is not written out", "write the file's name in quotes")
            elif name not in self._texts:
                yield Problem(where, f"there is no partial {name!r}", nearest(name, self._texts))

    def is_broken(self, text: str) -> bool:
        """Whether something that a text includes cannot be used."""
        return not self._broken.isdisjoint(self._covers(text))

    def hash(self, text: str, prompt: str) -> str:
        """12 hexadecimal digits over a text and all that its prompt includes."""
        digest = hashlib.sha256(text.encode())
        for name in sorted(self._covers(prompt)):
            digest.update(f"\0{name}\0{self._texts[name]}".encode())
        return digest.hexdigest()[:12]

    def _covers(self, text: str) -> set[str]:
        """The names of all that a text includes, also by way of others."""
        covered: set[str] = set()
        waiting = [text]
        while waiting:
            new = self._includes(waiting.pop()) - covered
            covered |= new
            waiting.extend(self._texts[name] for name in new)
        return covered

    def _includes(self, text: str) -> set[str]:
        try:
            names = set(meta.find_referenced_templates(self.jinja.parse(text)))
        except TemplateError:
            return set()
        return {name for name in names if name is not None and name in self._texts}


def _wrong_blanks(where: str, tree: nodes.Template) -> Iterator[Problem]:
    """Names that nothing fills in, also those behind a dot, in every branch."""
    for name in sorted(meta.find_undeclared_variables(tree) - set(BLANKS)):
        yield Problem(where, f"nothing fills in {name!r}", nearest(name, BLANKS))
    parts = {**_PARTS, **dict.fromkeys(_colleagues(tree), _names(Colleague))}
    for node in tree.find_all(nodes.Getattr):
        part = node.node.name if isinstance(node.node, nodes.Name) else ""
        if part in parts and node.attr not in parts[part]:
            yield Problem(where, f"nothing fills in '{part}.{node.attr}'", nearest(node.attr, parts[part]))


def _colleagues(tree: nodes.Template) -> Iterator[str]:
    """What a loop over the colleagues calls one of them."""
    for loop in tree.find_all(nodes.For):
        if isinstance(loop.iter, nodes.Name) and loop.iter.name == "colleagues" and isinstance(loop.target, nodes.Name):
            yield loop.target.name


def _names(part: type[Any]) -> Collection[str]:
    return [one.name for one in fields(part)]


_PARTS: Mapping[str, Collection[str]] = {"person": _names(Someone), "hours": _names(Opening)}
"""Blanks that have blanks of their own."""


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
