"""Finding records by meaning: an exact search by cosine among the records of one scope.

Memory is always filtered by whose it is, so a scope is small and exact search is both right and fast enough; approximate
indexes were measured to lose half of what they should find once a filter is on. A server's own vector index may take its place
behind this function.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from operator import mul
from typing import Any, Generic, TypeVar

from bot.errors import RecordError, StoreError
from bot.records.base import Record
from bot.store.base import Store, Where

R = TypeVar("R", bound=Record)

MAX_SCOPE = 20_000
"""Records that one search compares at most; a larger scope is refused rather than searched in part."""


@dataclass(frozen=True, slots=True)
class Near(Generic[R]):
    """A record that was found, and how near it is."""

    record: R
    score: float
    """Cosine of the angle between the two vectors: 1 is the same direction, 0 has nothing to do with it."""


async def nearest(store: Store, kind: type[R], vector: Sequence[float], where: Where, limit: int = 10) -> list[Near[R]]:
    """The records of the scope `where` whose embedding is nearest, the nearest first; those without one are not among them.

    Raises RecordError for a vector of nothing, StoreError for a kind without embeddings, no scope, or one over MAX_SCOPE.
    """
    field = kind.shape.vector
    if field is None:
        raise StoreError(f"{kind.shape.collection}: its records have no embedding")
    if not where:
        raise StoreError(f"{kind.shape.collection}: a search by meaning needs a scope, for example {{'user_id': ...}}")
    size = math.hypot(*vector)
    if not size:
        raise RecordError("vector: must have a direction; it is empty or all zeros")
    records = await store.find(kind, where, limit=MAX_SCOPE + 1)
    if len(records) > MAX_SCOPE:
        raise StoreError(f"{kind.shape.collection}: more than {MAX_SCOPE} records are in this scope; narrow it")
    scored = [Near(record, _cosine(vector, size, getattr(record, field))) for record in records]
    found = [near for near in scored if near.score > -math.inf]
    return sorted(found, key=lambda near: (-near.score, near.record.id))[:limit]


def _cosine(asked: Sequence[float], size: float, embedding: Any) -> float:
    """The cosine, or minus infinity for an embedding that is missing or of another model."""
    other = math.hypot(*embedding)
    if len(embedding) != len(asked) or not other:
        return -math.inf
    return float(sum(map(mul, asked, embedding))) / (size * other)
