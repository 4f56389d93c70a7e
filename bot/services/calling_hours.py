"""When people may be called, by the clock on their own wall (S5-023; CHANNELS 4). Nothing here reads a store or a clock.

The hours are the system setting `calling_hours`: one window for everybody, others for single countries. A country's law, where
it is stricter, wins (`HARD_CALLING_HOURS`). A number may be in several zones: a call is allowed only if each of them allows it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot.errors import RecordError
from bot.records.settings import HARD_CALLING_HOURS

_MINUTES = 24 * 60
_DAY = timedelta(days=1)
_HORIZON = 8
"""Days that are looked ahead for the next moment."""
_COUNTRY = re.compile(r"[A-Z]{2}")
_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])|24:00")


@dataclass(frozen=True, slots=True)
class Window:
    """From when to when, on every day of the week, in minutes since midnight; the end is outside."""

    start: int
    end: int

    def within(self, other: Window) -> Window:
        """What both allow; empty where they have nothing in common."""
        return Window(max(self.start, other.start), min(self.end, other.end))

    def holds(self, moment: datetime, zone: ZoneInfo) -> bool:
        """Whether it is that time of day there."""
        local = moment.astimezone(zone)
        return self.start <= local.hour * 60 + local.minute < self.end

    def __str__(self) -> str:
        return f"{_clock(self.start)}-{_clock(self.end)}"


@dataclass(frozen=True)
class CallingHours:
    """The hours of all countries."""

    default: Window
    countries: Mapping[str, Window]
    """Two letters (ISO 3166) -> the window there."""

    def window(self, country: str) -> Window:
        """The hours of a country, never wider than its law."""
        hard = HARD_CALLING_HOURS.get(country)
        own = self.countries.get(country, self.default)
        return own if hard is None else own.within(_window(hard, f"the law of {country}"))


def is_inside(window: Window, moment: datetime, zones: Sequence[ZoneInfo]) -> bool:
    """Whether it is calling time in every zone; nowhere is no time at all. `moment` has to know its zone."""
    return bool(zones) and all(window.holds(moment, zone) for zone in zones)


def next_inside(window: Window, moment: datetime, zones: Sequence[ZoneInfo]) -> datetime | None:
    """The first moment from this one on at which `is_inside`, in UTC; None where there is none within a week."""
    if is_inside(window, moment, zones):
        return moment.astimezone(UTC)
    starts = (when for zone in zones for when in _starts(window, moment, zone))
    return min((when for when in starts if when > moment and is_inside(window, when, zones)), default=None)


def _starts(window: Window, moment: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """When the window opens on the coming days; where the clocks go back over it, both times."""
    today = moment.astimezone(zone).date()
    opens = time(window.start // 60, window.start % 60) if window.start < _MINUTES else time()
    for number in range(_HORIZON):
        for fold in (0, 1):
            yield datetime.combine(today + number * _DAY, opens.replace(fold=fold), zone).astimezone(UTC)


def read_calling_hours(value: object) -> CallingHours:
    """The setting's value. Raises RecordError that names the field and a valid example."""
    if not isinstance(value, Mapping) or not isinstance(value.get("default"), Mapping):
        raise RecordError('calling_hours: must be like {"default": {"start": "09:00", "end": "20:00"}, "countries": []}')
    countries: dict[str, Window] = {}
    rows = value.get("countries", [])
    for row in rows if isinstance(rows, list) else [rows]:
        country = str(row.get("country", "")).upper() if isinstance(row, Mapping) else ""
        if not _COUNTRY.fullmatch(country):
            raise RecordError("calling_hours.countries: each row needs a country of two letters; for example IN")
        countries[country] = _window(row, f"calling_hours.{country}")
    return CallingHours(_window(value["default"], "calling_hours.default"), countries)


def check_calling_hours(value: object) -> CallingHours:
    """The same for a value that is to be stored: also refuses what a country's law does not allow. Raises RecordError."""
    hours = read_calling_hours(value)
    for country, hard in HARD_CALLING_HOURS.items():
        law = _window(hard, country)
        own = hours.countries.get(country)
        if own is not None and own.within(law) != own:
            raise RecordError(f"calling_hours.{country}: the law there allows {law}; give hours inside of it")
    return hours


def _window(row: Mapping[str, object], name: str) -> Window:
    start, end = (_minutes(row.get(field), f"{name}.{field}") for field in ("start", "end"))
    if start >= end:
        raise RecordError(f"{name}: must end after it starts, on the same day; for example 09:00 to 20:00")
    return Window(start, end)


def _minutes(value: object, name: str) -> int:
    text = str(value or "")
    if not _TIME.fullmatch(text):
        raise RecordError(f'{name}: {text[:20]!r} is no time of day; write it like "09:00"')
    return int(text[:2]) * 60 + int(text[3:])


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"
