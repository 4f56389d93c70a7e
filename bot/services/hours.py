"""Business hours: are people of ours there, and when next (S2-188, S2-192, S2-197)?

They are the system setting `business_hours`, per weekday `{start, end, enabled}`, on the clock of the system setting `timezone`.
An end that is not after its start lies on the next day; "24:00" and "23:59" both mean midnight.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from bot.clock import Clock
from bot.errors import RecordError
from bot.records.settings import WEEKDAYS
from bot.services.settings import SystemSettings

log = structlog.get_logger()

DEFAULT_ZONE = "America/Mexico_City"
"""What counts where nobody has set `timezone`: the seed's own (S2-017)."""

_DAY = timedelta(days=1)
_MINUTES = 24 * 60
_HORIZON = 15
"""Days that are looked ahead: a week, and another one for an opening that a change of the clocks swallows."""


@dataclass(frozen=True, slots=True)
class Span:
    """From when to when it is open on one weekday, in minutes since its midnight; an end beyond 24 hours is on the next day."""

    start: int
    end: int


@dataclass(frozen=True)
class BusinessHours:
    """When people of ours are there, by the clock on their wall. Every moment that is asked about must know its zone."""

    days: tuple[Span | None, ...]
    """Monday first; None is a day on which nobody is there."""
    zone: ZoneInfo

    def is_open(self, moment: datetime) -> bool:
        local = moment.astimezone(self.zone)
        minute = local.hour * 60 + local.minute
        today, yesterday = self.days[local.weekday()], self.days[local.weekday() - 1]
        return (today is not None and today.start <= minute < today.end) or (
            yesterday is not None and minute + _MINUTES < yesterday.end
        )

    def next_open(self, moment: datetime) -> datetime | None:
        """The first moment from this one on at which it is open, in UTC; None where it never is."""
        if self.is_open(moment):
            return moment.astimezone(UTC)
        candidates = (*self._starts(moment), *_clock_changes(moment, self.zone))
        return min((when for when in candidates if when >= moment and self.is_open(when)), default=None)

    def _starts(self, moment: datetime) -> Iterator[datetime]:
        """The beginnings of the coming days' spans; where the clocks go back both, the first and the repeated one."""
        today = moment.astimezone(self.zone).date()
        for day in (today + number * _DAY for number in range(_HORIZON)):
            span = self.days[day.weekday()]
            if span is not None:
                yield from (_instant(day, span.start, fold, self.zone) for fold in (0, 1))


