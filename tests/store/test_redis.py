"""What lanes on Redis promise beyond the contract: leases, fences, and that Redis may be slow, gone or empty at any moment.

On a real redis-server; time is its own, so leases are short and every wait has a bound.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from copy import copy
from pathlib import Path
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from bot.clock import new_id
from bot.errors import SettingsError, StoreUnavailable
from bot.store.redis import RedisCommons, RedisLanes, shared_lanes
from bot.store.redis_connection import Connection, place_of
from bot.store.together import Together
from bot.testing.lanes_contract import SOON, claimed, is_nothing_due
from bot.testing.redis import RedisServer, require_redis
from tests.store.redis_lanes import Numbers

pytestmark = pytest.mark.contract

LEASE = 0.4

Join = Callable[..., RedisLanes]


@pytest.fixture
def fences() -> Numbers:
    return Numbers()


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture
def join(redis_server: RedisServer, fences: Numbers, stack: AsyncExitStack) -> Join:
    """Another process of one deployment, by its lanes."""
    return joining(redis_server, fences, stack)


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[RedisServer]:
    """A server that may be killed."""
    require_redis()
    server = RedisServer(tmp_path).start()
    yield server
    server.kill()


def joining(server: RedisServer, fences: Numbers, stack: AsyncExitStack) -> Join:
    name = uuid4().hex

    def joined(lease: float = LEASE) -> RedisLanes:
        connection = Connection(server.url)
        lanes = RedisLanes(connection, name, "turns", lease, fences)
        stack.push_async_callback(connection.close)
        stack.push_async_callback(lanes.close)
        return lanes

    return joined


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(SOON):
        while not is_so():
            await asyncio.sleep(0.005)


# Several processes


async def test_what_one_process_wakes_another_claims_at_once(join: Join) -> None:
    web, worker = join(60.0), join(60.0)
    claimer = asyncio.create_task(worker.claim())
    await asyncio.sleep(0.2)  # it waits for a word by now, and would look by itself only after a second
    began = time.monotonic()
    await web.wake("a")
    assert (await claimer).lane == "a"
    assert time.monotonic() - began < 0.5


async def test_of_those_that_wait_one_is_called_for_a_lane(join: Join) -> None:
    web, workers = join(60.0), [join(60.0) for _ in range(4)]
    claimers = [asyncio.create_task(worker.claim()) for worker in workers]
    await asyncio.sleep(0.2)
    looked = [worker._numbers for worker in workers]
    before = [next(copy(numbers)) for numbers in looked]
    await web.wake("a", 0.05)
    async with asyncio.timeout(SOON):
        [done], _ = await asyncio.wait(claimers, return_when=asyncio.FIRST_COMPLETED)
    assert done.result().lane == "a"
    assert sum(next(copy(numbers)) - then for numbers, then in zip(looked, before, strict=True)) <= 2
    for claimer in claimers:
        claimer.cancel()


async def test_where_the_one_that_was_called_does_not_come_another_does(join: Join, redis_server: RedisServer) -> None:
    web, gone, other = join(60.0), join(60.0), join(60.0)
    waiting = asyncio.create_task(other.claim())
    await asyncio.sleep(0.1)
    sleeper = asyncio.create_task(gone.claim())
    await asyncio.sleep(0.1)
    gone._called_for = lambda word: None  # type: ignore[method-assign]
    gone._connection.hear(lambda word: None, gone._called_at, gone._everybody)
    await asyncio.sleep(0.1)  # it is there, and is the one to be called, but hears nothing any more
    gone._look_at = math.inf
    await web.wake("a")
    async with asyncio.timeout(1.5):
        assert (await waiting).lane == "a"
    sleeper.cancel()


async def test_who_leaves_passes_the_call_on(join: Join) -> None:
    web, leaving, staying = join(60.0), join(60.0), join(60.0)
    stays = asyncio.create_task(staying.claim())
    await asyncio.sleep(0.1)
    leaves = asyncio.create_task(leaving.claim())
    await asyncio.sleep(0.1)
    await web.wake("a", 0.1)  # the one that came last is called
    await asyncio.sleep(0.05)
    leaves.cancel()
    began = time.monotonic()
    assert (await stays).lane == "a"
    assert time.monotonic() - began < 0.4


async def test_many_processes_never_hold_one_lane_and_all_of_them_get_some(join: Join) -> None:
    processes = [join(60.0) for _ in range(4)]
    for number in range(300):
        await processes[0].wake(f"lane {number}")
    holding: set[str] = set()
    found: dict[int, int] = dict.fromkeys(range(4), 0)

    async def work(number: int) -> None:
        while sum(found.values()) < 1200:
            for claim in await processes[number].claim_some(8):
                assert claim.lane not in holding
                holding.add(claim.lane)
                await asyncio.sleep(0)
                holding.discard(claim.lane)
                found[number] += 1
                await processes[number].release(claim, again=0)

    async with asyncio.timeout(4 * SOON):
        await asyncio.gather(*(work(number) for number in range(4)))
    assert min(found.values()) > 50


# Leases and fences


async def test_each_claim_has_a_higher_fence_than_the_one_before(join: Join, fences: Numbers) -> None:
    lanes = join()
    await lanes.wake("a")
    numbers = []
    for _ in range(3):
        claim = await claimed(lanes)
        numbers.append(claim.fence)
        assert fences.values[claim.fence_id] == claim.fence
        await lanes.release(claim, again=0)
    assert numbers == [1, 2, 3]


async def test_a_silent_holder_is_followed_when_its_lease_is_over_and_not_before(join: Join, fences: Numbers) -> None:
    silent, other = join(), join()
    await silent.wake("a")
    lost = await claimed(silent)
    began = time.monotonic()
    claim = await claimed(other)
    assert LEASE - 0.05 < time.monotonic() - began < LEASE + 0.5
    assert claim.fence > lost.fence
    assert not await silent.beat(lost)
    await silent.release(lost, again=0)
    assert await other.beat(claim)


async def test_a_lease_that_is_over_cannot_be_kept_even_if_nobody_came(join: Join) -> None:
    lanes = join()
    await lanes.wake("a")
    claim = await claimed(lanes)
    await asyncio.sleep(LEASE + 0.1)
    assert not await lanes.beat(claim)
    assert (await claimed(lanes)).lane == "a"


async def test_who_did_not_beat_for_a_lease_is_not_sure_of_the_lane_any_more(join: Join) -> None:
    lanes = join()
    for name in ("kept", "lost"):
        await lanes.wake(name)
    claims = {claim.lane: claim for claim in (await claimed(lanes), await claimed(lanes))}
    for _ in range(6):
        await asyncio.sleep(LEASE / 5)
        assert await lanes.beat(claims["kept"])
    assert lanes.is_sure(claims["kept"])
    assert not lanes.is_sure(claims["lost"])


async def test_a_holder_that_beats_is_left_alone(join: Join) -> None:
    holder, other = join(), join()
    await holder.wake("a")
    claim = await claimed(holder)
    assert holder.beat_seconds == pytest.approx(LEASE / 3)
    for _ in range(8):
        await asyncio.sleep(LEASE / 5)
        assert await holder.beat(claim)
    assert await is_nothing_due(other)


async def test_what_was_woken_under_a_silent_holder_is_due_with_the_lane(join: Join) -> None:
    silent, other = join(), join()
    await silent.wake("a")
    await claimed(silent)
    await other.wake("a")
    await other.release(await claimed(other))
    assert await is_nothing_due(other)


class Slow(Numbers):
    """A store that takes longer than a lease to raise a fence."""

    def __init__(self, fences: Numbers) -> None:
        super().__init__()
        self._fences = fences

    async def raise_fences(self, ids: Sequence[str], holder: str) -> Mapping[str, int]:
        await asyncio.sleep(2 * LEASE)
        return await self._fences.raise_fences(ids, holder)


async def test_a_store_slower_than_the_lease_costs_no_lane(join: Join, fences: Numbers) -> None:
    lanes, other = join(), join()
    lanes._fences = Slow(fences)
    await lanes.wake("a")
    claimer = asyncio.create_task(lanes.claim())
    await asyncio.sleep(0.1)
    seeking = asyncio.create_task(other.claim())
    async with asyncio.timeout(SOON):
        claim = await claimer
    assert await lanes.beat(claim)
    assert lanes.is_sure(claim)
    assert not seeking.done()
    seeking.cancel()


async def test_who_is_stopped_between_claim_and_fence_hands_nothing_out(join: Join, fences: Numbers) -> None:
    async def stopped(batch: Sequence[tuple[str, str]]) -> Sequence[int]:
        raise StoreUnavailable("it does not run")

    slow, other = join(), join()
    slow._fences, slow._beats = Slow(fences), Together(stopped)
    await slow.wake("a")
    sleeper = asyncio.create_task(slow.claim())
    claim = await claimed(other)
    await asyncio.sleep(LEASE / 2)
    assert await other.beat(claim)
    assert not sleeper.done()
    sleeper.cancel()


async def test_lanes_wait_while_the_store_is_away(join: Join, fences: Numbers) -> None:
    lanes = join(60.0)
    fences.is_away = True
    await lanes.wake("a")
    claimer = asyncio.create_task(lanes.claim())
    await asyncio.sleep(0.2)
    assert not claimer.done()
    fences.is_away = False
    async with asyncio.timeout(SOON):
        assert (await claimer).lane == "a"


async def test_the_clock_of_a_process_decides_nothing(join: Join, monkeypatch: pytest.MonkeyPatch) -> None:
    holder, other = join(), join()
    await holder.wake("late", 0.3)
    await holder.wake("a")
    claim = await claimed(holder)
    monkeypatch.setattr(time, "time", lambda: 4e9)
    ids = new_id.__self__  # type: ignore[attr-defined]
    monkeypatch.setattr(ids, "_last", ids._last)  # ids made meanwhile must not be the newest for ever
    monkeypatch.setattr(time, "time_ns", lambda: int(4e18))
    assert await is_nothing_due(other)
    assert await holder.beat(claim)
    assert (await claimed(other)).lane == "late"


# Redis goes, comes back, and knows nothing


async def test_redis_that_comes_back_empty_is_noticed_by_every_process(join: Join, redis_server: RedisServer) -> None:
    told: list[int] = []
    processes = [join() for _ in range(2)]
    for number, lanes in enumerate(processes):
        lanes.on_forgotten(lambda number=number: told.append(number))  # type: ignore[misc]
    await processes[0].wake("a")
    claim = await claimed(processes[0])
    claimers = [asyncio.create_task(lanes.claim()) for lanes in processes]
    await asyncio.sleep(0.05)
    assert not told
    async with Redis.from_url(redis_server.url) as client:
        await client.flushall()
    await until(lambda: sorted(told) == [0, 1])
    assert not await processes[0].beat(claim)
    await processes[1].remind("a")  # as the store says
    async with asyncio.timeout(SOON):
        [done], _ = await asyncio.wait(claimers, return_when=asyncio.FIRST_COMPLETED)
    assert done.result().fence > claim.fence
    for claimer in claimers:
        claimer.cancel()


async def test_nobody_waits_for_a_redis_that_is_away_and_it_is_told_when_it_is_back(
    own_server: RedisServer, fences: Numbers, stack: AsyncExitStack
) -> None:
    join = joining(own_server, fences, stack)
    web, worker = join(), join()
    claimer = asyncio.create_task(worker.claim())
    await asyncio.sleep(0.05)
    own_server.kill()
    began = time.monotonic()
    await web.wake("a")
    assert time.monotonic() - began < 0.05
    own_server.start()
    async with asyncio.timeout(SOON):
        assert (await claimer).lane == "a"


async def test_a_redis_that_hangs_holds_nobody_for_long(own_server: RedisServer, fences: Numbers, stack: AsyncExitStack) -> None:
    lanes = joining(own_server, fences, stack)(60.0)
    await lanes.wake("a")
    claim = await claimed(lanes)
    own_server.pause()
    async with asyncio.timeout(2 * SOON):
        assert await lanes.beat(claim)  # nobody can have taken it
        await lanes.release(claim)
    own_server.resume()


async def test_one_worker_at_a_time_looks_for_what_nobody_was_told_of(
    own_server: RedisServer, fences: Numbers, stack: AsyncExitStack
) -> None:
    looks: list[str] = []
    commons = {}
    for name in ("one", "two"):
        connection = Connection(own_server.url)
        stack.push_async_callback(connection.close)
        commons[name] = RedisCommons(connection, "deployment", LEASE, (), fences)
        commons[name].attend(lambda name=name: looks.append(name))  # type: ignore[misc]
    began = time.monotonic()
    await until(lambda: len(looks) >= 4)
    assert time.monotonic() - began > 2.5 * LEASE
    assert len(await commons["one"].workers()) == 2
    await commons["one"].leave()
    assert len(await commons["two"].workers()) == 1
    own_server.kill()
    looks.clear()
    await asyncio.sleep(LEASE)
    assert not looks
    own_server.start()
    await until(lambda: looks == ["two"])
    await commons["two"].leave()


async def test_who_has_just_looked_looks_again_no_sooner_than_in_a_lease_and_is_watched_by_nobody(
    own_server: RedisServer, fences: Numbers
) -> None:
    looks: list[float] = []
    began = time.monotonic()
    connection = Connection(own_server.url)
    commons = RedisCommons(connection, "deployment", LEASE, (), fences)
    commons.attend(lambda: looks.append(time.monotonic()))
    await until(lambda: bool(looks))
    assert looks[0] - began >= LEASE
    assert not fences.needs_watch
    await commons.leave()
    await connection.close()


async def test_every_key_has_a_time_to_live_and_the_keys_of_a_kind_lie_together(join: Join, redis_server: RedisServer) -> None:
    lanes = join(60.0)
    await lanes.wake("later", 60)
    await lanes.wake("a")
    await lanes.wake("b")
    await lanes.claim_some(2)
    await lanes.wake("a", 60)
    claimer = asyncio.create_task(lanes.claim())
    await asyncio.sleep(0.2)
    async with Redis.from_url(redis_server.url, decode_responses=True) as client:
        keys = [key async for key in client.scan_iter("switchboard:*") if key.startswith(lanes._due.rpartition(":")[0])]
        assert {key.rpartition(":")[2] for key in keys} == {"due", "held", "tokens", "woken", "era", "idle", "watched"}
        assert all([await client.pttl(key) > 0 for key in keys])
        assert len({key.partition("{")[2].partition("}")[0] for key in keys}) == 1
    claimer.cancel()


# Settings


async def test_who_is_not_let_in_or_not_answered_is_told_so_in_one_line(own_server: RedisServer) -> None:
    async with Redis.from_url(own_server.url) as client:
        await client.config_set("requirepass", "right")
    wrong = own_server.url.replace("redis://", "redis://:canary@")
    with pytest.raises(SettingsError, match=r"^REDIS_URL: redis://127.0.0.1:\d+/0 does not know this user or password$"):
        async with shared_lanes(wrong, "n", 5, Numbers(), must_answer=True):
            raise AssertionError
    own_server.kill()
    with pytest.raises(StoreUnavailable, match=r"^REDIS_URL: no Redis answers at redis://127\.0\.0\.1:\d+/0; "):
        async with shared_lanes(wrong, "n", 5, Numbers(), must_answer=True):
            raise AssertionError
    async with shared_lanes(wrong, "n", 5, Numbers(), must_answer=False) as lanes:
        assert lanes.commons is not None


@pytest.mark.parametrize("url", ["http://host", "nonsense", "redis://host:port"])
def test_what_is_no_address_is_said_with_an_example_and_without_the_password(url: str) -> None:
    with pytest.raises(SettingsError, match="REDIS_URL: this is no address of a Redis; for example"):
        Connection(url)
    assert place_of("rediss://user:secret@host:1/0?ssl_ca_certs=x") == "rediss://host:1/0"
