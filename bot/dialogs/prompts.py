"""Agents: a Markdown file each, front matter and a Jinja prompt (DESIGN 7)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import yaml
from jinja2 import StrictUndefined, Template, TemplateError, meta
from jinja2.sandbox import SandboxedEnvironment
from pydantic import BaseModel, ConfigDict, ValidationError

from bot.errors import ResourceError
from bot.records.base import explain
from bot.resources import ROOT, read

_JINJA = SandboxedEnvironment(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=False)

BLANKS = ("company", "language", "now", "person")
"""What the engine fills in."""


class _FrontMatter(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    description: str = ""
    tools: list[str] = []
    handoffs: list[str] = []
    model: str = ""


@dataclass(frozen=True)
class Agent:
    """A prompt and the tools it may call."""

    name: str
    description: str
    tools: tuple[str, ...]
    model: str
    """Empty: the one from the settings."""
    prompt: str
    hash: str
    """Tells one wording of the prompt from another in the journal."""
    handoffs: tuple[str, ...] = ()
    """Agents that it may hand a conversation on to."""

    def render(self, **values: str) -> str:
        """The prompt with its blanks filled in. Raises ResourceError that names the agent and what is wrong."""
        try:
            return _template(self.prompt).render(values)
        except (TemplateError, TypeError, LookupError, ValueError, ArithmeticError) as error:
            raise ResourceError(f"prompts/agents/{self.name}.md: {error}") from None


@lru_cache(maxsize=64)
def _template(prompt: str) -> Template:
    return _JINJA.from_string(prompt)


def load_agents(known_tools: Sequence[str]) -> Mapping[str, Agent]:
    """Every agent under prompts/agents, by name. Raises ResourceError that names the file and the fix."""
    agents = (_load(file.name) for file in sorted((ROOT / "prompts" / "agents").glob("*.md")))
    by_name = {agent.name: agent for agent in agents}
    for agent in by_name.values():
        unknown = [name for name in agent.tools if name not in known_tools]
        if unknown:
            raise ResourceError(
                f"prompts/agents/{agent.name}.md: there is no tool {unknown[0]!r}; there are {', '.join(known_tools)}"
            )
    return by_name


def _load(file_name: str) -> Agent:
    text = read("prompts", "agents", file_name)
    head, separator, prompt = text.removeprefix("---\n").partition("\n---\n")
    if not text.startswith("---\n") or not separator:
        raise ResourceError(f"prompts/agents/{file_name}: begins with no front matter between two lines of ---")
    try:
        front = _FrontMatter.model_validate(yaml.safe_load(head))
    except yaml.YAMLError as error:
        raise ResourceError(f"prompts/agents/{file_name}: {' '.join(str(error).split())}") from None
    except ValidationError as error:
        raise ResourceError(f"prompts/agents/{file_name}: {explain('front matter', error)}") from None
    if f"{front.name}.md" != file_name:
        raise ResourceError(f"prompts/agents/{file_name}: its name has to be that of the file, not {front.name!r}")
    _check(prompt, file_name)
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    agent = Agent(front.name, front.description, tuple(front.tools), front.model, prompt.strip(), digest, tuple(front.handoffs))
    agent.render(**{name: name for name in BLANKS})
    return agent


def _check(prompt: str, file_name: str) -> None:
    """A prompt that cannot be filled in is found at the start, not in the middle of a turn."""
    try:
        blanks = meta.find_undeclared_variables(_JINJA.parse(prompt))
    except TemplateError as error:
        raise ResourceError(f"prompts/agents/{file_name}: {error}") from None
    unknown = sorted(blanks.difference(BLANKS))
    if unknown:
        raise ResourceError(f"prompts/agents/{file_name}: nothing fills in {unknown[0]!r}; there are {', '.join(BLANKS)}")
