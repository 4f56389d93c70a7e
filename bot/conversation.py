"""Who holds a conversation, the turn, and the tables of allowed moves.

The assignee is ONE value. The seed spreads it over `status`, `isAIEnabled`, `assignedAgent`, `assignedAt` and `assignedBy`;
`seed_fields` is the only place that knows that spelling (S2-092, S2-093).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from bot.errors import MoveRefused
from bot.message import Address, InboundMessage


@dataclass(frozen=True, slots=True)
class AgentRef:
    """An AI agent holds the conversation."""

    name: str


@dataclass(frozen=True, slots=True)
class Queue:
    """It waits for a person with this skill; the AI is silent."""

    skill: str


@dataclass(frozen=True, slots=True)
class OperatorRef:
    """An operator holds it; the AI is silent."""

    id: str


Assignee = AgentRef | Queue | OperatorRef


class ConversationStatus(StrEnum):
    OPEN = "open"
    ASSIGNED = "assigned"
    WAITING = "waiting"
    RESOLVED = "resolved"
    CLOSED = "closed"


class AssigneeKind(StrEnum):
    AGENT = "agent"
    QUEUE = "queue"
    OPERATOR = "operator"


SEED_FIELDS: dict[AssigneeKind, tuple[ConversationStatus, bool]] = {
    AssigneeKind.AGENT: (ConversationStatus.OPEN, True),
    AssigneeKind.QUEUE: (ConversationStatus.WAITING, False),
    AssigneeKind.OPERATOR: (ConversationStatus.ASSIGNED, False),
}
"""Kind of assignee -> the seed's (status, isAIEnabled). The operator's id goes to assignedAgent."""

MOVES: dict[ConversationStatus, frozenset[ConversationStatus]] = {
    ConversationStatus.OPEN: frozenset(ConversationStatus) - {ConversationStatus.OPEN},
    ConversationStatus.ASSIGNED: frozenset(ConversationStatus),
    ConversationStatus.WAITING: frozenset(ConversationStatus),
    ConversationStatus.RESOLVED: frozenset(ConversationStatus) - {ConversationStatus.RESOLVED},
    ConversationStatus.CLOSED: frozenset(),
}
"""Status -> the statuses that may follow it. A closed one stays closed: the next message begins a new conversation (S2-101)."""


def kind_of(assignee: Assignee) -> AssigneeKind:
    match assignee:
        case AgentRef():
            return AssigneeKind.AGENT
        case Queue():
            return AssigneeKind.QUEUE
        case OperatorRef():
            return AssigneeKind.OPERATOR


def name_of(assignee: Assignee) -> str:
    """The agent's name, the queue's skill or the operator's id."""
    match assignee:
        case AgentRef(name):
            return name
        case Queue(skill):
            return skill
        case OperatorRef(id_):
            return id_


def assignee_of(kind: AssigneeKind, name: str) -> Assignee:
    match kind:
        case AssigneeKind.AGENT:
            return AgentRef(name)
        case AssigneeKind.QUEUE:
            return Queue(name)
        case AssigneeKind.OPERATOR:
            return OperatorRef(name)


def check_move(now: ConversationStatus, to: ConversationStatus) -> None:
    """Raises MoveRefused unless `to` may follow `now`."""
    if to not in MOVES[now]:
        raise MoveRefused(f"a conversation cannot go from {now} to {to}")


@dataclass(frozen=True, slots=True)
class Heard:
    """One message of a turn and where it waits."""

    inbox_id: str
    position: str
    """Its place in the order of arrival; also the id of its record in the timeline, so that it is written once."""
    message: InboundMessage


@dataclass(frozen=True, slots=True)
class Turn:
    """The messages that were waiting when the lane was claimed, answered together and frozen from then on."""

    address: Address
    heard: tuple[Heard, ...]

    @property
    def id(self) -> str:
        """The place of the message that came first: the same after a crash, so that the journal can be found again."""
        return min(item.position for item in self.heard)

    @property
    def messages(self) -> tuple[InboundMessage, ...]:
        return tuple(item.message for item in self.heard)

    @property
    def inbox_ids(self) -> tuple[str, ...]:
        return tuple(item.inbox_id for item in self.heard)

    @property
    def message_ids(self) -> tuple[str, ...]:
        return tuple(item.position for item in self.heard)

    def only(self, inbox_ids: Collection[str]) -> Turn:
        """This turn without what came after it was frozen."""
        return Turn(self.address, tuple(item for item in self.heard if item.inbox_id in inbox_ids))
