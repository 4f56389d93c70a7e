"""What a message wants, from the guesses on all of it and on its parts.

One wish stands in a message among much else: "hello, I want to open a ticket, my internet is down". The whole reads like the
article on what is broken, the part that asks for something is plain.
"""

from __future__ import annotations

import re
from dataclasses import replace

from bot.dialogs.intents import ARTICLE, IntentGuess, Intents
from bot.dialogs.slots.yesno import parse_yes_no
from bot.policy import plain, plain_words

SMALLTALK = frozenset({"greeting", "thanks", "goodbye", "who_are_you"})
NOTHING = IntentGuess("", 0.0, is_in_scope=False)

_READ = 1000
"""Characters of a message by which it is told what it wants."""
_PARTS = 6
_PART_CONFIDENCE = 0.5
_PART_WORDS = 3
"""A part with so many words, this surely understood, counts more than the whole."""
_PART_END = re.compile(r"[.,;:!?¡¿।\n]+")


def wanted(intents: Intents, text: str, language: str) -> IntentGuess:
    """The likeliest wish. What is nothing but a yes, a no, or signs, wants nothing. Articles are known as of the last refresh."""
    said = text[:_READ]
    if is_bare(said):
        return NOTHING
    whole = intents.of(said, language)
    if _is_wish(whole):
        return _refined(whole, said)
    if any(f" {phrase} " in f" {plain(said)} " for phrase in plain_words("call_me_words")) and _names_a_time(said):
        return replace(whole, name="book_callback", is_in_scope=True)
    parts = [part.strip() for part in _PART_END.split(said) if part.strip()][:_PARTS]
    guesses = [(part, intents.of(part, language)) for part in parts if len(parts) > 1]
    sure = (guess for part, guess in guesses if _is_wish(guess) and _is_sure(part, guess))
    about = (guess for _, guess in guesses if guess.is_in_scope and guess.name == ARTICLE)
    is_polite_or_nothing = not whole.is_in_scope or whole.name in SMALLTALK
    return next(sure, None) or (next(about, whole) if is_polite_or_nothing else whole)


def is_bare(text: str) -> bool:
    """Whether it is nothing but a yes, a no, figures or signs: an answer to nothing."""
    return parse_yes_no(text) is not None or not any(c.isalpha() for c in text)


def _is_wish(guess: IntentGuess) -> bool:
    """Whether it asks for something to be done."""
    return guess.is_in_scope and guess.name != ARTICLE and guess.name not in SMALLTALK


def _is_sure(part: str, guess: IntentGuess) -> bool:
    return guess.confidence >= _PART_CONFIDENCE and len(part.split()) >= _PART_WORDS


def _refined(guess: IntentGuess, said: str) -> IntentGuess:
    """A call is cancelled only by a word that takes it back: else whoever asks for one would lose theirs."""
    if guess.name == "cancel_callback" and plain_words("taking_back_words").isdisjoint(plain(said).split()):
        return replace(guess, name="book_callback")
    return guess


def _names_a_time(said: str) -> bool:
    return not plain_words("time_words").isdisjoint(plain(said).split())
