"""Feature -> the documents that have it: what a search goes through instead of all documents."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from bot.memory.features import Features

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


class Postings:
    """The features of many documents, turned around. Documents are numbered as they were given."""

    def __init__(self, documents: Sequence[Features]) -> None:
        self.size = len(documents)
        lengths = [len(numbers) for numbers, _ in documents]
        rows = np.repeat(np.arange(self.size, dtype=np.int32), lengths)
        every = np.concatenate([numbers for numbers, _ in documents]) if documents else np.empty(0, np.int64)
        counts = np.concatenate([counts for _, counts in documents]) if documents else np.empty(0, np.float32)
        order = np.argsort(every, kind="stable")
        self.rows = rows[order]
        """Of each posting, its document."""
        self.counts: Floats = counts[order]
        """Of each posting, how often the document has the feature."""
        self._numbers, self._starts, self.frequencies = np.unique(every[order], return_index=True, return_counts=True)
        self.columns = np.repeat(np.arange(len(self._numbers)), self.frequencies)
        """Of each posting, the place of its feature among all features."""

    @property
    def features(self) -> int:
        """How many different features there are."""
        return len(self._numbers)

    def places(self, numbers: Ints) -> Ints:
        """Where these features are among all; -1 for one that no document has."""
        if not self.features:
            return np.full(len(numbers), -1, np.int64)
        places = np.minimum(np.searchsorted(self._numbers, numbers), self.features - 1)
        return np.where(self._numbers[places] == numbers, places, -1)

    def unit_length(self, values: Floats) -> Floats:
        """The postings' values, scaled so that each document's have the length 1."""
        lengths = np.sqrt(np.bincount(self.rows, values * values, minlength=self.size))
        scale = np.divide(1.0, lengths, out=np.zeros_like(lengths), where=lengths > 0)
        return (values * scale[self.rows]).astype(np.float32)

    def score(self, places: Ints, weights: Floats, values: Floats) -> Floats:
        """For each document the sum over these features of the query's weight times the posting's value."""
        spans = [(self._starts[place], self._starts[place] + self.frequencies[place]) for place in places]
        if not spans:
            return np.zeros(self.size, np.float32)
        rows = np.concatenate([self.rows[start:end] for start, end in spans])
        products = np.concatenate([values[start:end] * weight for (start, end), weight in zip(spans, weights, strict=True)])
        return np.bincount(rows, products, minlength=self.size).astype(np.float32)
