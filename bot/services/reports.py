"""What supervisors look at: who waits, who holds how much, how fast we are, why people are needed, what they are told of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from bot.clock import Clock
from bot.conversation import AssigneeKind
from bot.records.conversations import Conversation, ConversationKind
from bot.records.handoffs import Cause, Handoff
from bot.records.users import Presence
from bot.services.presence import OperatorPresence
from bot.services.queueing import Queueing
from bot.services.users import name_of
from bot.store.base import Between, In, Store

_MOST = 20_000
"""Conversations of one period that averages are made of."""
_PEOPLE = In([AssigneeKind.QUEUE, AssigneeKind.OPERATOR])
_WITH_PEOPLE = In([ConversationKind.CUSTOMER, ConversationKind.CALL])


@dataclass(frozen=True, slots=True)
class Load:
    """One operator now."""

    user_id: str
    name: str
    status: Presence
    open: int
    resolved: int
    average_response_minutes: float


@dataclass(frozen=True, slots=True)
class Waiting:
    """One queue now."""

    skill: str
    count: int
    oldest_since: datetime | None


@dataclass(frozen=True, slots=True)
class Period:
    """What happened between two moments. Of nothing there is no average: None."""

    begins: datetime
    ends: datetime
    conversations: int
    passed_to_people: int
    """Of those that began then."""
    containment: float | None
    """The share that the AI served alone, from 0 to 1."""
    first_response_minutes: float | None
    resolution_minutes: float | None
    rating: float | None
    ratings: int
    cost_micros: int
    """Of the conversations that began then, in millionths of a US dollar."""


class Reports:
    """Every question is served by an index."""

    def __init__(self, store: Store, clock: Clock, queueing: Queueing, presence: OperatorPresence) -> None:
        self._store = store
        self._clock = clock
        self._queueing = queueing
        self._presence = presence

    async def queues(self) -> list[Waiting]:
        """Where people wait now, the fullest first."""
        lengths = await self._queueing.lengths()
        found = []
        for skill, count in sorted(lengths.items(), key=lambda item: -item[1]):
            first = await self._queueing.waiting(skill, 1)
            found.append(Waiting(skill, count, first[0].waiting_since if first else None))
        return found

    async def loads(self) -> list[Load]:
        """Every operator, those who are there first, the busiest first."""
        loads = [
            Load(
                user.id,
                name_of(user),
                user.status,
                user.statistics.current_active_conversations,
                user.statistics.resolved_conversations,
                user.statistics.average_response_time,
            )
            for user in await self._presence.operators()
        ]
        return sorted(loads, key=lambda load: (load.status is Presence.OFFLINE, -load.open, load.name))

    async def causes(self, begins: datetime, ends: datetime) -> Mapping[Cause, int]:
        """Why conversations came to people, the commonest first."""
        between = {"at": Between(low=begins, high=ends), "from_kind": AssigneeKind.AGENT, "to_kind": _PEOPLE}
        found = await self._store.tally(Handoff, "cause", between)
        return {Cause(cause): int(count) for cause, count in sorted(found.items(), key=lambda item: -item[1])}

    async def period(self, begins: datetime, ends: datetime) -> Period:
        """The figures of one stretch of time."""
        between = Between(low=begins, high=ends)
        begun = await self._store.find(Conversation, {"created_at": between, "kind": _WITH_PEOPLE}, limit=_MOST)
        ids = {conversation.id for conversation in begun}
        to_people = {"at": Between(low=begins), "to_kind": _PEOPLE}
        passed = ids & set(await self._store.distinct(Handoff, "conversation_id", to_people)) if ids else set()
        resolved = await self._store.find(Conversation, {"resolved_at": between}, limit=_MOST)
        rated = [one.customer_satisfaction.rating for one in resolved if one.customer_satisfaction is not None]
        return Period(
            begins,
            ends,
            len(begun),
            len(passed),
            1 - len(passed) / len(begun) if begun else None,
            _mean([one.first_response_time for one in begun if one.first_response_time is not None]),
            _mean([_minutes(one) for one in resolved if one.created_at is not None]),
            _mean(rated),
            len(rated),
            sum(one.cost.micros for one in begun),
        )

    async def days(self, count: int) -> list[Period]:
        """The last so many stretches of 24 hours, the oldest first."""
        now = self._clock.now()
        edges = [now - timedelta(days=number) for number in range(count, -1, -1)]
        return [await self.period(begins, ends) for begins, ends in pairwise(edges)]

    async def hours_of_entry(self, begins: datetime, ends: datetime) -> Mapping[int, int]:
        """At which hour (UTC) conversations came to people, for planning who is there when."""
        between = {"at": Between(low=begins, high=ends), "from_kind": AssigneeKind.AGENT, "to_kind": _PEOPLE}
        found = await self._store.find(Handoff, between, limit=_MOST)
        return Counter(handoff.at.hour for handoff in found)


def _minutes(conversation: Conversation) -> float:
    began, ended = conversation.created_at, conversation.resolved_at
    return (ended - began).total_seconds() / 60 if began is not None and ended is not None else 0.0


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
