"""What can be measured of this program, and who keeps nothing of it.

Parts tell a `Meter` what they do. This one forgets it at once; `bot.metrics` counts for Prometheus, `bot.traces` makes spans for
OpenTelemetry. What is told is never personal: kinds, names of our own, numbers, and ids of turns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from enum import Enum, StrEnum


class Counted(Enum):
    """What is counted: its name for Prometheus, what it says, and its labels in the order in which values are given."""

    WEBHOOKS = ("webhooks", "Webhooks by what was answered", ("channel", "outcome"))
    TOKENS = ("model_tokens", "Tokens that models have read (input) and written (output)", ("agent", "model", "direction"))
    DOLLARS = ("model_cost_dollars", "US dollars that models have cost, by the price table", ("agent", "model"))
    MODEL_FAILURES = ("model_failures", "Requests to a model that failed or broke off", ("kind",))
    TOOLS = ("tool_calls", "Calls of tools by what came of them", ("tool", "outcome"))
    DELIVERIES = (
        "deliveries",
        "Deliveries by what became of them; retry and unconfirmed are tried again",
        ("channel", "outcome"),
    )
    HANDOFFS = ("handoffs", "Changes of who holds a conversation, by cause", ("cause",))
    HELD_BACK = ("sends_held_back", "Sends that were put off before they were tried, and what for", ("channel", "why"))
    REFUSALS = ("policy_refusals", "Deliveries that policy has refused, by rule", ("rule",))
    RETRIES = ("retries", "Work that failed and is tried again", ("kind",))
    CALLS = ("calls", "Telephone calls that are over, by what came of them", ("direction", "outcome"))
    INTERRUPTIONS = ("call_interruptions", "Answers of ours that a caller spoke over", ("line",))
    DIALS_REFUSED = ("dials_refused", "Calls that were not placed, by the rule that said no", ("rule",))
    SET_ASIDE = ("set_aside", "Work that failed too often, or cannot be read, and waits for a person", ("kind",))

    def __init__(self, title: str, meaning: str, labels: tuple[str, ...]) -> None:
        self.title = title
        self.meaning = meaning
        self.labels = labels


class Held(Enum):
    """What a process has in hand: its name for Prometheus, and what it says."""

    CALLS = ("live_calls", "Telephone calls whose line this process holds")

    def __init__(self, title: str, meaning: str) -> None:
        self.title = title
        self.meaning = meaning


class Stage(StrEnum):
    """What takes time."""

    WAITED = "waited"
    """From the first message's acceptance to the beginning of its turn: the burst window, and the queue."""
    HEARD = "heard"
    """Who speaks, in which conversation, and what an interrupted run has left behind."""
    FIRST_WORD = "first_token"
    """From the question to a model to its first word, or its first whole step."""
    MODEL_STEP = "model_step"
    TOOL = "tool"
    COMMIT = "commit"
    """One unit of a turn."""
    WHOLE = "whole"
    """The turn, from its beginning to its last commit."""
    DELIVERY_WAITED = "delivery_waited"
    """From a reply's commit to its first post."""
    PACED = "paced"
    """Until a post has its turn at the vendor's pace, or is put off; no span of a trace."""
    POSTED = "posted"
    """One post to a channel."""
    CALL_TRANSCRIPT = "call_transcript"
    """On a call, from the moment in which the person stopped speaking: until it was known what they said; no span of a trace."""
    CALL_FIRST_WORD = "call_first_token"
    """... until the model's first word."""
    CALL_FIRST_SOUND = "call_first_audio"
    """... until the first sound of the answer left us."""
    RECEIPT = "receipt"
    """A receipt applied to its delivery; only traces show it."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits of one kind of work."""

    kind: str
    count: int
    oldest: float
    """Seconds that the one has waited that has waited longest; 0 where none waits."""
    dead: int | None = None
    """How many failed too often, or cannot be read; None of what cannot fail, or is told of with another kind."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is only looked at when somebody asks."""

    waiting: Sequence[Waiting] | None = None
    """None: the store could not be asked."""
    in_hand: Mapping[str, int] = field(default_factory=dict)
    """Kind of work -> lanes that this process has in hand."""
    breakers: Mapping[str, str] = field(default_factory=dict)
    """Name -> closed, open or half_open."""


_NOTHING: AbstractContextManager[None] = nullcontext()


class Meter:
    """Keeps nothing. A Meter must never raise, nor wait for anybody."""

    asks_for_turns = False
    """Whether to look up which turn a delivery belongs to, where that costs a read."""

    def count(self, what: Counted, *labels: str, by: float = 1.0) -> None:
        """So much more of this, under these labels."""

    def took(self, stage: Stage, seconds: float) -> None:
        """A stage took so long."""

    def holds(self, what: Held, number: int) -> None:
        """So many of these are in hand now."""

    def stage(self, stage: Stage, what: str = "") -> AbstractContextManager[None]:
        """Measures a block; `what` names a tool or an agent in a trace. Blocks within it belong to it."""
        return _NOTHING

    def within(self, turn_id: str | None, stage: Stage, others: Sequence[str] = ()) -> AbstractContextManager[None]:
        """Measures a block that belongs to this turn, wherever it runs; `others` are the ids of the turn's further messages."""
        return _NOTHING

    def accepted(self, ids: Sequence[str], channel: str, seconds: float) -> None:
        """Messages were made durable just now, in so many seconds; each may become the first of a turn, which has its id then."""

    def exposition(self, snapshot: Snapshot) -> bytes | None:
        """Everything in Prometheus's text format; None from who does not keep it."""
        return None

    async def close(self) -> None:
        """Hands on what has not been handed on yet, within a bound."""


KEEPS_NOTHING = Meter()