def _instant(day: date, minute: int, fold: int, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(minute // 60, minute % 60, fold=fold), zone).astimezone(UTC)


def edges_of(hours: BusinessHours, day: date) -> list[datetime]:
    """The moments of a local day, in order, at which it may open or close, its midnight and changes of the clocks among them."""
    minutes = {0, *(minute for span in (hours.days[day.weekday()],) if span for minute in (span.start, min(span.end, _MINUTES)))}
    yesterday = hours.days[day.weekday() - 1]
    if yesterday is not None and yesterday.end > _MINUTES:
        minutes.add(yesterday.end - _MINUTES)
    whole = {minute for minute in minutes if minute < _MINUTES}
    found = {_instant(day, minute, fold, hours.zone) for minute in whole for fold in (0, 1)}
    midnight, next_midnight = (_instant(each, 0, 0, hours.zone) for each in (day, day + _DAY))
    if _offset(midnight, hours.zone) != _offset(next_midnight, hours.zone):
        found.add(_change_between(midnight, next_midnight, hours.zone))
    return sorted(found)


def _clock_changes(moment: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """The moments of the coming days at which the clocks are changed: they may jump into opening hours."""
    before = moment.astimezone(UTC).replace(second=0, microsecond=0)
    for after in (before + number * _DAY for number in range(1, _HORIZON + 1)):
        if _offset(before, zone) != _offset(after, zone):
            yield _change_between(before, after, zone)
        before = after


def _change_between(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The first minute with the later offset, by halving."""
    while after - before > timedelta(minutes=1):
        middle = before + timedelta(minutes=(after - before) // timedelta(minutes=2))
        before, after = (middle, after) if _offset(middle, zone) == _offset(before, zone) else (before, middle)
    return after


def _offset(moment: datetime, zone: ZoneInfo) -> timedelta | None:
    return moment.astimezone(zone).utcoffset()


def read_hours(value: object, zone: object) -> BusinessHours:
    """The two settings' values as business hours. Raises RecordError that names the day, the field and a valid example."""
    if not isinstance(value, Mapping):
        raise RecordError('business_hours: must be a mapping of weekdays, like {"monday": {"start": "09:00", "end": "18:00"}}')
    unknown = sorted(str(day) for day in value if day not in WEEKDAYS)
    if unknown:
        raise RecordError(f"business_hours: there is no weekday {unknown[0]!r}; there are {', '.join(WEEKDAYS)}")
    return BusinessHours(tuple(_read_day(day, value.get(day)) for day in WEEKDAYS), _read_zone(zone))


def _read_day(name: str, day: object) -> Span | None:
    """A weekday that is not mentioned is one on which nobody is there."""
    if day is None:
        return None
    if not isinstance(day, Mapping):
        raise RecordError(f'business_hours.{name}: must be like {{"start": "09:00", "end": "18:00", "enabled": true}}')
    enabled = day.get("enabled", True)
    if not isinstance(enabled, bool):
        raise RecordError(f"business_hours.{name}.enabled: must be true or false")
    if not enabled:
        return None
    start, end = _read_time(name, "start", day), _read_time(name, "end", day)
    if start == _MINUTES:
        raise RecordError(f'business_hours.{name}.start: "24:00" is the next day\'s "00:00"; only an end may say so')
    end = _MINUTES if end == _MINUTES - 1 else end
    return Span(start, end if end > start else end + _MINUTES)


def _read_time(name: str, field: str, day: Mapping[str, Any]) -> int:
    """Minutes since midnight."""
    text = str(day.get(field, ""))
    hour, colon, minute = text.partition(":")
    if colon and hour.isdecimal() and minute.isdecimal() and len(hour) <= 2 and len(minute) == 2:
        minutes = int(hour) * 60 + int(minute)
        if int(minute) < 60 and minutes <= _MINUTES:
            return minutes
    raise RecordError(f'business_hours.{name}.{field}: {text[:20]!r} is no time of day; write it like "09:00"')


def _read_zone(zone: object) -> ZoneInfo:
    try:
        return ZoneInfo(str(zone))
    except (ValueError, OSError, LookupError):  # an empty, an absolute, an unknown name
        raise RecordError(f"timezone: there is no time zone {str(zone)[:40]!r}; write one like {DEFAULT_ZONE}") from None


@dataclass(frozen=True, slots=True)
class Opening:
    """How it stands with the business hours at one moment, in words for a prompt."""

    is_open: bool
    today: str
    next_open: str
    """Empty while it is open."""


def opening_at(hours: BusinessHours, moment: datetime) -> Opening:
    """The words for a moment."""
    local = moment.astimezone(hours.zone)
    is_open = hours.is_open(moment)
    return Opening(is_open, _today(hours, local), "" if is_open else _next_words(hours, local))


def _today(hours: BusinessHours, local: datetime) -> str:
    span = hours.days[local.weekday()]
    if span is None:
        return "closed"
    if span.end - span.start == _MINUTES and span.start == 0:
        return "around the clock"
    until = " on the next day" if span.end > _MINUTES else ""
    return f"{_clock(span.start)} to {_clock(span.end)}{until} ({hours.zone.key})"


def _next_words(hours: BusinessHours, local: datetime) -> str:
    after = hours.next_open(local)
    if after is None:
        return "no time is planned"
    then = after.astimezone(hours.zone)
    days = (then.date() - local.date()).days
    day = {0: "today", 1: "tomorrow"}.get(days, f"{then:%A} {then.day} {then:%B}")
    return f"{day} at {then:%H:%M} ({hours.zone.key})"


def _clock(minutes: int) -> str:
    minutes = minutes if minutes <= _MINUTES else minutes - _MINUTES
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


class Hours:
    """The business hours that are set now."""

    def __init__(self, settings: SystemSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._known: tuple[tuple[object, object], BusinessHours | None] = ((None, None), None)

    async def hours(self) -> BusinessHours:
        """Raises RecordError that names the setting and the fix where it cannot be read."""
        value, zone = await self._settings.value("business_hours"), await self._settings.value("timezone")
        read_from, hours = self._known
        if hours is None or read_from != (value, zone):
            hours = read_hours(value, zone or DEFAULT_ZONE)
            self._known = ((value, zone), hours)
        return hours

    async def opening(self) -> Opening | None:
        """How it stands now; None where the setting cannot be read: then nothing is said of hours, and the turn goes on."""
        try:
            hours = await self.hours()
        except RecordError as error:
            log.warning("business hours cannot be read", why=str(error))
            return None
        return _opening_in(hours, self._clock.now().replace(second=0, microsecond=0))


@lru_cache(maxsize=8)
def _opening_in(hours: BusinessHours, minute: datetime) -> Opening:
    """The words hold for a whole minute: every turn asks for them."""
    return opening_at(hours, minute)
