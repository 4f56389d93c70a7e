"""S2-212: user threads become customers, conversations and threads, once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.conversation import AgentRef
from bot.message import Address, Sender
from bot.records.conversations import Conversation, ConversationThread
from bot.records.people import Customer
from bot.records.userthreads import UserThread
from bot.services.audit import Audit
from bot.services.people import People
from bot.services.userthreads import migrate_user_threads
from bot.store.sqlite import SqliteStore
from bot.testing.clock import ManualClock

pytestmark = pytest.mark.unit

OURS = "106540352242922"
BEGAN = datetime(2024, 5, 1, 9, 30, tzinfo=UTC)
LAST = datetime(2025, 2, 3, 18, 0, tzinfo=UTC)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(tmp_path / "bot.db", ManualClock())
    await store.open()
    yield store
    await store.close()


def thread(id: str, phone: str, count: int = 12) -> UserThread:
    return UserThread(
        id=id, user_id=phone, thread_id=f"thread_{id}", message_count=count, last_interaction=LAST, created_at=BEGAN
    )


async def test_each_user_thread_becomes_a_customer_a_conversation_and_a_thread_with_its_id(store: SqliteStore) -> None:
    await store.load([thread("5f1", "+12025550123")])
    outcome = await migrate_user_threads(store, OURS)
    assert (outcome.made, outcome.known, outcome.refused) == (1, 0, ())
    [customer] = await store.find(Customer, {"phone_number": "+12025550123"})
    assert (customer.first_contact, customer.last_interaction) == (BEGAN, LAST)
    assert (customer.statistics.total_conversations, customer.statistics.total_messages) == (1, 12)
    kept = await store.get(ConversationThread, "5f1")
    assert kept is not None
    assert (kept.thread_id, kept.user_id, kept.message_count, kept.is_active) == ("thread_5f1", "+12025550123", 12, True)
    conversation = await store.get(Conversation, kept.conversation_id)
    assert conversation is not None
    assert (conversation.customer_id, conversation.message_count, conversation.is_ai_enabled) == (customer.id, 12, True)
    assert (conversation.status, conversation.assignee) == ("open", AgentRef("support"))


async def test_a_second_run_makes_nothing_new_and_drops_nothing(store: SqliteStore) -> None:
    await store.load([thread("5f1", "12025550123"), thread("5f2", "12025550124")])
    await migrate_user_threads(store, OURS)
    outcome = await migrate_user_threads(store, OURS)
    assert (outcome.made, outcome.known) == (0, 2)
    for kind, number in ((UserThread, 2), (Customer, 2), (Conversation, 2), (ConversationThread, 2)):
        assert await store.count(kind, {}) == number


async def test_who_writes_afterwards_is_known_and_goes_on_in_the_same_conversation(store: SqliteStore) -> None:
    await store.load([thread("5f1", "+12025550123")])
    await migrate_user_threads(store, OURS)
    clock = ManualClock()
    address = Address("whatsapp", OURS, "12025550123")
    customer = await People(store, clock, Audit(clock)).recognise(address, Sender(phone="12025550123"), clock.now())
    assert customer.phone_number == "+12025550123"
    [conversation] = await store.find(Conversation, {"lane": address.lane, "openness": "open"})
    assert conversation.customer_id == customer.id


async def test_a_user_id_that_is_no_number_is_refused_by_name_and_the_others_are_taken(store: SqliteStore) -> None:
    await store.load([thread("5f1", "web-visitor-7"), thread("5f2", "+12025550124")])
    outcome = await migrate_user_threads(store, OURS)
    assert outcome.made == 1
    assert outcome.refused == ("userthreads 5f1: userId 'web-visitor-7' is no phone number with its country code",)


async def test_two_threads_of_one_number_are_one_person_and_the_second_is_named(store: SqliteStore) -> None:
    await store.load([thread("5f1", "+12025550123"), thread("5f2", "+1 202 555 0123")])
    outcome = await migrate_user_threads(store, OURS)
    assert outcome.made == 1
    assert len(outcome.refused) == 1
    assert await store.count(Customer, {}) == 1
