"""An answer that one process gives shows at once on a page that another one serves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from bot.app import App, assemble
from bot.clock import new_id
from bot.config import Settings
from bot.live import ANYTHING
from bot.testing.redis import RedisServer
from bot.web.chat import connection
from bot.web.server import build_site
from tests.web.conftest import Client
from tests.web.page import opened

pytestmark = pytest.mark.end_to_end


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture
async def worker(mongo_uri: str, redis_server: RedisServer, tmp_path: Path, stack: AsyncExitStack) -> App:
    given: dict[str, Any] = {
        "MONGODB_URI": mongo_uri,
        "MONGODB_DATABASE": f"test_{new_id()[-12:]}",
        "REDIS_URL": redis_server.url,
        "BOT_DATA_DIR": tmp_path,
        "BOT_QUIET_MS": 0,
        "BOT_DEFAULT_LANGUAGE": "en",
    }
    app = await stack.enter_async_context(assemble(Settings(_env_file=None, **given)))
    await app.knowledge.ensure()
    await app.worker.start()
    stack.push_async_callback(app.worker.stop)
    return app


@pytest.fixture
async def web(worker: App, stack: AsyncExitStack) -> App:
    """Another process: it shares nothing with the worker but the database and Redis."""
    return await stack.enter_async_context(assemble(worker.settings, work=False))


@pytest.fixture
async def client(web: App, stack: AsyncExitStack) -> Client:
    return await stack.enter_async_context(TestClient(TestServer(build_site([], web))))


async def test_an_answer_shows_without_waiting_for_a_look(
    client: Client, worker: App, web: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "_LOOK_SECONDS", 3600.0)
    monkeypatch.setattr(connection, "_IDLE_SECONDS", 3600.0)
    at_the_desk: list[str] = []
    web.live.listen(ANYTHING, lambda: at_the_desk.append("news"))
    async with asyncio.timeout(10):  # what is told before the subscription stands is found by the look that is switched off here
        while not at_the_desk:
            worker.live.tell("nobody's lane")
            await asyncio.sleep(0.05)
    async with opened(client) as page:
        await page.say("Hello there.")
        await page.answered()
        before = len(at_the_desk)
        await page.say("When are you open?")
        await page.answered(2)
    assert not web.is_working
    assert len(at_the_desk) > before


async def test_without_redis_pages_find_the_answer_by_looking(client: Client, worker: App, web: App) -> None:
    web.live.on_told(lambda _: None)
    worker.live.on_told(lambda _: None)
    async with opened(client) as page:
        await page.say("Hello there.")
        await page.answered()
