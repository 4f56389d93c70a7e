"""Several processes on one MongoDB (SecantusDB) and one redis-server: whatever happens to them, nothing is lost or repeated."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from bot.clock import SystemClock
from bot.testing.audit import come_to_rest
from bot.testing.deployment import Deployment, deployment
from bot.testing.redis import require_redis
from bot.testing.whatsapp.server import PHONE_ID, SECRET
from bot.testing.whatsapp.vendor import Vendor

pytestmark = pytest.mark.end_to_end

LEASE = 1.5
ANA = "12025550101"


@pytest.fixture(autouse=True)
def _with_redis() -> None:
    require_redis()


@pytest.fixture
async def running(mongo_uri: str, tmp_path: Path) -> AsyncIterator[Deployment]:
    """A model that takes its time, so that there is a middle of a turn."""
    async with deployment(tmp_path, mongo_uri, lease_ms=int(LEASE * 1000), token_ms=150) as running:
        yield running


async def write(running: Deployment, text: str) -> None:
    vendor = Vendor(target=running.around.webhook, secret=SECRET, phone_id=PHONE_ID, clock=SystemClock(), redelivers=True)
    await vendor.batch([vendor.text_node(ANA, text, f"wamid.{time.time_ns()}")], name="Ana")
    await vendor.close()


async def readiness(running: Deployment) -> dict[str, object]:
    url = f"http://127.0.0.1:{running.around.port}/readyz"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        assert answer.status == 200
        said: dict[str, object] = await answer.json()
        return said


async def test_a_worker_that_is_killed_in_mid_turn_is_followed_within_its_lease(running: Deployment) -> None:
    at_rest = {"status": "ready", "store": "on", "works": False, "redis": "on", "workers": 2}
    assert await readiness(running) == at_rest
    await write(running, "Hello there, are you open today, and until when would that be?")
    first = await running.worker_of("turns", "whatsapp:")
    await asyncio.sleep(0.2)
    first.kill()
    killed_at = time.monotonic()
    await running.worker_of("turns", "whatsapp:", but=[first])
    assert time.monotonic() - killed_at <= LEASE + 0.5
    await come_to_rest(running.store)
    assert len(running.around.sends()) == 1


async def test_a_paused_worker_that_wakes_commits_nothing(running: Deployment) -> None:
    await write(running, "Hello there, are you open today, and until when would that be?")
    first = await running.worker_of("turns", "whatsapp:")
    await asyncio.sleep(0.2)
    first.pause()
    await running.worker_of("turns", "whatsapp:", but=[first])
    first.resume()
    await come_to_rest(running.store)
    assert len(running.around.sends()) == 1
    assert "lane lost" in first.output() or "lanes lost" in first.output()


async def test_webhooks_are_accepted_while_redis_is_away_and_answered_when_it_is_back(running: Deployment) -> None:
    running.redis.kill()
    began = time.monotonic()
    await write(running, "Is anybody there?")
    assert time.monotonic() - began < 2
    assert "no Redis answers" in str((await readiness(running))["why"])
    running.redis.start()
    await come_to_rest(running.store)
    assert len(running.around.sends()) == 1


async def test_a_worker_that_is_asked_to_stop_holds_nothing_any_more(running: Deployment) -> None:
    await write(running, "Hello there, are you open today, and until when would that be?")
    first = await running.worker_of("turns", "whatsapp:")
    assert await first.stop() == 0
    assert f", pid {first.process.pid}, " not in await running.holder_of("turns", "whatsapp:")
    await come_to_rest(running.store)
    assert len(running.around.sends()) == 1


async def test_every_key_of_a_busy_redis_has_a_time_to_live(running: Deployment) -> None:
    """S1-124: whatever is there at any moment, it goes by itself."""
    seen: set[str] = set()
    look = asyncio.create_task(_look_at_keys(running, seen))
    async with aiohttp.ClientSession() as session:
        live = f"http://127.0.0.1:{running.around.port}/chat/live"
        assert (await session.get(live)).status in (400, 403)  # a visitor without an origin; counted or not, nothing stays
    for number in range(3):
        await write(running, f"Hello there, this is number {number}.")
    await come_to_rest(running.store)
    look.cancel()
    with pytest.raises(asyncio.CancelledError):
        await look
    kinds = {key.rpartition("}:")[2].partition(":")[0] if "}:" in key else key for key in seen}
    assert kinds >= {"due", "held", "tokens", "era", "workers", "look"}, kinds
    assert any(":pace:" in key for key in seen)


async def _look_at_keys(running: Deployment, seen: set[str]) -> None:
    """Raises AssertionError for a key that would stay."""
    script = """
    local found = {}
    for _, key in ipairs(redis.call('KEYS', '*')) do found[#found + 1] = {key, redis.call('PTTL', key)} end
    return found
    """
    while True:
        for key, left in await running.lanes.run(script, (), ()):
            assert left >= 0, f"{key} has no time to live"  # 0: it goes within this millisecond; -1: it would stay
            seen.add(key)
        await asyncio.sleep(0.01)
