"""Finds the passages nearest to a text, without a model: BM25 over stems mixed with the cosine of runs of characters.

One index holds one language's passages, all in memory. The candidates of both arms are scored by both, so that neither hides
what the other has found. What is removed leaves nothing behind: no text is kept, and the postings are made anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bot.memory.bm25 import WordScores
from bot.memory.features import Features, counted, runs, words
from bot.memory.postings import Floats, Postings

CANDIDATES = 50
"""Taken from each arm."""

WORDS_SHARE = {"es": 0.6, "en": 0.6, "hi": 0.6}
"""How much the words say in a score, by language; runs of characters say the rest."""
_OTHERS_SHARE = 0.6


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that was found."""

    id: str
    score: float
    """From 0 to 1, for the order of one search's hits only."""
    nearness: float
    """The raw cosine over runs of characters, from 0 to 1: comparable between searches."""


class LexicalIndex:
    """The passages of one language, by id."""

    def __init__(self, language: str) -> None:
        self._language = language
        self._documents: dict[str, tuple[Features, Features]] = {}
        self._built: _Built | None = None

    def __len__(self) -> int:
        return len(self._documents)

    def put(self, id: str, text: str) -> None:
        """Adds a passage, or puts it in the place of the one with its id."""
        self._documents[id] = (counted(words(text, self._language)), counted(runs(text, self._language)))
        self._built = None

    def remove(self, id: str) -> None:
        """Takes a passage out, with everything that was made of it; nothing happens where it is not there."""
        if self._documents.pop(id, None) is not None:
            self._built = None

    def search(self, text: str, limit: int = 10) -> list[Hit]:
        """The best passages, the best first.

        The first search after a change makes the postings anew (10,000 passages of 400 characters: 1.5 s).
        """
        if self._built is None:
            self._built = _Built(self._documents)
        return self._built.search(counted(words(text, self._language)), counted(runs(text, self._language)), limit, self._share)

    @property
    def _share(self) -> float:
        return WORDS_SHARE.get(self._language, _OTHERS_SHARE)


class _Built:
    """The postings of both arms over the same passages."""

    def __init__(self, documents: Mapping[str, tuple[Features, Features]]) -> None:
        self._ids = list(documents)
        self._words = WordScores([by_word for by_word, _ in documents.values()])
        self._runs = Postings([by_run for _, by_run in documents.values()])
        self._runs_idf, self._runs_values = _tf_idf(self._runs)

    def search(self, by_word: Features, by_run: Features, limit: int, share: float) -> list[Hit]:
        word_scores, cosines = self._words.scores(by_word), self._cosines(by_run)
        count = min(CANDIDATES, len(self._ids))
        if not count:
            return []
        best = np.concatenate([np.argpartition(-scores, count - 1)[:count] for scores in (word_scores, cosines)])
        candidates = np.unique(best)
        scores = share * _scaled(word_scores[candidates]) + (1 - share) * _scaled(cosines[candidates])
        order = np.lexsort((candidates, -scores))[:limit]
        found = ((int(candidates[place]), float(scores[place])) for place in order)
        return [Hit(self._ids[row], score, float(cosines[row])) for row, score in found if score > 0]

    def _cosines(self, asked: Features) -> Floats:
        numbers, counts = asked
        places = self._runs.places(numbers)
        known = places >= 0
        weights = (1 + np.log(counts)) * np.log(len(self._ids) + 1)
        weights[known] = (1 + np.log(counts[known])) * self._runs_idf[places[known]]
        length = float(np.sqrt((weights**2).sum())) or 1.0
        return self._runs.score(places[known], (weights[known] / length).astype(np.float32), self._runs_values)


def _tf_idf(postings: Postings) -> tuple[Floats, Floats]:
    """Each feature's IDF, and each posting's part of its document's vector."""
    idf = np.log((postings.size + 1) / (postings.frequencies + 1)) + 1
    values = (1 + np.log(postings.counts)) * idf[postings.columns]
    return idf.astype(np.float32), postings.unit_length(values.astype(np.float32))


def _scaled(scores: Floats) -> Floats:
    """So that the best is 1: what one arm says is then comparable with what the other says."""
    best = float(scores.max(initial=0.0))
    return scores / best if best > 0 else scores
