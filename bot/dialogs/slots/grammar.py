"""The grammar of times: a few rules that read facts off a line of atoms, from left to right, the first that fits."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bot.dialogs.slots.atoms import Atom, Daypart, Kind
from bot.dialogs.slots.day_rules import after_weekday, date, day
from bot.dialogs.slots.facts import After, DayFact, Fact, HalfOfDay, InDays, InMonths, Instead, Now, Part, Refused, Shift
from bot.dialogs.slots.hour_rules import clock, span
from bot.dialogs.slots.line import Line, Match

_MAX_AHEAD = 60 * 24 * 366


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


# Durations: in two hours, do ghante baad, una hora más tarde.


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


_RULES: tuple[Callable[[Line, int], Match | None], ...] = (_duration, span, date, after_weekday, clock, day, _part, _joint)
