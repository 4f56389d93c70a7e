"""Business hours: by the clock on the wall, over midnight, over changes of the clocks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from bot.errors import RecordError
from bot.records.settings import WEEKDAYS, SystemSetting, default_settings
from bot.services.hours import DEFAULT_ZONE, BusinessHours, Hours, Opening, Span, opening_at, read_hours
from bot.services.settings import MAX_AGE, SystemSettings
from bot.testing.scene import Scene

pytestmark = pytest.mark.unit

MINUTE = timedelta(minutes=1)
NEW_YORK = "America/New_York"


def hours(zone: str = "UTC", **days: tuple[str, str]) -> BusinessHours:
    return read_hours({day: {"start": start, "end": end, "enabled": True} for day, (start, end) in days.items()}, zone)


def at(text: str, zone: str = "UTC") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        ("2026-11-20T08:59:59", False),  # a Friday
        ("2026-11-20T09:00:00", True),
        ("2026-11-20T17:59:59", True),
        ("2026-11-20T18:00:00", False),
        ("2026-11-21T12:00:00", False),
    ],
)
def test_it_is_open_from_the_start_until_just_before_the_end(moment: str, is_open: bool) -> None:
    assert hours(friday=("09:00", "18:00")).is_open(at(moment)) is is_open


def test_hours_over_midnight_belong_to_the_day_they_begin_on() -> None:
    night = hours(sunday=("22:00", "06:00"))
    assert night.is_open(at("2026-11-22T22:00"))
    assert night.is_open(at("2026-11-23T05:59"))
    assert not night.is_open(at("2026-11-23T06:00"))
    assert not night.is_open(at("2026-11-22T05:00"))


@pytest.mark.parametrize("span", [("00:00", "24:00"), ("00:00", "00:00"), ("00:00", "23:59")])
def test_a_whole_day_can_be_said_in_three_ways(span: tuple[str, str]) -> None:
    all_day = hours(friday=span)
    assert all_day.days[WEEKDAYS.index("friday")] == Span(0, 1440)
    assert all_day.is_open(at("2026-11-20T23:59:59"))
    assert not all_day.is_open(at("2026-11-21T00:00"))


def test_a_day_that_is_switched_off_or_missing_is_closed() -> None:
    off = read_hours({"friday": {"start": "09:00", "end": "18:00", "enabled": False}}, "UTC")
    assert off.days == (None,) * 7
    assert off.next_open(at("2026-11-20T12:00")) is None


def test_the_time_zone_is_that_of_the_workspace() -> None:
    mexico = hours(DEFAULT_ZONE, friday=("09:00", "18:00"))
    assert not mexico.is_open(at("2026-11-20T14:59"))  # 08:59 there
    assert mexico.is_open(at("2026-11-20T15:00"))


def test_from_friday_evening_the_next_opening_is_on_monday() -> None:
    weekdays = hours(monday=("09:00", "18:00"), friday=("09:00", "18:00"))
    assert weekdays.next_open(at("2026-11-20T18:00")) == at("2026-11-23T09:00")
    assert weekdays.next_open(at("2026-11-20T12:34")) == at("2026-11-20T12:34")


@pytest.mark.parametrize(
    ("why", "span", "moment", "opens"),
    [
        # On 8 March 2026 the clocks in New York go from 02:00 to 03:00, on 1 November from 02:00 back to 01:00.
        ("the start is skipped", ("02:30", "06:00"), "2026-03-08T06:00+00:00", "2026-03-08T07:00+00:00"),
        ("all of it is skipped", ("02:10", "02:50"), "2026-03-08T06:00+00:00", "2026-03-15T06:10+00:00"),
        ("the start comes twice", ("01:30", "06:00"), "2026-11-01T05:00+00:00", "2026-11-01T05:30+00:00"),
        ("its repetition", ("01:30", "06:00"), "2026-11-01T06:10+00:00", "2026-11-01T06:30+00:00"),
        ("the clock jumps back into it", ("00:30", "01:30"), "2026-11-01T05:40+00:00", "2026-11-01T06:00+00:00"),
    ],
)
def test_where_the_clocks_change(why: str, span: tuple[str, str], moment: str, opens: str) -> None:
    there = hours(NEW_YORK, sunday=span)
    asked = datetime.fromisoformat(moment)
    assert not there.is_open(asked), why
    assert there.next_open(asked) == datetime.fromisoformat(opens), why


@pytest.mark.parametrize(
    ("value", "zone", "told"),
    [
        (None, "UTC", "business_hours: must be a mapping of weekdays"),
        ({"funday": {}}, "UTC", "there is no weekday 'funday'; there are monday"),
        ({"monday": "9 to 5"}, "UTC", "business_hours.monday: must be like"),
        ({"monday": {"start": "09:00", "end": "18:00", "enabled": "no"}}, "UTC", "business_hours.monday.enabled: must be true"),
        ({"monday": {"end": "18:00"}}, "UTC", "business_hours.monday.start: '' is no time of day; write it like \"09:00\""),
        ({"monday": {"start": "9am", "end": "18:00"}}, "UTC", "business_hours.monday.start: '9am' is no time"),
        ({"monday": {"start": "09:00", "end": "25:00"}}, "UTC", "business_hours.monday.end: '25:00' is no time"),
        ({"monday": {"start": "09:60", "end": "18:00"}}, "UTC", "business_hours.monday.start: '09:60' is no time"),
        ({"monday": {"start": "24:00", "end": "18:00"}}, "UTC", 'business_hours.monday.start: "24:00" is the next day\'s'),
        ({}, "Mars/Olympus", "timezone: there is no time zone 'Mars/Olympus'; write one like America/Mexico_City"),
        ({}, "../etc/passwd", "timezone: there is no time zone"),
        ({}, "America", "timezone: there is no time zone"),
        ({}, "", "timezone: there is no time zone"),
    ],
)
def test_a_setting_that_cannot_be_read_is_one_line_that_names_the_field(value: object, zone: object, told: str) -> None:
    with pytest.raises(RecordError) as caught:
        read_hours(value, zone)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("moment", "opening"),
    [
        ("2026-11-20T10:00", Opening(True, "09:00 to 18:00 (UTC)", "")),
        ("2026-11-20T08:00", Opening(False, "09:00 to 18:00 (UTC)", "today at 09:00 (UTC)")),
        ("2026-11-20T19:00", Opening(False, "09:00 to 18:00 (UTC)", "tomorrow at 20:00 (UTC)")),
        ("2026-11-22T12:00", Opening(False, "closed", "Friday 27 November at 09:00 (UTC)")),
        ("2026-11-21T21:00", Opening(True, "20:00 to 02:00 on the next day (UTC)", "")),
    ],
)
def test_a_moment_in_words(moment: str, opening: Opening) -> None:
    assert opening_at(hours(friday=("09:00", "18:00"), saturday=("20:00", "02:00")), at(moment)) == opening


def test_words_for_always_and_never() -> None:
    assert opening_at(hours(friday=("00:00", "24:00")), at("2026-11-20T12:00")) == Opening(True, "around the clock", "")
    assert opening_at(hours(), at("2026-11-20T12:00")) == Opening(False, "closed", "no time is planned")


TIMES = some.integers(0, 1439).map(lambda minute: f"{minute // 60:02d}:{minute % 60:02d}")
DAYS = some.fixed_dictionaries({"start": TIMES, "end": TIMES, "enabled": some.booleans()})
WEEKS = some.fixed_dictionaries({}, optional=dict.fromkeys(WEEKDAYS, DAYS))
ZONES = some.sampled_from(
    (DEFAULT_ZONE, NEW_YORK, "UTC", "Asia/Kolkata", "Europe/Madrid", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca")
)
ANY_TIME = some.integers(0, 32 * 365 * 24 * 3600).map(lambda second: datetime(2005, 1, 1, tzinfo=UTC) + timedelta(seconds=second))
NEAR_CHANGES = some.builds(
    lambda change, minutes: datetime.fromisoformat(change) + minutes * MINUTE,
    some.sampled_from(("2026-03-08T07:00+00:00", "2026-11-01T06:00+00:00", "2026-10-25T01:00+00:00", "2011-12-30T10:00+00:00")),
    some.integers(-600, 600),
)


@settings(max_examples=200, deadline=None)
@given(WEEKS, ZONES, ANY_TIME | NEAR_CHANGES)
def test_the_next_opening_is_open_and_no_open_minute_lies_before_it(week: Any, zone: str, moment: datetime) -> None:
    there = read_hours(week, zone)
    opens = there.next_open(moment)
    end = opens or moment + timedelta(days=8)
    whole = moment.replace(second=0, microsecond=0) + MINUTE
    between = [moment, *(whole + number * MINUTE for number in range(max(0, int((end - whole) / MINUTE))))]
    if opens is not None:
        assert there.is_open(opens)
    assert not any(there.is_open(minute) for minute in between if minute < end)


async def set_to(scene: Scene, key: str, value: object) -> None:
    await scene.app.store.upsert([SystemSetting(id=key, key=key, value=value)])
    await scene.clock.advance(MAX_AGE)


async def test_the_hours_are_those_of_the_settings_and_of_mexico_city_where_none_is_set(scene: Scene) -> None:
    service = Hours(SystemSettings(scene.app.store, scene.clock), scene.clock)
    by_default = {row.key: row.value for row in default_settings()}["business_hours"]
    assert await service.hours() == read_hours(by_default, DEFAULT_ZONE)
    await set_to(scene, "timezone", "Asia/Kolkata")
    await set_to(scene, "business_hours", {"monday": {"start": "10:00", "end": "12:00"}})
    assert await service.hours() == hours("Asia/Kolkata", monday=("10:00", "12:00"))


async def test_how_it_stands_now_follows_the_clock(scene: Scene) -> None:
    service = Hours(SystemSettings(scene.app.store, scene.clock), scene.clock)
    first = await service.opening()
    assert first == opening_at(await service.hours(), scene.clock.now())
    await scene.clock.advance(12 * 3600)
    second = await service.opening()
    assert second == opening_at(await service.hours(), scene.clock.now())
    assert first != second


async def test_a_setting_that_cannot_be_read_tells_nothing_and_stops_no_turn(scene: Scene) -> None:
    service = Hours(SystemSettings(scene.app.store, scene.clock), scene.clock)
    await set_to(scene, "business_hours", {"monday": "9 to 5"})
    assert await service.opening() is None
    with pytest.raises(RecordError, match=r"business_hours\.monday"):
        await service.hours()
