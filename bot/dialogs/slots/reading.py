"""A text as atoms: its words and figures in the roles they may have in a time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from types import ModuleType

from bot.dialogs.slots.atoms import OTHER, Atom, Kind
from bot.dialogs.slots.lexicons import english, hindi, spanish
from bot.dialogs.slots.words import Lexicon, pieces

Atoms = tuple[Atom, ...]

_BESIDE: dict[str, tuple[ModuleType, ...]] = {"es": (spanish,), "en": (english,), "hi": (hindi, english)}
"""Whose words hold in a language, the first one's before the next one's: Hindi in chats is half English."""

_SHARED = (Kind.DAY, Kind.WEEKDAY, Kind.MONTH)
"""What is understood from the other languages too."""

_NUMBER = re.compile(r"\d{1,4}")
_CLOCK = re.compile(r"(\d{1,2})([:.h])(\d{2})(?::\d{2})?")
_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_DATE = re.compile(r"(\d{1,2})([/.-])(\d{1,2})\2(\d{4}|\d{2})")
_SHORT_DATE = re.compile(r"(\d{1,2})/(\d{1,2})")
_SUFFIXED = re.compile(r"([\d:./-]+?)([^\W\d_][^\d_]*)")
_RANGE = re.compile(r"([\d:.h]+)-([\d:.h]+?)([^\W\d_]*)")
_ISO_MOMENT = re.compile(r"(\d{4}-\d{1,2}-\d{1,2})t(\d{1,2}:\d{2})(?::\d{2})?")
_ORDINAL_ENDS = frozenset(("st", "nd", "rd", "th", "o", "ro", "do", "to", "ero", "va", "vi", "º"))
_HALVES = {"a": Atom(Kind.HALF, 0), "p": Atom(Kind.HALF, 12)}
"""5p; as words of their own they are others."""
_SUFFIXES = frozenset((Kind.HALF, Kind.OCLOCK, Kind.UNIT, Kind.DAYS, Kind.PART, Kind.BAJKE, Kind.DATE_WORD))
_PHONE_DIGITS = 7


def atoms(text: str, language: str) -> list[Atom]:
    """The atoms of a text without the words that mean nothing here."""
    parts = pieces(text)
    lexicon = lexicon_of(language)
    found: list[Atom] = []
    position = 0
    while position < len(parts):
        phrase = lexicon.at(parts, position)
        if phrase is None:
            found.extend(_figures(parts[position], lexicon))
        else:
            found.extend(phrase[1])
        position += phrase[0] if phrase else 1
    return list(_without_phones([atom for atom in found if atom.kind is not Kind.FILLER]))


@cache
def lexicon_of(language: str) -> Lexicon[Atoms]:
    """The words of a language; Spanish's where there is no such language."""
    return Lexicon(_entries(_BESIDE.get(language, _BESIDE["es"])))


def _entries(modules: tuple[ModuleType, ...]) -> Iterator[tuple[str, Atoms]]:
    yield from _own_entries(modules)
    for module in (spanish, english, hindi):  # "tomorrow a las 5"
        for kind in _SHARED:
            yield from _spread(kind, module.WORDS[kind])


def _own_entries(modules: tuple[ModuleType, ...]) -> Iterator[tuple[str, Atoms]]:
    for module in modules:
        yield from module.PHRASES.items()
        for kind, meanings in module.WORDS.items():
            yield from _spread(kind, meanings)
        yield from _spread(Kind.NUMBER, module.NUMBERS)
        yield from _spread(Kind.ORDINAL, module.ORDINALS)


def _spread(kind: Kind, meanings: dict[int, str]) -> Iterator[tuple[str, Atoms]]:
    for value, phrases in meanings.items():
        for phrase in phrases.split(", "):
            yield phrase, (Atom(kind, value),)


def _figures(piece: str, lexicon: Lexicon[Atoms]) -> Atoms:
    """What a piece with digits in it is."""
    if not any(c.isdigit() for c in piece):
        return (OTHER,)
    plain = _plain(piece)
    if plain is not None:
        return (plain,)
    if match := _ISO_MOMENT.fullmatch(piece):
        return (*_figures(match[1], lexicon), *_figures(match[2], lexicon))
    if match := _RANGE.fullmatch(piece):
        return _range(match, lexicon)
    if match := _SUFFIXED.fullmatch(piece):
        return _suffixed(match[1], match[2], lexicon)
    return (OTHER,)


def _plain(piece: str) -> Atom | None:
    if _NUMBER.fullmatch(piece):
        # A leading zero is how the 24-hour clock is written: 05 is no 17.
        return Atom(Kind.NUMBER, int(piece), third=int(len(piece) > 1 and piece[0] == "0"), spelled=False)
    if match := _CLOCK.fullmatch(piece):
        return _clock(match)
    if match := _ISO.fullmatch(piece):
        return Atom(Kind.DATE, int(match[3]), int(match[2]), int(match[1]))
    if match := _DATE.fullmatch(piece):
        year = int(match[4])
        return Atom(Kind.DATE, int(match[1]), int(match[3]), year if year > 99 else 2000 + year, spelled=False)
    if match := _SHORT_DATE.fullmatch(piece):
        return Atom(Kind.DATE, int(match[1]), int(match[2]), spelled=False)
    return None


def _clock(match: re.Match[str]) -> Atom | None:
    hour, minute = int(match[1]), int(match[3])
    if hour > 24 or minute > 59:
        return None
    ambiguous = 1 <= hour <= 12 and match[1][0] != "0"
    return Atom(Kind.CLOCK, hour, minute, third=int(ambiguous), spelled=False, sure=match[2] != ".")


def _range(match: re.Match[str], lexicon: Lexicon[Atoms]) -> Atoms:
    begin, end = _plain(match[1]), _plain(match[2])
    if begin is None or end is None:
        return (OTHER,)
    suffix = lexicon.get(match[3]) if match[3] else ()
    return (OTHER,) if suffix is None else (begin, Atom(Kind.UNTIL), end, *suffix)


def _suffixed(digits: str, letters: str, lexicon: Lexicon[Atoms]) -> Atoms:
    """5pm, 16.30h, 3rd, 5baje; anything else that is glued together is a code."""
    plain = _plain(digits.rstrip("."))
    if plain is None:
        return (OTHER,)
    if letters in _ORDINAL_ENDS and plain.kind is Kind.NUMBER:
        return (Atom(Kind.ORDINAL, plain.value, spelled=False),)
    if letters in _HALVES and digits[-1] != ".":
        return (plain, _HALVES[letters])
    meaning = lexicon.get(letters)
    return (plain, *meaning) if meaning and meaning[0].kind in _SUFFIXES else (OTHER,)


def _without_phones(found: list[Atom]) -> Iterator[Atom]:
    """Figures in a row that together are a phone number are no hours."""
    start = 0
    while start < len(found):
        end = start
        while end < len(found) and found[end].kind is Kind.NUMBER and not found[end].spelled:
            end += 1
        if sum(len(str(atom.value)) for atom in found[start:end]) >= _PHONE_DIGITS:
            yield OTHER
            start = end
        else:
            yield found[start]
            start += 1
