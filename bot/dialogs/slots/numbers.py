"""Numbers in words and in digits of any script, and ratings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from bot.dialogs.slots.lexicons import english, hindi, spanish
from bot.dialogs.slots.words import Lexicon, pieces, word_set
from bot.resources import LANGUAGES

_MODULES = {"es": spanish, "en": english, "hi": hindi}
_GROUPED = re.compile(r"\d{1,3}(?:[.,]\d{2,3})*[.,]\d{3}")
"""1,500 and 1.500, and 1,50,000 as India writes it."""
_OUT_OF = re.compile(r"(\d+)/(\d+)")
_STARS = frozenset("⭐★🌟")
_EMPTY_STARS = frozenset("☆\ufe0f ")

_RATING_WORDS = word_set(
    """
    estrella estrellas punto puntos de le les doy pongo un una mi calificacion nota es seria sobre y con por favor gracias
    star stars point points out of i give it its a an my rating score is would say please thanks thank you the में से
    स्टार तारे अंक नंबर दूंगा दूंगी देता देती हूं mein me se taare ank number dunga dungi deta deti hu hoon rate karta
    karti ji जी main
    """
)
_AMONG = frozenset(("में से", "mein se", "me se", "mei se"))
_NO_RATING = word_set(
    """
    hora horas dia dias minuto minutos semana semanas veces pesos ticket tickets hour hours day days minute minutes week
    weeks times dollars rupees ghante ghanta din minat hafte baar rupaye घंटे घंटा दिन मिनट हफ्ते बार रुपये टिकट
    """
)
_ARTICLES = frozenset(("un", "una"))
_MAX_OTHER_WORDS = 2


def parse_number(text: str, *, language: str) -> int | None:
    """The whole number that a text names, once; None where it names none, several, or a fraction.

    Words go from 0 to 100. The words of another language count only where the text is nothing else.
    """
    found = {value for _, value in _values(pieces(text), language) if value is not None}
    return found.pop() if len(found) == 1 else None


def parse_rating(text: str, *, language: str, top: int = 5) -> int | None:
    """A rating from 1 to `top`: "4", "cinco estrellas", "3/5", "four out of five", "paanch mein se char", "⭐⭐⭐"; else None."""
    stars = _stars(text)
    value = stars if stars is not None else _rating(pieces(text), language, top)
    return value if value is not None and 1 <= value <= top else None


def _stars(text: str) -> int | None:
    """The stars of a text that is nothing but stars."""
    rest = [c for c in text if c not in _EMPTY_STARS]
    return len(rest) if rest and all(c in _STARS for c in rest) else None


def _rating(parts: list[str], language: str, top: int) -> int | None:
    if len(parts) == 1 and (match := _OUT_OF.fullmatch(parts[0])):
        return int(match[1]) if int(match[2]) == top else None
    read = list(_values(parts, language))
    values = [value for _, value in read if value is not None]
    if len(values) > 1:  # "un 4"
        values = [value for word, value in read if value is not None and word not in _ARTICLES]
    others = [word for word, value in read if value is None and word not in _RATING_WORDS]
    if any(word in _NO_RATING or any(c.isdigit() for c in word) for word in others):
        return None
    explained = bool(read) and read[0][1] is not None  # "5 excelente servicio"
    if len(others) > _MAX_OTHER_WORDS and not explained:
        return None
    if len(values) == 2:
        among = any(phrase in " ".join(parts) for phrase in _AMONG)
        value, out_of = reversed(values) if among else values
        return value if out_of == top else None
    return values[0] if len(values) == 1 else None


def _values(parts: list[str], language: str) -> Iterator[tuple[str, int | None]]:
    """The pieces in phrases, with the number that each is."""
    own = language if language in LANGUAGES else LANGUAGES[0]
    read = list(number_words(own).over(parts))
    if all(value is None for _, value in read):
        for other in LANGUAGES:
            foreign = list(number_words(other).over(parts))
            if len(foreign) == 1 and foreign[0][1] is not None:
                read = foreign
    for phrase, value in read:
        yield phrase, value if value is not None else in_digits(phrase)


def in_digits(piece: str) -> int | None:
    """A piece of `pieces` as a whole number: 1500, 1,500, #2, "2." - not 3.5, 55-5555 or T5."""
    plain = piece.lstrip("#")
    if _GROUPED.fullmatch(plain):
        plain = plain.replace(",", "").replace(".", "")
    return int(plain) if plain.isdecimal() and len(plain) <= 15 else None


@cache
def number_words(language: str) -> Lexicon[int]:
    """The words for numbers in one language."""
    return Lexicon(_listed(_MODULES[language].NUMBERS), typos=False)


@cache
def ordinal_words(language: str) -> Lexicon[int]:
    """First, segunda, doosra: the words for places in one language."""
    return Lexicon(_listed(_MODULES[language].ORDINALS), typos=False)


def _listed(meanings: dict[int, str]) -> Iterator[tuple[str, int]]:
    for value, phrases in meanings.items():
        for phrase in phrases.split(", "):
            yield phrase, value
