"""The kinds of things that a form asks for: how each is asked, read, corrected and kept.

A value is JSON, so that it outlives a restart in the conversation; None is one that the person left out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from babel.core import get_global
from babel.dates import format_date

from bot.dialogs.slots.atoms import Kind
from bot.dialogs.slots.choices import parse_choice
from bot.dialogs.slots.contacts import parse_phone
from bot.dialogs.slots.names import parse_name
from bot.dialogs.slots.numbers import parse_rating
from bot.dialogs.slots.reading import atoms
from bot.dialogs.slots.times import Piece, SpokenTime, correct, parse_time
from bot.dialogs.slots.words import pieces
from bot.dialogs.wishes import Correction
from bot.message import Button
from bot.policy import plain, plain_words
from bot.resources import LANGUAGES, say

TICKET_NUMBER = re.compile(r"\bTICKET-\d{4}-\d{1,9}\b", re.IGNORECASE)

_PICK_WORDS = 5
"""A correction with more words is not about one of several options."""
_READ = 400
"""Characters of a text in which a time or a name is looked for: nobody says one in more."""
_TIMES_KEPT = 8
"""What was said about one time before it is read anew."""


@dataclass(frozen=True, slots=True)
class Here:
    """From where an answer is read."""

    language: str
    now: datetime
    zone: ZoneInfo
    options: tuple[Button, ...] = ()
    """Between which the person chooses, each with its value as id."""
    region: str = ""
    """Country of the number on which they talk to us, two letters; empty where there is none."""


@dataclass(frozen=True)
class Slot:
    """One thing that a form needs to know."""

    name: str
    ask: str = ""
    """Name of the utterance that asks for it; empty: it is taken where somebody says it, and never asked for."""
    is_optional: bool = False

    def question(self, here: Here, known: Any) -> str:
        return say(here.language, self.ask)

    def read(self, text: str, here: Here, known: Any) -> Any:
        """The value in an answer to the question; None where it is none."""
        return None

    def find(self, text: str, here: Here) -> Any:
        """The value in a text that answers something else; None where it is not there for sure."""
        return None

    def corrected(self, fix: Correction, here: Here, known: Any) -> Any:
        """What a correction makes of the value; None where it is not about it."""
        return self.read(fix.meant, here, None)

    def is_complete(self, known: Any, here: Here) -> bool:
        return True

    def is_filled_by(self, text: str, here: Here) -> bool:
        """Whether a text is wholly such a value, so that it can hardly answer another question."""
        return False


@dataclass(frozen=True)
class Words(Slot):
    """Whatever somebody says, in their own words."""

    most: int = 1000
    """Characters that are kept."""
    finder: str = ""
    """Prefix of the utterances with the words around it: `about` has `about_before_words` and `about_after_words`."""

    def read(self, text: str, here: Here, known: Any) -> Any:
        said = text.strip()
        return said[: self.most].strip() if any(c.isalnum() for c in said) else None

    def find(self, text: str, here: Here) -> Any:
        return beside(text[:_READ], self.finder) if self.finder else None

    def corrected(self, fix: Correction, here: Here, known: Any) -> Any:
        """The denied words are replaced; where they are not in it, all that was said is added: nothing is lost."""
        if not fix.meant.strip():
            return None
        before = str(known or "")
        place = before.casefold().find(fix.denied.casefold()) if fix.denied else -1
        if place >= 0:
            return f"{before[:place]}{fix.meant}{before[place + len(fix.denied) :]}"[: self.most]
        return f"{before}\n{fix.said}".strip()[: self.most]


@dataclass(frozen=True)
class Pick(Slot):
    """One of several options, by its button, number or words."""

    def read(self, text: str, here: Here, known: Any) -> Any:
        picked = parse_choice(text[:_READ], here.options, language=here.language) if here.options else None
        return picked.one.id if picked is not None and picked.one is not None else None

    def corrected(self, fix: Correction, here: Here, known: Any) -> Any:
        """Another option, if hardly more than that is said: the word for one in a whole sentence is part of a story."""
        picked = self.read(fix.meant, here, None) if len(fix.meant.split()) <= _PICK_WORDS else None
        return picked if picked != known else None


@dataclass(frozen=True)
class Stars(Slot):
    """A rating from 1 to 5."""

    def read(self, text: str, here: Here, known: Any) -> Any:
        return parse_rating(text[:_READ], language=here.language)

    def find(self, text: str, here: Here) -> Any:
        return self.read(text, here, None)


@dataclass(frozen=True)
class Who(Slot):
    """A person's name."""

    def read(self, text: str, here: Here, known: Any) -> Any:
        name = parse_name(text[:_READ], language=here.language)
        return name.full if name is not None else None

    def find(self, text: str, here: Here) -> Any:
        introduced = plain_words("name_lead_words") & frozenset(plain(text[:_READ]).split())
        return self.read(text, here, None) if introduced else None


