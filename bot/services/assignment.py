"""Who waits is given to who is free: oldest first, by skill, the preferred operator first, then the least loaded.

Who waits on the telephone is put through to who has one and is not on it.

Rules are the settings `auto_assignment_enabled`, `max_conversations_per_agent` and `assignment_rules`; a change counts within
seconds. Several processes may run this at once: each gift is a compare-and-set on the conversation and on the operator's load.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from bot.clock import Clock
from bot.conversation import AssigneeKind, ConversationStatus, OperatorRef, Queue
from bot.errors import Conflict
from bot.live import Live
from bot.records.calls import Call, CallStatus, NextKind, NextStep
from bot.records.conversations import Conversation, ConversationKind
from bot.records.handoffs import Cause, Handoff
from bot.records.people import Customer
from bot.records.users import Presence, User
from bot.services.conversations import Conversations
from bot.services.handoff import DEFAULT_SKILL
from bot.services.presence import OperatorPresence, is_operator, serves
from bot.services.queueing import Queueing
from bot.services.settings import SystemSettings
from bot.services.telephones import telephone_of
from bot.services.users import name_of
from bot.store.base import Change, In, Require, Store, Unit

log = structlog.get_logger()

_AT_ONCE = 200
"""Conversations of one queue that are looked at in one run."""
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Rules:
    """How conversations are given out, as somebody has set it."""

    is_on: bool
    capacity: int
    prefers: bool
    anybody_after: timedelta | None
    """After so long without anybody of the right skill, whoever is free gets it."""


class Assignment:
    """Gives what waits to operators, and takes back what operators left behind."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        settings: SystemSettings,
        conversations: Conversations,
        presence: OperatorPresence,
        queueing: Queueing,
        live: Live,
    ) -> None:
        self._store = store
        self._clock = clock
        self._settings = settings
        self._conversations = conversations
        self._presence = presence
        self._queueing = queueing
        self._live = live

    async def rules(self) -> Rules:
        """Those that count now; where one cannot be read, its default."""
        written = await self._settings.value("assignment_rules")
        own: Mapping[str, Any] = written if isinstance(written, Mapping) else {}
        capacity = await self._settings.value("max_conversations_per_agent")
        minutes = own.get("anybody_after_minutes", 10)
        return Rules(
            is_on=await self._settings.value("auto_assignment_enabled") is True,
            capacity=capacity if isinstance(capacity, int) and capacity >= 0 else 10,
            prefers=own.get("preferred_agent", True) is True,
            anybody_after=timedelta(minutes=minutes) if isinstance(minutes, int | float) and minutes >= 0 else None,
        )

    async def give_out(self) -> int:
        """Gives what waits to operators who are free; how many."""
        rules = await self.rules()
        free = await self._free(rules) if rules.is_on else []
        given = 0
        for conversation in await self._waiting(free, rules) if free else []:
            given += await self._give(conversation, free, rules)
        return given

    async def take_back(self) -> int:
        """What operators who are gone have left unanswered waits in its queue again, where it was; how much."""
        count = 0
        for user in await self._presence.gone_with_work():
            theirs = {"status": ConversationStatus.ASSIGNED, "assigned_agent": user.id}
            for conversation in await self._store.find(Conversation, theirs, limit=_AT_ONCE):
                if conversation.waiting_since is not None:
                    count += await self._take_back(conversation, user)
        return count

    async def _take_back(self, conversation: Conversation, user: User) -> bool:
        unit = Unit()
        unit.first(Require(User, {"id": user.id, "status": user.status, "is_active": user.is_active}))
        queue = Queue(await self._skill_of(conversation))
        reason = f"{name_of(user)} is offline"
        self._conversations.assign(unit, conversation, queue, by="system", reason=reason, cause=Cause.OPERATOR_OFFLINE)
        return await self._commit(unit, conversation)

    async def _skill_of(self, conversation: Conversation) -> str:
        """The queue in which it last waited."""
        passed = await self._store.find(Handoff, {"conversation_id": conversation.id}, sort=("-at",), limit=50)
        return next((one.from_name for one in passed if one.from_kind is AssigneeKind.QUEUE), DEFAULT_SKILL)

    async def _waiting(self, free: Sequence[User], rules: Rules) -> list[Conversation]:
        """Who waits in queues that somebody free may serve: by priority, then the longest first."""
        slots = sum(rules.capacity - _load(user) for user in free)
        found: list[Conversation] = []
        for skill in await self._queueing.skills():
            found += await self._queueing.waiting(skill, min(slots, _AT_ONCE))
        return sorted(found, key=lambda one: (one.queue_rank, one.waiting_since or _NEVER, one.id))

    async def _free(self, rules: Rules) -> list[User]:
        online = await self._store.find(User, {"status": Presence.ONLINE})
        return [
            user for user in online if is_operator(user) and user.preferences.auto_assignment and _load(user) < rules.capacity
        ]

    async def _give(self, conversation: Conversation, free: list[User], rules: Rules) -> bool:
        """To whom it fits best; `free` loses who has no room left."""
        user = await self._best(conversation, free, rules)
        if user is None:
            return False
        load = {"statistics.current_active_conversations": _load(user)}
        unit = Unit()
        unit.first(Require(User, {"id": user.id, "status": Presence.ONLINE, "is_active": True, **load}))
        to = OperatorRef(user.id)
        self._conversations.assign(unit, conversation, to, by="system", reason="", cause=Cause.AUTO_ASSIGNED)
        if conversation.kind is ConversationKind.CALL:
            unit.add(_put_through(conversation, telephone_of(user)))
        is_given = await self._commit(unit, conversation)
        now = await self._store.get(User, user.id)  # whoever was faster has changed their load
        free.remove(user)
        if now is not None and now.status is Presence.ONLINE and _load(now) < rules.capacity:
            free.append(now)
        return is_given

    async def _best(self, conversation: Conversation, free: Sequence[User], rules: Rules) -> User | None:
        if conversation.kind is ConversationKind.CALL:
            free = [user for user in free if telephone_of(user) and not await self._is_on_the_phone(user)]
        fitting = [user for user in free if serves(user, conversation.assignee_name)]
        since = conversation.waiting_since or conversation.assigned_at or self._clock.now()
        if not fitting and rules.anybody_after is not None and self._clock.now() - since >= rules.anybody_after:
            fitting = list(free)
        preferred = await self._preferred(conversation) if rules.prefers and fitting else None
        own = next((user for user in fitting if user.id == preferred), None)
        return own or min(fitting, key=lambda user: (_load(user), user.idle_since or _NEVER, user.id), default=None)

    async def _is_on_the_phone(self, user: User) -> bool:
        """Whether a call was put through to them that is not over yet."""
        theirs = {"status": ConversationStatus.ASSIGNED, "assigned_agent": user.id}
        held = await self._store.find(Conversation, theirs, limit=_AT_ONCE)
        calls = [one.call_id for one in held if one.kind is ConversationKind.CALL and one.call_id]
        found = await self._store.find(Call, {"id": In(calls)}) if calls else []
        return any(call.status is CallStatus.IN_PROGRESS for call in found)

    async def _preferred(self, conversation: Conversation) -> str | None:
        customer = await self._store.get(Customer, conversation.customer_id or "")
        return customer.preferences.preferred_agent if customer is not None else None

    async def _commit(self, unit: Unit, conversation: Conversation) -> bool:
        try:
            await self._store.commit(unit)
        except Conflict:
            return False  # somebody was faster; the next run looks again
        self._live.tell(conversation.lane)
        return True


def _put_through(conversation: Conversation, to: str) -> Change:
    """A call goes on at this telephone; the unit is void where it is over."""
    under_way = {"id": conversation.call_id or "", "status": CallStatus.IN_PROGRESS}
    return Change(Call, under_way, set={"next_step": NextStep(kind=NextKind.TRANSFER, to=to)}, must=1)


def _load(user: User) -> int:
    return user.statistics.current_active_conversations
