"""From what was said of the hour to the hour of the day, and from both to a moment that exists."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot.dialogs.slots.atoms import MIDNIGHT, Daypart
from bot.dialogs.slots.facts import Clock

_NOON = 12
_FIRST_BUSINESS_HOUR = 8
"""Of 1 to 7 without am or pm people who want to be called mean the afternoon, of 8 to 11 the morning."""


@dataclass(frozen=True, slots=True)
class Hours:
    """What a part of the day is taken for; hours from midnight."""

    proposed: int
    begin: int
    end: int


PARTS = {
    Daypart.EARLY: Hours(9, 8, 10),
    Daypart.DAWN: Hours(5, 0, 6),
    Daypart.MORNING: Hours(10, 8, 12),
    Daypart.NOON: Hours(13, 12, 16),
    Daypart.AFTERNOON: Hours(16, 12, 19),
    Daypart.EVENING: Hours(18, 16, 21),
    Daypart.NIGHT: Hours(20, 19, 23),
    Daypart.LATE: Hours(18, 17, 19),
}


@dataclass(frozen=True, slots=True)
class TimeOfDay:
    """A reading of an hour: minutes after the midnight that begins the day it was said of."""

    minutes: int
    guessed: bool = False
    """Nobody said in which half of the day."""


def readings(clock: Clock, part: Daypart | None) -> tuple[TimeOfDay, ...]:
    """What an hour may be, the likeliest first."""
    if clock.hour == MIDNIGHT or (clock.exact and not (clock.hour == _NOON and part is Daypart.NIGHT)):
        return (TimeOfDay(clock.hour * 60 + clock.minute),)
    if clock.half is not None:
        return (TimeOfDay((clock.hour % 12 + clock.half) * 60 + clock.minute),)
    if part is not None:
        hour = _in_part(clock.hour, part)
        return (TimeOfDay(hour * 60 + clock.minute),)
    business = clock.hour if _FIRST_BUSINESS_HOUR <= clock.hour <= _NOON else clock.hour + 12
    other = (business + 12) % 24
    return tuple(TimeOfDay(hour * 60 + clock.minute, clock.hour != _NOON) for hour in (business, other))


def fits(clock: Clock, part: Daypart) -> bool:
    """Whether an hour can be of that part of the day."""
    hour = clock.hour if clock.exact else _in_part(clock.hour, part)
    reach = PARTS[part]
    return reach.begin - 3 <= hour % 24 <= reach.end or (part is Daypart.NIGHT and hour >= 18)


def _in_part(hour: int, part: Daypart) -> int:
    """Of 12 hours: five in the afternoon is 17, twelve at night the midnight that ends the day, two at night is after it."""
    if hour > _NOON:
        return hour
    if part in (Daypart.EARLY, Daypart.DAWN):
        return hour % 12
    if part is Daypart.MORNING:
        return hour
    if part is Daypart.NIGHT:
        return hour + 24 if hour < 6 else hour + 12
    if part is Daypart.NOON:
        return hour if hour >= 10 else hour + 12
    return hour if hour == _NOON else hour + 12


def moment(day: date, minutes: int, zone: ZoneInfo) -> tuple[datetime, bool]:
    """That many minutes of wall time into a day, and whether the clock changes there.

    A time that does not exist is moved on by what was skipped; of one that comes twice it is the first. Raises OverflowError.
    """
    day += timedelta(days=minutes // 1440)
    wall = datetime.combine(day, time(minutes % 1440 // 60, minutes % 60), zone)
    real = wall.astimezone(UTC).astimezone(zone)
    changes = real.replace(tzinfo=None) != wall.replace(tzinfo=None) or wall.utcoffset() != wall.replace(fold=1).utcoffset()
    return real, changes
