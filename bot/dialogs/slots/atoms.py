"""What the words of a time can be: the alphabet that the grammar of times is written in."""

from __future__ import annotations

from enum import Enum, IntEnum, auto
from typing import NamedTuple


class Kind(Enum):
    """One role of a word."""

    END = auto()
    """Beyond the last word."""
    OTHER = auto()
    """Anything the lexicon does not know."""
    FILLER = auto()
    """Means nothing here and stands between nothing: please, then, is fine."""
    NOUN = auto()
    """Something that is counted, so that the number before it is no time: tickets, people, pesos."""
    NUMBER = auto()
    ORDINAL = auto()
    DAY = auto()
    """Days from today."""
    WEEKDAY = auto()
    """0 is Monday."""
    SHORT_WEEKDAY = auto()
    """Also another word (sun, mar): needs a time beside it."""
    MONTH = auto()
    DATE = auto()
    """Day, month and year (0 where not said), in digits."""
    DATE_WORD = auto()
    """5 tareekh."""
    THE = auto()
    """Before the day of a month: el 5, the 5th."""
    OF = auto()
    WEEK = auto()
    """Weeks from this one."""
    WEEKEND = auto()
    """Weeks from this one."""
    IN_MONTH = auto()
    """Months from this one: next month."""
    NEXT = auto()
    LAST = auto()
    THIS = auto()
    CLOCK = auto()
    """Hour and minute."""
    AT = auto()
    """How sure an hour follows: 0 is sure (a las); 1 (las) and 2 (at), in words, are none before an unknown word without a day;
    3 (a la) and, alone, 4 (la) go with one o'clock only."""
    OCLOCK = auto()
    """After an hour: baje, o'clock, h."""
    HALF = auto()
    """0 before noon, 12 after."""
    PART = auto()
    """Part of the day."""
    WEAK_PART = auto()
    """Also another word (tarde, night): needs a day or an hour beside it."""
    MINUTES = auto()
    """Said as a fraction of an hour: y media, quarter."""
    PAST = auto()
    TO = auto()
    """Ten to five; from ten to five."""
    TO_AT = auto()
    """Diez para las cinco; para las cinco."""
    LESS = auto()
    FRACTION = auto()
    """Minutes that go with the hour after it: sava, saade, paune."""
    BAJKE = auto()
    """5 baj ke 20 minute."""
    BAJNE = auto()
    """5 bajne mein 10 minute."""
    UNIT = auto()
    """Minutes."""
    DAYS = auto()
    """A unit in days."""
    MONTHS = auto()
    IN = auto()
    LATER = auto()
    """From now on: baad, from now."""
    SHIFT = auto()
    """Later (1) or earlier (-1) than what was said before."""
    BETWEEN = auto()
    FROM = auto()
    AND = auto()
    OR = auto()
    UNTIL = auto()
    """Between the ends of a span: hasta, se, a."""
    CLOSES_SPAN = auto()
    """After both ends: ke beech, tak."""
    INSTEAD = auto()
    """What follows takes the place of what was said: no, mejor, nahi."""
    REFUSED = auto()
    """What follows is not wanted: can't. With 1 it may also come after what is not wanted: "mañana no puedo"."""
    NOW = auto()


class Daypart(IntEnum):
    """Part of a day."""

    EARLY = 1
    DAWN = 2
    MORNING = 3
    NOON = 4
    AFTERNOON = 5
    EVENING = 6
    NIGHT = 7
    LATE = 8


class Atom(NamedTuple):
    """One word or phrase in its role."""

    kind: Kind
    value: int = 0
    second: int = 0
    third: int = 0
    spelled: bool = True
    """In words, not in digits."""
    sure: bool = True
    """A clock that can be nothing else (5:30, not 5.30)."""


END = Atom(Kind.END)
OTHER = Atom(Kind.OTHER)
MIDNIGHT = 24
"""The hour at which a day ends."""
