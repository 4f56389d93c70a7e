"""The contract of all lanes: in memory, and on a real redis-server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from bot.clock import SystemClock
from bot.store.base import Lanes
from bot.store.local import LocalLanes
from bot.store.redis import RedisLanes
from bot.store.redis_connection import Connection
from bot.testing.lanes_contract import LanesContract
from bot.testing.redis import RedisServer
from tests.store.redis_lanes import Numbers

pytestmark = pytest.mark.contract


class TestLocalLanes(LanesContract):
    @pytest.fixture
    async def lanes(self) -> AsyncIterator[Lanes]:
        lanes = LocalLanes(7, SystemClock())
        yield lanes
        lanes.close()


class TestRedisLanes(LanesContract):
    @pytest.fixture
    async def lanes(self, redis_server: RedisServer) -> AsyncIterator[Lanes]:
        connection = Connection(redis_server.url)
        lanes = RedisLanes(connection, uuid4().hex, "turns", 60.0, Numbers())
        yield lanes
        await lanes.close()
        await connection.close()
