"""From what was said of the day to the day of the calendar."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from bot.dialogs.slots.facts import (
    Clock,
    DayFact,
    DayOfMonth,
    HourOrDay,
    InDays,
    InMonth,
    InMonths,
    InWeek,
    OnDate,
    OnWeekday,
    Weekend,
)

_DAY = timedelta(days=1)
_YEARS = 8
"""So far away the next 29 February can be."""


@dataclass(frozen=True, slots=True)
class Days:
    """The day, or the days that it may be."""

    days: tuple[date, ...] = ()
    """One where it is clear; several where somebody has to choose."""
    week: date | None = None
    """The Monday of a week that was said without a day."""
    assumed: bool = False
    clock: Clock | None = None
    """A number after a weekday that turned out to be an hour."""
    unclear: bool = False
    """A day was said that cannot be told: 31 February, next month."""


def day_of(facts: Sequence[DayFact], today: date, *, language: str, future: bool) -> Days:
    """What the facts about the day come to, seen from `today`; `future` says that bookings are spoken of, not memories.

    Raises OverflowError where a day is beyond the calendar.
    """
    calendar = _Calendar(today, language, future)
    weekdays = [fact for fact in facts if isinstance(fact, OnWeekday)]
    if weekdays:  # "in two weeks, on Monday"
        facts = [InWeek(fact.days // 7) if isinstance(fact, InDays) and fact.in_weeks else fact for fact in facts]
    week = next((calendar.monday(fact.weeks) for fact in facts if isinstance(fact, InWeek | Weekend)), None)
    month = next((fact.months for fact in facts if isinstance(fact, InMonth)), None)
    numbered = [_numbered(fact, weekdays, calendar) for fact in facts if isinstance(fact, HourOrDay)]
    clock = next((found for found in numbered if isinstance(found, Clock)), None)
    stated = _unique(day for fact in facts for day in calendar.days(fact, month))
    stated = _unique((*stated, *(found for found in numbered if isinstance(found, date))))
    named = _unique(calendar.weekday(fact, week) for fact in weekdays)
    if stated:
        agree = not weekdays or any(fact.weekday == day.weekday() for fact in weekdays for day in stated)
        return Days(_narrowed(stated, weekdays) if agree else _unique((*stated, *named)), clock=clock)
    if named:
        assumed = week is None and any(fact.coming or fact.weekday == today.weekday() for fact in weekdays)
        return Days(named, assumed=assumed, clock=clock)
    if week is not None and any(isinstance(fact, Weekend) for fact in facts):
        return Days(tuple(day for day in (week + 5 * _DAY, week + 6 * _DAY) if day >= today or not future), week)
    impossible = any(isinstance(fact, InMonth | OnDate | DayOfMonth) for fact in facts)
    return Days(week=week, unclear=impossible)


def _numbered(fact: HourOrDay, weekdays: Sequence[OnWeekday], calendar: _Calendar) -> date | Clock | None:
    day = calendar.of_month(fact.number)
    if fact.number > 24 or (day is not None and any(day.weekday() == said.weekday for said in weekdays)):
        return day
    return Clock(fact.number, exact=fact.number > 12)


def _narrowed(stated: tuple[date, ...], weekdays: Sequence[OnWeekday]) -> tuple[date, ...]:
    """Of 3/4 and 4/3 the one that is the weekday that was said."""
    fitting = tuple(day for day in stated if any(fact.weekday == day.weekday() for fact in weekdays))
    return fitting or stated


def _unique(days: Iterator[date | None] | Sequence[date | None]) -> tuple[date, ...]:
    return tuple(dict.fromkeys(day for day in days if day is not None))


class _Calendar:
    """Days as they are meant on one day."""

    def __init__(self, today: date, language: str, future: bool) -> None:
        self._today = today
        self._language = language
        self._future = future

    def monday(self, weeks: int) -> date:
        return self._today + timedelta(days=7 * weeks - self._today.weekday())

    def days(self, fact: DayFact, month: int | None) -> Iterator[date | None]:
        """The days that one fact may mean; `month` is the one that was said beside it, in months from this one."""
        if isinstance(fact, InDays):
            # कल is yesterday too: in a memory it is.
            back = self._language == "hi" and not self._future
            yield self._today + timedelta(days=-fact.days if back else fact.days)
        elif isinstance(fact, InMonths):
            yield _plus_months(self._today, fact.months)
        elif isinstance(fact, DayOfMonth):
            yield self.of_month(fact.day) if month is None else self._in_month(fact.day, month)
        elif isinstance(fact, OnDate):
            yield from self._dates(fact)

    def weekday(self, fact: OnWeekday, week: date | None) -> date:
        """Today's own weekday is a week away: for today people say "today"."""
        if week is not None:
            return week + timedelta(days=fact.weekday)
        if self._future and not fact.gone:
            return self._today + timedelta(days=(fact.weekday - self._today.weekday() - 1) % 7 + 1)
        return self._today - timedelta(days=(self._today.weekday() - fact.weekday - 1) % 7 + 1)

    def of_month(self, day: int) -> date | None:
        """The next such day of a month, today included; in a memory the last one."""
        for months in range(13):
            first = _plus_months(self._today.replace(day=1), months if self._future else -months)
            found = _date(first.year, first.month, day) if first is not None else None
            if found is not None and (found >= self._today if self._future else found <= self._today):
                return found
        return None

    def _in_month(self, day: int, months: int) -> date | None:
        first = _plus_months(self._today.replace(day=1), months)
        return _date(first.year, first.month, day) if first is not None else None

    def _dates(self, fact: OnDate) -> Iterator[date]:
        """The days that a date can be; of two orders not the one that has gone by."""
        found = [day for order in self._orders(fact) if (day := self._date(fact.year, order[1], order[0])) is not None]
        ahead = [day for day in found if day >= self._today or not self._future]
        yield from ahead or found[:1]

    def _orders(self, fact: OnDate) -> tuple[tuple[int, int], ...]:
        """Day and month in the order of the language; both orders in English, where it depends on the country."""
        if fact.ordered or fact.day == fact.month:
            return ((fact.day, fact.month),)
        if self._language == "en" or fact.month > 12:
            return ((fact.day, fact.month), (fact.month, fact.day))
        return ((fact.day, fact.month),)

    def _date(self, year: int, month: int, day: int) -> date | None:
        if year:
            return _date(year, month, day)
        years = range(_YEARS + 1) if self._future else range(0, -_YEARS - 1, -1)
        found = (_date(self._today.year + ahead, month, day) for ahead in years)
        return next((day for day in found if day and (day >= self._today if self._future else day <= self._today)), None)


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _plus_months(day: date, months: int) -> date | None:
    """The same day so many months on, or the last one of a shorter month."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    try:
        return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
    except ValueError:
        return None
