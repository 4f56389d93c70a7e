"""What an agent is asked, within which bounds, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bot.conversation import AgentRef, Assignee
from bot.dialogs.llm import ToolCall, Usage
from bot.dialogs.prices import micros
from bot.dialogs.prompts import Agent
from bot.dialogs.speaking import Speaker
from bot.journal import Journal
from bot.message import Reply
from bot.records.conversations import FlowState
from bot.records.handoffs import Cause
from bot.services.spending import Budget
from bot.tools.base import Begun, Result, ToolContext

CONFIRMED = "confirmed"
"""Id of the call that the person has just confirmed."""


class GaveUp(Exception):
    """A bound was reached."""


class OverBudget(GaveUp):
    """The money is used up."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far one turn may go."""

    steps: int = 8
    calls_per_step: int = 8
    seconds: float = 90.0
    tokens: int = 60_000
    """Input and output together, over all steps of the turn."""
    answer_tokens: int = 1024
    agents: int = 3
    """So many agents may have a hand in one turn, so that handing on ends."""


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
    broken: int = 0
    """Answers that broke off in mid-word."""

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens

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
    """What is to be said and done at the end of the turn."""

    replies: list[Reply] = field(default_factory=list)
    assignee: Assignee | None = None
    reason: str = ""
    cause: Cause | None = None
    """Which of the known reasons it changes hands for."""
    failed: bool = False
    """Whether the last that was tried was not done."""
    flow: FlowState | None = None
    """What the conversation waits for from then on."""
    begins: Begun | None = None
    """The flow that takes its first step now."""
    untold: bool = False
    """What the person has confirmed was done, and nobody has said a word to them since."""
    unsaid: bool = False
    """The same of anything that was done."""
    trouble: bool = False
    """Whether the agent had to give up: then the person is told so."""
    over_budget: str = ""
    """Whose money is used up, where that is the trouble: the reason of the handoff."""
    spent: Spent = field(default_factory=Spent)

    def say(self, words: list[Reply]) -> None:
        """What the model itself says."""
        self.replies.extend(words)
        self.untold, self.unsaid = self.untold and not words, self.unsaid and not words

    def take(self, results: list[Result]) -> None:
        """What tools ask the turn to do."""
        for result in results:
            self.replies.extend(result.replies)
            self.flow = result.flow or self.flow
            self.unsaid = self.unsaid or (result.wrote and not result.replies)
            self.begins = result.begins or self.begins
            if result.assignee is not None:
                self.assignee, self.reason, self.cause = result.assignee, result.reason, result.cause
        self.failed = bool(results) and all(result.failed for result in results)


@dataclass(slots=True)
class Task:
    """One question to an agent, and to those whom it hands it on to."""

    agent: Agent
    """Who leads it now."""
    agents: Mapping[str, Agent]
    """All there are, by name."""
    prompt: Callable[[Agent], str]
    """Their prompts, filled in for this turn."""
    messages: list[dict[str, Any]]
    """System prompt, history and the turn's words, in the wire format; the loop appends to it."""
    context: ToolContext
    journal: Journal
    model: str = ""
    """Model to ask for; empty: the agent's, else the one from the settings."""
    confirmed: ToolCall | None = None
    """What the person has just confirmed: it is run before the model is asked."""
    round: int = 0
    """How many questions to agents there were before in this turn: a flow may begin in the first one, and end with a call."""
    question: Mapping[str, Any] = field(default_factory=dict)
    """What they were asked about it: `asked`, in `language`."""
    seen: set[str] = field(default_factory=set)
    """Agents that have handed it on: it does not come back to them in this turn."""
    budget: Budget | None = None
    """What it may still cost; None is without a bound."""
    spent: Spent = field(default_factory=Spent)
    """What it has taken, also where nothing comes of it."""
    speaker: Speaker | None = None
    """Who speaks the model's words as they come; None where they are only said once all is done."""

    def hand_on(self, to: AgentRef, most: int) -> None:
        """Another agent leads it from now on, with its own prompt and tools; nobody twice, and no more than `most` in all."""
        if to.name not in self.context.colleagues or to.name not in self.agents:  # the second wish of one step, or itself
            return
        self.seen.add(self.agent.name)
        self.agent = self.agents[to.name]
        self.messages[0] = {"role": "system", "content": self.prompt(self.agent)}
        others = tuple(name for name in self.agent.handoffs if name not in self.seen)
        self.context = replace(self.context, agent=self.agent.name, colleagues=others if len(self.seen) + 1 < most else ())
