"""A plain yes or a plain no, by the words and symbols of the utterances."""

from __future__ import annotations

import unicodedata

from bot.policy import once, plain, plain_words, without_politeness
from bot.resources import words


def parse_yes_no(text: str) -> bool | None:
    """True for what is nothing but a yes, False for nothing but a no, in any of our languages; None for anything else.

    A question ("ok?") is neither, and words and symbols that contradict each other are neither.
    """
    if "?" in unicodedata.normalize("NFKC", text):
        return None
    said = once(without_politeness(plain(text)))
    symbols = {c for c in text if unicodedata.category(c) == "So"}
    yes = said in plain_words("yes_words") - {""}, bool(symbols & words("yes_words"))
    no = said in plain_words("no_words") - {""}, bool(symbols & words("no_words"))
    is_worded = not said or said in plain_words("polite_words") or yes[0] or no[0]
    if not is_worded or any(yes) == any(no):
        return None
    return any(yes)
