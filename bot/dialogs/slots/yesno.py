"""A plain yes or a plain no, by the words of the utterances."""

from __future__ import annotations

import unicodedata

from bot.policy import plain, plain_words, without_politeness
from bot.resources import words


def parse_yes_no(text: str) -> bool | None:
    """True for what is nothing but a yes, False for nothing but a no, in any of our languages; None for anything else."""
    if _bare(text) in words("yes_words"):
        return True
    said = _once(without_politeness(plain(text)))
    if not said:  # other emoji: as words they are all alike, nothing
        return None
    if said in plain_words("yes_words"):
        return True
    return False if said in plain_words("no_words") else None


def _once(said: str) -> str:
    """One word said over and over ("sí sí sí"), once."""
    parts = said.split()
    return parts[0] if parts and len(set(parts)) == 1 else said


def _bare(text: str) -> str:
    """An emoji without the colour of its skin and the mark that makes it one."""
    return "".join(c for c in text.strip() if unicodedata.category(c) not in ("Sk", "Mn", "Cf"))
