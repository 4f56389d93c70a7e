"""Which of some names a text belongs to, by the examples under each: a vote of the nearest ones, without a model.

An example is near by the cosine of TF-IDF vectors, half over stems and half over runs of characters. What a feature weighs is
dampened IDF times how much it tells of the name: words that stand under every name count little (by the entropy of the names
of a feature's examples). Neighbours vote with the fourth power of their nearness. What they say is the mean raw cosine of the
three nearest, times the root of the share of votes; beside it counts how much of the text's rare words is spoken of under a name
at all (BM25, as a part of the most possible). Nothing of this is scaled to the best hit, so that it tells what is out of scope.

Figures and where they come from: tests/benchmarks/intents.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bot.memory.bm25 import WordScores
from bot.memory.features import Features, counted, runs, words
from bot.memory.postings import Floats, Ints, Postings

NEIGHBOURS = 10
_IDF_POWER = 0.5
_TELLING_POWER = 0.25
_VOTE_POWER = 4
_TOP = 3
_SMOOTHING = 0.02
_COVERAGE = 0.75
"""What counts, beside the neighbours, how much of the text is spoken of under a name."""


@dataclass(frozen=True, slots=True)
class Vote:
    """What the examples say."""

    name: str
    confidence: float
    """From 0 to 1, comparable between texts: what is below a threshold is out of scope."""


class Examples:
    """Texts with names, in one language.

    `about` says more on some names, in any form: it does not vote, but the words in it count as spoken of under that name.
    """

    def __init__(self, texts: Sequence[str], names: Sequence[str], language: str, about: Mapping[str, str] | None = None) -> None:
        self._language = language
        self._names = sorted(set(names))
        number = {name: place for place, name in enumerate(self._names)}
        self._labels = np.array([number[name] for name in names], dtype=np.int64)
        self._arms = (
            _Arm([counted(words(text, language)) for text in texts], self._labels, len(self._names)),
            _Arm([counted(runs(text, language)) for text in texts], self._labels, len(self._names)),
        )
        spoken: dict[str, list[str]] = {name: [(about or {}).get(name, "")] for name in self._names}
        for text, name in zip(texts, names, strict=True):
            spoken[name].append(text)
        self._subjects = WordScores([counted(words(" ".join(said), language)) for said in spoken.values()])

    def vote(self, text: str) -> Vote | None:
        """The likeliest name; None where nothing has anything in common with the text."""
        confidences = self.confidences(text)
        name = max(confidences, key=lambda name: confidences[name], default=None)
        return None if name is None or confidences[name] <= 0 else Vote(name, confidences[name])

    def confidences(self, text: str) -> dict[str, float]:
        """How likely each name is, from 0 where nothing like it is known to about 1 for an example itself."""
        by_word = counted(words(text, self._language))
        near = self._nearness(by_word, counted(runs(text, self._language)))
        count = min(NEIGHBOURS, len(near))
        if not count:
            return {}
        nearest = np.argpartition(-near, count - 1)[:count]
        nearness = float(np.sort(near[nearest])[-_TOP:].mean())
        votes = np.bincount(self._labels[nearest], near[nearest] ** _VOTE_POWER, minlength=len(self._names))
        by_vote = nearness * np.sqrt(votes / (votes.sum() or 1.0))
        confidences = (by_vote + _COVERAGE * self._subjects.coverage(by_word)) / (1 + _COVERAGE)
        return dict(zip(self._names, confidences.tolist(), strict=True))

    def _nearness(self, by_word: Features, by_run: Features) -> Floats:
        """Of every example."""
        near: Floats = (self._arms[0].nearness(by_word) + self._arms[1].nearness(by_run)) / np.float32(2)
        return near


class _Arm:
    """One kind of features of all examples."""

    def __init__(self, documents: Sequence[Features], labels: npt.NDArray[np.int64], names: int) -> None:
        self._postings = postings = Postings(documents)
        self._weights = _idf(postings) * _telling(postings, labels, names)
        self._unknown = float((np.log(postings.size + 1) + 1) ** _IDF_POWER)
        self._values = postings.unit_length((1 + np.log(postings.counts)) * self._weights[postings.columns])

    def nearness(self, asked: Features) -> Floats:
        """The cosine of a text with every example. What no example has makes the text longer, and thereby every one farther."""
        numbers, counts = asked
        places = self._postings.places(numbers)
        known = places >= 0
        damped = 1 + np.log(counts)
        weights = damped[known] * self._weights[places[known]]
        length = np.sqrt((weights**2).sum() + ((damped[~known] * self._unknown) ** 2).sum())
        if not length:
            return np.zeros(self._postings.size, np.float32)
        return self._postings.score(places[known], (weights / length).astype(np.float32), self._values)


def _idf(postings: Postings) -> Floats:
    idf = np.log((postings.size + 1) / (postings.frequencies + 1)) + 1
    damped: Floats = (idf**_IDF_POWER).astype(np.float32)
    return damped


def _telling(postings: Postings, labels: Ints, names: int) -> Floats:
    """How much each feature tells of the name: about 1 where a single name has it, near 0 where all have it alike."""
    if names < 2 or not postings.features:
        return np.ones(postings.features, np.float32)
    sizes = np.bincount(labels, minlength=names)
    share = sizes.mean() / sizes
    of_posting = labels[postings.rows]
    pairs, inverse = np.unique(postings.columns * names + of_posting, return_inverse=True)
    counts = np.bincount(inverse, share[of_posting]) + _SMOOTHING
    column = pairs // names
    present = np.bincount(column, minlength=postings.features)
    absent = names - present
    total = np.bincount(column, counts, minlength=postings.features) + absent * _SMOOTHING
    part, rest = counts / total[column], _SMOOTHING / total
    entropy = np.bincount(column, -part * np.log(part), minlength=postings.features) - absent * rest * np.log(rest)
    telling: Floats = (np.maximum(1.05 - entropy / np.log(names), 1e-3) ** _TELLING_POWER).astype(np.float32)
    return telling
