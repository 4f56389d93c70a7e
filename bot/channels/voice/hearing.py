"""What the person has heard of something: up to a fraction of a clause, or up to words that the provider tells."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher

from bot.policy import plain

_WORD = re.compile(r"\S+")


def beginning(text: str, fraction: float) -> str:
    """So much of a text as was heard, in whole words: one that was broken off in its middle was not."""
    body = text.strip()
    if fraction >= 1.0:
        return body
    until = len(body) * max(0.0, fraction) + 1e-6
    ends = [word.end() for word in _WORD.finditer(body) if word.end() <= until]
    return body[: ends[-1]] if ends else ""


def find_words(words: str, spoken: Sequence[str], near: int) -> tuple[int, float] | None:
    """Where, in what was spoken, the last of these words ends: the clause's place and the fraction of it; None if nowhere.

    A provider tells them without our punctuation, in another spelling, and from the beginning of this answer or of all. Where
    they are found several times the place nearest to clause `near` counts.
    """
    places: list[tuple[int, float]] = []
    said: list[str] = []
    for place, clause in enumerate(spoken):
        for found in _WORD.finditer(clause):
            if word := plain(found.group()):
                said.append(word)
                places.append((place, found.end() / len(clause)))
    told = [word for part in words.split() if (word := plain(part))]
    end = _end_of(told, said, [abs(place - near) for place, _ in places])
    return places[end] if end is not None else None


def _end_of(told: Sequence[str], said: Sequence[str], far: Sequence[int]) -> int | None:
    """Which of the words said is the last of those told."""
    if not told or not said:
        return None
    size = len(told)
    whole = [start + size - 1 for start in range(len(said) - size + 1) if said[start : start + size] == told]
    if whole:
        return min(whole, key=lambda end: (far[end], -end))
    blocks = SequenceMatcher(None, told, said, autojunk=False).get_matching_blocks()
    matched = [block for block in blocks if block.size]
    if not matched or sum(block.size for block in matched) * 2 < min(size, len(said)):
        return None
    last = matched[-1]
    return min(last.b + last.size - 1 + _missing(told, last.a + last.size), len(said) - 1)


def _missing(told: Sequence[str], end: int) -> int:
    """Words that were told behind the last one that matches: misheard, but spoken."""
    return max(0, len(told) - end)
