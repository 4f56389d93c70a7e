"""The rules of hours: a las cinco y media, quarter to five, saade nau baje, between 4 and 6."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.dialogs.slots.atoms import Atom, Kind
from bot.dialogs.slots.facts import Clock, Span
from bot.dialogs.slots.line import COUNTED, DAYS, ENDS_A_DAY, Line, Match

_TO_HOUR = (5, 10, 20, 25)
"""Ten to five is an hour, four to five a span."""


def bare_clock(numbers: Sequence[Atom]) -> Clock | None:
    """The hour that bare numbers are as an answer: 5, five thirty, 1730."""
    line = Line([Atom(Kind.AT), *numbers, *([Atom(Kind.OCLOCK)] if len(numbers) == 1 else [])])
    read = _hour(line, 0) if numbers else None
    return read[1] if read is not None and read[0] == len(line) else None


def clock(line: Line, start: int) -> Match | None:
    """One hour."""
    read = _hour(line, start)
    if read is None:
        return None
    position, said, evident = read
    if line.kind(position) in COUNTED or (line.kind(position) is Kind.UNIT and not _is_hours(line, start, position)):
        return None
    position += line.kind(position) is Kind.UNIT
    if not _may_be_at(line, start, position, said):
        return None
    return (position, said) if evident or _beside_a_day(line, start, position) else None


def _may_be_at(line: Line, start: int, end: int, clock: Clock) -> bool:
    """Las ocho areas, at two different shops, a la 10 are no hours; with a day anywhere in the text they may be."""
    opening = line[start]
    if opening.kind in (Kind.AT, Kind.TO_AT) and opening.value >= 3:
        alone = line.kind(end) not in (Kind.OTHER, Kind.OR)
        return (clock.hour == 1 or bool(clock.minute)) and (opening.value == 3 or alone)
    if (
        opening.kind is not Kind.AT
        or not opening.value
        or line.kind(end) is not Kind.OTHER
        or clock.minute
        or clock.half is not None
    ):
        return True
    in_digits = opening.value == 2 and not line[start + 1].spelled
    return in_digits or any(line.kind(place) in DAYS for place in range(len(line)))


def _is_hours(line: Line, start: int, position: int) -> bool:
    """A las 17 horas."""
    return line[position].value == 60 and (line.kind(start) is Kind.AT or line.kind(start - 1) in DAYS)


def _beside_a_day(line: Line, start: int, end: int) -> bool:
    before, after = line.kind(start - 1), line.kind(end)
    if before in (Kind.PART, Kind.WEAK_PART) or after in (Kind.PART, Kind.WEAK_PART):
        return True
    if line.kind(start) is Kind.FRACTION:
        return True
    if before in DAYS - {Kind.MONTH, Kind.NEXT}:
        return after in ENDS_A_DAY
    return start == 0 and after in (Kind.DAY, Kind.WEEKDAY)


def _hour(line: Line, start: int, *, in_span: bool = False) -> tuple[int, Clock, bool] | None:
    """An hour with all that belongs to it, and whether anything but its place shows that it is one."""
    evident = line.kind(start) in (Kind.AT, Kind.TO_AT)
    position = start + evident
    read = _minutes_first(line, position, evident) or _bare_hour(line, position)
    if read is None:
        return None
    position, clock, sure = read
    evident = evident or sure
    position, clock, evident = _minutes_after(line, position, clock, evident, in_span=in_span)
    if line.kind(position) is Kind.OCLOCK or (not in_span and _is_oclock_bound(line[position])):
        position, evident = position + 1, True
    if line.kind(position) is Kind.HALF:
        clock, position, evident = replace(clock, half=line[position].value), position + 1, True
    return position, clock, evident


def _is_oclock_bound(atom: Atom) -> bool:
    """5 baje tak, 5 baje se pehle: by five."""
    return atom.kind in (Kind.UNTIL, Kind.CLOSES_SPAN) and atom.value == 1


def _bare_hour(line: Line, position: int) -> tuple[int, Clock, bool] | None:
    atom = line[position]
    if atom.kind is Kind.CLOCK:
        return position + 1, Clock(atom.value, atom.second, exact=not atom.third), atom.sure
    if atom.kind is Kind.FRACTION and line.kind(position + 1) is Kind.NUMBER and 1 <= line[position + 1].value <= 12:
        return position + 2, _of_minutes(line[position + 1].value * 60 + atom.value), False
    if atom.kind is Kind.NUMBER and atom.value <= 24:
        exact = atom.value > 12 or atom.value == 0 or bool(atom.third)
        return position + 1, Clock(atom.value, exact=exact), False
    if atom.kind is Kind.NUMBER and line.kind(position + 1) in (Kind.HALF, Kind.OCLOCK):
        return _glued_hour(position, atom)
    return None


def _glued_hour(position: int, atom: Atom) -> tuple[int, Clock, bool] | None:
    """530pm, 1730 hrs."""
    hour, minute = divmod(atom.value, 100)
    return (position + 1, Clock(hour, minute, exact=hour > 12), True) if hour <= 24 and minute < 60 else None


def _minutes_first(line: Line, position: int, evident: bool) -> tuple[int, Clock, bool] | None:
    """Half past ten, ten to five, cuarto para las cinco."""
    atom = line[position]
    if atom.kind not in (Kind.MINUTES, Kind.NUMBER) or not 0 < atom.value <= 30:
        return None
    named = line[position + 1][:2] == (Kind.UNIT, 1)
    joint = position + 1 + named
    sign = {Kind.PAST: 1, Kind.TO: -1, Kind.TO_AT: -1}.get(line.kind(joint), 0)
    if line.kind(joint) is Kind.TO and not (atom.kind is Kind.MINUTES or named or (atom.spelled and atom.value in _TO_HOUR)):
        return None  # 4 to 6
    hour = _bare_hour(line, joint + 1)
    if sign and hour is not None:
        return hour[0], _of_minutes(hour[1].hour * 60 + sign * atom.value, exact=hour[1].exact), True
    if evident and atom.kind is Kind.MINUTES and atom.value == 30 and line.kind(joint) is Kind.NUMBER and line[joint].value <= 12:
        return joint + 1, Clock(line[joint].value, 30), True  # at half five
    return None


def _minutes_after(line: Line, position: int, clock: Clock, evident: bool, *, in_span: bool) -> tuple[int, Clock, bool]:
    joint, atom = line.kind(position), line[position + 1]
    sign = {Kind.AND: 1, Kind.LESS: -1, Kind.BAJKE: 1, Kind.BAJNE: -1}.get(joint, 0)
    sure = joint in (Kind.BAJKE, Kind.BAJNE, Kind.LESS)
    counts = atom.kind is Kind.NUMBER and 0 < atom.value < 60 and (sure or (evident and not in_span))
    if clock.minute or clock.hour == 24:
        return position, clock, evident
    if sign and (atom.kind is Kind.MINUTES or counts):
        end = position + 2 + (line[position + 2][:2] == (Kind.UNIT, 1))
        if line.kind(end) not in COUNTED:
            return end, _of_minutes(clock.hour * 60 + sign * atom.value, exact=clock.exact), True
    minute = line[position]
    if minute.kind is Kind.NUMBER and 10 <= minute.value < 60 and line[position - 1].spelled == minute.spelled:
        after = line.kind(position + 1)
        if evident or minute.spelled or after in (Kind.OCLOCK, Kind.HALF):
            shown = evident or after in (Kind.OCLOCK, Kind.HALF)
            return position + 1, replace(clock, minute=minute.value), shown
    return position, clock, evident or joint is Kind.BAJKE


def _of_minutes(minutes: int, *, exact: bool = False) -> Clock:
    hour, minute = divmod(minutes, 60)
    return Clock(hour or 12, minute, exact=exact) if not exact else Clock(hour % 24, minute, exact=True)


def span(line: Line, start: int) -> Match | None:
    """From one hour to another."""
    opening = line[start]
    opened = opening.kind in (Kind.BETWEEN, Kind.FROM, Kind.OF)
    begin = _hour(line, start + opened, in_span=True)
    if begin is None:
        return None
    joint = line.kind(begin[0])
    joints = {Kind.UNTIL, Kind.TO} | ({Kind.AT} if opening.kind in (Kind.FROM, Kind.BETWEEN) else set())
    end = _hour(line, begin[0] + (joint is not Kind.AT), in_span=True) if joint in joints | {Kind.AND} else None
    if end is None:
        return None
    closed = line.kind(end[0]) is Kind.CLOSES_SPAN
    stop = end[0] + closed
    if joint is Kind.AND and not (opening.kind is Kind.BETWEEN or closed):
        return None
    if line.kind(stop) in COUNTED | {Kind.UNIT}:
        return None
    evident = begin[2] or end[2] or closed or (opened and opening.value == 1) or _beside_a_day(line, start, stop)
    if not evident and not (opening.kind in (Kind.BETWEEN, Kind.FROM) and line.kind(stop) is not Kind.OTHER):
        return None
    return stop, Span(_like(begin[1], end[1]), end[1])


def _like(begin: Clock, end: Clock) -> Clock:
    """4 to 6 pm begins at 4 pm, 10 to 2 pm in the morning."""
    if begin.exact or begin.half is not None or end.half is None:
        return begin
    return replace(begin, half=end.half if begin.hour % 12 < end.hour % 12 else 12 - end.half)
