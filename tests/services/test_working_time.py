"""Time that counts: business hours, over midnight and over changes of the clocks, against counting minute by minute."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from bot.records.settings import WEEKDAYS
from bot.services.hours import BusinessHours, Span, read_hours
from bot.services.working_time import counted, moment_after

pytestmark = pytest.mark.unit

MINUTE = timedelta(minutes=1)
OFFICE = read_hours({day: {"start": "09:00", "end": "18:00"} for day in WEEKDAYS[:5]}, "UTC")
FRIDAY = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)
MONDAY = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)

spans = some.one_of(
    some.none(),
    some.tuples(some.integers(0, 1439), some.integers(1, 1440)).map(lambda pair: Span(pair[0], pair[0] + pair[1])),
)
openings = some.builds(
    BusinessHours,
    some.tuples(*[spans] * 7),
    some.sampled_from(["UTC", "America/New_York", "Europe/Madrid", "Australia/Lord_Howe", "Asia/Kolkata"]).map(ZoneInfo),
)
# Around changes of the clocks in all of these zones, to the minute.
moments = some.integers(0, 60 * 24 * 20).flatmap(
    lambda minutes: some.sampled_from([datetime(2026, 3, 5, tzinfo=UTC), datetime(2026, 10, 20, tzinfo=UTC)]).map(
        lambda day: day + minutes * MINUTE
    )
)


def by_the_minute(hours: BusinessHours, begins: datetime, ends: datetime) -> timedelta:
    minutes = (ends - begins) // MINUTE
    return sum((MINUTE for number in range(minutes) if hours.is_open(begins + number * MINUTE)), timedelta())


def test_the_night_and_the_weekend_do_not_count() -> None:
    assert counted(OFFICE, FRIDAY, MONDAY + timedelta(hours=2)) == timedelta(hours=3)
    assert moment_after(OFFICE, FRIDAY, timedelta(hours=3)) == MONDAY + timedelta(hours=2)
    assert moment_after(OFFICE, FRIDAY + timedelta(hours=3), timedelta(minutes=1)) == MONDAY + timedelta(minutes=1)


def test_without_business_hours_every_minute_counts() -> None:
    assert counted(None, FRIDAY, MONDAY) == MONDAY - FRIDAY
    assert moment_after(None, FRIDAY, timedelta(hours=3)) == FRIDAY + timedelta(hours=3)


def test_where_nobody_is_ever_there_nothing_is_ever_due() -> None:
    assert moment_after(BusinessHours((None,) * 7, ZoneInfo("UTC")), FRIDAY, MINUTE) is None
    assert counted(BusinessHours((None,) * 7, ZoneInfo("UTC")), FRIDAY, MONDAY) == timedelta()


def test_what_lies_in_the_past_counts_nothing() -> None:
    assert counted(OFFICE, MONDAY, FRIDAY) == timedelta()
    assert moment_after(OFFICE, FRIDAY, timedelta(minutes=-5)) == FRIDAY


@settings(max_examples=150, deadline=None)
@given(openings, moments, some.integers(0, 60 * 24 * 4))
def test_it_is_the_same_as_counting_open_minutes_one_by_one(hours: BusinessHours, begins: datetime, minutes: int) -> None:
    ends = begins + minutes * MINUTE
    assert counted(hours, begins, ends) == by_the_minute(hours, begins, ends)


@settings(max_examples=150, deadline=None)
@given(openings, moments, some.integers(1, 60 * 24 * 5))
def test_just_so_much_has_been_counted_when_it_is_due_and_not_a_moment_earlier(
    hours: BusinessHours, begins: datetime, minutes: int
) -> None:
    amount = minutes * MINUTE
    due = moment_after(hours, begins, amount)
    if due is None:  # open a minute a week, say: it would take years
        assert counted(hours, begins, begins + timedelta(days=700)) < amount
        return
    assert counted(hours, begins, due) == amount
    assert counted(hours, begins, due - timedelta(milliseconds=1)) < amount
