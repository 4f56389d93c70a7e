"""Words for searching, the same on every store: folded, stemmed in our languages, phones in every fragment.

A document's tokens are kept beside it, indexed. A word finds what shares a stem with it in Spanish, English or Hindi, or what
begins with it; digits find every phone number that contains them; an e-mail address is found by its beginning.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import Stemmer

from bot.errors import RecordError

RULES = 1
"""Rises when the same text gives other tokens than before: stores then make them anew."""

_DEVANAGARI = "\u0900-\u0963\u0966-\u096f\u0971-\u097f"
"""The script's letters, vowel signs and digits, without its full stops."""
_WORD = re.compile(rf"[^\W_\u0900-\u097f]+|[{_DEVANAGARI}]+")
"""Runs of letters and digits; vowel signs of Devanagari belong to their word, though no letters for Python."""
_EMAIL = re.compile(r"[^\s@<>,;:()]+@[^\s@<>,;:()]+")
_PHONE = re.compile(r"\+?[0-9][0-9\s().-]{5,}[0-9]")
_NOT_DIGIT = re.compile(r"[^0-9]+")
_JOINERS = {0x200C: None, 0x200D: None}
"""Invisible; they stand inside Hindi words in one spelling and not in another."""
_DIGITS = "#"
"""Marks the token of a phone's fragment, so that it is no word."""
_SHORTEST_FRAGMENT = 3
_WHOLE_NUMBER = 6
"""So many digits in a query of nothing else are one number, however they are spaced."""
_LONGEST_NUMBER = 15
_LONGEST = 60
"""Characters of a word that count; nobody searches for more."""
MAX_TOKENS = 400
"""Tokens kept of one document: a very long text is found by its beginning."""
MAX_WORDS = 8
"""Words of a query that count."""

_LATIN = (Stemmer.Stemmer("spanish"), Stemmer.Stemmer("english"))
_HINDI = Stemmer.Stemmer("hindi")


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a query. It is found in a document that has one of the tokens, or one that begins with a beginning."""

    tokens: frozenset[str]
    beginnings: tuple[str, ...]

    def is_in(self, tokens: Sequence[str]) -> bool:
        """Whether it is found in a document with these tokens (sorted)."""
        return any(_has(tokens, begin, whole=False) for begin in self.beginnings) or any(
            _has(tokens, token, whole=True) for token in self.tokens
        )


def _has(tokens: Sequence[str], wanted: str, *, whole: bool) -> bool:
    at = bisect_left(tokens, wanted)
    return at < len(tokens) and (tokens[at] == wanted if whole else tokens[at].startswith(wanted))


def fold(text: str) -> str:
    """Lower case without accents, digits of all scripts as 0 to 9; the marks of other scripts stay, they are letters there."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return unicodedata.normalize("NFC", "".join(_folded(c) for c in decomposed))


def _folded(character: str) -> str:
    if "\u0300" <= character <= "\u036f":
        return ""
    return str(unicodedata.decimal(character)) if character.isdecimal() else character


def spelled_words(text: str) -> list[str]:
    """The words as they are spelled, in lower case: stemmers need the accents."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text.translate(_JOINERS).casefold())
        text = "".join(_folded(c) if c.isdecimal() else c for c in text)
    return [word[:_LONGEST] for word in _WORD.findall(text.lower())]


@lru_cache(maxsize=50_000)
def stems(word: str) -> frozenset[str]:
    """A word in lower case, folded, and its stems in every language that its script may be.

    The Spanish stemmer needs the accents ("facturación" and "facturaciones" share a stem), people leave them out: both count.
    """
    folded = fold(word)
    if "\u0900" <= word[0] <= "\u097f":
        return frozenset((folded, fold(_HINDI.stemWord(word))))
    if folded.isdecimal():
        return frozenset((folded,))
    return frozenset((folded, *(fold(stemmer.stemWord(form)) for stemmer in _LATIN for form in (word, folded))))


def document_tokens(texts: Iterable[str | None]) -> list[str]:
    """Everything by which a document with these texts is to be found, sorted, at most MAX_TOKENS."""
    tokens: dict[str, None] = {}
    for text in texts:
        if text:
            for token in _tokens_of(text):
                tokens[token] = None
                if len(tokens) == MAX_TOKENS:
                    return sorted(tokens)
    return sorted(tokens)


def _tokens_of(text: str) -> Iterator[str]:
    for word in spelled_words(text):
        yield from stems(word)
    if "@" in text:
        yield from (email.casefold()[:_LONGEST] for email in _EMAIL.findall(text))
    for phone in _PHONE.findall(text if text.isascii() else fold(text)):
        digits = _NOT_DIGIT.sub("", phone)[:_LONGEST]
        # Of a very long run (an account, a card) only what a phone could be.
        first = max(0, len(digits) - _LONGEST_NUMBER)
        yield from (_DIGITS + digits[start:] for start in range(first, len(digits) - _SHORTEST_FRAGMENT + 1))


def query_words(text: str) -> list[Word]:
    """What somebody searches for; all words have to be found.

    Raises RecordError when there is nothing to search for.
    """
    asked = text.strip()
    if _EMAIL.fullmatch(asked):
        return [Word(frozenset(), (asked.casefold()[:_LONGEST],))]
    plain = fold(asked)
    digits = _NOT_DIGIT.sub("", plain)
    is_number = bool(digits) and not re.sub(r"[0-9\s().+/-]", "", plain)
    if is_number and len(digits) >= _WHOLE_NUMBER:
        # Also as a word: an order's number is written without spaces.
        beginnings = (_DIGITS + digits[:_LONGEST_NUMBER], digits[:_LONGEST]) if plain == digits else (_DIGITS + digits,)
        return [Word(frozenset(), beginnings)]
    words = list(dict.fromkeys(spelled_words(asked)))[:MAX_WORDS]
    if not words:
        raise RecordError(f"search: {text[:40]!r} has no letter or digit to search for; for example 'raj' or '555 0123'")
    return [_word(word, is_number=is_number) for word in words]


def _word(word: str, *, is_number: bool) -> Word:
    folded = fold(word)
    is_fragment = folded.isdecimal() and (is_number or len(folded) >= _SHORTEST_FRAGMENT)
    return Word(stems(word), (folded, _DIGITS + folded) if is_fragment else (folded,))
