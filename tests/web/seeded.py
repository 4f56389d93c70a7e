"""Some weeks of an invented team, written as records: so many conversations a day, with handoffs, answers, ratings and costs."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from bot.app import App, assemble
from bot.config import Settings
from bot.conversation import AssigneeKind, ConversationStatus
from bot.records.base import Record
from bot.records.conversations import (
    QUEUE_RANKS,
    Conversation,
    Cost,
    HandoffNote,
    LastMessage,
    MessageSender,
    Priority,
    Satisfaction,
)
from bot.records.handoffs import Cause, Handoff
from bot.records.people import Customer
from bot.records.users import Presence, Role, User
from bot.records.work import Delivery, DeliveryState, InboxRow, InboxState
from bot.testing.clock import ManualClock

HOSTILE = "<script>alert(1)</script>"
_CAUSES = [Cause.ASKED] * 6 + [Cause.RULE] * 3 + [Cause.LOW_CONFIDENCE] * 3 + [Cause.SENTIMENT] * 2 + [Cause.MODEL_DOWN]
_WAITING = (("Madhav", "Nair", Priority.URGENT, 11), ("Tobias", "Rennard", Priority.MEDIUM, 6), (HOSTILE, "", Priority.MEDIUM, 5))


@asynccontextmanager
async def resting(folder: Path) -> AsyncIterator[App]:
    """The program without its worker: nothing is answered, given out or tried again by itself."""
    settings = Settings(_env_file=None, BOT_DATA_DIR=folder, BOT_DEFAULT_LANGUAGE="en")
    async with assemble(settings, clock=ManualClock(), channels={}) as joined:
        yield joined


@dataclass(frozen=True)
class Seeded:
    """What was written."""

    conversations: list[Conversation]
    handoffs: list[Handoff]
    operators: list[User]


def _conversation(number: int, begins: datetime, **fields: object) -> Conversation:
    values: dict[str, object] = {
        "id": f"c{number:06d}",
        "customer_id": f"p{number:06d}",
        "lane": f"whatsapp:1:1202555{number:04d}",
        "our_address": "1",
        "their_address": f"1202555{number:04d}",
        "assignee_name": "support",
        "created_at": begins,
        "updated_at": begins,
    }
    return Conversation.model_validate(values | fields)


def _handoff(number: int, at: datetime, cause: Cause, **fields: object) -> Handoff:
    values: dict[str, object] = {
        "id": f"h{number:06d}",
        "conversation_id": f"c{number:06d}",
        "epoch": 1,
        "from_kind": AssigneeKind.AGENT,
        "from_name": "support",
        "to_kind": AssigneeKind.QUEUE,
        "to_name": "support",
        "cause": cause,
        "by": "system",
        "at": at,
    }
    return Handoff.model_validate(values | fields)


def _past(dice: random.Random, number: int, begins: datetime, ends: datetime) -> tuple[Conversation, Handoff | None]:
    """One that is over, or that the AI serves."""
    cost = Cost(micros=dice.randrange(10_000, 60_000))
    if dice.random() < 0.68:
        return _conversation(number, begins, cost=cost), None
    answered, took = dice.uniform(0.4, 9), dice.uniform(12, 200)
    resolved_at = begins + timedelta(minutes=took)
    if resolved_at >= ends:
        return _conversation(number, begins, cost=cost, first_response_time=answered), _handoff(
            number, begins, dice.choice(_CAUSES)
        )
    rated = Satisfaction(rating=dice.choice([5, 5, 5, 4, 4, 3, 2, 1])) if dice.random() < 0.6 else None
    status = ConversationStatus.RESOLVED
    over = {"status": status, "resolved_at": resolved_at, "customer_satisfaction": rated, "resolved_by": "u1"}
    conversation = _conversation(number, begins, cost=cost, first_response_time=answered, **over)
    return conversation, _handoff(number, begins + timedelta(minutes=1), dice.choice(_CAUSES))


def _operators(now: datetime) -> list[User]:
    there = (
        ("u1", "Nadia Okpara", Presence.ONLINE),
        ("u2", "Tomás Rivera", Presence.AWAY),
        ("u3", "Yusra Haddad", Presence.OFFLINE),
    )
    return [
        User(id=id_, email=f"{id_}@example.org", name=name, role=Role.AGENT, status=status, last_seen_at=now)
        for id_, name, status in there
    ]


def _waiting(number: int, now: datetime) -> tuple[Conversation, Customer]:
    first, last, priority, minutes = _WAITING[number]
    since = now - timedelta(minutes=minutes, seconds=20)
    note = HandoffNote(reason="asked", at=since, cause=Cause.ASKED, by="system")
    conversation = _conversation(
        900_000 + number,
        since,
        status=ConversationStatus.WAITING,
        assignee_kind=AssigneeKind.QUEUE,
        is_ai_enabled=False,
        waiting_since=since,
        assigned_at=since,
        priority=priority,
        queue_rank=QUEUE_RANKS[priority],
        handoff=note,
        lane=f"whatsapp:1:w{number}",
        last_message=LastMessage(content=f"Where is my refund? {HOSTILE}", sender=MessageSender.CUSTOMER, timestamp=since),
    )
    return conversation, Customer(id=f"p{900_000 + number:06d}", first_name=first, last_name=last or None)


def _held(number: int, user: User, now: datetime) -> Conversation:
    return _conversation(
        800_000 + number,
        now - timedelta(hours=1),
        status=ConversationStatus.ASSIGNED,
        assignee_kind=AssigneeKind.OPERATOR,
        assignee_name=user.id,
        assigned_agent=user.id,
        assigned_at=now,
        is_ai_enabled=False,
        lane=f"whatsapp:1:h{number}",
    )


def _dead(now: datetime) -> list[Record]:
    return [
        InboxRow(id="dead-1", lane="whatsapp:1:12025550101", position="1", item="{}", state=InboxState.DEAD, attempts=5,
                 accepted_at=now - timedelta(hours=2), error=f"the model gave up {HOSTILE}"),
        Delivery.model_validate({
            "id": "dead-2", "lane": "whatsapp:1:12025550102", "position": "1", "conversation_id": "c000001", "message_id": "m1",
            "author": "ai", "epoch": 0, "reply": {}, "state": DeliveryState.DEAD, "openness": "closed", "attempts": 8,
            "due_at": now, "error": "the vendor refused it (131026)",
        }),
    ]  # fmt: skip


async def seed(app: App, clock: ManualClock, *, days: int = 9, each: int = 12) -> Seeded:
    """So many days up to now, so many conversations on each; three wait, two are held, two pieces of work are dead."""
    dice, now = random.Random(7), clock.now()
    conversations: list[Conversation] = []
    handoffs: list[Handoff] = []
    for number in range(days * each):
        begins = now - timedelta(minutes=dice.randrange(1, days * 24 * 60))
        conversation, handoff = _past(dice, number, begins, now)
        conversations.append(conversation)
        handoffs += [handoff] if handoff is not None else []
    operators = _operators(now)
    waiting = [_waiting(number, now) for number in range(len(_WAITING))]
    held = [_held(number, operators[number % 2], now) for number in range(2)]
    conversations += [*(one for one, _ in waiting), *held]
    handoffs += [_handoff(900_000 + number, now - timedelta(minutes=6), Cause.ASKED) for number in range(len(_WAITING))]
    handoffs += [_handoff(800_000 + number, now - timedelta(minutes=50), Cause.RULE) for number in range(2)]
    await app.store.load([*conversations, *handoffs, *operators, *(person for _, person in waiting), *_dead(now)])
    return Seeded(conversations, handoffs, operators)
