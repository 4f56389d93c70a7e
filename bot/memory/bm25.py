"""BM25 over stems: which documents speak of the rare words of a question."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bot.memory.features import Features
from bot.memory.postings import Floats, Postings

SATURATION = 0.9
LENGTH_SHARE = 0.4
"""BM25's k1 and b; measured on XQuAD in English and Spanish (tests/benchmarks/passages.py)."""


class WordScores:
    """The words of many documents. Documents are numbered as they were given."""

    def __init__(self, documents: Sequence[Features]) -> None:
        self._postings = postings = Postings(documents)
        frequencies = postings.frequencies
        self._idf = np.log(1 + (postings.size - frequencies + 0.5) / (frequencies + 0.5)).astype(np.float32)
        self._unknown = float(np.log(1 + (postings.size + 0.5) / 0.5))
        lengths = np.bincount(postings.rows, postings.counts, minlength=postings.size)
        mean = float(lengths.mean()) if postings.size else 0.0
        sizes = 1 - LENGTH_SHARE + LENGTH_SHARE * lengths[postings.rows] / (mean or 1.0)
        self._values = (postings.counts * (SATURATION + 1) / (postings.counts + SATURATION * sizes)).astype(np.float32)

    def scores(self, asked: Features) -> Floats:
        """BM25 of each document."""
        places = self._postings.places(asked[0])
        places = places[places >= 0]
        return self._postings.score(places, self._idf[places], self._values)

    def coverage(self, asked: Features) -> Floats:
        """The same as a part of the most that any document could have, from 0 to 1: comparable between questions.

        A word that no document has makes every part smaller.
        """
        places = self._postings.places(asked[0])
        known = places >= 0
        most = (float(self._idf[places[known]].sum()) + float((~known).sum()) * self._unknown) * (SATURATION + 1)
        return self.scores(asked) / most if most else np.zeros(self._postings.size, np.float32)
