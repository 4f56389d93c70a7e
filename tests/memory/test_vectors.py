"""Finding by meaning: exact, within one scope."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import RecordError, StoreError
from bot.memory.vectors import _cosine, nearest
from bot.records.knowledge import UserMemory, UserMemoryType
from bot.records.people import Customer
from bot.store.sqlite import SqliteStore
from bot.testing.clock import ManualClock

pytestmark = pytest.mark.unit


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(tmp_path / "bot.db", ManualClock())
    await store.open()
    yield store
    await store.close()


def memory(id: str, user: str, *embedding: float) -> UserMemory:
    return UserMemory(id=id, user_id=user, memory_type=UserMemoryType.PREFERENCE, content="likes tea", embedding=list(embedding))


async def test_the_nearest_of_one_person_come_first_and_nobody_elses(store: SqliteStore) -> None:
    await store.insert(
        [memory("a", "ana", 1, 0), memory("b", "ana", 0.7, 0.7), memory("c", "ana", -1, 0), memory("d", "luis", 1, 0)]
    )
    found = await nearest(store, UserMemory, [2, 0.1], {"user_id": "ana"}, limit=2)
    assert [near.record.id for near in found] == ["a", "b"]
    assert found[0].score == pytest.approx(1, abs=0.01)


async def test_a_memory_without_an_embedding_or_of_another_model_is_not_found(store: SqliteStore) -> None:
    await store.insert([memory("none", "ana"), memory("longer", "ana", 1, 0, 0), memory("zero", "ana", 0, 0)])
    assert await nearest(store, UserMemory, [1, 0], {"user_id": "ana"}) == []


async def test_a_search_without_scope_direction_or_embeddings_says_what_is_missing(store: SqliteStore) -> None:
    with pytest.raises(StoreError, match="needs a scope"):
        await nearest(store, UserMemory, [1, 0], {})
    with pytest.raises(RecordError, match="must have a direction"):
        await nearest(store, UserMemory, [0, 0], {"user_id": "ana"})
    with pytest.raises(StoreError, match="have no embedding"):
        await nearest(store, Customer, [1, 0], {"status": "active"})


@given(st.lists(st.floats(-100, 100), min_size=2, max_size=8).filter(lambda vector: math.hypot(*vector) > 1e-3))
def test_nothing_is_nearer_than_itself(vector: list[float]) -> None:
    assert _cosine(vector, math.hypot(*vector), vector) == pytest.approx(1)
