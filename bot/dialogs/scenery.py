"""What a prompt may speak of: who is there, where, when, and to whom the conversation may go.

What comes from people (a profile's name, a place, what is remembered) is data. It is made harmless here, when the scenery is put
together, so that no prompt's author has to think of it.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from bot.principal import Strength
from bot.services.hours import Opening

DATA_LENGTH = 80
"""Characters that a value of a person's has in a prompt, the quotes not counted."""

ABOUT_LENGTH = 300
"""The same of what a call of ours is about: whoever has it placed says so, and it is a sentence."""

_JOINERS = "\u200c\u200d"
"""Not printable and yet part of the spelling of Hindi words."""
_MARKUP = re.compile(r"[`<>{}\[\]#*|~\\]+")
"""What headings, tags, fences, templates and roles are written with, in our prompts and in models' own formats."""
_RULE = re.compile(r"([-=_])\1{2,}")
"""A line across the page, like the one that ends front matter."""


class Data(str):
    """A value that came from people, made safe for a prompt by `data`."""

    __slots__ = ()


def data(value: object) -> Data:
    """A value that came from people as one short line in quotes, like a JSON string; empty stays empty.

    Nothing in it can look like a part of the prompt: no line break, no control or invisible character, none of the signs that
    headings, tags and templates are made of, at most 80 characters. What went through it once goes through unchanged.
    """
    return quoted(value, DATA_LENGTH)


def quoted(value: object, most: int) -> Data:
    """The same with room for so many characters."""
    if isinstance(value, Data):
        return value
    text = str(value)[: 4 * most]  # whoever sends a book as their name must not cost us its reading
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    if not text.isprintable():
        text = "".join(c if c.isprintable() or c in _JOINERS else " " for c in text)
    text = " ".join(_RULE.sub(r"\1", _MARKUP.sub(" ", text)).split())
    if not text.strip(_JOINERS + " "):
        return Data("")
    if len(text) > most:
        text = text[: most - 1].rstrip() + "…"
    return Data(orjson.dumps(text).decode())


@dataclass(frozen=True, slots=True)
class Someone:
    """The person, or user, at the other end."""

    name: str = ""
    """Empty where it is not known."""
    facts: tuple[str, ...] = ()
    """What helps to serve them, a few words each: their segment, how many tickets are open, what is remembered of them."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", data(self.name))
        object.__setattr__(self, "facts", tuple(fact for fact in map(data, self.facts) if fact))


@dataclass(frozen=True, slots=True)
class Colleague:
    """Another agent that the conversation can be handed to."""

    name: str
    description: str


@dataclass(frozen=True, slots=True)
class Scenery:
    """The blanks of a prompt: what the engine knows when a turn begins."""

    company: str
    language: str
    """The one to answer in, by its English name."""
    now: str
    """The time where the person is, in words with its zone (`time_in_words`)."""
    channel: str = ""
    """The channel's name, like whatsapp or voice."""
    place: str = ""
    """City and country, if somebody said so."""
    person: Someone = Someone()
    strength: Strength | None = None
    """How sure we are of who the person is: claimed, signed or verified in the prompt. None for a user, who has signed in."""
    hours: Opening | None = None
    """The business hours (`is_open`, `today`, `next_open`); None where they cannot be told."""
    colleagues: tuple[Colleague, ...] = ()
    """The agents that this one can hand to (`Router.colleagues`)."""
    is_our_call: bool = False
    """Whether it is a telephone call that we have placed."""
    about: str = ""
    """Of such a call: what it is about, as whoever had it placed says."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "place", data(self.place))
        object.__setattr__(self, "about", quoted(self.about, ABOUT_LENGTH))

    def values(self) -> dict[str, Any]:
        """Name -> value, as a template gets them."""
        values = {name: getattr(self, name) for name in BLANKS}
        values["strength"] = self.strength.name.lower() if self.strength else ""
        return values


BLANKS = tuple(field.name for field in fields(Scenery))
"""What a prompt may name."""


def time_in_words(moment: datetime, zone: ZoneInfo | None) -> str:
    """A moment for a prompt: where the person is, or in UTC while that is not known."""
    local = moment.astimezone(zone or UTC)
    told = zone.key if zone else "UTC; the person's own time zone is not known"
    return f"{local:%A} {local.day} {local:%B %Y}, {local:%H:%M} ({told})"
