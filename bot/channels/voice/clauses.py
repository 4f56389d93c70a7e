"""A stream of words, cut into clauses that can be spoken while the rest is still being written.

A clause ends where a speaker would breathe: at the end of a sentence or a line, at a comma once it is long enough. The first one
is cut as early as sensible, because somebody waits for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

FIRST_SOFT = 10
"""Characters from which on the first clause may end at a comma."""
SOFT = 40
"""The same for those behind it."""
SHORT = 12
"""A later sentence that is shorter is spoken together with what follows."""
LONG = 160
"""A clause without any mark is cut at a word from here on."""
LONGEST = 2 * LONG
"""A clause of a single word is cut from here on, in the word: so nothing that is written costs more than its length."""

_HARD_END = re.compile(r"""[.!?…]+["'”’»)\]*_]*(?=\s)|[।॥]+["'”’»)\]*_]*|\n""")
_SOFT_END = re.compile(r"""[,;:—–]["'”’»)\]*_]*(?=\s)""")
_LAST_WORD = re.compile(r"[^\s(\[\"'“‘«*_]+$")
_INITIALS = re.compile(r"(?:[^\W\d_]\.)*[^\W\d_]")
_ABBREVIATIONS = frozenset(
    (
        *("dr", "dra", "sr", "sra", "srta", "sres", "lic", "ing", "prof", "mr", "mrs", "ms", "st", "ave", "av", "avda", "col"),
        *(
            "tel",
            "núm",
            "num",
            "nº",
            "approx",
            "aprox",
            "vs",
            "etc",
            "ej",
            "pág",
            "pag",
            "dept",
            "ext",
            "mín",
            "máx",
            "min",
            "max",
        ),
        *("jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec", "ene", "abr", "ago", "dic"),
        *("डॉ", "श्री", "रु"),
    )
)


class Clauses:
    """Cuts one reply, as it is written. Put together, its pieces are the reply to the letter."""

    def __init__(self) -> None:
        self._rest = ""
        self._is_first = True

    def feed(self, words: str) -> Iterator[str]:
        """The clauses that are whole now; words may end anywhere, and a clause is whole once the next character is known."""
        self._rest += words
        while (end := _end(self._rest, is_first=self._is_first)) > 0:
            piece, self._rest = self._rest[:end], self._rest[end:]
            self._is_first = self._is_first and not any(map(str.isalnum, piece))
            yield piece

    def flush(self) -> str:
        """What is left; empty where nothing is. The next reply begins afresh."""
        rest, self._rest, self._is_first = self._rest, "", True
        return rest


def _end(text: str, *, is_first: bool) -> int:
    """Where the first clause ends; 0 while that cannot be told."""
    is_longer, text = len(text) > LONGEST, text[:LONGEST]
    least = 1 if is_first else SHORT
    ends = [found.end() for found in _HARD_END.finditer(text) if _length(text[: found.end()]) >= least and _is_end(text, found)]
    softly = FIRST_SOFT if is_first else SOFT
    ends += [found.end() for found in _SOFT_END.finditer(text) if _length(text[: found.end()]) >= softly]
    if ends and min(ends) <= LONG:
        return min(ends)
    if len(text) <= LONG:
        return 0
    blank = max((found.start() for found in re.finditer(r"\s+", text[:LONG]) if text[: found.start()].strip()), default=0)
    return blank or (min(ends) if ends else LONGEST if is_longer else 0)


def _length(piece: str) -> int:
    return len(piece.strip())


def _is_end(text: str, found: re.Match[str]) -> bool:
    """Whether a full stop is one: not behind an abbreviation, an initial or the number of a list's item."""
    if not found.group().startswith(".") or found.group().startswith(".."):
        return True
    before = text[: found.start()]
    last = _LAST_WORD.search(before)
    if last is None:
        return bool(before.strip())
    word = last.group()
    is_number = word.isdecimal() and not before[: last.start()].rpartition("\n")[2].strip()
    return not (word.casefold() in _ABBREVIATIONS or _INITIALS.fullmatch(word) or is_number)
