"""What processes share on Redis when Redis is slow, gone or empty: each goes by its own memory, and nobody waits for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from redis.asyncio import Redis

from bot.breakers import BreakerState
from bot.clock import SystemClock
from bot.errors import ModelUnavailable, SettingsError, StoreUnavailable
from bot.limits import Limit
from bot.pacing import Pace, Rate
from bot.shared import Shared
from bot.store.redis_shared import shared_on
from bot.testing.redis import RedisServer, require_redis
from tests.sharing import SOON, TOLERANCE, Deployment

pytestmark = pytest.mark.contract

OURS = "whatsapp:106540352242922"
PACE = Pace(Rate(5, 5), Rate(2, 0.1))
CHAT = Limit("chat", 3)
DOWN = ModelUnavailable("down")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """A server that may be killed."""
    require_redis()
    server = RedisServer(tmp_path).start()
    yield server
    server.kill()


@pytest.fixture
async def processes(server: RedisServer) -> AsyncIterator[Deployment]:
    async with AsyncExitStack() as stack:
        yield Deployment(None, server.url, stack)


async def fail(shared: Shared, times: int = TOLERANCE.failures) -> None:
    breaker = shared.breakers.of("model:big")
    for _ in range(times):
        await breaker.failed(await breaker.enter(), DOWN)


async def hears(one: Shared, two: Shared, topic: str) -> None:
    """Waits until what the one tells reaches the other."""
    heard = asyncio.Event()
    end = two.live.listen(topic, heard.set)
    async with asyncio.timeout(SOON):
        while not heard.is_set():
            one.live.tell(topic)
            await asyncio.sleep(0.02)
    end()


async def test_without_redis_each_process_counts_for_itself_and_nobody_waits(processes: Deployment, server: RedisServer) -> None:
    one, two = await processes.join(), await processes.join()
    server.kill()
    began = time.monotonic()
    for shared in (one, two):
        assert [await shared.limits.take(CHAT, "ana") for _ in range(4)][:3] == [0, 0, 0]
        assert await shared.limits.take(CHAT, "ana") > 0
        assert [await shared.pacer.take(OURS, "ana", PACE) for _ in range(3)][:2] == [0, 0]
        assert await shared.pacer.take(OURS, "ana", PACE) > 0
        await shared.cache.put("session:1", "value", 60)
        assert await shared.cache.get("session:1") is None
        shared.live.tell("web:chat:ana")
    with pytest.raises(StoreUnavailable, match="REDIS_URL: no Redis answers at"):
        await one.cache.forget("session:1")
    await fail(one)
    assert one.breakers.of("model:big").state is not BreakerState.CLOSED
    assert two.breakers.of("model:big").state is BreakerState.CLOSED
    assert set(await one.breakers.left_alone()) == {"model:big"}
    await asyncio.sleep(TOLERANCE.cool_down)
    assert await one.breakers.of("model:big").enter() is BreakerState.HALF_OPEN
    assert time.monotonic() - began < 4


async def test_a_redis_that_hangs_is_waited_for_once(processes: Deployment, server: RedisServer) -> None:
    async with shared_on(server.url, processes.name, SystemClock()) as shared:
        await shared.limits.take(CHAT, "ana")
        server.pause()
        began = time.monotonic()
        for _ in range(20):
            await shared.limits.take(CHAT, "ana")
            await shared.cache.get("session:1")
        assert time.monotonic() - began < 2.5, "each of them would have waited for half a second"
        server.resume()


async def test_redis_that_comes_back_empty_is_used_again(processes: Deployment, server: RedisServer) -> None:
    one, two = await processes.join(), await processes.join()
    await hears(one, two, "a")
    server.kill()
    await one.limits.take(CHAT, "ana")
    server.start()
    await asyncio.sleep(1.1)  # so long it is left alone
    assert [await shared.limits.take(CHAT, "ana") for shared in (one, two, one)] == [0, 0, 0]
    assert await two.limits.take(CHAT, "ana") > 0
    await one.cache.put("session:1", "value", 60)
    assert await two.cache.get("session:1") == "value"
    await hears(one, two, "a")
    await fail(one)
    async with asyncio.timeout(SOON):
        while not two.breakers.of("model:big").standing.cool_down:
            await asyncio.sleep(0.01)


async def test_what_was_left_alone_when_redis_forgot_it_is_asked_again_at_its_time(
    processes: Deployment, server: RedisServer
) -> None:
    one = await processes.join()
    await fail(one)
    async with Redis.from_url(server.url) as client:
        await client.flushall()
    breaker = one.breakers.of("model:big")
    assert breaker.standing.cool_down
    await asyncio.sleep(TOLERANCE.cool_down + 0.02)
    assert await breaker.enter() is BreakerState.CLOSED


async def test_a_process_that_begins_later_leaves_alone_what_the_others_do(processes: Deployment) -> None:
    await fail(await processes.join())
    late = await processes.join()
    async with asyncio.timeout(SOON):
        while not late.breakers.of("model:big").standing.cool_down:
            await asyncio.sleep(0.005)


async def test_a_call_to_a_vendor_that_works_asks_redis_nothing(processes: Deployment, server: RedisServer) -> None:
    breaker = (await processes.join()).breakers.of("model:big")
    async with Redis.from_url(server.url) as client:
        before = await client.info("commandstats")
        for _ in range(100):
            entered = await breaker.enter()
            await breaker.worked()
            await breaker.leave(entered)
        after = await client.info("commandstats")
    assert {name for name in after if name not in before and "eval" in name} == set()


async def test_a_word_reaches_who_listens_in_other_processes_and_comes_back_to_nobody(processes: Deployment) -> None:
    one, two = await processes.join(), await processes.join()
    await hears(one, two, "ready")
    told: list[str] = []
    for name, shared in (("one", one), ("two", two)):
        shared.live.listen("web:chat:ana", lambda name=name: told.append(name))  # type: ignore[misc]
        shared.live.listen("desk", lambda name=name: told.append(f"{name}, desk"))  # type: ignore[misc]
    one.live.tell("web:chat:ana")
    one.live.tell("desk")
    one.live.tell("web:chat:luis")
    await hears(one, two, "and this is the last word")
    assert sorted(told) == ["one", "one, desk", "two", "two, desk"]


async def test_a_flood_of_words_is_told_in_few(processes: Deployment, server: RedisServer) -> None:
    one, two = await processes.join(), await processes.join()
    await hears(one, two, "ready")
    told: set[int] = set()
    for number in range(500):
        two.live.listen(f"web:chat:{number}", lambda number=number: told.add(number))  # type: ignore[misc]
    async with Redis.from_url(server.url) as client:
        before = (await client.info("commandstats"))["cmdstat_publish"]["calls"]
        for number in range(500):
            for _ in range(10):
                one.live.tell(f"web:chat:{number}")
        async with asyncio.timeout(SOON):
            while len(told) < 500:
                await asyncio.sleep(0.01)
        assert (await client.info("commandstats"))["cmdstat_publish"]["calls"] - before <= 3


async def test_deployments_on_one_redis_know_nothing_of_each_other(processes: Deployment, server: RedisServer) -> None:
    here = await processes.join()
    async with shared_on(server.url, "another", SystemClock(), TOLERANCE) as there:
        await here.cache.put("session:1", "value", 60)
        for _ in range(4):
            await here.limits.take(CHAT, "ana")
            await here.pacer.take(OURS, "ana", PACE)
        await fail(here)
        assert await there.cache.get("session:1") is None
        assert await there.limits.take(CHAT, "ana") == 0
        assert await there.pacer.take(OURS, "ana", PACE) == 0
        assert await there.breakers.left_alone() == {}


async def test_every_key_has_a_time_to_live_and_what_is_changed_together_lies_together(
    processes: Deployment, server: RedisServer
) -> None:
    shared = await processes.join()
    for _ in range(4):
        await shared.limits.take(Limit("sign-in", 3), "198.51.100.7")
        await shared.pacer.take(OURS, "12025550101", PACE)
    await shared.pacer.pause(OURS, 20, "12025550102")
    await shared.cache.put("session:1", "value", 60)
    await fail(shared)
    async with Redis.from_url(server.url, decode_responses=True) as client:
        ttl = {key: await client.pttl(key) for key in await client.keys("*")}
    own = processes.name
    assert set(ttl) == {
        f"switchboard:{own}:{{ratelimit:sign-in:198.51.100.7}}",
        f"switchboard:{own}:{{session:1}}",
        f"switchboard:{{{own}:breakers}}:standings",
        *(f"switchboard:{{{own}:pace:{OURS}}}:{person}" for person in ("", "12025550101", "12025550102")),
    }
    assert all(0 < left <= 600_000 for left in ttl.values()), ttl
    assert 59_000 < ttl[f"switchboard:{own}:{{ratelimit:sign-in:198.51.100.7}}"] <= 60_000


MINUTE, HOUR = 60, 3600
SEEDS_KEYS = {
    "session:u1": 24 * HOUR,
    "refresh:t1": 7 * 24 * HOUR,
    "dates:upcoming:u1": 15 * MINUTE,
    "dates:contact:c1": HOUR,
    "social:profiles:c1": 6 * HOUR,
    "social:activity:c1": 30 * MINUTE,
    "intel:news:a1": 15 * MINUTE,
    "intel:alerts:u1": 5 * MINUTE,
    "call:active:u1": 2 * HOUR,
    "call:transcript:k1": 24 * HOUR,
}
"""What S1 keeps in Redis beside its rate limits (S1-113 to S1-122): seconds."""


async def test_a_key_of_each_of_the_seeds_patterns_goes_within_its_time(processes: Deployment, server: RedisServer) -> None:
    shared = await processes.join()
    for key, seconds in SEEDS_KEYS.items():
        await shared.cache.put(key, "[]", seconds)
    await shared.limits.take(Limit("sign-in", 5), "198.51.100.7")
    async with Redis.from_url(server.url, decode_responses=True) as client:
        left = {key.partition("{")[2].rstrip("}"): await client.pttl(key) / 1000 for key in map(str, await client.keys("*"))}
    bounds = {**SEEDS_KEYS, "ratelimit:sign-in:198.51.100.7": MINUTE}
    assert left.keys() == bounds.keys()
    assert all(0 < left[key] <= seconds for key, seconds in bounds.items()), left


async def test_what_is_no_address_of_a_redis_is_said() -> None:
    with pytest.raises(SettingsError, match="REDIS_URL: this is no address of a Redis"):
        async with shared_on("http://host", "name", SystemClock()):
            raise AssertionError
