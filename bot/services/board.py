"""Who waits and who holds what, now: the lists on the supervisors' page. Every question is served by an index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.conversation import ConversationStatus
from bot.records.conversations import QUEUE_RANKS, Conversation
from bot.records.people import Customer
from bot.records.tickets import Ticket, TicketStatus
from bot.records.users import Presence, User
from bot.services.presence import OperatorPresence, serves
from bot.services.queueing import Queueing
from bot.services.settings import SystemSettings
from bot.services.users import name_of
from bot.store.base import Between, In, Store

MOST_SHOWN = 50
"""Rows of each list; how many there are besides is told."""
_CAPACITY = 10
_OPEN = [status for status in TicketStatus if status not in (TicketStatus.RESOLVED, TicketStatus.CLOSED)]


@dataclass(frozen=True, slots=True)
class Place:
    """One operator now."""

    user: User
    name: str
    held: int
    """Counted, not remembered."""
    capacity: int
    conversations: Sequence[Conversation]
    """The first of those they hold."""


@dataclass(frozen=True, slots=True)
class Board:
    """How it stands at one moment."""

    at: datetime
    waiting: int
    by_skill: Mapping[str, int]
    """They add up to `waiting`."""
    rows: Sequence[Conversation]
    """The first of those who wait: by priority, then the longest first."""
    oldest: Conversation | None
    """Who has waited the longest, whatever their priority."""
    places: Sequence[Place]
    customers: Mapping[str, Customer]
    """Of all conversations on the board, by id."""
    late_tickets: int
    """Still open after the moment that was promised for their resolution."""
    unserved: Sequence[str]
    """Queues in which somebody waits whom nobody who is online serves."""

    @property
    def held(self) -> int:
        return sum(place.held for place in self.places)

    @property
    def capacity(self) -> int:
        return sum(place.capacity for place in self.places)


class Boards:
    """Reads it."""

    def __init__(self, store: Store, queueing: Queueing, presence: OperatorPresence, settings: SystemSettings) -> None:
        self._store = store
        self._queueing = queueing
        self._presence = presence
        self._settings = settings

    async def now(self, at: datetime) -> Board:
        """The board at this moment."""
        lengths = await self._queueing.lengths()
        rows = [one for skill in lengths for one in await self._queueing.waiting(skill, MOST_SHOWN)]
        rows.sort(key=lambda one: (one.queue_rank, _since(one, at), one.id))
        places = await self._places()
        held = [one for place in places for one in place.conversations]
        oldest = await self._oldest(lengths, at)
        there = [place.user for place in places if place.user.status is Presence.ONLINE]
        unserved = [skill for skill in lengths if not any(serves(user, skill) for user in there)]
        late = await self._store.count(Ticket, {"status": In(_OPEN), "sla.resolution.breached_at": Between(high=at)})
        customers = await self._customers([*rows[:MOST_SHOWN], *held, *([oldest] if oldest else [])])
        return Board(at, sum(lengths.values()), lengths, rows[:MOST_SHOWN], oldest, places, customers, late, unserved)

    async def _places(self) -> list[Place]:
        """Everybody who may be given conversations, and who holds some besides; those who are there first, the busiest first."""
        counts = await self._store.tally(Conversation, "assigned_agent", {"status": ConversationStatus.ASSIGNED})
        capacity = await self._settings.value("max_conversations_per_agent")
        most = capacity if isinstance(capacity, int) and not isinstance(capacity, bool) and capacity >= 0 else _CAPACITY
        operators = {user.id: user for user in await self._presence.operators()}
        others = [id_ for id_ in counts if id_ and id_ not in operators]
        if others:
            operators |= {user.id: user for user in await self._store.find(User, {"id": In(others)})}
        places = []
        for user in operators.values():
            count = int(counts.get(user.id, 0))
            held = await self._held_by(user) if count else []
            places.append(Place(user, name_of(user) or user.email, count, most, held))
        return sorted(places, key=lambda place: (place.user.status is Presence.OFFLINE, -place.held, place.name))

    async def _held_by(self, user: User) -> list[Conversation]:
        theirs = {"status": ConversationStatus.ASSIGNED, "assigned_agent": user.id}
        return await self._store.find(Conversation, theirs, limit=MOST_SHOWN)

    async def _oldest(self, skills: Mapping[str, int], at: datetime) -> Conversation | None:
        found: list[Conversation] = []
        for skill in skills:
            for rank in QUEUE_RANKS.values():
                where = {"status": ConversationStatus.WAITING, "assignee_name": skill, "queue_rank": rank}
                found += await self._store.find(Conversation, where, sort=("waiting_since",), limit=1)
        return min(found, key=lambda one: _since(one, at), default=None)

    async def _customers(self, conversations: Sequence[Conversation]) -> dict[str, Customer]:
        ids = sorted({one.customer_id for one in conversations if one.customer_id})
        found = [
            one
            for first in range(0, len(ids), 500)
            for one in await self._store.find(Customer, {"id": In(ids[first : first + 500])})
        ]
        return {one.id: one for one in found}


def _since(conversation: Conversation, now: datetime) -> datetime:
    return conversation.waiting_since or conversation.assigned_at or now