@dataclass(frozen=True)
class Telephone(Slot):
    """A telephone number, kept as E.164; one without a country code is from the country of ours, or where they are."""

    def read(self, text: str, here: Here, known: Any) -> Any:
        for region in (here.region, get_global("zone_territories").get(here.zone.key)):
            number = parse_phone(text[:_READ], language=here.language, region=region) if region else None
            if number is not None and number.e164 is not None:
                return number.e164
        return None

    def find(self, text: str, here: Here) -> Any:
        return self.read(text, here, None)


@dataclass(frozen=True)
class Matched(Slot):
    """What has a form of its own, like a ticket's number."""

    pattern: re.Pattern[str] = re.compile(r"(?!)")

    def read(self, text: str, here: Here, known: Any) -> Any:
        return self.find(text, here)

    def find(self, text: str, here: Here) -> Any:
        found = self.pattern.search(text[:_READ])
        return found.group().upper() if found else None


@dataclass(frozen=True)
class When(Slot):
    """A moment in the future. What was said is kept, with when and in which language, and read again from there."""

    def question(self, here: Here, known: Any) -> str:
        time = spoken(known, here)
        if time is None:
            return say(here.language, self.ask)
        if time.past:
            return say(here.language, "ask_when_past")
        if time.candidates:
            return say(here.language, "ask_which_day", days=_days(time, here.language))
        if time.missing == {Piece.DAY}:
            return say(here.language, "ask_day")
        return say(here.language, "ask_hour" if Piece.TIME in time.missing and time.day else self.ask)

    def read(self, text: str, here: Here, known: Any) -> Any:
        said = [text[:_READ], here.now.isoformat(), here.language]
        if known:
            more = [*known, said]
            if len(more) <= _TIMES_KEPT and _read(text, here, spoken(known, here)) is not None:
                return more
        return [said] if parse_time(text[:_READ], language=here.language, now=here.now, zone=here.zone) is not None else None

    def find(self, text: str, here: Here) -> Any:
        return self.read(text, here, None) if len(text) <= _READ else None

    def corrected(self, fix: Correction, here: Here, known: Any) -> Any:
        said = f"{fix.denied}, {fix.meant}" if fix.denied else fix.meant
        return self.read(fix.meant, here, known) or self.read(said, here, known)

    def is_complete(self, known: Any, here: Here) -> bool:
        return (time := spoken(known, here)) is not None and time.at is not None

    def is_filled_by(self, text: str, here: Here) -> bool:
        parts = pieces(text[:_READ])
        if not parts or len(parts) > 8 or self.find(text, here) is None:
            return False
        return any(all(atom.kind is not Kind.OTHER for atom in atoms(text, language)) for language in LANGUAGES)


def spoken(known: Any, here: Here) -> SpokenTime | None:
    """The time that a kept value means."""
    time: SpokenTime | None = None
    for text, at, language in known or ():
        then = Here(language, datetime.fromisoformat(at), here.zone)
        time = _read(text, then, time) or time
    return time


def _read(text: str, here: Here, known: SpokenTime | None) -> SpokenTime | None:
    if known is None:
        return parse_time(text[:_READ], language=here.language, now=here.now, zone=here.zone)
    return correct(known, text[:_READ], language=here.language, now=here.now, zone=here.zone)


def _days(time: SpokenTime, language: str) -> str:
    known = language if language in LANGUAGES else LANGUAGES[0]
    return " / ".join(format_date(day, "EEEE d MMMM", locale=known) for day in time.candidates[:3])


def beside(text: str, name: str) -> str | None:
    """What stands behind "about", or before "ke baare mein", up to the end of its part of the sentence."""
    words = text.split()
    said = [plain(word) for word in words]
    for lead in _phrases(f"{name}_before_words"):
        for place in range(len(said) - len(lead)):
            if said[place : place + len(lead)] == lead:
                return _until_break(words[place + len(lead) :])
    for end in _phrases(f"{name}_after_words"):
        for place in range(1, len(said) - len(end) + 1):
            if said[place : place + len(end)] == end:
                return " ".join(words[max(0, place - 3) : place])
    return None


def _phrases(name: str) -> Sequence[list[str]]:
    return sorted((phrase.split() for phrase in plain_words(name)), key=len, reverse=True)


def _until_break(words: Sequence[str]) -> str | None:
    said = re.split(r"[.;!?\n]", " ".join(words))[0].strip(" ,")
    return said or None
