"""When people may be called where they are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import timezone as zones

from bot.errors import RecordError
from bot.records.settings import CALLING_RULES, HARD_CALLING_HOURS
from bot.services.calling_hours import Window, check_calling_hours, is_inside, next_inside, read_calling_hours
from bot.services.phones import Place, place_of

pytestmark = pytest.mark.unit

HOURS = read_calling_hours(CALLING_RULES["calling_hours"])

INDIA, WASHINGTON, MEXICO, LONDON = "+919999900113", "+12025550123", "+525555550123", "+442079460123"
WHOLE_ALASKA, TOLL_FREE = "+19072345678", "+18005550123"

MOMENTS = st.integers(1_704_067_200, 1_956_528_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
"""Of the years 2024 to 2031."""
NUMBERS = [
    phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
    for region in sorted(phonenumbers.SUPPORTED_REGIONS)
    if (example := phonenumbers.example_number(region)) is not None
]
"""One of every country that has numbers."""


def place(number: str) -> Place:
    found = place_of(number)
    assert found is not None
    return found


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("number", "moment", "allowed"),
    [
        # India, UTC+5:30, 09:00 to 21:00: also its law.
        (INDIA, "2026-01-15T03:29:59", False),
        (INDIA, "2026-01-15T03:30:00", True),
        (INDIA, "2026-01-15T15:29:59", True),
        (INDIA, "2026-01-15T15:30:00", False),
        # Washington in winter, UTC-5, 09:00 to 20:00.
        (WASHINGTON, "2026-01-15T13:59:59", False),
        (WASHINGTON, "2026-01-15T14:00:00", True),
        (WASHINGTON, "2026-01-16T00:59:59", True),
        (WASHINGTON, "2026-01-16T01:00:00", False),
        # The day on which its clocks go forward: nine in the morning comes an hour earlier.
        (WASHINGTON, "2026-03-07T13:30:00", False),
        (WASHINGTON, "2026-03-08T13:30:00", True),
        # And back: the same UTC hour is too early again.
        (WASHINGTON, "2026-10-31T13:30:00", True),
        (WASHINGTON, "2026-11-01T13:30:00", False),
        # Mexico has no summer time any more.
        (MEXICO, "2026-07-15T14:59:59", False),
        (MEXICO, "2026-07-15T15:00:00", True),
        # London in summer, UTC+1.
        (LONDON, "2026-07-15T07:59:59", False),
        (LONDON, "2026-07-15T08:00:00", True),
        # Alaska has two zones: both have to be awake, the Aleutians are an hour behind.
        (WHOLE_ALASKA, "2026-01-15T18:30:00", False),
        (WHOLE_ALASKA, "2026-01-15T19:00:00", True),
        # A toll-free number may be anywhere from Guam to the Virgin Islands.
        (TOLL_FREE, "2026-01-15T18:00:00", False),
    ],
)
def test_a_call_is_made_only_while_it_is_day_where_they_are(number: str, moment: str, allowed: bool) -> None:
    there = place(number)
    assert is_inside(HOURS.window(there.country), utc(moment), there.zones) is allowed


@given(
    number=st.sampled_from(NUMBERS),
    moment=MOMENTS,
)
def test_nobody_is_ever_called_outside_the_hours_of_any_zone_their_number_may_be_in(number: str, moment: datetime) -> None:
    there = place_of(number)
    if there is None or not is_inside(HOURS.window(there.country), moment, there.zones):
        return
    latest = "21:00" if there.country == "IN" else "20:00"
    for name in zones.time_zones_for_number(phonenumbers.parse(number)):
        assert "09:00" <= f"{moment.astimezone(ZoneInfo(name)):%H:%M}" < latest, name


@given(
    zone=st.sampled_from(["Asia/Kolkata", "America/New_York", "Pacific/Apia", "America/St_Johns", "Africa/Casablanca", "UTC"]),
    moment=MOMENTS,
    start=st.integers(0, 1439),
    length=st.integers(1, 1440),
)
def test_the_next_moment_is_inside_and_none_that_a_minute_hand_shows_lies_before_it(
    zone: str, moment: datetime, start: int, length: int
) -> None:
    window, there = Window(start, min(start + length, 1440)), (ZoneInfo(zone),)
    found = next_inside(window, moment, there)
    if found is None:
        return  # a window that a change of the clocks swallows for a whole week does not exist, but one may be asked for
    assert is_inside(window, found, there)
    assert found >= moment
    if found > moment:
        assert not is_inside(window, found - timedelta(minutes=1), there) or found - timedelta(minutes=1) < moment


def test_every_day_has_a_next_moment_for_a_number_of_one_zone() -> None:
    there = place(INDIA)
    assert next_inside(HOURS.window("IN"), utc("2026-01-15T15:30:00"), there.zones) == utc("2026-01-16T03:30:00")


def test_zones_that_are_never_awake_together_have_no_next_moment() -> None:
    apart = (ZoneInfo("Pacific/Midway"), ZoneInfo("Asia/Kolkata"))
    assert next_inside(Window(9 * 60, 12 * 60), utc("2026-01-15T00:00:00"), apart) is None


def test_nowhere_is_never_calling_time() -> None:
    assert not is_inside(Window(0, 1440), utc("2026-01-15T12:00:00"), ())


@pytest.mark.parametrize("number", ["+447700900123", "+999123456789", "+19005550123", ""])
def test_a_number_that_nobody_can_place_or_that_costs_extra_has_no_place(number: str) -> None:
    assert place_of(number) is None


def test_what_is_set_for_a_country_counts_there_and_only_as_far_as_its_law_goes() -> None:
    wide = {"default": {"start": "07:00", "end": "23:00"}, "countries": [{"country": "us", "start": "06:00", "end": "23:00"}]}
    hours = read_calling_hours(wide)
    assert str(hours.window("US")) == "08:00-21:00"
    assert str(hours.window("IN")) == "09:00-21:00"
    assert str(hours.window("MX")) == "07:00-23:00"


def test_hours_beyond_a_law_are_refused_when_they_are_set() -> None:
    for country in HARD_CALLING_HOURS:
        wide = {
            "default": {"start": "09:00", "end": "20:00"},
            "countries": [{"country": country, "start": "07:59", "end": "20:00"}],
        }
        with pytest.raises(RecordError, match=f"calling_hours.{country}: the law there allows"):
            check_calling_hours(wide)


@pytest.mark.parametrize(
    ("value", "what"),
    [
        (None, "calling_hours: must be like"),
        ({}, "calling_hours: must be like"),
        ({"default": {"start": "9", "end": "20:00"}}, "calling_hours.default.start: '9' is no time of day"),
        ({"default": {"start": "09:00"}}, "calling_hours.default.end: '' is no time of day"),
        ({"default": {"start": "20:00", "end": "09:00"}}, "calling_hours.default: must end after it starts"),
        ({"default": {"start": "09:00", "end": "20:00"}, "countries": [{"start": "09:00"}]}, "each row needs a country"),
        ({"default": {"start": "09:00", "end": "20:00"}, "countries": "IN"}, "each row needs a country"),
        (
            {"default": {"start": "09:00", "end": "20:00"}, "countries": [{"country": "IN", "start": "25:00", "end": "26:00"}]},
            "calling_hours.IN.start: '25:00' is no time of day",
        ),
    ],
)
def test_hours_that_cannot_be_read_are_one_line_that_names_the_field(value: Any, what: str) -> None:
    with pytest.raises(RecordError, match=what.replace("(", r"\(")) as caught:
        read_calling_hours(value)
    assert "\n" not in str(caught.value)
