"""What a message wants of a dialogue whatever it is about: a person, to leave it, to skip a question, to take something back."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace

from bot.policy import once, plain, plain_words, without_politeness

_SENTENCE_END = re.compile(r"[.,;:!?¡¿।…\n]+")
_CLAUSE_END = re.compile(r"[,;:.!।\n–—]+")


@dataclass(frozen=True, slots=True)
class Correction:
    """What somebody takes back, and what they mean instead: "not Ana, Anna"."""

    denied: str
    """Empty where only the new thing was said: "no, Friday"."""
    meant: str
    said: str
    """All of it, as it was said."""
    is_loose: bool = False
    """Whether it may as well be a sentence of its own: "no Friday", but also "no connection at all"."""


def wants_person(text: str) -> bool:
    """A word for a person as the whole part of a sentence, or a phrase in it that is not denied right beside it."""
    return any(map(_asks_for_person, _SENTENCE_END.split(text)))


def denies_person(text: str) -> bool:
    """Whether a person is spoken of, and not asked for."""
    said = f" {plain(text)} "
    spoken_of = any(f" {phrase} " in said for phrase in plain_words("person_words") if len(phrase.split()) > 2)
    return spoken_of and not wants_person(text)


def cancels(text: str) -> bool:
    """Whether it is nothing but a wish to leave it."""
    return once(without_politeness(plain(text))) in plain_words("flow_cancel_words")


def skips(text: str) -> bool:
    """Whether it is nothing but a wish to leave a question out."""
    return once(without_politeness(plain(text))) in plain_words("flow_skip_words")


def is_question(text: str) -> bool:
    """Whether something is asked, by its punctuation: 1000 characters are looked at."""
    return "?" in unicodedata.normalize("NFKC", text[:1000]).replace("¿", "?")


def correction_in(text: str) -> Correction | None:
    """What is corrected; None where the text does not begin like a correction, or end in one as in Hindi."""
    first, *rest = (part.strip() for part in _CLAUSE_END.split(text.strip(), maxsplit=1))
    said, meant = plain(first), rest[0] if rest else ""
    for lead in sorted(plain_words("correction_words"), key=len, reverse=True):
        if said == lead and meant:
            return replace(correction_in(meant) or Correction("", meant, text), said=text)
        if said.startswith(f"{lead} "):
            return _denied(text, first, lead, meant)
    if meant and any(said.endswith(f" {denial}") for denial in plain_words("denied_after_words")):
        return Correction(" ".join(first.split()[:-1]), meant, text)
    return None


def _denied(text: str, first: str, lead: str, meant: str) -> Correction:
    """ "not Ana, Anna" denies; "rather Friday" does not."""
    denied = " ".join(first.split()[len(lead.split()) :])
    if lead not in plain_words("denied_before_words"):
        return Correction("", f"{denied} {meant}".strip(), text)
    for turn in sorted(plain_words("but_words"), key=len, reverse=True):
        before, found, after = f" {denied} ".partition(f" {turn} ")
        if found:
            return Correction(before.strip(), after.strip(), text)
    for turn in sorted(plain_words("but_words"), key=len, reverse=True):
        if plain(meant).startswith(f"{turn} "):
            meant = " ".join(meant.split()[len(turn.split()) :])
    return Correction(denied, meant, text) if meant else Correction("", denied, text, is_loose=True)


def _asks_for_person(part: str) -> bool:
    said = without_politeness(plain(part))
    phrases = plain_words("person_words")
    if said in phrases:
        return True
    return any(undenied(said, phrase) for phrase in phrases if len(phrase.split()) > 2)


def undenied(said: str, phrase: str) -> bool:
    """Whether a phrase stands in a plain text and is not denied right before or after it."""
    before, found, after = f" {said} ".partition(f" {phrase} ")
    if not found:
        return False
    denied_before = any(f"{before} ".endswith(f" {denial} ") for denial in plain_words("not_before_person"))
    return not denied_before and not any(f" {after}".startswith(f" {denial} ") for denial in plain_words("not_after_person"))
