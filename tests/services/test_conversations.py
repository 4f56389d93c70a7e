"""Conversations: one open one per address, its holder, and what moves with every message."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from bot.clock import new_id
from bot.conversation import AgentRef, Assignee, Heard, OperatorRef, Queue, Turn
from bot.errors import EpochMoved
from bot.message import Address, InboundMessage, Sender, Text
from bot.records.audit import AuditEntry
from bot.records.conversations import Conversation
from bot.records.people import Customer
from bot.services.conversations import agent_of, is_held_by_ai
from bot.store.base import Unit
from bot.testing.scene import Scene

pytestmark = pytest.mark.unit

ADDRESS = Address("whatsapp", "1", "12025550123")


class Desk:
    def __init__(self, scene: Scene, customer: Customer) -> None:
        self.store, self.clock, self.customer = scene.app.store, scene.clock, customer
        self.conversations = scene.app.conversations

    async def current(self) -> Conversation:
        return await self.conversations.current(self.customer, ADDRESS)

    async def hears(self, *texts: str, ago: float = 0.0) -> Conversation:
        at = self.clock.now() - timedelta(seconds=ago)
        heard = (Heard(f"in-{n}", new_id(), InboundMessage(new_id(), ADDRESS, Text(text), at)) for n, text in enumerate(texts))
        unit = Unit()
        self.conversations.heard(unit, await self.current(), Turn(ADDRESS, tuple(heard)))
        await self.store.commit(unit)
        return await self.current()

    async def assign(self, to: Assignee) -> Conversation:
        unit = Unit()
        self.conversations.assign(unit, await self.current(), to, by="user:op-1", reason="because", note="a note")
        await self.store.commit(unit)
        return await self.current()


@pytest.fixture
async def desk(scene: Scene) -> Desk:
    customer = await scene.app.people.recognise(ADDRESS, Sender("Ana", "12025550123"), scene.clock.now())
    return Desk(scene, customer)


async def test_many_at_once_begin_one_conversation(desk: Desk) -> None:
    found = await asyncio.gather(*(desk.current() for _ in range(20)))
    assert len({conversation.id for conversation in found}) == 1
    customer = await desk.store.get(Customer, desk.customer.id)
    assert customer is not None
    assert customer.statistics.total_conversations == 1
    assert found[0].assignee == AgentRef("support")
    assert found[0].address == ADDRESS


@pytest.mark.parametrize(
    ("to", "fields"),
    [
        (Queue("billing"), ("waiting", False, None)),
        (OperatorRef("op-1"), ("assigned", False, "op-1")),
        (AgentRef("sales"), ("open", True, None)),
    ],
)
async def test_an_assignment_changes_our_fields_and_the_seeds_together(
    desk: Desk, to: Assignee, fields: tuple[str, bool, str | None]
) -> None:
    await desk.current()
    after = await desk.assign(to)
    assert after.assignee == to
    assert (after.status, after.is_ai_enabled, after.assigned_agent) == fields
    assert (after.epoch, after.assigned_by, after.assigned_at) == (1, "user:op-1", desk.clock.now())
    assert after.handoff is not None
    assert (after.handoff.reason, after.handoff.by, after.handoff.note) == ("because", "user:op-1", "a note")
    entries = await desk.store.find(AuditEntry, {"entity_type": "conversation", "entity_id": after.id})
    assert [entry.details["reason"] for entry in entries if entry.action == "assigned"] == ["because"]


async def test_every_change_of_hands_raises_the_epoch_by_one(desk: Desk) -> None:
    hands: list[Assignee] = [OperatorRef("a"), Queue("b"), OperatorRef("a"), AgentRef("support")]
    for number, to in enumerate(hands, 1):
        assert (await desk.assign(to)).epoch == number


async def test_an_assignment_after_an_older_look_is_void_with_all_that_is_in_its_unit(desk: Desk) -> None:
    old = await desk.current()
    await desk.assign(OperatorRef("a"))
    unit = Unit()
    desk.conversations.assign(unit, old, Queue("b"), by="system", reason="late")
    with pytest.raises(EpochMoved):
        await desk.store.commit(unit)
    assert (await desk.current()).assignee == OperatorRef("a")
    entries = await desk.store.find(AuditEntry, {"entity_type": "conversation", "entity_id": old.id})
    assert "late" not in [entry.details["reason"] for entry in entries]


async def test_hearing_counts_and_remembers_the_last(desk: Desk) -> None:
    after = await desk.hears("one", "two")
    assert (after.message_count, after.unread_count) == (2, 2)
    assert after.last_message is not None
    assert (after.last_message.content, after.last_message.sender) == ("two", "customer")
    assert after.last_customer_message == desk.clock.now()


async def test_a_late_message_turns_no_time_back_and_a_future_one_opens_no_window(desk: Desk) -> None:
    await desk.hears("on time")
    now = desk.clock.now()
    assert (await desk.hears("late", ago=7200)).last_customer_message == now
    assert (await desk.hears("from the future", ago=-86_400)).last_customer_message == now


async def test_long_texts_are_shortened_where_they_are_only_previews(desk: Desk) -> None:
    last = (await desk.hears("x" * 5000)).last_message
    assert last is not None
    assert len(last.content) == 200


async def test_only_an_agents_conversation_has_an_agent(desk: Desk) -> None:
    conversation = await desk.current()
    assert (is_held_by_ai(conversation), agent_of(conversation)) == (True, "support")
    taken = await desk.assign(OperatorRef("op-1"))
    assert is_held_by_ai(taken) is False
    with pytest.raises(EpochMoved):
        agent_of(taken)
