"""A text as words: folded, cut into pieces, and looked up phrase by phrase in a lexicon."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Generic, TypeVar

from bot.records.tokens import fold

T = TypeVar("T")

LONGEST = 160
"""So many pieces are looked at: who writes more has not answered a question."""
MOST_LETTERS = 40 * LONGEST

_SAME = str.maketrans(
    {
        "\u093c": None,  # nukta: साढ़े is as often written साढे
        "\u0901": "\u0902",  # पाँच, पांच
        "\u200b": None,
        "\u200c": None,
        "\u200d": None,
        "\u2060": None,
        "\ufeff": None,
        "\ufe0f": None,
        "\u20e3": None,  # 2️⃣ is 2
        "\u2019": "'",
        "\u2018": "'",
        "\u2013": "-",
        "\u2014": "-",
        "\u2212": "-",
    }
)
_AM_PM = re.compile(r"\b([ap])\.\s?m\b\.?|(?<=\d)([ap])\.\s?m\b\.?")
_BREAK = re.compile(r"[;!?¿¡()\[\]{}\"“”«»…|।\s]+|,(?!\d)|(?<!\d),")
_EDGES = ".:'*_~-`,"
_MIN_SQUEEZED, _MIN_SHUFFLED = 4, 5
_REPEATED = re.compile(r"(.)\1+")


def word_set(text: str) -> frozenset[str]:
    """The words of a list of ours."""
    return frozenset(text.split())


def phrase_list(text: str) -> list[str]:
    """The phrases of a list of ours, between commas."""
    return [" ".join(phrase.split()) for phrase in text.split(",")]


def folded(text: str) -> str:
    """Lower case, no accents, digits of all scripts as 0 to 9, and one spelling of what Hindi writes in two ways."""
    return fold(text).translate(_SAME)


def pieces(text: str) -> list[str]:
    """What stands between spaces and punctuation; a number keeps its own punctuation (5:30, 3/3, 1,500)."""
    joined = _AM_PM.sub(lambda m: f" {m[1] or m[2]}m ", folded(text[:MOST_LETTERS]))
    found: list[str] = []
    for raw in _BREAK.split(joined):
        piece = raw.strip(_EDGES) or ("-" if raw == "-" else "")
        if piece:
            found.extend(_words_of(piece) if _is_worded(piece) else (piece,))
        if len(found) >= LONGEST:
            break
    return found[:LONGEST]


def _words_of(piece: str) -> list[str]:
    return [word for word in piece.replace("'", "").split("-") if word]


def _is_worded(piece: str) -> bool:
    """Letters only, maybe joined by hyphens: "twenty-five", "o'clock"."""
    return ("-" in piece or "'" in piece) and not any(c.isdigit() for c in piece)


class Lexicon(Generic[T]):
    """Phrases -> what they mean. The longest phrase wins; a typo is found by its letters."""

    def __init__(self, entries: Iterable[tuple[str, T]], *, typos: bool = True) -> None:
        self._meanings: dict[str, T] = {}
        self._reach: dict[str, int] = {}
        for phrase, meaning in entries:
            parts = pieces(phrase)
            key = " ".join(parts)
            if key and key not in self._meanings:
                self._meanings[key] = meaning
                self._reach[parts[0]] = max(self._reach.get(parts[0], 0), len(parts))
        self._shuffled: Mapping[str, str] = _by_letters(self._meanings) if typos else {}

    def get(self, phrase: str) -> T | None:
        """What a phrase of `pieces` means, spelled right."""
        return self._meanings.get(phrase)

    def at(self, parts: list[str], start: int) -> tuple[int, T] | None:
        """How many pieces from `start` on are a phrase, and what it means."""
        for size in range(min(self._reach.get(parts[start], 0), len(parts) - start), 0, -1):
            meaning = self._meanings.get(" ".join(parts[start : start + size]))
            if meaning is not None:
                return size, meaning
        word = parts[start]
        meant = self._shuffled.get(_letters(word)) if len(word) >= _MIN_SQUEEZED and word not in self._reach else None
        return (1, self._meanings[meant]) if meant is not None and _is_typo(word, meant) else None

    def over(self, parts: list[str]) -> Iterator[tuple[str, T | None]]:
        """All the pieces, in phrases where they are known and singly where not."""
        position = 0
        while position < len(parts):
            found = self.at(parts, position)
            size, meaning = found or (1, None)
            yield " ".join(parts[position : position + size]), meaning
            position += size


def _letters(word: str) -> str:
    """The same for a word with letters swapped or doubled ("vienres", "tomorow"); the first one is nearly always right."""
    if len(word) < _MIN_SQUEEZED or not word.isalpha():
        return word
    squeezed = _REPEATED.sub(r"\1", word)
    return squeezed if len(squeezed) < _MIN_SHUFFLED else squeezed[0] + "".join(sorted(squeezed[1:]))


def _is_typo(word: str, meant: str) -> bool:
    """At most two neighbours swapped, doubled letters aside: "master" is no "martes"."""
    one, other = _REPEATED.sub(r"\1", word), _REPEATED.sub(r"\1", meant)
    differing = [place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b]
    return not differing or (len(differing) == 2 and differing[1] == differing[0] + 1)


def _by_letters(meanings: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for word in meanings:
        if len(word) >= _MIN_SQUEEZED and word.isascii() and word.isalpha():
            found.setdefault(_letters(word), word)
    return found
