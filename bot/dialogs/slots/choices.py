"""A choice among options, by its number, its place, its words or its button."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bot.dialogs.slots.numbers import in_digits, number_words, ordinal_words
from bot.dialogs.slots.words import pieces, word_set
from bot.message import Button
from bot.resources import LANGUAGES

_AROUND = word_set(
    """
    el la los las lo de del un una opcion numero numeral por favor porfa gracias quiero quisiera prefiero elijo escojo
    dame deme mejor seria con a al que es y en mi mis me the a an one option number no. please pls thanks i want would
    like take choose pick prefer ill id go with for is it to my wala wali vala vali waala waali ka ki ke ko option number
    chahiye do dijiye please kripya ji hi mein se वाला वाली वाले विकल्प नंबर चाहिए दो दीजिए कृपया जी ही का की के को में से
    """
)
"""Said around a choice; none of it chooses."""
_LAST = word_set(
    """
    ultimo ultima last final aakhri akhri aakhiri आखिरी अंतिम
    """
)
_DENIED = word_set(
    """
    no ni ninguno ninguna not none neither dont nahi nahin nhi na koi नहीं नही कोई
    """
)
_DIGIT_ORDINAL = re.compile(r"(\d{1,2})(?:st|nd|rd|th|o|a|ro|ra|do|da|º|ª)")
_MIN_PREFIX, _MIN_TYPO = 3, 5


@dataclass(frozen=True, slots=True)
class Picked:
    """What an answer picks among the options."""

    among: tuple[Button, ...]
    """One where it is clear; several where the answer fits them alike."""

    @property
    def one(self) -> Button | None:
        """The option, where it is clear."""
        return self.among[0] if len(self.among) == 1 else None


def parse_choice(text: str, options: Sequence[Button], *, language: str) -> Picked | None:
    """Which of the options a text means; None where it means none of them.

    A button's id or a whole title is never ambiguous; a number that is also a word of another title is.
    """
    whole = [option for option in options if text.strip() == option.id] or [
        option for option in options if pieces(text) and pieces(text) == pieces(option.title)
    ]
    if whole:
        return Picked((whole[0],))
    parts = pieces(text)
    if not parts or any(part in _DENIED for part in parts):
        return None
    place = _place(parts, len(options), language)
    numbered = [options[place - 1]] if place is not None else []
    named = _by_words(parts, options)
    if numbered and named and numbered[0] not in named:
        return Picked((*numbered, *named))
    found = numbered or named
    return Picked(tuple(found)) if found else None


def _place(parts: list[str], count: int, language: str) -> int | None:
    """The place that an answer names and nothing besides: "la segunda, por favor"."""
    own = language if language in LANGUAGES else LANGUAGES[0]
    for known in (own, *(other for other in LANGUAGES if other != own)):
        places = _places(parts, count, known)
        if len(places) == 1:
            return places.pop()
    return None


def _places(parts: list[str], count: int, language: str) -> set[int]:
    ordinals, numbers = ordinal_words(language), number_words(language)
    found: set[int] = set()
    unknown = 0
    position = 0
    while position < len(parts):
        read = ordinals.at(parts, position)
        if read is None and (parts[position] not in _AROUND or len(parts) == 1):
            read = numbers.at(parts, position)
        size, value = read or (1, _in_figures(parts[position], count))
        if value is None:
            unknown += parts[position] not in _AROUND
        else:
            found.add(value)
        position += size
    return {value for value in found if 1 <= value <= count} if not unknown and len(found) == 1 else set()


def _in_figures(part: str, count: int) -> int | None:
    if part in _LAST:
        return count
    match = _DIGIT_ORDINAL.fullmatch(part)
    return int(match[1]) if match else in_digits(part)


def _by_words(parts: list[str], options: Sequence[Button]) -> list[Button]:
    """The options that share the most words with the answer, if the answer is mostly about them."""
    said = [part for part in parts if part not in _AROUND]
    scores = [_shared(said, [word for word in pieces(option.title) if word not in _AROUND]) for option in options]
    best = max(scores, default=0)
    if not best or best * 2 < len(said):
        return []
    return [option for option, score in zip(options, scores, strict=True) if score == best]


def _shared(said: Sequence[str], title: Sequence[str]) -> int:
    return sum(any(_same(word, other) for other in title) for word in said)


def _same(said: str, word: str) -> bool:
    """Equal, its beginning, or one letter wrong in a longer word."""
    if said == word:
        return True
    if min(len(said), len(word)) >= _MIN_PREFIX and not said.isdecimal() and (word.startswith(said) or said.startswith(word)):
        return len(said) <= len(word) + 2
    return min(len(said), len(word)) >= _MIN_TYPO and one_letter_off(said, word)


def one_letter_off(one: str, other: str) -> bool:
    """One letter more, less, other, or two swapped."""
    if abs(len(one) - len(other)) > 1:
        return False
    start = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    rest, other_rest = one[start:], other[start:]
    if len(rest) == len(other_rest):
        swapped = len(rest) > 1 and rest[:2] == other_rest[1::-1] and rest[2:] == other_rest[2:]
        return rest[1:] == other_rest[1:] or swapped
    return rest[1:] == other_rest or rest == other_rest[1:]
