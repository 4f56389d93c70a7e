"""Times in words, in Spanish, English, Hindi and Hinglish: which moment, which of it was said, and what is still to be asked.

Whatever comes out is to be read back to the person before anything is done with it (DESIGN 7): `assumed` tells where we guessed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from bot.dialogs.language import guess_language
from bot.dialogs.slots.atoms import Atom, Daypart, Kind
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
from bot.dialogs.slots.grammar import facts, lone_number
from bot.dialogs.slots.hours import PARTS, TimeOfDay, fits, moment, readings
from bot.dialogs.slots.reading import atoms
from bot.resources import LANGUAGES

_MINUTE = timedelta(minutes=1)
_STEP = 30
"""What is proposed within the part of a day that has begun is a half or a full hour, at least so many minutes away."""


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


@dataclass(frozen=True, slots=True)
class _Now:
    """From where and in which manner a text is read."""

    at: datetime
    language: str
    zone: ZoneInfo
    future: bool

    @property
    def today(self) -> date:
        return self.at.date()


def parse_time(text: str, *, language: str, now: datetime, zone: ZoneInfo, prefer_future: bool = True) -> SpokenTime | None:
    """The time in a text, seen from `now` in `zone`; None where there is none.

    With `prefer_future` a day or an hour without its date is the next one, never a past one. A text that is not clearly in that
    language is tried in the others too: people change languages between messages.
    """
    here = _Now(now.astimezone(zone), language, zone, prefer_future)
    return _first(text, here, None)


def correct(
    previous: SpokenTime, text: str, *, language: str, now: datetime, zone: ZoneInfo, prefer_future: bool = True
) -> SpokenTime | None:
    """`previous` with what a text says anew ("no, Friday", "mejor a las seis", "shaam ko"); None where it says no time.

    A bare number is the hour, or the day of the month where only the day is missing.
    """
    return _first(text, _Now(now.astimezone(zone), language, zone, prefer_future), previous)


def _first(text: str, here: _Now, previous: SpokenTime | None) -> SpokenTime | None:
    for language, line in _lines(text, here.language):
        said = _Said.of(line, replace(here, language=language), previous)
        if said is not None:
            return said.resolved()
    return None


def _lines(text: str, known: str) -> list[tuple[str, list[Atom]]]:
    """The text as atoms of its language; where that is not clear, of the one first that knows the most of its words."""
    guess = guess_language(text)
    languages = (known, *(other for other in LANGUAGES if other != known and guess in (None, other)))
    lines = [(language, atoms(text, language)) for language in languages]
    return sorted(lines, key=lambda line: sum(atom.kind is Kind.OTHER for atom in line[1]))


@dataclass(frozen=True, slots=True)
class _Said:
    """What a text says, and what stands from before, on the way to a moment."""

    here: _Now
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

    @classmethod
    def of(cls, line: Sequence[Atom], here: _Now, previous: SpokenTime | None) -> _Said | None:
        try:
            return _said(line, here, previous)
        except OverflowError:  # beyond the calendar
            return None

    def resolved(self) -> SpokenTime:
        try:
            return _resolved(self)
        except OverflowError:
            return SpokenTime(missing=frozenset(Piece))


def _said(line: Sequence[Atom], here: _Now, previous: SpokenTime | None) -> _Said | None:
    found = _standing(facts(line))
    if previous is not None and not found:
        found = _answer(lone_number(line), previous)
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
    anew: set[type] = set()
    refused = False
    for fact in found:
        if isinstance(fact, Instead):
            anew = {DayOfMonth, Clock}
        elif isinstance(fact, Refused):
            refused = not fact.before
            kept = kept[:-1] if fact.before else kept
        elif refused:
            refused = False
        else:
            kind = DayOfMonth if isinstance(fact, DayFact) else Clock
            if kind in anew:
                kept = [other for other in kept if isinstance(other, DayFact) is not (kind is DayOfMonth)]
                anew.discard(kind)
            kept.append(fact)
    return kept


def _answer(number: int | None, previous: SpokenTime) -> list[Fact]:
    """A bare number, where a time is being spoken of: the hour, or the day that is the only thing missing."""
    if number is None:
        return []
    if previous.missing == {Piece.DAY} and 1 <= number <= 31:
        return [DayOfMonth(number)]
    hour, minute = (number, 0) if number <= 24 else divmod(number, 100)
    return [Clock(hour, minute, exact=hour > 12 or hour == 0)] if hour <= 24 and minute < 60 else []


def _gathered(found: Sequence[Fact], here: _Now, *, correcting: bool) -> _Said | None:
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
    return _Said(
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


def _exact(found: Sequence[Fact], here: _Now) -> datetime | None:
    after = next((fact for fact in found if isinstance(fact, After)), None)
    if after is not None:
        return here.at.astimezone(UTC) + after.minutes * _MINUTE
    return _whole_minute(here.at) if any(isinstance(fact, Now) for fact in found) else None


def _whole_minute(at: datetime) -> datetime:
    return (at + _MINUTE).replace(second=0, microsecond=0)


def _merged(said: _Said, previous: SpokenTime) -> _Said:
    """What was not said anew stays."""
    if not (said.day_said or said.candidates or said.week or said.day_unclear):
        kept = previous.day if Piece.DAY in previous.said else None
        said = replace(said, day=kept, day_said=kept is not None, candidates=previous.candidates, week=previous.week)
        said = replace(said, day_assumed=Assumed.DAY in previous.assumed and kept is not None)
    elif said.day is not None and previous.week is not None and said.week is None:
        said = _in_week(said, previous.week)
    if said.clock is None and not said.unclear:
        return _with_clock_before(said, previous)
    if said.part is None and said.clock is not None and said.clock.half is None and not said.clock.exact:
        return _with_half_before(said, said.clock, previous)
    return said


def _in_week(said: _Said, week: date) -> _Said:
    """Of the week that was said before: "next week" - "Tuesday"."""
    assert said.day is not None  # noqa: S101 - the caller has looked
    day = week + timedelta(days=said.day.weekday())
    near = abs((said.day - week).days) < 14
    return replace(said, day=day, day_assumed=False) if near else said


def _with_clock_before(said: _Said, previous: SpokenTime) -> _Said:
    clock, end = previous.clock, previous.end
    if said.part is None:
        return replace(said, clock=clock, end=end, part=previous.part)
    if clock is None or not fits(clock, said.part):
        return said
    return replace(said, clock=replace(clock, half=None), end=replace(end, half=None) if end else None)


def _with_half_before(said: _Said, clock: Clock, previous: SpokenTime) -> _Said:
    if previous.part is not None and fits(clock, previous.part):
        return replace(said, part=previous.part)
    if previous.clock is not None and previous.clock.half is not None:
        return replace(said, clock=replace(clock, half=previous.clock.half))
    return said


def _resolved(said: _Said) -> SpokenTime:
    """The moment, as far as it can be told."""
    if said.exact is not None:
        at = said.exact.astimezone(said.here.zone)
        clock = Clock(at.hour, at.minute, exact=True)
        return SpokenTime(at, said=frozenset(Piece), day=at.date(), clock=clock)
    spoken = SpokenTime(
        said=_pieces(said),
        candidates=said.candidates,
        day=said.day,
        week=said.week,
        clock=said.clock,
        end=said.end,
        part=said.part,
    )
    missing = _missing(said)
    if missing:
        gone = said.here.future and said.day is not None and said.day < said.here.today
        return replace(spoken, missing=missing, past=gone)
    tried = [_on(said, spoken, day) for day in _days(said)]
    return next((found for found in tried if not found.past), tried[0])


def _pieces(said: _Said) -> frozenset[Piece]:
    time_said = said.clock is not None or said.part is not None
    pieces = {Piece.DAY: said.day_said, Piece.TIME: time_said and not said.unclear}
    return frozenset(piece for piece, is_said in pieces.items() if is_said)


def _missing(said: _Said) -> frozenset[Piece]:
    no_day = said.day is None and bool(said.candidates or said.week or said.day_unclear)
    no_time = said.unclear or (said.clock is None and said.part is None)
    return frozenset(piece for piece, lacks in ((Piece.DAY, no_day), (Piece.TIME, no_time)) if lacks)


def _days(said: _Said) -> tuple[date, ...]:
    """The day, or today and the days after it where none was said."""
    if said.day is not None:
        return (said.day,)
    return tuple(said.here.today + timedelta(days=days) for days in ((0, 1, 2) if said.here.future else (0,)))


def _on(said: _Said, spoken: SpokenTime, day: date) -> SpokenTime:
    """The time on that day."""
    guesses = {Assumed.DAY} if said.day_assumed or not said.day_said else set()
    options = _times(said, day)
    found = [(option, *moment(day, option.minutes, said.here.zone)) for option in options]
    # Another reading of the hour than the likely one only where somebody said the day: "today at 9", in the afternoon.
    ahead = [one for one in found[: None if said.day_said else 1] if one[1] > said.here.at or not said.here.future]
    if not ahead:
        return replace(spoken, day=day, past=True)
    option, at, changes = ahead[0]
    if said.clock is None:
        guesses.add(Assumed.HOUR)
    if option.guessed:
        guesses.add(Assumed.HALF)
    if changes:
        guesses.add(Assumed.CLOCK_CHANGE)
    return replace(spoken, at=at, until=_until(said, day, option, at), assumed=frozenset(guesses), day=day)


def _times(said: _Said, day: date) -> tuple[TimeOfDay, ...]:
    if said.clock is not None:
        return readings(said.clock, said.part)
    part = PARTS[said.part or Daypart.MORNING]
    times = [TimeOfDay(part.proposed * 60)]
    if day == said.here.today:
        soon = said.here.at.hour * 60 + said.here.at.minute + _STEP
        rounded = -(-soon // _STEP) * _STEP
        if part.proposed * 60 < rounded < part.end * 60:
            times.append(TimeOfDay(rounded))
    return tuple(times)


def _until(said: _Said, day: date, begin: TimeOfDay, at: datetime) -> datetime | None:
    """The end of a span: the first time after its begin that was said, on the next day if need be."""
    if said.end is None:
        return None
    after = sorted(option.minutes for option in readings(said.end, said.part))
    candidates = (*after, *(minutes + 1440 for minutes in after))
    until = (moment(day, minutes, said.here.zone)[0] for minutes in candidates if minutes > begin.minutes)
    return next((end for end in until if end > at), None)
