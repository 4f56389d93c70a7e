"""Lanes in memory, the lock on the data directory, and the fence."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.clock import SystemClock
from bot.errors import DataInUse, FenceLost, StoreUnavailable
from bot.records.work import Counter, Fence
from bot.store.base import Claim, Insert, Lanes, Require, Unit
from bot.store.local import DataDirectory, LocalLanes, raise_fence
from bot.store.sqlite import SqliteStore
from bot.testing.clock import ManualClock

pytestmark = pytest.mark.unit


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def lanes(clock: ManualClock) -> AsyncIterator[LocalLanes]:
    lanes = LocalLanes(7, clock)
    port: Lanes = lanes
    assert port is lanes
    yield lanes
    lanes.close()
    await asyncio.sleep(0)


async def claimed_now(lanes: LocalLanes) -> Claim | None:
    """What a claim gets without any time passing."""
    task = asyncio.create_task(lanes.claim())
    for _ in range(5):
        await asyncio.sleep(0)
    if task.done():
        return task.result()
    task.cancel()
    await asyncio.wait([task])
    return None


async def test_a_woken_lane_is_claimed_with_the_fence_of_the_process(lanes: LocalLanes) -> None:
    await lanes.wake("a")
    claim = await lanes.claim()
    assert claim == Claim("a", "local", 7)
    assert await lanes.beat(claim)


async def test_a_claimer_waits_until_a_lane_is_woken(lanes: LocalLanes) -> None:
    claimer = asyncio.create_task(lanes.claim())
    await asyncio.sleep(0)
    assert not claimer.done()
    await lanes.wake("a")
    assert (await claimer).lane == "a"


async def test_lanes_come_in_the_order_in_which_they_fell_due(lanes: LocalLanes, clock: ManualClock) -> None:
    await lanes.wake("late", 3)
    await lanes.wake("early", 1)
    await lanes.wake("middle", 2)
    await clock.advance(5)
    await lanes.wake("now")
    assert [(await lanes.claim()).lane for _ in range(4)] == ["early", "middle", "late", "now"]


async def test_a_lane_is_handed_out_when_its_delay_is_over_and_not_before(lanes: LocalLanes, clock: ManualClock) -> None:
    await lanes.wake("a", 0.8)
    claimer = asyncio.create_task(lanes.claim())
    await clock.advance(0.79)
    assert not claimer.done()
    await clock.advance(0.01)
    assert claimer.done()


async def test_an_earlier_wake_wins_and_a_later_one_changes_nothing(lanes: LocalLanes, clock: ManualClock) -> None:
    claimer = asyncio.create_task(lanes.claim())
    await lanes.wake("a", 5)
    await lanes.wake("a", 1)
    await lanes.wake("a", 9)
    assert lanes.next_due() == 1
    await clock.advance(1)
    claim = await claimer
    await lanes.release(claim)
    await clock.advance(20)
    assert await claimed_now(lanes) is None


async def test_a_held_lane_is_not_handed_out_until_it_is_released(lanes: LocalLanes) -> None:
    await lanes.wake("a")
    claim = await lanes.claim()
    await lanes.wake("a")
    assert await claimed_now(lanes) is None
    await lanes.release(claim)
    again = await claimed_now(lanes)
    assert again is not None
    assert again.lane == "a"


async def test_a_wake_while_held_is_remembered_with_its_time(lanes: LocalLanes, clock: ManualClock) -> None:
    await lanes.wake("a")
    claim = await lanes.claim()
    await lanes.wake("a", 4)
    await lanes.wake("a", 2)
    await lanes.release(claim, again=3)
    assert lanes.next_due() == 2
    claimer = asyncio.create_task(lanes.claim())
    await clock.advance(1.9)
    assert not claimer.done()
    await clock.advance(0.1)
    assert claimer.done()


async def test_release_with_again_makes_it_due_without_a_wake(lanes: LocalLanes, clock: ManualClock) -> None:
    await lanes.wake("a")
    await lanes.release(await lanes.claim(), again=10)
    assert lanes.next_due() == 10
    await clock.advance(10)
    assert (await lanes.claim()).lane == "a"


async def test_a_released_claim_beats_no_more_and_a_second_release_is_nothing(lanes: LocalLanes) -> None:
    await lanes.wake("a")
    first = await lanes.claim()
    await lanes.release(first)
    assert not await lanes.beat(first)
    await lanes.wake("a")
    second = await lanes.claim()
    await lanes.release(first)
    assert await lanes.beat(second)


async def test_two_claimers_never_hold_one_lane(lanes: LocalLanes) -> None:
    holding: set[str] = set()
    done = 0
    enough = asyncio.Event()

    async def work() -> None:
        nonlocal done
        while True:
            claim = await lanes.claim()
            assert claim.lane not in holding
            holding.add(claim.lane)
            await asyncio.sleep(0)
            holding.discard(claim.lane)
            done += 1
            if done == 1000:
                enough.set()
            await lanes.release(claim, again=0)

    workers = [asyncio.create_task(work()) for _ in range(10)]
    for lane in "abcde":
        await lanes.wake(lane)
    await enough.wait()
    for worker in workers:
        worker.cancel()
    await asyncio.wait(workers)
    assert all(worker.cancelled() for worker in workers)


async def test_a_claimer_that_gives_up_loses_no_lane(lanes: LocalLanes) -> None:
    claimer = asyncio.create_task(lanes.claim())
    await asyncio.sleep(0)
    await lanes.wake("a")  # handed out, but the claimer has not run yet
    claimer.cancel()
    await asyncio.wait([claimer])
    claim = await claimed_now(lanes)
    assert claim is not None
    assert claim.lane == "a"


async def test_there_is_one_timer_however_many_lanes_wait(lanes: LocalLanes, clock: ManualClock) -> None:
    claimers = [asyncio.create_task(lanes.claim()) for _ in range(20)]
    await asyncio.sleep(0)
    for number in range(20):
        await lanes.wake(f"lane {number}", 20 - number)
        await asyncio.sleep(0)
    assert len(asyncio.all_tasks()) == 1 + 20 + 1
    await clock.advance(20)
    assert [claimer.result().lane for claimer in claimers] == [f"lane {number}" for number in reversed(range(20))]


async def test_idle_and_next_due_say_what_is_left(lanes: LocalLanes, clock: ManualClock) -> None:
    assert lanes.idle()
    assert lanes.next_due() is None
    await lanes.wake("a", 3)
    assert lanes.idle()
    assert lanes.next_due() == 3
    await clock.advance(4)
    assert not lanes.idle()
    assert lanes.next_due() == 0
    claim = await lanes.claim()
    assert not lanes.idle()
    await lanes.wake("a", 1)
    assert lanes.next_due() is None
    await lanes.release(claim)
    assert lanes.idle()
    assert lanes.next_due() == 1


async def test_the_machines_clock_wakes_claimers_too() -> None:
    lanes = LocalLanes(1, SystemClock())
    await lanes.wake("a", 0.01)
    assert (await asyncio.wait_for(lanes.claim(), 5)).lane == "a"
    lanes.close()


# The directory


HOLDER = """
import sys, time
from pathlib import Path
from bot.store.local import DataDirectory
held = DataDirectory.hold(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_a_second_process_is_told_who_holds_the_directory_and_gets_it_after_kill_9(tmp_path: Path) -> None:
    directory = tmp_path / "data"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(directory)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(
            DataInUse, match=rf"another `bot` already works on {directory} \(pid {holder.pid}\): stop it, or set BOT_DATA_DIR"
        ):
            DataDirectory.hold(directory)
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait()
    with DataDirectory.hold(directory):
        assert (directory / "worker.lock").read_text().strip() == str(os.getpid())


def test_a_directory_is_held_once_and_can_be_let_go(tmp_path: Path) -> None:
    held = DataDirectory.hold(tmp_path)
    with pytest.raises(DataInUse, match=str(os.getpid())):
        DataDirectory.hold(tmp_path)
    held.release()
    held.release()
    DataDirectory.hold(tmp_path).release()


def test_a_file_in_place_of_the_directory_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(StoreUnavailable, match="BOT_DATA_DIR"):
        DataDirectory.hold(tmp_path / "data")


# The fence


async def test_raising_the_fence_voids_what_the_earlier_holder_commits(tmp_path: Path, clock: ManualClock) -> None:
    store = SqliteStore(tmp_path / "s.db", clock, [Fence, Counter])
    await store.open()
    first = await raise_fence(store)
    second = await raise_fence(store)
    assert (first, second) == (1, 2)
    with pytest.raises(FenceLost):
        await store.commit(Unit(Require(Fence, {"id": "local", "value": first}, FenceLost), Insert(Counter(id="c"))))
    await store.commit(Unit(Require(Fence, {"id": "local", "value": second}, FenceLost), Insert(Counter(id="c"))))
    assert sorted(await asyncio.gather(*(raise_fence(store) for _ in range(10)))) == list(range(3, 13))
    await store.close()
