"""What recovery is compared with."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.clock import SystemClock
from bot.records.work import Fence
from bot.store.redis import RedisLanes
from bot.store.redis_connection import Connection
from bot.store.sqlite import SqliteStore
from bot.testing.control import Control, Sample
from bot.testing.redis import RedisServer

pytestmark = pytest.mark.contract


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(tmp_path / "bot.db", SystemClock())
    await store.open()
    yield store
    await store.close()


async def test_a_lane_that_a_worker_takes_is_a_sample_and_one_that_was_disturbed_is_none(
    redis_server: RedisServer, store: SqliteStore
) -> None:
    disturbed = False
    connection = Connection(redis_server.url)
    control = Control(connection, "control", store, lambda since: disturbed)
    running = asyncio.create_task(control.run())
    worker = RedisLanes(connection, "control", "turns", 60.0, None)
    claim = await worker.claim()
    await store.insert([Fence(id=claim.fence_id, value=1)])
    async with asyncio.timeout(5):
        while not control.samples:
            await asyncio.sleep(0.01)
    assert control.samples[0].seconds < 5
    await worker.claim()
    disturbed = True
    await asyncio.sleep(0.2)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert len(control.samples) == 1
    await worker.close()
    await connection.close()


async def test_beside_a_recovery_is_what_others_took_at_that_time(redis_server: RedisServer, store: SqliteStore) -> None:
    connection = Connection(redis_server.url)
    control = Control(connection, "control", store, lambda since: False)
    now = time.time()
    control.samples = [Sample(now - 60, 9.0), Sample(now, 0.1), Sample(now + 1, 0.5), Sample(now + 2, 0.2)]
    assert control.beside(now, now + 1) == 0.2
    assert control.beside(now + 30, now + 31) == 0.0
    await connection.close()
