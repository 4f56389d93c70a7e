"""Answers quoted from the knowledge base, word for word, with their source: for when no model puts them into words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from bot.memory.features import words
from bot.resources import LANGUAGES, say
from bot.services.knowledge import Passage

MAX_SENTENCES = 3
_SENTENCE_END = re.compile(r"(?<=[.?!।])\s+(?=[^\s\d(])")
"""A blank behind a full stop, unless a number follows: that belongs to it."""


@dataclass(frozen=True, slots=True)
class Quote:
    """One to three sentences of a passage."""

    text: str
    source: str
    """The article's title."""
    topic: str
    language: str
    asked_in: str

    def said(self) -> str:
        """What to say to the person, in their language: the sentences, the source, and whether they are in another language."""
        if self.language == self.asked_in:
            return say(self.asked_in, "quoted", text=self.text, source=self.source)
        other = say(self.asked_in, f"language_{self.language}") if self.language in LANGUAGES else self.language
        return say(self.asked_in, "quoted_in_another_language", text=self.text, source=self.source, other=other)


def without_sources(text: str) -> tuple[str, tuple[str, ...]]:
    """What is said aloud of a text, and the sources that stood below it: nobody reads out where an answer is from (S5-089)."""
    sources: list[str] = []

    def take(found: re.Match[str]) -> str:
        sources.append(found.group("source"))
        return ""

    return _source_line().sub(take, text), tuple(sources)


@cache
def _source_line() -> re.Pattern[str]:
    """A line of ours that names a source, in any of our languages, with the break before it."""
    before, after = zip(
        *(say(language, "quoted", text="", source="\0").strip().split("\0") for language in LANGUAGES), strict=True
    )
    begins, ends = ("|".join(map(re.escape, parts)) for parts in (before, after))
    return re.compile(rf"(?m)\n?^(?:{begins})(?P<source>.+)(?:{ends})[ \t]*$")


def answer_from(passages: Sequence[Passage], question: str, language: str) -> Quote | None:
    """The sentences of the best passage that say most about the question; None where there is no passage.

    They stay in their order and next to each other, so that none is torn from what it means.
    """
    if not passages:
        return None
    best = passages[0]
    sentences = _SENTENCE_END.split(best.text)
    asked = frozenset(words(question, best.language))
    spoken = [len(asked & frozenset(words(sentence, best.language))) for sentence in sentences]
    count = min(MAX_SENTENCES, len(sentences))
    # The first of equals: a section begins with what matters.
    start = max(range(len(sentences) - count + 1), key=lambda place: (sum(spoken[place : place + count]), -place))
    return Quote(" ".join(sentences[start : start + count]), best.source, best.topic, best.language, language)
