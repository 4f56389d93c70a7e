"""What a phrase can tell about a time, before it is known which moment that is."""

from __future__ import annotations

from dataclasses import dataclass

from bot.dialogs.slots.atoms import Daypart


@dataclass(frozen=True, slots=True)
class Clock:
    """An hour as it was said."""

    hour: int
    """0 to 24; 24 is the midnight that ends a day."""
    minute: int = 0
    half: int | None = None
    """0 for am, 12 for pm; None where it was not said."""
    exact: bool = False
    """On the 24-hour clock: nothing has to be guessed."""


@dataclass(frozen=True, slots=True)
class Span:
    begin: Clock
    end: Clock


@dataclass(frozen=True, slots=True)
class Part:
    part: Daypart
    weak: bool = False
    """Means a part of the day only beside a day or an hour."""


@dataclass(frozen=True, slots=True)
class HalfOfDay:
    """A lone am or pm."""

    half: int


@dataclass(frozen=True, slots=True)
class InDays:
    days: int
    in_weeks: bool = False
    """Said in weeks, so that a weekday beside it is one of that week."""


@dataclass(frozen=True, slots=True)
class InMonths:
    months: int


@dataclass(frozen=True, slots=True)
class OnWeekday:
    weekday: int
    coming: bool = False
    """Said with "next", which people mean in two ways."""
    gone: bool = False
    """Last Friday."""


@dataclass(frozen=True, slots=True)
class OnDate:
    day: int
    month: int
    year: int = 0
    """0 where it was not said."""
    ordered: bool = True
    """False for 3/4, whose order depends on where one is from."""


@dataclass(frozen=True, slots=True)
class DayOfMonth:
    day: int


@dataclass(frozen=True, slots=True)
class HourOrDay:
    """A number right after a weekday: its date where the calendar agrees, else an hour."""

    number: int


@dataclass(frozen=True, slots=True)
class InWeek:
    weeks: int


@dataclass(frozen=True, slots=True)
class InMonth:
    months: int


@dataclass(frozen=True, slots=True)
class Weekend:
    weeks: int


@dataclass(frozen=True, slots=True)
class After:
    """So long after now."""

    minutes: int


@dataclass(frozen=True, slots=True)
class Shift:
    """So much later, or earlier, than what was said before."""

    minutes: int


@dataclass(frozen=True, slots=True)
class Now:
    pass


@dataclass(frozen=True, slots=True)
class Instead:
    """What follows takes the place of what came before."""


@dataclass(frozen=True, slots=True)
class Refused:
    """What follows is not wanted, or what came right before: "mañana no puedo"."""

    before: bool = False


DayFact = InDays | InMonths | OnWeekday | OnDate | DayOfMonth | HourOrDay | InWeek | InMonth | Weekend
Fact = DayFact | Clock | Span | Part | HalfOfDay | After | Shift | Now | Instead | Refused
