"""Which of some names a text belongs to, by the examples under each: a vote of the nearest ones, without a model.

An example is near by the cosine of TF-IDF vectors, half over stems and half over runs of characters. What a feature weighs is
dampened IDF times how much it tells of the name: words that stand under every name count little (by the entropy of the names
of a feature's examples). Neighbours vote with the fourth power of their nearness.

Figures and where they come from: tests/benchmarks/intents.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bot.memory.features import Features, counted, runs, words
from bot.memory.postings import Floats, Ints, Postings

NEIGHBOURS = 10
_IDF_POWER = 0.5
_TELLING_POWER = 0.25
_VOTE_POWER = 4
_TOP = 3
_SMOOTHING = 0.02


@dataclass(frozen=True, slots=True)
class Vote:
    """What the nearest examples say."""

    name: str
    share: float
    """Of the votes, from 0 to 1."""
    nearness: float
    """Mean raw cosine of the three nearest examples, from 0 to 1: low where nothing like it is known."""


class Examples:
    """Texts with names, in one language."""

    def __init__(self, texts: Sequence[str], names: Sequence[str], language: str) -> None:
        self._language = language
        self._names = sorted(set(names))
        number = {name: place for place, name in enumerate(self._names)}
        self._labels = np.array([number[name] for name in names], dtype=np.int64)
        self._arms = (
            _Arm([counted(words(text, language)) for text in texts], self._labels, len(self._names)),
            _Arm([counted(runs(text, language)) for text in texts], self._labels, len(self._names)),
        )

    def vote(self, text: str) -> Vote | None:
        """The name with the most votes; None where no example has anything in common with the text."""
        by_word, by_run = self._arms
        near = 0.5 * by_word.nearness(counted(words(text, self._language))) + 0.5 * by_run.nearness(
            counted(runs(text, self._language))
        )
        count = min(NEIGHBOURS, len(near))
        if not count:
            return None
        nearest = np.argpartition(-near, count - 1)[:count]
        nearness = np.sort(near[nearest])[::-1]
        if nearness[0] <= 0:
            return None
        votes = np.bincount(self._labels[nearest], near[nearest] ** _VOTE_POWER, minlength=len(self._names))
        best = int(votes.argmax())
        return Vote(self._names[best], float(votes[best] / votes.sum()), float(nearness[:_TOP].mean()))


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
    return (idf**_IDF_POWER).astype(np.float32)


def _telling(postings: Postings, labels: Ints, names: int) -> Floats:
    """How much each feature tells of the name: about 1 for one that a single name has, near 0 for one that is everywhere alike."""
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
    return (np.maximum(1.05 - entropy / np.log(names), 1e-3) ** _TELLING_POWER).astype(np.float32)
