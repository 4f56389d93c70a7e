"""What every kind of lanes promises (`bot.store.base.Lanes`). Derive a test class and give it the fixture `lanes`:

    class TestOurLanes(LanesContract):
        @pytest.fixture
        async def lanes(self) -> AsyncIterator[Lanes]: ...

Time is real here, because lanes that several processes share go by their server's clock.
"""

from __future__ import annotations

import asyncio
import time

import pytest

from bot.store.base import Claim, Lanes

SOON = 5.0
"""Seconds within which what has to happen happens, on a machine however busy."""
MOMENT = 0.15
"""Seconds after which something that would have happened has happened."""


async def claimed(lanes: Lanes) -> Claim:
    """A claim that has to come soon."""
    async with asyncio.timeout(SOON):
        return await lanes.claim()


async def is_nothing_due(lanes: Lanes) -> bool:
    """Whether nothing can be claimed just now."""
    try:
        async with asyncio.timeout(MOMENT):
            claim = await lanes.claim()
    except TimeoutError:
        return True
    await lanes.release(claim, again=0)
    return False


class LanesContract:
    """One worker's view of its lanes."""

    @pytest.fixture
    async def lanes(self) -> Lanes:
        """Empty lanes."""
        raise NotImplementedError

    async def test_a_woken_lane_is_claimed_and_held_until_it_is_released(self, lanes: Lanes) -> None:
        await lanes.wake("a")
        claim = await claimed(lanes)
        assert claim.lane == "a"
        assert lanes.is_sure(claim)
        assert await lanes.beat(claim)
        await lanes.release(claim)
        assert not await lanes.beat(claim)
        assert await is_nothing_due(lanes)

    async def test_a_claimer_waits_until_a_lane_is_woken(self, lanes: Lanes) -> None:
        claimer = asyncio.create_task(lanes.claim())
        await asyncio.sleep(MOMENT)
        assert not claimer.done()
        await lanes.wake("a")
        async with asyncio.timeout(SOON):
            assert (await claimer).lane == "a"

    async def test_lanes_come_in_the_order_in_which_they_fell_due(self, lanes: Lanes) -> None:
        for lane, delay in (("last", 0.06), ("first", 0.02), ("second", 0.04)):
            await lanes.wake(lane, delay)
        await asyncio.sleep(MOMENT)
        await lanes.wake("new")
        order = [(await claimed(lanes)).lane for _ in range(4)]
        assert order == ["first", "second", "last", "new"]

    async def test_a_lane_is_not_handed_out_before_its_time(self, lanes: Lanes) -> None:
        began = time.monotonic()
        await lanes.wake("a", 0.3)
        await claimed(lanes)
        assert time.monotonic() - began >= 0.299

    async def test_an_earlier_time_wins_over_a_later_one(self, lanes: Lanes) -> None:
        await lanes.wake("a", 600)
        assert await is_nothing_due(lanes)
        await lanes.wake("a")
        await lanes.wake("a", 600)
        await lanes.release(await claimed(lanes))
        assert await is_nothing_due(lanes)

    async def test_one_lane_can_be_taken_though_nobody_has_woken_it(self, lanes: Lanes) -> None:
        await lanes.wake("other")
        claim = await lanes.take("call")
        assert claim.lane == "call"
        other = await claimed(lanes)
        assert other.lane == "other"
        await lanes.release(claim)
        await lanes.release(other)
        again = await lanes.take("call")
        assert (again.lane, again.fence_id) == ("call", claim.fence_id)
        assert again.fence >= claim.fence
        await lanes.release(again)
        assert await is_nothing_due(lanes)

    async def test_a_lane_that_is_held_is_handed_to_nobody_else(self, lanes: Lanes) -> None:
        await lanes.wake("a")
        claim = await claimed(lanes)
        await lanes.wake("a")
        assert await is_nothing_due(lanes)
        await lanes.release(claim)
        assert (await claimed(lanes)).lane == "a"

    async def test_the_earliest_of_wake_and_release_counts(self, lanes: Lanes) -> None:
        await lanes.wake("a")
        claim = await claimed(lanes)
        await lanes.wake("a", 600)
        await lanes.release(claim, again=0.01)
        assert (await claimed(lanes)).lane == "a"

    async def test_release_with_again_makes_it_due_without_a_wake(self, lanes: Lanes) -> None:
        await lanes.wake("a")
        await lanes.release(await claimed(lanes), again=0.05)
        assert (await claimed(lanes)).lane == "a"

    async def test_a_second_release_is_nothing(self, lanes: Lanes) -> None:
        await lanes.wake("a")
        first = await claimed(lanes)
        await lanes.release(first, again=0)
        second = await claimed(lanes)
        await lanes.release(first, again=0)
        assert await lanes.beat(second)

    async def test_a_lane_of_which_nothing_is_known_can_be_brought_to_mind(self, lanes: Lanes) -> None:
        await lanes.remind("a")
        assert (await claimed(lanes)).lane == "a"

    async def test_some_are_at_least_one_and_never_more_than_asked_for(self, lanes: Lanes) -> None:
        for number in range(10):
            await lanes.wake(f"lane {number}")
        found: list[str] = []
        while len(found) < 10:
            async with asyncio.timeout(SOON):
                some = await lanes.claim_some(3)
            assert 1 <= len(some) <= 3
            found += [claim.lane for claim in some]
        assert found == [f"lane {number}" for number in range(10)]

    async def test_a_lane_with_more_to_do_goes_behind_those_that_wait(self, lanes: Lanes) -> None:
        await lanes.wake("a burst")
        claim = await claimed(lanes)
        for lane in ("first", "second"):
            await lanes.wake(lane)
        await asyncio.sleep(MOMENT)  # what is woken is told behind the caller's back
        await lanes.release(claim, again=0)
        assert [(await claimed(lanes)).lane for _ in range(3)] == ["first", "second", "a burst"]

    async def test_a_lane_that_is_woken_again_and_again_starves_nobody(self, lanes: Lanes) -> None:
        others = [f"lane {number}" for number in range(50)]
        for lane in ("restless", *others):
            await lanes.wake(lane)
        found: list[str] = []
        while not set(others) <= set(found):
            claim = await claimed(lanes)
            found.append(claim.lane)
            await lanes.wake("restless")
            await lanes.release(claim, again=0 if claim.lane == "restless" else None)
        assert [lane for lane in found if lane != "restless"] == others
        assert found.count("restless") <= 2

    async def test_a_claimer_that_gives_up_loses_no_lane(self, lanes: Lanes) -> None:
        for _ in range(5):
            claimer = asyncio.create_task(lanes.claim())
            await asyncio.sleep(0.002)
            await lanes.wake("a")
            await asyncio.sleep(0)
            claimer.cancel()
            await asyncio.wait([claimer])
            if not claimer.cancelled():
                await lanes.release(claimer.result(), again=0)
            await lanes.release(await claimed(lanes))

    async def test_ten_thousand_lanes_are_each_handed_out_once_the_oldest_first(self, lanes: Lanes) -> None:
        names = [f"lane {number}" for number in range(10_000)]
        for name in names:
            await lanes.wake(name)
        found: list[str] = []
        async with asyncio.timeout(6 * SOON):
            while len(found) < len(names):
                claims = await lanes.claim_some(64)
                found += [claim.lane for claim in claims]
                await asyncio.gather(*(lanes.release(claim) for claim in claims))
        assert found == names
        assert await is_nothing_due(lanes)
