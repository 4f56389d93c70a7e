"""How much waits, and for how long."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.clock import new_id
from bot.conversation import AssigneeKind, ConversationStatus
from bot.errors import StoreUnavailable
from bot.meter import Waiting
from bot.records.conversations import ChannelName, Conversation
from bot.records.work import Author, Delivery, DeliveryState, InboxRow, InboxState, Job, JobSchedule, JobStatus, receipts_lane
from bot.services.depths import FRESH_SECONDS, Depths
from bot.store.base import Store
from bot.testing.clock import ManualClock

pytestmark = pytest.mark.contract


def row(clock: ManualClock, number: int, state: InboxState = InboxState.WAITING, ago: float = 0.0) -> InboxRow:
    at = clock.now() - timedelta(seconds=ago)
    return InboxRow(id=f"in{number}", lane=f"web:a:{number}", position=f"{number:032x}", item="{}", state=state, accepted_at=at)


def delivery(clock: ManualClock, number: int, state: DeliveryState = DeliveryState.PENDING) -> Delivery:
    return Delivery(
        id=new_id(),
        lane=f"web:a:{number}",
        position=f"{number:032x}",
        conversation_id="c",
        message_id="m",
        author=Author.AI,
        epoch=0,
        reply={},
        state=state,
        openness="open" if state is DeliveryState.PENDING else "closed",
        due_at=clock.now(),
    )


def job(clock: ManualClock, number: int, due_in: float, status: JobStatus = JobStatus.PENDING) -> Job:
    due = clock.now() + timedelta(seconds=due_in)
    return Job(id=f"job{number}", job_type="sweep", schedule=JobSchedule(execute_at=due), status=status)


async def test_nothing_waits_in_an_empty_store(store: Store, clock: ManualClock) -> None:
    assert await Depths(store, clock).waiting() == [
        Waiting("turns", 0, 0.0, 0),
        Waiting("receipts", 0, 0.0),
        Waiting("deliveries", 0, 0.0, 0),
        Waiting("jobs", 0, 0.0, 0),
        Waiting("people", 0, 0.0),
    ]


async def test_what_waits_is_counted_with_the_age_of_the_oldest_and_what_failed_for_good(
    store: Store, clock: ManualClock
) -> None:
    await store.insert([delivery(clock, 1), delivery(clock, 2, DeliveryState.DEAD), delivery(clock, 3, DeliveryState.SENT)])
    await clock.advance(2.0)
    await store.insert([row(clock, 1, ago=9.0), row(clock, 2, ago=4.0), row(clock, 3, InboxState.DONE, ago=60.0)])
    await store.insert([row(clock, 4, InboxState.DEAD, ago=60.0)])
    await store.insert([job(clock, 1, -3.0), job(clock, 2, 60.0), job(clock, 3, -9.0, JobStatus.FAILED)])
    assert await Depths(store, clock).waiting() == [
        Waiting("turns", 2, 9.0, 1),
        Waiting("receipts", 0, 0.0),
        Waiting("deliveries", 1, 2.0, 1),
        Waiting("jobs", 1, 3.0, 1),
        Waiting("people", 0, 0.0),
    ]


async def test_receipts_are_told_apart_from_messages_on_either_side_of_their_lanes(store: Store, clock: ManualClock) -> None:
    lanes = {"console:a:1": 3.0, "whatsapp:1:2": 7.0, receipts_lane("console:a:1"): 20.0, receipts_lane("whatsapp:1:2"): 30.0}
    rows = [row(clock, number, ago=ago).model_copy(update={"lane": lane}) for number, (lane, ago) in enumerate(lanes.items())]
    await store.insert(rows)
    seen = await Depths(store, clock).waiting()
    assert seen is not None
    assert seen[:2] == [Waiting("turns", 2, 7.0, 0), Waiting("receipts", 2, 20.0)], "by the position of the one that came first"


async def test_people_who_wait_for_the_team_are_told_with_the_wait_of_the_first(store: Store, clock: ManualClock) -> None:
    def waiting(number: int, status: ConversationStatus, ago: float) -> Conversation:
        return Conversation(
            id=f"c{number}",
            lane=f"web:a:{number}",
            our_address="a",
            their_address=str(number),
            channel=ChannelName.WEB,
            customer_id="ana",
            status=status,
            assignee_kind=AssigneeKind.QUEUE,
            assignee_name="support",
            assigned_at=clock.now() - timedelta(seconds=ago),
        )

    held = ConversationStatus.ASSIGNED
    await store.insert([waiting(1, ConversationStatus.WAITING, 60.0), waiting(2, ConversationStatus.WAITING, 90.0)])
    await store.insert([waiting(3, held, 300.0)])
    seen = await Depths(store, clock).waiting()
    assert seen is not None
    assert seen[-1] == Waiting("people", 2, 90.0)


async def test_the_store_is_asked_every_few_seconds_however_many_want_to_know(store: Store, clock: ManualClock) -> None:
    depths = Depths(store, clock)
    await depths.waiting()
    await store.insert([row(clock, 1)])
    seen = await depths.waiting()
    assert seen is not None
    assert seen[0].count == 0
    await clock.advance(FRESH_SECONDS)
    seen = await depths.waiting()
    assert seen is not None
    assert seen[0].count == 1


async def test_while_the_store_is_away_nothing_is_told(store: Store, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: object, **__: object) -> None:
        raise StoreUnavailable("the disk is full")

    monkeypatch.setattr(store, "find", away)
    assert await Depths(store, clock).waiting() is None
