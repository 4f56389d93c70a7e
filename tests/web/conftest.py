"""The real site on a real port, with the real engine behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from bot.app import App, assemble
from bot.config import Settings
from bot.testing.clock import ManualClock
from bot.web.server import build_site

Client = TestClient[web.Request, web.Application]


@pytest_asyncio.fixture
async def app(tmp_path: Path) -> AsyncIterator[App]:
    settings = Settings(_env_file=None, BOT_DATA_DIR=tmp_path, BOT_QUIET_MS=0, BOT_DEFAULT_LANGUAGE="en")
    async with assemble(settings, clock=ManualClock()) as joined:
        await joined.worker.start()
        try:
            yield joined
        finally:
            await joined.worker.stop()


@pytest_asyncio.fixture
async def client(app: App) -> AsyncIterator[Client]:
    async with TestClient(TestServer(build_site([], app))) as opened:
        yield opened
