"""The rules of days: el viernes que viene, 3 de marzo, the 5th, kal."""

from __future__ import annotations

from bot.dialogs.slots.atoms import Kind
from bot.dialogs.slots.facts import DayOfMonth, HourOrDay, InDays, InMonth, InWeek, OnDate, OnWeekday, Weekend
from bot.dialogs.slots.line import COUNTED, DAYS, ENDS_A_DAY, TIMES, Line, Match

_MONTH_DAYS = 31


def date(line: Line, start: int) -> Match | None:
    """A day of the calendar."""
    named = line.kind(start) is Kind.THE
    position = start + named
    atom = line[position]
    if atom.kind is Kind.DATE:
        return position + 1, OnDate(atom.value, atom.second, atom.third, ordered=atom.spelled)
    if atom.kind is Kind.MONTH:
        return _month_first(line, position)
    if atom.kind not in (Kind.NUMBER, Kind.ORDINAL) or not 1 <= atom.value <= _MONTH_DAYS:
        return None
    after = position + 1
    month = after + (line.kind(after) is Kind.OF)
    if line.kind(month) is Kind.MONTH:
        return _with_year(line, month + 1, atom.value, line[month].value)
    if line.kind(after) is Kind.DATE_WORD:
        return after + 1, DayOfMonth(atom.value)
    if line.kind(month) is Kind.IN_MONTH:
        return month, DayOfMonth(atom.value)
    if line.kind(after) not in ENDS_A_DAY - {Kind.OF, Kind.HALF, Kind.UNTIL}:
        return None
    in_digits = atom.kind is Kind.ORDINAL and not atom.spelled  # "the 5th"; "the first" is rather a choice
    by_article = named and (in_digits or (atom.kind is Kind.NUMBER and line[start].value == 1))
    return (after, DayOfMonth(atom.value)) if by_article or (in_digits and line.kind(start - 1) in DAYS) else None


def after_weekday(line: Line, start: int) -> Match | None:
    """El viernes 27: its date where the calendar agrees, else an hour."""
    atom, after = line[start], line.kind(start + 1)
    if line.kind(start - 1) is not Kind.WEEKDAY or atom.kind is not Kind.NUMBER or not 1 <= atom.value <= _MONTH_DAYS:
        return None
    if after in (Kind.AT, Kind.CLOCK):
        return start + 1, DayOfMonth(atom.value)
    return (start + 1, HourOrDay(atom.value)) if after in (Kind.END, Kind.OR, Kind.INSTEAD) else None


def _month_first(line: Line, position: int) -> Match | None:
    """March 3rd, marzo 3; but "March 5 pm" is none."""
    place = position + 1 + (line.kind(position + 1) is Kind.THE)
    if line.kind(place) not in (Kind.NUMBER, Kind.ORDINAL) or not 1 <= line[place].value <= _MONTH_DAYS:
        return None
    if line.kind(place + 1) in (Kind.HALF, Kind.OCLOCK) or line.kind(place + 1) in COUNTED:
        return None
    return _with_year(line, place + 1, line[place].value, line[position].value)


def _with_year(line: Line, position: int, day: int, month: int) -> Match:
    year = position + (line.kind(position) is Kind.OF)
    if line.kind(year) is Kind.NUMBER and 1900 <= line[year].value <= 2100:
        return year + 1, OnDate(day, month, line[year].value)
    return position, OnDate(day, month)


def day(line: Line, start: int) -> Match | None:
    """A day or a week seen from today."""
    atom = line[start]
    if atom.kind is Kind.DAY:
        return start + 1, InDays(atom.value)
    if atom.kind is Kind.WEEK:
        return start + 1, InWeek(atom.value)
    if atom.kind is Kind.IN_MONTH:
        return start + 1, InMonth(atom.value)
    if atom.kind is Kind.WEEKEND:
        return start + 1, Weekend(atom.value)
    return _weekday(line, start)


def _weekday(line: Line, start: int) -> Match | None:
    before = line.kind(start)
    position = start + (before in (Kind.NEXT, Kind.THIS, Kind.LAST))
    atom = line[position]
    if atom.kind is Kind.SHORT_WEEKDAY:
        beside = {line.kind(position + 1), line.kind(start - 1) if start else Kind.END}
        timely = TIMES | DAYS | {Kind.NUMBER, Kind.ORDINAL}
        known = position > start or len(line) == 1 or not beside.isdisjoint(timely)
    else:
        known = atom.kind is Kind.WEEKDAY
    if not known:
        return None
    position += 1
    if line.kind(position) in (Kind.NEXT, Kind.THIS):
        return position + 1, OnWeekday(atom.value, coming=line.kind(position) is Kind.NEXT)
    return position, OnWeekday(atom.value, coming=before is Kind.NEXT, gone=before is Kind.LAST)
