"""Callbacks: booked, moved, made, missed (S5-073 to S5-082)."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from bot.errors import Conflict, MoveRefused, NotFound, RecordError
from bot.records.calls import CALLBACK_MOVES, Callback, CallbackStatus
from bot.records.leads import Lead, LeadSource
from bot.records.people import Customer
from bot.services.audit import Audit, History
from bot.services.callbacks import Callbacks
from bot.store.base import Unit
from bot.store.sqlite import SqliteStore
from bot.testing.clock import ManualClock

pytestmark = pytest.mark.unit

BY = "agent:support"
HOUR = timedelta(hours=1)


@pytest.fixture
async def callbacks(store: SqliteStore, clock: ManualClock, audit: Audit) -> Callbacks:
    await store.insert([Customer(id="ana"), Lead(id="lead", phone="+15550123", source=LeadSource.CALL)])
    return Callbacks(store, clock, audit)


async def test_a_time_is_booked_for_a_customer_or_a_lead_and_kept_in_utc(callbacks: Callbacks, clock: ManualClock) -> None:
    """S5-080: the moment is stored in UTC, where it was said is kept beside it."""
    mexico = timezone(-6 * HOUR)
    at = datetime(2026, 1, 16, 17, 0, tzinfo=mexico)
    booked = await callbacks.book(at, by=BY, customer_id="ana", timezone="America/Mexico_City", notes="after work")
    read = await callbacks.get(booked.id)
    assert read.requested_time.utcoffset() == timedelta(0)
    assert (read.requested_time, read.timezone, read.status) == (at, "America/Mexico_City", "scheduled")
    await callbacks.book(clock.now() + HOUR, by=BY, lead_id="lead")
    assert [one.id for one in await callbacks.of_customer("ana")] == [booked.id]


async def test_a_time_that_is_past_is_refused_with_a_valid_example(callbacks: Callbacks, clock: ManualClock) -> None:
    """S5-082."""
    for past in (clock.now(), clock.now() - HOUR):
        with pytest.raises(
            RecordError, match=r"Callback\.requestedTime: must be in the future \(.*\); for example 2026-01-16T10:00:00Z"
        ):
            await callbacks.book(past, by=BY, customer_id="ana")
    with pytest.raises(RecordError, match="needs its zone"):
        await callbacks.book(datetime(2030, 1, 1), by=BY, customer_id="ana")  # noqa: DTZ001


async def test_it_is_for_one_person_who_is_there(store: SqliteStore, callbacks: Callbacks, clock: ManualClock) -> None:
    """S5-107, S2-218."""
    later = clock.now() + HOUR
    for customer_id, lead_id in ((None, None), ("ana", "lead")):
        with pytest.raises(RecordError, match="for one person"):
            await callbacks.book(later, by=BY, customer_id=customer_id, lead_id=lead_id)
    with pytest.raises(Conflict):
        await callbacks.book(later, by=BY, customer_id="nobody")
    with pytest.raises(Conflict):
        await callbacks.book(later, by=BY, lead_id="nobody")
    assert await store.count(Callback, {}) == 0


async def test_statuses_move_by_the_table_alone(callbacks: Callbacks, store: SqliteStore, clock: ManualClock) -> None:
    does = {
        CallbackStatus.COMPLETED: callbacks.complete,
        CallbackStatus.MISSED: callbacks.miss,
        CallbackStatus.CANCELLED: callbacks.cancel,
    }
    for start in CallbackStatus:
        for to, do in does.items():
            booked = await callbacks.book(clock.now() + HOUR, by=BY, customer_id="ana")
            await store.change(Callback, {"id": booked.id}, set={"status": start})
            if to in CALLBACK_MOVES[start]:
                assert (await do(booked.id, by=BY)).status is to
            else:
                with pytest.raises(MoveRefused, match=f"is {start}; it cannot become {to}"):
                    await do(booked.id, by=BY)


async def test_a_missed_one_gets_another_time_and_a_finished_one_does_not(callbacks: Callbacks, clock: ManualClock) -> None:
    booked = await callbacks.book(clock.now() + HOUR, by=BY, customer_id="ana")
    await callbacks.move(booked.id, clock.now() + 2 * HOUR, by=BY, reason="asked for later")
    await callbacks.miss(booked.id, by=BY)
    again = await callbacks.move(booked.id, clock.now() + 3 * HOUR, by=BY)
    assert (again.status, again.requested_time) == ("scheduled", clock.now() + 3 * HOUR)
    with pytest.raises(RecordError, match="in the future"):
        await callbacks.move(booked.id, clock.now() - HOUR, by=BY)
    await callbacks.complete(booked.id, by=BY)
    with pytest.raises(MoveRefused):
        await callbacks.move(booked.id, clock.now() + HOUR, by=BY)


async def test_every_change_is_written_down(callbacks: Callbacks, store: SqliteStore, clock: ManualClock) -> None:
    """S5-105."""
    booked = await callbacks.book(clock.now() + HOUR, by=BY, customer_id="ana")
    await callbacks.move(booked.id, clock.now() + 2 * HOUR, by=BY, reason="asked for later")
    await callbacks.cancel(booked.id, by="person:ana", reason="solved")
    entries = (await History(store).of("callback", booked.id))[::-1]
    assert [(entry.action, entry.details["changes"], entry.details["reason"]) for entry in entries] == [
        ("created", ["requestedTime", "status"], ""),
        ("updated", ["requestedTime"], "asked for later"),
        ("updated", ["status"], "solved"),
    ]


async def test_those_whose_time_has_come_are_due_the_earliest_first(callbacks: Callbacks, clock: ManualClock) -> None:
    """S5-081."""
    late = await callbacks.book(clock.now() + 2 * HOUR, by=BY, customer_id="ana")
    soon = await callbacks.book(clock.now() + HOUR, by=BY, lead_id="lead")
    await callbacks.book(clock.now() + 9 * HOUR, by=BY, customer_id="ana")
    assert await callbacks.due() == []
    await clock.advance(2 * 3600)
    assert [one.id for one in await callbacks.due()] == [soon.id, late.id]


async def test_in_a_unit_it_is_booked_with_all_else_in_it(callbacks: Callbacks, store: SqliteStore, clock: ManualClock) -> None:
    unit = Unit()
    booked = await callbacks.book(clock.now() + HOUR, by=BY, customer_id="ana", unit=unit)
    with pytest.raises(NotFound):
        await callbacks.get(booked.id)
    await store.commit(unit)
    await callbacks.get(booked.id)
