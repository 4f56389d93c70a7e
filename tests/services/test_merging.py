"""Two customers that are one person (C-02)."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.clock import new_id
from bot.errors import Conflict, NotFound, RecordError, ServiceError
from bot.message import Address, Sender
from bot.records.base import RECORDS, Record
from bot.records.calls import Call, Callback
from bot.records.conversations import Conversation, Direction, Message, MessageSender, Satisfaction
from bot.records.merges import Merge
from bot.records.people import Consent, ConsentState, Customer, CustomerStatistics, Identity, IdentityKind
from bot.records.tickets import CustomerFeedback, Ticket, TicketCategory
from bot.services.audit import Audit, History
from bot.services.merging import Merging, recount, references
from bot.services.people import People
from bot.services.search import Search
from bot.store.base import Store
from bot.store.sqlite import SqliteStore
from bot.testing.clock import ManualClock

pytestmark = pytest.mark.unit

BY = "user:olga"
WHY = "same person, new number"


@pytest.fixture
def merging(store: SqliteStore, clock: ManualClock, audit: Audit) -> Merging:
    return Merging(store, clock, audit)


@pytest.fixture
def people(store: SqliteStore, clock: ManualClock, audit: Audit) -> People:
    return People(store, clock, audit)


class Life:
    """Makes a customer with a history, counted as the program counts."""

    def __init__(self, store: Store, clock: ManualClock) -> None:
        self._store = store
        self._clock = clock
        self._numbers = iter(range(1, 1000))

    async def of(
        self, name: str, *, conversations: int = 1, messages: int = 2, tickets: tuple[int | None, ...] = (), **values: Any
    ) -> Customer:
        now, number = self._clock.now(), f"+5255555{next(self._numbers):05d}"
        customer = Customer(id=name, first_name=name, phone_number=number, first_contact=now, last_interaction=now, **values)
        records: list[Record] = [
            customer,
            Identity(id=f"phone:{number}", kind=IdentityKind.PHONE, value=number, customer_id=name),
            Consent(id=new_id(), customer_id=name, purpose="messages", state=ConsentState.GIVEN, at=now, source="form"),
            Callback(id=new_id(), customer_id=name, requested_time=now + timedelta(days=1)),
            Call(id=new_id(), customer_id=name),
        ]
        for count in range(conversations):
            conversation = Conversation(
                id=f"{name}-{count}",
                customer_id=name,
                lane=f"whatsapp:1:{name}{count}",
                openness=f"{name}-{count}",
                our_address="1",
                their_address=name,
                assignee_name="support",
            )
            records.append(conversation)
            records += [self._message(name, conversation.id) for _ in range(messages)]
        for rating in tickets:
            feedback = None if rating is None else CustomerFeedback(rating=rating)
            records.append(
                Ticket(
                    id=new_id(),
                    ticket_id=f"TICKET-2026-{next(self._numbers):06d}",
                    customer_id=name,
                    subject="s",
                    description="d",
                    category=TicketCategory.OTHER,
                    last_activity_at=now,
                    customer_feedback=feedback,
                )
            )
        ratings = [rating for rating in tickets if rating is not None]
        customer.statistics = CustomerStatistics(
            total_conversations=conversations,
            total_messages=conversations * messages,
            total_tickets=len(tickets),
            satisfaction_score=sum(ratings) / len(ratings) if ratings else None,
        )
        await self._store.insert(records)
        return customer

    def _message(self, customer_id: str, conversation_id: str) -> Message:
        return Message(
            id=new_id(),
            conversation_id=conversation_id,
            customer_id=customer_id,
            content="hola",
            direction=Direction.INBOUND,
            sender=MessageSender.CUSTOMER,
            timestamp=self._clock.now(),
        )


@pytest.fixture
def life(store: SqliteStore, clock: ManualClock) -> Life:
    return Life(store, clock)


async def snapshot(store: Store) -> dict[str, int]:
    """How many records name a customer, by collection and customer."""
    found = {}
    for kind, field in references().items():
        for customer, count in (await store.tally(kind, field, {})).items():
            found[f"{kind.shape.collection} {customer}"] = int(count)
    return found


def test_every_record_that_names_a_customer_is_moved_through_an_index() -> None:
    """Whoever declares a record with a customerId need not think of merging."""
    assert {Conversation, Message, Ticket, Callback, Call, Consent, Identity} <= references().keys()
    for kind, field in references().items():
        assert any(index.fields[0] == field and not index.where for index in kind.shape.indexes), kind
    named = {kind for kind in RECORDS.values() for name in kind.model_fields if "customer" in name and name != "customer_id"}
    assert {kind.shape.collection for kind in named} <= {"conversations", "tickets"}  # a rating, feedback, a moment: no ids


async def test_everything_of_the_one_goes_to_the_other(store: SqliteStore, merging: Merging, life: Life) -> None:
    """C-02: identities, conversations, messages, tickets, callbacks, calls, consents; one entry for each of the two."""
    await life.of("ana", conversations=1, tickets=(5,), tags=["a"], notes="first")
    await life.of("anna", conversations=2, tickets=(2, None), email="ana@example.org", tags=["b", "a"], notes="second")
    merged = await merging.merge("ana", "anna", by=BY, reason=WHY)
    assert {key for key in await snapshot(store) if key.endswith(" anna")} == set()
    assert (await snapshot(store))["tickets ana"] == 3
    assert (merged.first_name, merged.email, merged.tags, merged.notes) == ("ana", "ana@example.org", ["a", "b"], "first\nsecond")
    assert merged.alternative_phones == ["+525555500003"]
    assert merged.statistics == await recount(store, "ana")
    assert merged.statistics.satisfaction_score == 3.5
    history = await History(store).of("customer", "ana")
    assert {(entry.entity_id, entry.action) for entry in history} == {("ana", "updated"), ("anna", "deleted")}
    assert all(WHY in entry.details["reason"] and entry.performed_by == BY for entry in history)


async def test_the_old_id_leads_to_the_person_also_after_further_merges(
    store: SqliteStore, merging: Merging, people: People, life: Life
) -> None:
    for name in ("a", "b", "c"):
        await life.of(name)
    await merging.merge("b", "a", by=BY, reason=WHY)
    await merging.merge("c", "b", by=BY, reason=WHY)
    assert [(await people.get(name)).id for name in ("a", "b", "c")] == ["c", "c", "c"]
    assert await store.get(Customer, "a") is None
    assert {entry.entity_id for entry in await History(store).of("customer", "c")} == {"a", "b", "c"}


async def test_whoever_writes_from_either_number_is_the_same_person(
    people: People, merging: Merging, clock: ManualClock, store: SqliteStore
) -> None:
    first = await people.recognise(Address("whatsapp", "1", "12025550123"), Sender("Ana", "12025550123"), clock.now())
    second = await people.recognise(Address("whatsapp", "1", "12025550199"), Sender("Anna", "12025550199"), clock.now())
    await merging.merge(first.id, second.id, by=BY, reason=WHY)
    for number in ("12025550123", "12025550199"):
        found = await people.recognise(Address("whatsapp", "1", number), Sender("Ana", number), clock.now())
        assert found.id == first.id
    assert [one.id for one in (await Search(store).customers("+1 202 555 0123")).records] == [first.id]


async def test_the_number_of_the_one_who_goes_is_taken_over_where_there_is_none(
    store: SqliteStore, merging: Merging, life: Life
) -> None:
    await store.insert([Customer(id="web", email="ana@example.org")])
    gone = await life.of("ana")
    merged = await merging.merge("web", "ana", by=BY, reason=WHY)
    assert (merged.phone_number, merged.first_name, merged.alternative_phones) == (gone.phone_number, "ana", [])


async def test_who_was_blocked_stays_so(merging: Merging, life: Life) -> None:
    """C-15, S2-058."""
    await life.of("ana")
    await life.of("anna", is_blocked=True, status="blocked", block_reason="threats")
    merged = await merging.merge("ana", "anna", by=BY, reason=WHY)
    assert (merged.is_blocked, merged.status, merged.block_reason) == (True, "blocked", "threats")


async def test_what_cannot_be_merged_is_left_as_it_is(store: SqliteStore, merging: Merging, life: Life) -> None:
    await life.of("ana")
    await life.of("anna")
    before = await snapshot(store)
    cases: tuple[tuple[str, str, str, type[Exception], str], ...] = (
        ("ana", "ana", WHY, ServiceError, "into itself"),
        ("ana", "nobody", WHY, NotFound, "no customer nobody"),
        ("nobody", "ana", WHY, NotFound, "no customer nobody"),
        ("ana", "anna", " ", RecordError, r"Merge\.reason: is required"),
    )
    for keep, gone, reason, error, words in cases:
        with pytest.raises(error, match=words):
            await merging.merge(keep, gone, by=BY, reason=reason)
    assert await snapshot(store) == before
    assert await store.count(Merge, {}) == 0


async def test_two_open_conversations_at_one_address_of_ours_are_not_made_one(
    store: SqliteStore, merging: Merging, life: Life
) -> None:
    """A person has at most one that is not closed per channel and number of ours (DESIGN 3)."""
    for name in ("ana", "anna"):
        await life.of(name)
        await store.change(Conversation, {"id": f"{name}-0"}, set={"openness": "open"})
    with pytest.raises(ServiceError, match="both have an open conversation on whatsapp; close anna-0"):
        await merging.merge("ana", "anna", by=BY, reason=WHY)
    await store.change(Conversation, {"id": "anna-0"}, set={"our_address": "2"})
    await merging.merge("ana", "anna", by=BY, reason=WHY)
    assert len(await store.find(Conversation, {"customer_id": "ana"})) == 2


async def test_the_score_is_the_average_of_both(store: SqliteStore, merging: Merging, life: Life) -> None:
    """S2-062: ratings of conversations count as those of tickets do."""
    await life.of("ana", tickets=(4,))
    await life.of("anna")
    await store.change(Conversation, {"id": "anna-0"}, set={"customer_satisfaction": Satisfaction(rating=1)})
    assert (await merging.merge("ana", "anna", by=BY, reason=WHY)).statistics.satisfaction_score == 2.5


async def test_of_two_merges_at_once_one_wins_and_nothing_is_lost(store: SqliteStore, merging: Merging, life: Life) -> None:
    for name in ("a", "b", "c"):
        await life.of(name, tickets=(3,))
    results = await asyncio.gather(
        merging.merge("a", "c", by=BY, reason=WHY), merging.merge("b", "c", by=BY, reason=WHY), return_exceptions=True
    )
    assert [isinstance(result, NotFound | Conflict) for result in results].count(True) == 1
    left = [name for name in ("a", "b") if (await snapshot(store))[f"tickets {name}"] == 2]
    assert len(left) == 1
    for name in ("a", "b"):
        customer = await store.get(Customer, name)
        assert customer is not None
        assert customer.statistics == await recount(store, name)


async def test_what_a_turn_under_way_still_wrote_under_the_old_id_is_brought_after(
    store: SqliteStore, merging: Merging, life: Life, clock: ManualClock
) -> None:
    await life.of("ana")
    await life.of("anna")
    await merging.merge("ana", "anna", by=BY, reason=WHY)
    await store.insert([life._message("anna", "anna-0")])
    assert await merging.stragglers() == 1
    assert await merging.stragglers() == 0
    assert await store.count(Message, {"customer_id": "ana"}) == 5
    await clock.advance(2 * 24 * 3600)
    await store.insert([life._message("anna", "anna-0")])
    assert await merging.stragglers() == 0  # no turn takes that long


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.lists(st.integers(1, 5), max_size=3)), min_size=2, max_size=5),
    st.randoms(use_true_random=False),
)
def test_however_they_are_merged_one_is_left_and_counted_right(lives: list[tuple[int, int, list[int]]], luck: Any) -> None:
    """C-02: whatever order of merges, everything ends with one customer whose statistics equal a recount."""

    async def run(folder: str) -> None:
        clock = ManualClock()
        store = SqliteStore(Path(folder) / "bot.db", clock)
        await store.open()
        try:
            life, merging = Life(store, clock), Merging(store, clock, Audit(clock))
            for number, (conversations, messages, ratings) in enumerate(lives):
                await life.of(f"p{number}", conversations=conversations, messages=messages, tickets=tuple(ratings))
            before = await snapshot(store)
            left = [f"p{number}" for number in range(len(lives))]
            while len(left) > 1:
                gone = left.pop(luck.randrange(len(left)))
                await merging.merge(luck.choice(left), gone, by=BY, reason=WHY)
            after = await snapshot(store)
            assert sum(before.values()) == sum(after.values())
            assert {key.split()[-1] for key in after} == set(left)
            customer = await store.get(Customer, left[0])
            assert customer is not None
            assert customer.statistics == await recount(store, left[0])
            assert await store.count(Customer, {}) == 1
        finally:
            await store.close()

    with TemporaryDirectory() as folder:
        asyncio.run(run(folder))
