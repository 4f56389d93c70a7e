"""Which agent takes a conversation, and to whom it may hand it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product

from bot.dialogs.prompts import Agent
from bot.dialogs.scenery import Colleague
from bot.dialogs.templates import Problem
from bot.errors import ResourceError
from bot.records.conversations import ConversationKind

FIRST = "support"
"""Whom everybody comes to where nothing else decides."""


def _is_for_role(agent: Agent, kind: str, role: str) -> bool:
    """Only users have roles: they count in conversations with the assistant."""
    return kind != ConversationKind.ASSISTANT or not agent.roles or role in agent.roles


def _rank(agent: Agent, channel: str, skill: str, language: str) -> tuple[bool, ...]:
    """The less, the better it fits: first what it is not for, then what it is made for; each in the order of its weight."""
    limits = ((agent.channels, channel), (agent.languages, language), (agent.skills, skill))
    is_for_others = tuple(bool(named and asked) and asked not in named for named, asked in limits)
    by_skill, by_channel, by_language = skill in agent.skills, channel in agent.channels, language in agent.languages
    return (*is_for_others, not agent.roles, not by_skill, not by_channel, not by_language)


class Router:
    """Chooses among the agents there are; the same answer to the same question, always an answer.

    Of the agents for a kind of conversation (and, where they name roles, for the user's role) the one is taken that fits best.
    One that is for other channels, other languages or other skills only is taken where nobody else is left, in this order of
    what weighs most. Among those that fit, one made for this role comes before one made for this skill, this channel, this
    language, and that before one that names none. What is still equal is decided by name, `support` first.
    """

    def __init__(self, agents: Mapping[str, Agent]) -> None:
        """Raises ResourceError where nobody is there for customers: then somebody would be lost."""
        ordered = sorted(agents.values(), key=lambda agent: (agent.name != FIRST, agent.name))
        self._agents = {agent.name: agent for agent in ordered}
        self._by_kind = {kind: tuple(a for a in ordered if kind in a.kinds) for kind in ConversationKind}
        if not self._by_kind[ConversationKind.CUSTOMER]:
            raise ResourceError("prompts/agents: no agent is for customers; write `kinds: [customer]` in one")
        # A caller is a customer: where no agent is made for calls, those for customers take them.
        self._by_kind[ConversationKind.CALL] = self._by_kind[ConversationKind.CALL] or self._by_kind[ConversationKind.CUSTOMER]
        self._colleagues = {name: tuple(self._handed_to(agent)) for name, agent in self._agents.items()}

    @property
    def agents(self) -> tuple[Agent, ...]:
        """All there are, `support` first."""
        return tuple(self._agents.values())

    def first(self, kind: str, channel: str, role: str = "", skill: str = "", language: str = "") -> Agent:
        """The agent that a conversation begins with; `skill` is what was asked for, empty where nothing was.

        Raises ResourceError where a user's role has no agent: another role's does not step in.
        """

        skill = skill.strip().lower()
        fitting = [agent for agent in self._by_kind[ConversationKind(kind)] if _is_for_role(agent, kind, role)]
        if not fitting:
            raise ResourceError(f"prompts/agents: no agent is for {kind} conversations of role '{role}'; name it in `roles`")
        return min(fitting, key=lambda agent: _rank(agent, channel, skill, language))  # the first of those that are equal

    def has_agent(self, kind: str, role: str = "") -> bool:
        """Whether there is one for such conversations and this role."""
        return any(_is_for_role(agent, kind, role) for agent in self._by_kind[ConversationKind(kind)])

    def named(self, name: str, kind: str, channel: str, role: str = "", skill: str = "", language: str = "") -> Agent:
        """The agent of that name; the first for such a conversation where its file is gone, or it is not for such ones any more.

        Raises ResourceError like `first`.
        """
        agent = self._agents.get(name)
        if agent is not None and self._serves(agent, kind) and _is_for_role(agent, kind, role):
            return agent
        return self.first(kind, channel, role, skill, language)

    def may_hand(self, giver: str, taker: str) -> bool:
        """Whether one agent may hand a conversation to another: its file says so, and the other one is there."""
        return any(colleague.name == taker for colleague in self._colleagues.get(giver, ()))

    def colleagues(self, name: str) -> tuple[Colleague, ...]:
        """Whom an agent may hand to, in the words of its prompt."""
        return self._colleagues.get(name, ())

    def skills(self) -> dict[str, tuple[str, ...]]:
        """Skill -> the names of the agents that have it."""
        skills = sorted({skill for agent in self._agents.values() for skill in agent.skills})
        return {skill: tuple(name for name, agent in self._agents.items() if skill in agent.skills) for skill in skills}

    def problems(self) -> list[Problem]:
        """What is wrong with how the agents are joined: handoffs that lead nowhere, agents that nobody comes to."""
        found = [problem for agent in self._agents.values() for problem in self._wrong_handoffs(agent)]
        reached = self._reached()
        fix = "name a kind, skill, channel or language that it alone is for, or let another agent hand to it"
        return found + [Problem(a.file, "nobody can reach this agent", fix) for n, a in self._agents.items() if n not in reached]

    def _handed_to(self, agent: Agent) -> Iterator[Colleague]:
        for name in agent.handoffs:
            if name in self._agents and name != agent.name:
                yield Colleague(name, self._agents[name].description)

    def _wrong_handoffs(self, agent: Agent) -> Iterator[Problem]:
        for name in agent.handoffs:
            if name == agent.name:
                yield Problem(agent.file, "hands to itself", f"take {name} out of its handoffs")
            elif name in self._agents:
                missing = [kind for kind in agent.kinds if not self._serves(self._agents[name], kind)]
                what = f"hands to {name}, which is not for {' and '.join(missing)} conversations"
                if missing:
                    yield Problem(agent.file, what, f"add the kind to {name}.md, or take {name} out of its handoffs")

    def _serves(self, agent: Agent, kind: str) -> bool:
        return not agent.kinds or kind in agent.kinds or agent in self._by_kind[ConversationKind(kind)]

    def _reached(self) -> set[str]:
        """The agents that are chosen for something they name, and those that they hand to, and so on."""
        waiting = [agent for agent in self._agents.values() if self._is_ever_first(agent)]
        reached: set[str] = set()
        while waiting:
            agent = waiting.pop()
            if agent.name not in reached:
                reached.add(agent.name)
                waiting.extend(self._agents[colleague.name] for colleague in self._colleagues[agent.name])
        return reached

    def _is_ever_first(self, agent: Agent) -> bool:
        asked = product(*(named or ("",) for named in (agent.channels, agent.roles, agent.skills, agent.languages)))
        return any(self.first(kind, *one) is agent for one in asked for kind in agent.kinds)
