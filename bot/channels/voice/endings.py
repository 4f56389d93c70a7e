"""Have they ended, by what they said? A silence tells less: "yes" is whole at once, "I would like to" goes on after any pause.

Word lists per language, in `prompts/endings.yaml`: a partial result comes ten times a second and call, so nothing here costs more
than looking words up. Words are as a recogniser writes them; punctuation that it writes counts, too.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from bot.errors import ResourceError
from bot.resources import LANGUAGES, read_yaml

Phrase = tuple[str, ...]

_LISTS = ("open_ends", "closing_ends", "short_answers", "digits")
_WHOLE = 3
"""Words from which a sentence with a full stop, or with a closing word at its end, is believed to be whole."""
_SHORT_ANSWER = 5
"""Words of "no, not really, thanks" at most."""
_MENU_DIGITS = 2
"""So many digits are a choice; more are the beginning of a number that is being read out."""
_NUMBER_DIGITS = 10
"""A telephone number (E.164 without the country), the longest that people read out."""
_HELD = 200
"""Characters at the end that are looked at: how a turn ends does not hang on how it began."""


@dataclass(frozen=True, slots=True)
class _Lists:
    open_ends: frozenset[Phrase]
    closing_ends: frozenset[Phrase]
    short_answers: frozenset[Phrase]
    digits: frozenset[Phrase]


def looks_finished(words: str, language: str) -> bool | None:
    """Whether somebody who has said this and is silent now has ended; None where the words do not tell.

    True: a short answer, a choice in digits, a whole number, a sentence that sounds complete. False: it breaks off after a word
    that leads on, in hesitation, or in the middle of a number.
    """
    lists, said = _lists(language), _split(words[-_HELD:])
    if not said:
        return None
    mark = words.rstrip(" \"'»”)")[-1:]
    if mark not in (",", "-") and len(said) <= _SHORT_ANSWER and _consists_of(said, lists.short_answers):
        return True
    if mark in (",", "-", "–", "—", "…", ":") or words.rstrip().endswith("..."):
        return False
    digits = _count_digits(said, lists.digits)
    if digits:
        return _is_number_whole(digits, said)
    if mark == "?":
        return True
    if _ends_with(said, lists.open_ends):
        return False
    if len(said) >= _WHOLE and (mark in (".", "!", "।") or _ends_with(said, lists.closing_ends)):
        return True
    return None


def count_words(words: str) -> int:
    """How many words these are."""
    return len(_split(words))


def _is_number_whole(digits: int, said: Phrase) -> bool | None:
    if digits <= _MENU_DIGITS or digits >= _NUMBER_DIGITS:
        return True
    return None if len(said) == 1 else False  # "2500" is an amount, "5 5 5" goes on


def _count_digits(said: Phrase, words: frozenset[Phrase]) -> int:
    """How many digits these are; 0 where there is anything else among them."""
    digits = 0
    for word in said:
        if (word,) in words:
            digits += 1
        elif word.isdecimal():
            digits += len(word)
        else:
            return 0
    return digits


def _ends_with(said: Phrase, phrases: frozenset[Phrase]) -> bool:
    return any(said[-size:] in phrases for size in (1, 2, 3))


def _consists_of(said: Phrase, phrases: frozenset[Phrase]) -> bool:
    """Whether it is nothing but these, one after another."""
    if not said:
        return True
    return any(said[:size] in phrases and _consists_of(said[size:], phrases) for size in range(1, min(4, len(said)) + 1))


def _split(words: str) -> Phrase:
    """The words in small letters, without punctuation; accents and vowel signs stay."""
    text = unicodedata.normalize("NFC", words.casefold().replace("’", "'"))
    return tuple("".join(c if _is_in_words(c) else " " for c in text).split())


def _is_in_words(c: str) -> bool:
    return c.isalnum() or c == "'" or unicodedata.category(c).startswith("M")


@cache
def _lists(language: str) -> _Lists:
    known = language[:2] if language[:2] in LANGUAGES else LANGUAGES[0]
    data = read_yaml("prompts", "endings.yaml")
    try:
        return _Lists(*(_phrases([*data["any"][name], *data[known][name]]) for name in _LISTS))
    except (TypeError, KeyError, AttributeError) as error:
        raise ResourceError(f"prompts/endings.yaml: {known}: must have the lists {', '.join(_LISTS)} ({error!r})") from None


def _phrases(texts: Iterable[str] | Sequence[str]) -> frozenset[Phrase]:
    return frozenset(map(_split, texts))
