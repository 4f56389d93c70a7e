"""What people say while somebody else speaks: that they listen, that it is enough, or something of their own."""

from __future__ import annotations

from functools import cache

from bot.policy import once, plain, plain_words, without_politeness
from bot.resources import utterances

MOST_WORDS = 4
"""Whoever says more than this has something to say, whatever the words are."""


def is_backchannel(words: str, language: str) -> bool:
    """Whether they only show that they listen ("aha", "sí, sí", "हाँ"): it interrupts nobody and is no turn."""
    said = plain(words).split()
    return 0 < len(said) <= MOST_WORDS and _is_made_of(tuple(said), _listening(language))


def is_halt(words: str) -> bool:
    """Whether they only want us to be quiet ("stop", "espera", "रुको"): what they want to say comes next."""
    return once(without_politeness(plain(words))) in plain_words("halt_words")


def interrupts(words: str, language: str, least: int = 1) -> bool:
    """Whether these words, said while we speak, end what we say: `least` of them at least, unless they ask for quiet."""
    if is_halt(words):
        return True
    return len(plain(words).split()) >= max(1, least) and not is_backchannel(words, language)


def asks_for_no_calls(words: str) -> bool:
    """Whether they tell us never to call again, in any of our languages.

    What could as well begin a wish for another time ("don't call me ...") counts only where the sentence ends with it.
    """
    said = f" {once(without_politeness(plain(words)))}"
    anywhere = any(f" {phrase} " in f"{said} " for phrase in plain_words("never_call_words"))
    return anywhere or any(said.endswith(f" {phrase}") for phrase in plain_words("do_not_call_words"))


@cache
def _listening(language: str) -> frozenset[tuple[str, ...]]:
    """In this language and in English, which people mix in everywhere."""
    lists = (utterances(one).get("backchannel_words", ()) for one in (language, "en"))
    return frozenset(tuple(plain(word).split()) for words in lists for word in words)


def _is_made_of(said: tuple[str, ...], phrases: frozenset[tuple[str, ...]]) -> bool:
    if not said:
        return True
    return any(said[:size] in phrases and _is_made_of(said[size:], phrases) for size in range(1, len(said) + 1))
