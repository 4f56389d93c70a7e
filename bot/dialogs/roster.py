"""All the agents together: read, and held against the tools there are and against each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bot.dialogs.prompts import Agent, agent_names, read_agents
from bot.dialogs.router import Router
from bot.dialogs.templates import Problem, nearest
from bot.errors import ResourceError


def inspect_agents(known_tools: Sequence[str]) -> tuple[dict[str, Agent], list[Problem]]:
    """The agents that can be read, by name, and all that is wrong with them."""
    agents, problems = read_agents()
    names = agent_names()
    for agent in agents.values():
        problems.extend(_unknown(agent, "tool", agent.tools, known_tools))
        problems.extend(_unknown(agent, "agent to hand to:", agent.handoffs, names))
    if not problems:  # on a part of the agents it would find follow-ups only
        problems.extend(_problems_between(agents))
    return agents, problems


def load_agents(known_tools: Sequence[str]) -> Mapping[str, Agent]:
    """Every agent under prompts/agents, by name. Raises ResourceError: the first problem, with its file and the fix."""
    agents, problems = inspect_agents(known_tools)
    if problems:
        raise ResourceError(str(problems[0]))
    return agents


def _unknown(agent: Agent, what: str, names: Sequence[str], known: Sequence[str]) -> Iterator[Problem]:
    for name in names:
        if name not in known:
            yield Problem(agent.file, f"there is no {what} {name!r}", nearest(name, known))


def _problems_between(agents: Mapping[str, Agent]) -> list[Problem]:
    try:
        return Router(agents).problems()
    except ResourceError as error:
        where, _, what = str(error).partition(": ")
        return [Problem(where, what)]
