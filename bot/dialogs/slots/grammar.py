"""The grammar of times: a few rules that read facts off a line of atoms, from left to right, the first that fits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from bot.dialogs.slots.atoms import END, Atom, Daypart, Kind
from bot.dialogs.slots.facts import (
    After,
    Clock,
    DayFact,
    DayOfMonth,
    Fact,
    HalfOfDay,
    HourOrDay,
    InDays,
    InMonth,
    InMonths,
    Instead,
    InWeek,
    Now,
    OnDate,
    OnWeekday,
    Part,
    Refused,
    Shift,
    Span,
    Weekend,
)

Match = tuple[int, Fact]
"""Where the rule stopped, and what it read."""

_MONTH_DAYS = 31
_MAX_AHEAD = 60 * 24 * 366
_TIMES = frozenset((Kind.CLOCK, Kind.AT, Kind.TO_AT, Kind.PART, Kind.WEAK_PART, Kind.HALF, Kind.BETWEEN, Kind.FROM))
_DAYS = frozenset((Kind.DAY, Kind.WEEKDAY, Kind.SHORT_WEEKDAY, Kind.DATE, Kind.WEEK, Kind.IN_MONTH, Kind.MONTH, Kind.NEXT))
_ENDS_A_DAY = _TIMES | _DAYS | {Kind.END, Kind.OR, Kind.INSTEAD, Kind.UNTIL, Kind.OF}
_COUNTED = frozenset((Kind.NOUN, Kind.DAYS, Kind.MONTHS))
_TO_HOUR = (5, 10, 20, 25)


class Line:
    """The atoms of one text, with an end that never runs out."""

    def __init__(self, atoms: Sequence[Atom]) -> None:
        self._atoms = atoms

    def __len__(self) -> int:
        return len(self._atoms)

    def __getitem__(self, position: int) -> Atom:
        return self._atoms[position] if 0 <= position < len(self._atoms) else END

    def kind(self, position: int) -> Kind:
        return self[position].kind


def facts(atoms: Sequence[Atom]) -> list[Fact]:
    """All that a line of atoms tells about a time, in the order it was said."""
    line = Line(atoms)
    found: list[Fact] = []
    position = end = 0
    while position < len(line):
        match = next((match for rule in _RULES if (match := rule(line, position)) is not None), None)
        if match is not None:
            adjoins = position == end and bool(found) and isinstance(found[-1], DayFact)
            found.append(Refused(before=adjoins and line[position].value == 1) if isinstance(match[1], Refused) else match[1])
            end = match[0]
        position = match[0] if match is not None else position + 1
    if not all(kind is Kind.NOW for kind in map(line.kind, range(len(line)))):
        found = [fact for fact in found if not isinstance(fact, Now)]  # "my internet does not work now"
    return found


def lone_numbers(atoms: Sequence[Atom]) -> list[Atom]:
    """The numbers of a line that has nothing else but words of correction."""
    rest = [atom for atom in atoms if atom.kind is not Kind.INSTEAD]
    return rest if all(atom.kind is Kind.NUMBER for atom in rest) else []


def bare_clock(numbers: Sequence[Atom]) -> Clock | None:
    """The hour that bare numbers are as an answer: 5, five thirty, 1730."""
    line = Line([Atom(Kind.AT), *numbers, *([Atom(Kind.OCLOCK)] if len(numbers) == 1 else [])])
    read = _hour(line, 0) if numbers else None
    return read[1] if read is not None and read[0] == len(line) else None


# Durations: in two hours, do ghante baad, una hora mas tarde.


def _duration(line: Line, start: int) -> Match | None:
    ahead = line.kind(start) is Kind.IN
    position, amount = _amount(line, start + ahead)
    unit = line[position]
    if amount is None or unit.kind not in (Kind.UNIT, Kind.DAYS, Kind.MONTHS):
        return None
    position += 1
    if unit.kind is Kind.UNIT:
        position, amount = _and_minutes(line, position, amount)
    closing = line.kind(position)
    if closing is Kind.SHIFT and unit.kind is Kind.UNIT and not ahead:
        return position + 1, Shift(amount * (line[position].value or 1))
    if not ahead and closing is not Kind.LATER:
        return None
    fact = _ahead(unit, amount)
    return None if fact is None else (position + (closing is Kind.LATER), fact)


def _amount(line: Line, position: int) -> tuple[int, int | None]:
    """How many minutes, days or months; saade teen ghante are 210 minutes."""
    fraction = line[position].value if line.kind(position) is Kind.FRACTION else 0
    position += fraction != 0
    unit = line[position + 1]
    if line.kind(position) is not Kind.NUMBER or (fraction and unit[:2] != (Kind.UNIT, 60)):
        return position, None
    return position + 1, line[position].value * max(unit.value, 1) + fraction


def _and_minutes(line: Line, position: int, minutes: int) -> tuple[int, int]:
    """Hora y media, two hours and fifteen minutes."""
    if line.kind(position) is not Kind.AND:
        return position, minutes
    if line.kind(position + 1) is Kind.MINUTES:
        return position + 2, minutes + line[position + 1].value
    if line.kind(position + 1) is Kind.NUMBER and line[position + 2][:2] == (Kind.UNIT, 1):
        return position + 3, minutes + line[position + 1].value
    return position, minutes


def _ahead(unit: Atom, amount: int) -> Fact | None:
    if unit.kind is Kind.UNIT:
        return After(amount) if amount <= _MAX_AHEAD else None
    if unit.kind is Kind.DAYS:
        return InDays(amount, in_weeks=unit.value == 7) if amount <= 366 else None
    return InMonths(amount) if amount <= 12 else None


# Hours: a las cinco y media, quarter to five, saade nau baje.


def _clock(line: Line, start: int) -> Match | None:
    read = _hour(line, start)
    if read is None:
        return None
    position, clock, evident = read
    if line.kind(position) in _COUNTED or (line.kind(position) is Kind.UNIT and not _is_hours(line, start, position)):
        return None
    position += line.kind(position) is Kind.UNIT
    if not _may_be_at(line, start, position, clock):
        return None
    return (position, clock) if evident or _beside_a_day(line, start, position) else None


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
    return in_digits or any(line.kind(place) in _DAYS for place in range(len(line)))


def _is_hours(line: Line, start: int, position: int) -> bool:
    """A las 17 horas."""
    return line[position].value == 60 and (line.kind(start) is Kind.AT or line.kind(start - 1) in _DAYS)


def _beside_a_day(line: Line, start: int, end: int) -> bool:
    before, after = line.kind(start - 1), line.kind(end)
    if before in (Kind.PART, Kind.WEAK_PART) or after in (Kind.PART, Kind.WEAK_PART):
        return True
    if line.kind(start) is Kind.FRACTION:
        return True
    if before in _DAYS - {Kind.MONTH, Kind.NEXT}:
        return after in _ENDS_A_DAY
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
        if line.kind(end) not in _COUNTED:
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


def _span(line: Line, start: int) -> Match | None:
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
    if line.kind(stop) in _COUNTED | {Kind.UNIT}:
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


# Days: el viernes que viene, 3 de marzo, the 5th, kal.


def _date(line: Line, start: int) -> Match | None:
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
    if line.kind(after) not in _ENDS_A_DAY - {Kind.OF, Kind.HALF, Kind.UNTIL}:
        return None
    in_digits = atom.kind is Kind.ORDINAL and not atom.spelled  # "the 5th"; "the first" is rather a choice
    by_article = named and (in_digits or (atom.kind is Kind.NUMBER and line[start].value == 1))
    return (after, DayOfMonth(atom.value)) if by_article or (in_digits and line.kind(start - 1) in _DAYS) else None


def _after_weekday(line: Line, start: int) -> Match | None:
    """El viernes 27: its date where the calendar agrees, else an hour."""
    atom, after = line[start], line.kind(start + 1)
    if line.kind(start - 1) is not Kind.WEEKDAY or atom.kind is not Kind.NUMBER or not 1 <= atom.value <= _MONTH_DAYS:
        return None
    if after in (Kind.AT, Kind.CLOCK):
        return start + 1, DayOfMonth(atom.value)
    return (start + 1, HourOrDay(atom.value)) if after in (Kind.END, Kind.OR, Kind.INSTEAD) else None


def _month_first(line: Line, position: int) -> Match | None:
    """March 3rd, marzo 3; but "March 5 pm" is none."""
    day = position + 1 + (line.kind(position + 1) is Kind.THE)
    if line.kind(day) not in (Kind.NUMBER, Kind.ORDINAL) or not 1 <= line[day].value <= _MONTH_DAYS:
        return None
    if line.kind(day + 1) in (Kind.HALF, Kind.OCLOCK) or line.kind(day + 1) in _COUNTED:
        return None
    return _with_year(line, day + 1, line[day].value, line[position].value)


def _with_year(line: Line, position: int, day: int, month: int) -> Match:
    year = position + (line.kind(position) is Kind.OF)
    if line.kind(year) is Kind.NUMBER and 1900 <= line[year].value <= 2100:
        return year + 1, OnDate(day, month, line[year].value)
    return position, OnDate(day, month)


def _day(line: Line, start: int) -> Match | None:
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
        timely = _TIMES | _DAYS | {Kind.NUMBER, Kind.ORDINAL}
        known = position > start or len(line) == 1 or not beside.isdisjoint(timely)
    else:
        known = atom.kind is Kind.WEEKDAY
    if not known:
        return None
    position += 1
    if line.kind(position) in (Kind.NEXT, Kind.THIS):
        return position + 1, OnWeekday(atom.value, coming=line.kind(position) is Kind.NEXT)
    return position, OnWeekday(atom.value, coming=before is Kind.NEXT, gone=before is Kind.LAST)


# Parts of the day, and words that say how facts stand to each other.


def _part(line: Line, start: int) -> Match | None:
    atom = line[start]
    if atom.kind in (Kind.PART, Kind.WEAK_PART):
        return start + 1, Part(Daypart(atom.value), weak=atom.kind is Kind.WEAK_PART)
    return (start + 1, HalfOfDay(atom.value)) if atom.kind is Kind.HALF else None


def _joint(line: Line, start: int) -> Match | None:
    kind = line.kind(start)
    if kind is Kind.INSTEAD:
        return start + 1, Instead()
    if kind is Kind.REFUSED:
        return start + 1, Refused()
    return (start + 1, Now()) if kind is Kind.NOW else None


_RULES: tuple[Callable[[Line, int], Match | None], ...] = (_duration, _span, _date, _after_weekday, _clock, _day, _part, _joint)
