"""How somebody feels about us, told by their words: a small lexicon per language, honest about what it does not know.

Each phrase that pleases or displeases counts once, a denied one for the contrary ("not happy"); words that are in no list count
for nothing, so most of what is said is neutral.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from functools import cache

from bot.policy import plain, plain_words
from bot.records.calls import CallSentiment, SentimentBreakdown, SentimentHighlights
from bot.records.fields import Sentiment

CLEAR = Decimal("0.2")
"""From here on a score is positive, or below its negative negative."""
_MOST_QUOTED = 3
_LONGEST = 200
_READ = 4000
"""Characters of one thing said that are looked at."""
_CLAUSE_END = re.compile(r"[.,;:!?¡¿।…\n]+")
_DENIED_WITHIN = 2
"""Words before a phrase among which a denial turns it round; in Hindi also one word behind it."""


def score_of(text: str) -> Decimal:
    """-1 (displeased) to 1 (pleased), 0 for words that tell nothing; two decimals."""
    return _score(*_counts(text))


def sentiment_of(said: Sequence[str]) -> CallSentiment:
    """Of all that somebody said in one talk; with the shares of what they said, which sum to 1."""
    scores = [score_of(text) for text in said]
    counts = [_counts(text) for text in said]
    score = _score(sum(up for up, _ in counts), sum(down for _, down in counts))
    labels = [label_of(one) for one in scores]
    return CallSentiment(
        overall=label_of(score),
        score=float(score),
        breakdown=shares(*(labels.count(kind) for kind in Sentiment)),
        highlights=SentimentHighlights(
            positive=_quoted(said, labels, Sentiment.POSITIVE), concerns=_quoted(said, labels, Sentiment.NEGATIVE)
        ),
    )


def label_of(score: Decimal | float) -> Sentiment:
    if score >= CLEAR:
        return Sentiment.POSITIVE
    return Sentiment.NEGATIVE if score <= -CLEAR else Sentiment.NEUTRAL


def shares(positive: float, neutral: float, negative: float) -> SentimentBreakdown:
    """Weights as shares of the whole, in hundredths that sum to 1 (S1-073); nothing at all is neutral."""
    total = positive + neutral + negative
    if total <= 0:
        return SentimentBreakdown(positive=0.0, neutral=1.0, negative=0.0)
    up, down = round(100 * positive / total), round(100 * negative / total)
    return SentimentBreakdown(positive=up / 100, neutral=max(0, 100 - up - down) / 100, negative=down / 100)


def _score(up: int, down: int) -> Decimal:
    """One phrase is half of it, each further one closes half of the distance: never quite certain."""
    return round(Decimal(up - down) / Decimal(up + down + 1), 2)


@cache
def _phrases() -> tuple[tuple[tuple[str, ...], int], ...]:
    """The longest first, so that a phrase is not counted again by a word in it."""
    found = {tuple(phrase.split()): 1 for phrase in plain_words("pleased_words")}
    found |= {tuple(phrase.split()): -1 for phrase in plain_words("displeased_words") | plain_words("angry_words")}
    return tuple(sorted(found.items(), key=lambda entry: -len(entry[0])))


def _counts(text: str) -> tuple[int, int]:
    """How many phrases please and displease; a denial reaches no further than its clause."""
    counts = [_counts_in(plain(clause).split()) for clause in _CLAUSE_END.split(text[:_READ])]
    return sum(up for up, _ in counts), sum(down for _, down in counts)


def _counts_in(words: Sequence[str]) -> tuple[int, int]:
    up, down = 0, 0
    taken = [False] * len(words)
    for phrase, direction in _phrases():
        for start in range(len(words) - len(phrase) + 1):
            end = start + len(phrase)
            if tuple(words[start:end]) != phrase or any(taken[start:end]):
                continue
            taken[start:end] = [True] * len(phrase)
            is_up = (direction > 0) is not _is_denied(words, start, end)
            up, down = up + is_up, down + (not is_up)
    return up, down


def _is_denied(words: Sequence[str], start: int, end: int) -> bool:
    denials = plain_words("denying_words")
    before = words[max(0, start - _DENIED_WITHIN) : start]
    return any(word in denials for word in before) or (end < len(words) and words[end] in plain_words("denying_after_words"))


def _quoted(said: Sequence[str], labels: Sequence[Sentiment], wanted: Sentiment) -> list[str]:
    found = (text for text, label in zip(said, labels, strict=True) if label is wanted)
    return [text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…" for text in found][:_MOST_QUOTED]
