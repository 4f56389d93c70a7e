"""Who writes while too much waits is told so, and what they wrote is taken as soon as it can be."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp.test_utils import TestClient, TestServer

from bot.app import App, assemble
from bot.config import Settings
from bot.records.work import InboxRow
from bot.testing.clock import ManualClock
from bot.web.pages.front import LIVE
from bot.web.server import build_site
from bot.web.simulator.people import somebody
from tests.web.conftest import Client
from tests.web.page import Page, opened

pytestmark = pytest.mark.scenario

MOST = 2


@pytest_asyncio.fixture
async def app(tmp_path: Path) -> AsyncIterator[App]:
    """A process that has room for two messages, and whose worker has not begun."""
    settings = Settings(_env_file=None, BOT_DATA_DIR=tmp_path, BOT_QUIET_MS=0, BOT_MAX_WAITING=MOST)
    async with assemble(settings, clock=ManualClock()) as joined:
        yield joined
        await joined.worker.stop()


@pytest_asyncio.fixture
async def client(app: App) -> AsyncIterator[Client]:
    async with TestClient(TestServer(build_site([], app))) as opened:
        yield opened


async def moves_on(app: App, seconds: float = 2.0) -> None:
    """Time goes by, and it is counted again."""
    assert isinstance(app.clock, ManualClock)
    await app.clock.advance(seconds)
    app.backlog.has_room()
    while app.backlog._looking is not None:
        await app.backlog._looking


async def until_refused(page: Page, app: App) -> tuple[str, dict[str, Any]]:
    """Writes until something is refused; its key, and what was told."""
    for number in range(3 * MOST):
        decided = len(page.accepted)
        key = await page.say(f"Number {number}.")
        await page.until(lambda before=decided: page.refused or len(page.accepted) > before)  # type: ignore[misc]
        if page.refused:
            return key, page.refused[0]
        await moves_on(app)
    raise AssertionError("nothing was refused")


async def refused_and_taken_again(page: Page, app: App) -> None:
    key, refusal = await until_refused(page, app)
    assert (refusal["key"], refusal["why"]) == (key, "busy")
    assert refusal["wait"] > 0  # so the page keeps it and sends it again by itself
    assert len(await app.store.find(InboxRow, {}, limit=10)) == MOST
    await app.worker.start()
    await page.answered(1)
    await moves_on(app)
    await page.say("Once more.", key)
    await page.until(lambda: key in page.accepted)


async def test_a_visitor_is_told_that_it_is_busy_and_the_message_is_taken_in_a_moment(client: Client, app: App) -> None:
    assert (await client.get("/chat")).status == 200
    async with opened(client) as page:
        await refused_and_taken_again(page, app)


async def test_the_simulated_phone_is_told_so_too(client: Client, app: App) -> None:
    async with opened(client, path=f"{LIVE}?as={somebody('', 'en').number}&language=en") as page:
        await refused_and_taken_again(page, app)


async def test_readyz_says_while_messages_are_refused(client: Client, app: App) -> None:
    assert (await client.get("/chat")).status == 200
    async with opened(client) as page:
        await until_refused(page, app)
    answer = await client.get("/readyz")
    assert answer.status == 200  # pages and receipts are served as ever
    said = await answer.json()
    assert said["status"] == "degraded"
    assert said["why"] == "2 wait to be answered: new messages are refused (BOT_MAX_WAITING is 2)"
