"""One process works on a store; the others hear who it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from bot.clock import SystemClock
from bot.errors import DataInUse
from bot.records.work import Fence
from bot.store.local import FENCE_ID
from bot.store.mongo import MongoStore
from bot.store.ownership import beside, own_database, own_directory, share_database
from bot.store.sqlite import SqliteStore

pytestmark = pytest.mark.contract

LEASE = 0.6


@pytest.fixture
async def database(mongo_uri: str) -> AsyncIterator[tuple[str, str]]:
    name = f"test_{uuid4().hex}"
    yield mongo_uri, name
    store = MongoStore(mongo_uri, name, SystemClock())
    await store.open()
    await store._client.drop_database(name)  # type: ignore[union-attr]
    await store.close()


def mongo(database: tuple[str, str]) -> MongoStore:
    return MongoStore(*database, SystemClock())


async def test_a_database_that_is_worked_on_is_refused_with_the_holder(database: tuple[str, str]) -> None:
    async with own_database(mongo(database), LEASE) as first:
        with pytest.raises(DataInUse, match=r"already works on this database \(.+, pid \d+\)"):
            async with own_database(mongo(database), LEASE):
                raise AssertionError
        assert not first.lost.is_set()
        async with beside(mongo(database)) as other:
            assert other.fence == 0


async def test_a_database_that_was_let_go_is_free_at_once_and_its_fence_has_risen(database: tuple[str, str]) -> None:
    async with own_database(mongo(database), 600) as first:
        pass
    async with asyncio.timeout(30), own_database(mongo(database), 600) as second:
        assert second.fence == first.fence + 1


async def test_a_silent_owner_is_followed_after_its_lease_and_learns_of_it(database: tuple[str, str]) -> None:
    async with own_database(mongo(database), LEASE) as first:
        store = mongo(database)
        await store.open()
        silent = {"held_until": await store.now()}  # as if it had not beaten for a while
        async with asyncio.timeout(30):
            while await store.change(Fence, {"id": FENCE_ID, "value": first.fence}, set=silent, inc={"value": 1}) != 1:
                pass
            await first.lost.wait()
        await store.close()


async def test_those_who_share_a_database_work_together_and_keep_out_who_does_not(database: tuple[str, str]) -> None:
    async with share_database(mongo(database), LEASE) as first, share_database(mongo(database), LEASE) as second:
        assert first.fence == second.fence
        with pytest.raises(DataInUse, match="several processes that share their lanes on Redis"):
            async with own_database(mongo(database), LEASE):
                raise AssertionError
    async with own_database(mongo(database), LEASE):
        with pytest.raises(DataInUse, match="already works on this database"):
            async with share_database(mongo(database), LEASE):
                raise AssertionError


async def test_who_takes_over_from_those_who_shared_voids_what_they_still_want_to_write(database: tuple[str, str]) -> None:
    async with share_database(mongo(database), LEASE):
        store = mongo(database)
        await store.open()
        await store.raise_fences(["turns:a", "sends:a"], "one")
        await store.close()
    async with asyncio.timeout(30), own_database(mongo(database), LEASE):
        store = mongo(database)
        await store.open()
        fences = [await store.get(Fence, id_) for id_ in ("turns:a", "sends:a")]
        await store.close()
    assert [fence.value for fence in fences if fence] == [2, 2]


async def test_a_directory_is_owned_by_one_process_and_its_fence_only_grows(tmp_path: Path) -> None:
    fences = []
    for _ in range(3):
        async with own_directory(tmp_path, SqliteStore(tmp_path / "bot.db", SystemClock())) as ownership:
            fences.append(ownership.fence)
            with pytest.raises(DataInUse):
                async with own_directory(tmp_path, SqliteStore(tmp_path / "bot.db", SystemClock())):
                    raise AssertionError
    assert fences == [1, 2, 3]
