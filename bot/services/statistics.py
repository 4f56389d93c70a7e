"""Counters of conversations, operators and customers: counted up with what they count, and equal to a recount at rest.

S2-031, S2-098, S2-099: nothing here is ever set from a count that was read before; averages are made of a number and a sum.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from bot.conversation import AssigneeKind, ConversationStatus
from bot.records.audit import AuditAction, AuditEntry
from bot.records.conversations import Conversation, Direction, Message
from bot.records.handoffs import Handoff
from bot.records.users import User
from bot.store.base import Between, Change, Store, Unit

_MILLISECOND = timedelta(milliseconds=1)
_MINUTE = 60_000
_EVER = Between(low=0)


def put_answer(unit: Unit, conversation: Conversation, user: User, message: Message) -> None:
    """An operator has answered: who had waited for it waits no more. The unit is void with Conflict if one crossed it."""
    now, since = message.timestamp, conversation.waiting_since
    news: dict[str, Any] = {"last_agent_response": now, "waiting_since": None, "unread_count": 0}
    if since is None:  # nobody waited: it is no answer
        unit.add(Change(Conversation, {"id": conversation.id, "waiting_since": None}, set=news, must=1))
        return
    waited = message.waited_ms = max(0, (now - since) // _MILLISECOND)
    news["average_response_time"] = mean_minutes(conversation.response_ms + waited, conversation.responses + 1)
    if conversation.first_response_time is None:
        news["first_response_time"] = waited / _MINUTE
    as_read = {"id": conversation.id, "waiting_since": since, "responses": conversation.responses}
    unit.add(Change(Conversation, as_read, set=news, inc={"responses": 1, "response_ms": waited}, must=1))
    own = user.statistics
    average = mean_minutes(own.response_ms + waited, own.responses + 1)
    unit.add(
        Change(
            User,
            {"id": user.id, "statistics.responses": own.responses},
            set={"statistics.average_response_time": average},
            inc={"statistics.responses": 1, "statistics.response_ms": waited},
            must=1,
        )
    )


def mean_minutes(total_ms: int, count: int) -> float:
    """Minutes; 0 where there is nothing to average."""
    return total_ms / count / _MINUTE if count else 0.0


class Statistics:
    """Counts again what the counters say. Only at rest is it the same: what is written meanwhile may be counted once only."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def of_user(self, user_id: str) -> dict[str, Any]:
        """By the names of the fields of a user's statistics."""
        active = {"status": ConversationStatus.ASSIGNED, "assigned_agent": user_id}
        given = {"to_kind": AssigneeKind.OPERATOR, "to_name": user_id}
        solved = {"performed_by": f"user:{user_id}", "action": AuditAction.RESOLVED, "entity_type": "conversation"}
        answered = {"agent_id": user_id, "waited_ms": _EVER}
        count = await self._store.count(Message, answered)
        total = int((await self._store.tally(Message, "agent_id", answered, total="waited_ms")).get(user_id, 0))
        return {
            "current_active_conversations": await self._store.count(Conversation, active),
            "total_conversations": await self._store.count(Handoff, given),
            "resolved_conversations": await self._store.count(AuditEntry, solved),
            "responses": count,
            "response_ms": total,
            "average_response_time": mean_minutes(total, count),
        }

    async def of_conversation(self, conversation_id: str) -> dict[str, Any]:
        """By the names of the conversation's fields."""
        own = {"conversation_id": conversation_id}
        answers = await self._store.find(Message, {**own, "waited_ms": _EVER}, sort=("timestamp",))
        total = sum(message.waited_ms or 0 for message in answers)
        return {
            "message_count": await self._store.count(Message, own),
            "responses": len(answers),
            "response_ms": total,
            "average_response_time": mean_minutes(total, len(answers)) if answers else None,
            "first_response_time": (answers[0].waited_ms or 0) / _MINUTE if answers else None,
        }

    async def of_customer(self, customer_id: str) -> dict[str, Any]:
        """By the names of the fields of a customer's statistics."""
        own = {"customer_id": customer_id}
        return {
            "total_conversations": await self._store.count(Conversation, own),
            "total_messages": await self._store.count(Message, {**own, "direction": Direction.INBOUND}),
        }

    async def correct_user(self, user_id: str) -> Mapping[str, Any]:
        """Sets an operator's counters right, where they were imported or set by hand; what it counted."""
        counted = await self.of_user(user_id)
        await self._store.change(User, {"id": user_id}, set={f"statistics.{name}": value for name, value in counted.items()})
        return counted


def since(now: datetime, days: float) -> Between:
    """From so many days ago on."""
    return Between(low=now - timedelta(days=days))
