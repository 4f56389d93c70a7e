"""From what was said to the moment that is meant, as far as it can be told."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

from bot.dialogs.slots.atoms import Daypart
from bot.dialogs.slots.facts import Clock
from bot.dialogs.slots.hours import PARTS, TimeOfDay, moment, readings
from bot.dialogs.slots.said import Said
from bot.dialogs.slots.spoken import Assumed, Piece, SpokenTime

_STEP = 30
"""What is proposed within the part of a day that has begun is a half or a full hour, at least so many minutes away."""


def resolved(said: Said) -> SpokenTime:
    """The moment, with what was said and assumed for it, or what is missing. Raises OverflowError beyond the calendar."""
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


def _pieces(said: Said) -> frozenset[Piece]:
    time_said = said.clock is not None or said.part is not None
    pieces = {Piece.DAY: said.day_said, Piece.TIME: time_said and not said.unclear}
    return frozenset(piece for piece, is_said in pieces.items() if is_said)


def _missing(said: Said) -> frozenset[Piece]:
    no_day = said.day is None and bool(said.candidates or said.week or said.day_unclear)
    no_time = said.unclear or (said.clock is None and said.part is None)
    return frozenset(piece for piece, lacks in ((Piece.DAY, no_day), (Piece.TIME, no_time)) if lacks)


def _days(said: Said) -> tuple[date, ...]:
    """The day, or today and the days after it where none was said."""
    if said.day is not None:
        return (said.day,)
    return tuple(said.here.today + timedelta(days=days) for days in ((0, 1, 2) if said.here.future else (0,)))


def _on(said: Said, spoken: SpokenTime, day: date) -> SpokenTime:
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


def _times(said: Said, day: date) -> tuple[TimeOfDay, ...]:
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


def _until(said: Said, day: date, begin: TimeOfDay, at: datetime) -> datetime | None:
    """The end of a span: the first time after its begin that was said, on the next day if need be."""
    if said.end is None:
        return None
    after = sorted(option.minutes for option in readings(said.end, said.part))
    candidates = (*after, *(minutes + 1440 for minutes in after))
    until = (moment(day, minutes, said.here.zone)[0] for minutes in candidates if minutes > begin.minutes)
    return next((end for end in until if end > at), None)
