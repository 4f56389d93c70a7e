"""A vendor that keeps failing is left alone, by one process or by all of them."""

from __future__ import annotations

import asyncio

import pytest

from bot.breakers import Breaker, BreakerState, Tolerance
from bot.errors import ModelUnavailable, SendDelayed, SendRefused, VendorLeftAlone
from bot.testing.clock import ManualClock
from tests.sharing import SOON, TOLERANCE, Deployment, processes

pytestmark = pytest.mark.contract

__all__ = ["processes"]

OPEN, CLOSED, HALF_OPEN = BreakerState.OPEN, BreakerState.CLOSED, BreakerState.HALF_OPEN
DOWN = ModelUnavailable("down", status=503)


async def fails(breaker: Breaker) -> None:
    entered = await breaker.enter()
    assert entered is not OPEN
    await breaker.failed(entered, DOWN)
    await breaker.leave(entered)


async def break_it(*breakers: Breaker) -> None:
    """So many failures in a row, spread over the processes."""
    for number in range(TOLERANCE.failures):
        await fails(breakers[number % len(breakers)])


async def becomes(breaker: Breaker, state: BreakerState) -> None:
    """Waits until it knows what another process has told; it may have cooled down meanwhile."""
    async with asyncio.timeout(SOON):
        while (breaker.state is CLOSED) is not (state is CLOSED):
            await asyncio.sleep(0.002)


async def two_of(processes: Deployment) -> tuple[Breaker, Breaker]:
    one, two = [(await processes.join()).breakers.of("model:big") for _ in range(2)]
    await asyncio.sleep(0.1 if processes.clock is None else 0)  # both have begun to listen
    return one, two


async def test_failures_of_all_processes_together_open_it_for_all_of_them(processes: Deployment) -> None:
    one, two = await two_of(processes)
    await break_it(one, two)
    await becomes(one, OPEN)
    await becomes(two, OPEN)
    assert await two.enter() is OPEN
    assert (await processes.join()).breakers.of("model:small").state is CLOSED


async def test_an_answer_in_between_sets_the_count_back_whoever_got_it(processes: Deployment) -> None:
    one, two = await two_of(processes)
    for _ in range(3):
        await fails(one)
        await fails(one)
        async with asyncio.timeout(SOON):
            while two.standing.failures != 2:
                await asyncio.sleep(0.002)
        await two.worked()
        async with asyncio.timeout(SOON):
            while one.standing.failures:
                await asyncio.sleep(0.002)
    assert one.state is CLOSED


async def test_after_the_cool_down_one_of_all_processes_tries(processes: Deployment) -> None:
    one, two = await two_of(processes)
    await break_it(one)
    await becomes(two, OPEN)
    await processes.passes(TOLERANCE.cool_down)
    entered = await asyncio.gather(one.enter(), two.enter(), one.enter(), two.enter())
    assert sorted(entered) == sorted([HALF_OPEN, OPEN, OPEN, OPEN])


async def test_a_try_that_works_closes_it_for_all_of_them(processes: Deployment) -> None:
    one, two = await two_of(processes)
    await break_it(one)
    await becomes(two, OPEN)
    await processes.passes(TOLERANCE.cool_down)
    entered = await two.enter()
    assert entered is HALF_OPEN
    await two.worked()
    await two.leave(entered)
    await becomes(one, CLOSED)
    assert await one.enter() is CLOSED


async def test_each_try_that_fails_doubles_the_cool_down_up_to_a_bound(processes: Deployment) -> None:
    one, two = await two_of(processes)
    await break_it(one)
    await becomes(two, OPEN)
    waits = []
    for _ in range(3):
        waits.append(two.standing.cool_down)
        await processes.passes(waits[-1])
        await fails(two)
    assert [*waits, two.standing.cool_down] == [0.8, 1.6, 1.6, 1.6]
    async with asyncio.timeout(SOON):
        while one.standing.cool_down < 1.6:
            await asyncio.sleep(0.002)
    assert one.standing.cool_down == 1.6


async def test_a_try_that_is_given_up_leaves_the_next_one_to_another_process(processes: Deployment) -> None:
    one, two = await two_of(processes)
    await break_it(one)
    await becomes(two, OPEN)
    await processes.passes(TOLERANCE.cool_down)
    entered = await one.enter()
    await one.leave(entered)
    assert await two.enter() is HALF_OPEN


async def test_a_straggler_that_fails_makes_no_cool_down_longer(processes: Deployment) -> None:
    one, two = await two_of(processes)
    straggler = await two.enter()
    await break_it(one)
    await two.failed(straggler, DOWN)
    await two.leave(straggler)
    assert two.standing.cool_down == TOLERANCE.cool_down


async def test_who_looks_sees_what_is_left_alone_by_all_processes(processes: Deployment) -> None:
    one, _ = await two_of(processes)
    looker = (await processes.join()).breakers
    assert await looker.left_alone() == {}
    await fails(one)
    assert await looker.left_alone() == {}
    await fails(one)
    await fails(one)
    [(name, seconds)] = (await looker.left_alone()).items()
    assert name == "model:big"
    assert 0 < seconds <= TOLERANCE.cool_down


async def test_a_request_is_refused_while_it_is_open_and_only_its_own_fault_counts() -> None:
    clock = ManualClock()
    breaker = Breaker("e-mail", clock, Tolerance(failures=2, cool_down=30))

    async def ask(error: Exception | None) -> None:
        async with breaker.asking(lambda error: isinstance(error, SendDelayed)):
            if error is not None:
                raise error

    for _ in range(3):
        with pytest.raises(SendDelayed):
            await ask(SendDelayed("away"))
        with pytest.raises(SendRefused):
            await ask(SendRefused("no such mailbox"))
    for _ in range(2):
        with pytest.raises(SendDelayed, match="away"):
            await ask(SendDelayed("away"))
    with pytest.raises(VendorLeftAlone, match=r"^e-mail failed too often and is left alone for a while$") as refused:
        await ask(None)
    assert refused.value.wait == 30
    await clock.advance(30)
    await ask(None)
    assert breaker.state is CLOSED
