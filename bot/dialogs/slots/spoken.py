"""What comes out of a time in words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from bot.dialogs.slots.atoms import Daypart
from bot.dialogs.slots.facts import Clock


class Piece(StrEnum):
    """What a moment consists of."""

    DAY = "day"
    TIME = "time"


class Assumed(StrEnum):
    """What nobody said."""

    DAY = "day"
    """Which day: today or tomorrow; today's weekday; "next Friday"."""
    HALF = "half"
    """Morning or afternoon: 5 is 17:00."""
    HOUR = "hour"
    """Only a part of the day was said."""
    CLOCK_CHANGE = "clock_change"
    """The time does not exist on that day and was moved, or comes twice and is the first."""


@dataclass(frozen=True, slots=True)
class SpokenTime:
    """A time as somebody said it."""

    at: datetime | None = None
    """The moment, or the begin of the span, in the person's zone; None while something is missing."""
    until: datetime | None = None
    """The end of the span, where one was said."""
    said: frozenset[Piece] = frozenset()
    assumed: frozenset[Assumed] = frozenset()
    missing: frozenset[Piece] = frozenset()
    """What has to be asked."""
    candidates: tuple[date, ...] = ()
    """The days between which somebody has to choose, where `missing` has the day: 3/4 in English, "Saturday or Sunday"."""
    past: bool = False
    """It is over, and was asked for the future: `at` is None."""
    day: date | None = None
    week: date | None = None
    """The Monday of a week that was said without a day."""
    clock: Clock | None = None
    end: Clock | None = None
    part: Daypart | None = None
