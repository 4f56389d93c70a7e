"""What a text says of a time, put together: its facts, with what stands from before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from bot.dialogs.slots.atoms import Atom, Daypart
from bot.dialogs.slots.days import day_of
from bot.dialogs.slots.facts import (
    After,
    Clock,
    DayFact,
    DayOfMonth,
    Fact,
    HalfOfDay,
    Instead,
    Now,
    Part,
    Refused,
    Shift,
    Span,
)
from bot.dialogs.slots.grammar import facts, lone_numbers
from bot.dialogs.slots.hour_rules import bare_clock
from bot.dialogs.slots.hours import fits
from bot.dialogs.slots.spoken import Assumed, Piece, SpokenTime

_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Here:
    """From where and in which manner a text is read."""

    at: datetime
    language: str
    zone: ZoneInfo
    future: bool

    @property
    def today(self) -> date:
        return self.at.date()


@dataclass(frozen=True, slots=True)
class Said:
    """What a text says, and what stands from before, on the way to a moment."""

    here: Here
    day: date | None = None
    day_said: bool = False
    day_assumed: bool = False
    candidates: tuple[date, ...] = ()
    week: date | None = None
    clock: Clock | None = None
    end: Clock | None = None
    part: Daypart | None = None
    unclear: bool = False
    """Two different hours were said."""
    day_unclear: bool = False
    """A day was said, but not which."""
    exact: datetime | None = None
    """In two hours."""


def said_in(line: Sequence[Atom], here: Here, previous: SpokenTime | None) -> Said | None:
    """What a line of atoms says, on top of what was said before; None where it says no time. Raises OverflowError."""
    found = _standing(facts(line))
    if previous is not None and not found:
        found = _answer(line, previous)
    if previous is None:
        found = [After(fact.minutes) if isinstance(fact, Shift) and fact.minutes > 0 else fact for fact in found]
    said = _gathered(found, here, correcting=previous is not None)
    if said is None or previous is None:
        return said
    shift = next((fact for fact in found if isinstance(fact, Shift)), None)
    if shift is not None and previous.at is not None:
        return replace(said, exact=previous.at.astimezone(UTC) + shift.minutes * _MINUTE)
    return said if said.exact is not None else _merged(said, previous)


def _standing(found: Sequence[Fact]) -> list[Fact]:
    """The facts that were not taken back in the same breath: "a las 5, no, a las 6"."""
    kept: list[Fact] = []
    anew: set[Piece] = set()
    refused = False
    for fact in found:
        if isinstance(fact, Instead):
            anew = set(Piece)
        elif isinstance(fact, Refused):
            refused = not fact.before
            kept = kept[:-1] if fact.before else kept
        elif refused:
            refused = False
        else:
            piece = _piece(fact)
            if piece in anew:
                kept = [other for other in kept if _piece(other) is not piece]
                anew.discard(piece)
            kept.append(fact)
    return kept


def _piece(fact: Fact) -> Piece:
    return Piece.DAY if isinstance(fact, DayFact) else Piece.TIME


def _answer(line: Sequence[Atom], previous: SpokenTime) -> list[Fact]:
    """Bare numbers, where a time is being spoken of: the hour, or the day that is the only thing missing."""
    numbers = lone_numbers(line)
    if len(numbers) == 1 and previous.missing == {Piece.DAY} and 1 <= numbers[0].value <= 31:
        return [DayOfMonth(numbers[0].value)]
    clock = bare_clock(numbers)
    return [clock] if clock is not None else []


def _gathered(found: Sequence[Fact], here: Here, *, correcting: bool) -> Said | None:
    """All facts of one text together; None where they are no time."""
    days = day_of([fact for fact in found if isinstance(fact, DayFact)], here.today, language=here.language, future=here.future)
    clocks = list(dict.fromkeys(fact for fact in found if isinstance(fact, Clock)))
    if days.clock is not None:
        clocks.append(days.clock)
    span = next((fact for fact in found if isinstance(fact, Span)), None)
    part = next((fact for fact in found if isinstance(fact, Part)), None)
    half = next((fact.half for fact in found if isinstance(fact, HalfOfDay)), None) if correcting else None
    exact = _exact(found, here)
    anchored = bool(days.days or days.week or days.unclear or clocks or span or exact)
    strong = part is not None and (anchored or not part.weak)
    if not anchored and not strong and half is None and not any(isinstance(fact, Shift) for fact in found):
        return None
    clock = span.begin if span else clocks[0] if len(clocks) == 1 else None
    if clock is None and half is not None:
        part = Part(Daypart.AFTERNOON if half else Daypart.MORNING)
    return Said(
        here,
        day=days.days[0] if len(days.days) == 1 else None,
        day_said=len(days.days) == 1,
        day_assumed=days.assumed,
        candidates=days.days if len(days.days) > 1 else (),
        week=days.week,
        clock=clock,
        end=span.end if span else None,
        part=part.part if part else None,
        unclear=len(clocks) > 1 and span is None,
        day_unclear=days.unclear,
        exact=exact,
    )


def _exact(found: Sequence[Fact], here: Here) -> datetime | None:
    after = next((fact for fact in found if isinstance(fact, After)), None)
    if after is not None:
        return here.at.astimezone(UTC) + after.minutes * _MINUTE
    return _whole_minute(here.at) if any(isinstance(fact, Now) for fact in found) else None


def _whole_minute(at: datetime) -> datetime:
    return (at + _MINUTE).replace(second=0, microsecond=0)


def _merged(said: Said, previous: SpokenTime) -> Said:
    """What was not said anew stays."""
    if not (said.day_said or said.candidates or said.week or said.day_unclear):
        kept = previous.day if Piece.DAY in previous.said else None
        said = replace(said, day=kept, day_said=kept is not None, candidates=previous.candidates, week=previous.week)
        said = replace(said, day_assumed=Assumed.DAY in previous.assumed and kept is not None)
    elif said.day is not None and previous.week is not None and said.week is None:
        said = _in_week(said, said.day, previous.week)
    if said.clock is None and not said.unclear:
        return _with_clock_before(said, previous)
    if said.part is None and said.clock is not None and said.clock.half is None and not said.clock.exact:
        return _with_half_before(said, said.clock, previous)
    return said


def _in_week(said: Said, day: date, week: date) -> Said:
    """Of the week that was said before: "next week" - "Tuesday"; a date far from it stays."""
    if abs((day - week).days) >= 14:
        return said
    return replace(said, day=week + timedelta(days=day.weekday()), day_assumed=False)


def _with_clock_before(said: Said, previous: SpokenTime) -> Said:
    clock, end = previous.clock, previous.end
    if said.part is None:
        return replace(said, clock=clock, end=end, part=previous.part)
    if clock is None or not fits(clock, said.part):
        return said
    return replace(said, clock=replace(clock, half=None), end=replace(end, half=None) if end else None)


def _with_half_before(said: Said, clock: Clock, previous: SpokenTime) -> Said:
    if previous.part is not None and fits(clock, previous.part):
        return replace(said, part=previous.part)
    if previous.clock is not None and previous.clock.half is not None:
        return replace(said, clock=replace(clock, half=previous.clock.half))
    return said
