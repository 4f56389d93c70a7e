"""Times in words, in Spanish, English, Hindi and Hinglish: which moment, which of it was said, and what is still to be asked.

Whatever comes out is to be read back to the person before anything is done with it (DESIGN 7): `assumed` tells where we guessed.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from bot.dialogs.language import guess_language
from bot.dialogs.slots.atoms import Atom, Kind
from bot.dialogs.slots.moments import resolved
from bot.dialogs.slots.reading import atoms
from bot.dialogs.slots.said import Here, said_in
from bot.dialogs.slots.spoken import Assumed, Piece, SpokenTime
from bot.resources import LANGUAGES

__all__ = ["Assumed", "Piece", "SpokenTime", "correct", "parse_time"]


def parse_time(text: str, *, language: str, now: datetime, zone: ZoneInfo, prefer_future: bool = True) -> SpokenTime | None:
    """The time in a text, seen from `now` in `zone`; None where there is none.

    With `prefer_future` a day or an hour without its date is the next one, never a past one. A text that is not clearly in that
    language is tried in the others too: people change languages between messages.
    """
    here = Here(now.astimezone(zone), language, zone, prefer_future)
    return _first(text, here, None)


def correct(
    previous: SpokenTime, text: str, *, language: str, now: datetime, zone: ZoneInfo, prefer_future: bool = True
) -> SpokenTime | None:
    """`previous` with what a text says anew ("no, Friday", "mejor a las seis", "shaam ko"); None where it says no time.

    A bare number is the hour, or the day of the month where only the day is missing.
    """
    return _first(text, Here(now.astimezone(zone), language, zone, prefer_future), previous)


def _first(text: str, here: Here, previous: SpokenTime | None) -> SpokenTime | None:
    for language, line in _lines(text, here.language):
        try:
            said = said_in(line, replace(here, language=language), previous)
            if said is not None:
                return resolved(said)
        except OverflowError:  # beyond the calendar
            continue
    return None


def _lines(text: str, known: str) -> list[tuple[str, list[Atom]]]:
    """The text as atoms of its language; where that is not clear, of the one first that knows the most of its words."""
    guess = guess_language(text)
    languages = (known, *(other for other in LANGUAGES if other != known and guess in (None, other)))
    lines = [(language, atoms(text, language)) for language in languages]
    return sorted(lines, key=lambda line: sum(atom.kind is Kind.OTHER for atom in line[1]))
