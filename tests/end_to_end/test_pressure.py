"""Over the bound of what may wait, the real program tells the vendor to come again, and says so itself; nothing is lost by it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from bot.clock import SystemClock
from bot.records.work import InboxRow
from bot.store.sqlite import SqliteStore
from bot.testing.audit import come_to_rest
from bot.testing.deployment import deployment
from bot.testing.processes import Program, Surroundings, free_port, surroundings
from bot.testing.redis import require_redis
from bot.testing.whatsapp import PHONE_ID, SECRET, Sent, Vendor, person

pytestmark = pytest.mark.end_to_end

MOST = 20
LATER = "600000"
"""A burst window (ms) in which no turn begins."""


@pytest_asyncio.fixture
async def around(tmp_path: Path) -> AsyncIterator[Surroundings]:
    async with surroundings(tmp_path / "around") as made:
        yield made


def vendor(target: str) -> Vendor:
    return Vendor(target=target, secret=SECRET, phone_id=PHONE_ID, clock=SystemClock(), redelivers=False)


@pytest_asyncio.fixture
async def meta(around: Surroundings) -> AsyncIterator[Vendor]:
    made = vendor(around.webhook)
    yield made
    await made.close()


async def write_until_refused(meta: Vendor, first: int = 0) -> int:
    """People write one after the other; how many were taken before one was refused."""
    for number in range(10 * MOST):
        posted = await meta.text(person(first + number), "Hello.")
        if posted.status != 200:
            assert posted.status == 503
            return number
    raise AssertionError("nothing was refused")


async def get(port: int, path: str) -> tuple[int, dict[str, str]]:
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}{path}") as answer:
        return answer.status, await answer.json()


async def test_what_is_over_the_bound_gets_503_and_is_written_nowhere(around: Surroundings, meta: Vendor) -> None:
    server = around.bot("serve", BOT_MAX_WAITING=str(MOST), BOT_QUIET_MS=LATER).start()
    await server.ready()
    status, said = await get(around.port, "/readyz")
    assert (status, said["status"]) == (200, "ready")
    for number in range(MOST):
        assert (await meta.text(person(number), "Hello.")).status == 200
    async with asyncio.timeout(30):
        while (await get(around.port, "/readyz"))[1]["status"] != "degraded":  # as soon as it has been counted
            await asyncio.sleep(0.05)
    refused = await meta.text(person(900), "Hello.")
    assert refused.status == 503
    async with aiohttp.ClientSession() as session, session.post(around.webhook, data=refused.raw) as answer:
        assert answer.status == 401  # who is not Meta learns nothing of it
    status, said = await get(around.port, "/readyz")
    assert (status, said["status"]) == (200, "degraded")
    assert f"BOT_MAX_WAITING is {MOST}" in said["why"]
    receipt = Sent("wamid.x", PHONE_ID, person(1), "Hi.", (), "", SystemClock().now(), {"to": person(1)})
    assert (await meta.receipt(receipt, "delivered")).status == 200  # a receipt is work that ends something
    assert await server.stop() == 0
    store = SqliteStore(around.data / "bot.db", SystemClock())
    await store.open()
    assert await store.count(InboxRow, {"state": "waiting", "lane": f"whatsapp:{PHONE_ID}:{person(900)}"}) == 0
    await store.close()
    check = around.bot("check", BOT_MAX_WAITING=str(MOST)).start()
    assert await check.ended() == 1
    assert "new messages are refused until fewer do" in check.output()


async def test_who_was_refused_is_taken_once_others_were_answered_and_nobody_is_lost(around: Surroundings, meta: Vendor) -> None:
    server = around.bot("serve", BOT_MAX_WAITING=str(MOST), BOT_QUIET_MS="4000").start()
    await server.ready()
    taken = await write_until_refused(meta)
    refused = [await meta.text(person(500 + number), "I was refused.") for number in range(5)]
    assert {posted.status for posted in refused} == {503}
    async with asyncio.timeout(30):
        for posted in refused:
            while (await meta.duplicate(posted)).status != 200:  # as Meta does, only sooner
                await asyncio.sleep(0.2)
        while len(around.sends()) < taken + len(refused):
            await asyncio.sleep(0.1)
    assert sorted(send.to for send in around.sends()) == sorted(
        [person(number) for number in range(taken)] + [person(500 + number) for number in range(5)]
    )
    status, said = await get(around.port, "/readyz")
    assert (status, said["status"]) == (200, "ready")


async def test_one_web_refuses_for_what_another_one_has_accepted(mongo_uri: str, tmp_path: Path) -> None:
    require_redis()
    async with deployment(tmp_path, mongo_uri, workers=1) as running:
        running.workers[0].pause()
        port = free_port()
        second: Program = running.around.bot("serve", "--no-worker", BOT_PORT=str(port), BOT_MAX_WAITING=str(MOST)).start()
        await second.ready(40.0)
        first, other = vendor(running.around.webhook), vendor(f"http://127.0.0.1:{port}/webhooks/whatsapp")
        for number in range(MOST):
            assert (await first.text(person(number), "Hello.")).status == 200
        taken = await write_until_refused(other, first=100)
        assert taken < MOST  # its own would not have been too many
        running.workers[0].resume()
        posted = await other.text(person(900), "Hello.")
        async with asyncio.timeout(30):
            while (await other.duplicate(posted)).status != 200:
                await asyncio.sleep(0.2)
        await come_to_rest(running.store)
        assert len(running.around.sends()) == MOST + taken + 1
        await first.close()
        await other.close()
