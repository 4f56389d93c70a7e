"""How often somebody may do something, counted by one process or by all of them."""

from __future__ import annotations

import asyncio

import pytest

from bot.limits import Limit, LocalLimits
from bot.testing.clock import ManualClock
from tests.sharing import Deployment, processes

pytestmark = pytest.mark.contract

__all__ = ["processes"]

CHAT = Limit("chat", 3, 0.4)


async def test_so_often_in_a_window_whichever_process_is_asked(processes: Deployment) -> None:
    one, two = (await processes.join()).limits, (await processes.join()).limits
    assert [await limits.take(CHAT, "ana") for limits in (one, two, one)] == [0, 0, 0]
    assert 0 < await two.take(CHAT, "ana") <= 0.4
    assert 0 < await one.take(CHAT, "ana") <= 0.4
    await processes.passes(0.4)
    assert [await limits.take(CHAT, "ana") for limits in (one, two, one)] == [0, 0, 0]
    assert await two.take(CHAT, "ana") > 0


async def test_each_endpoint_and_each_person_has_a_count_of_their_own(processes: Deployment) -> None:
    limits = (await processes.join()).limits
    for _ in range(3):
        await limits.take(CHAT, "ana")
    assert await limits.take(CHAT, "ana") > 0
    assert await limits.take(CHAT, "luis") == 0
    assert await limits.take(Limit("sign-in", 3, 0.4), "ana") == 0


async def test_who_is_refused_does_not_wait_longer_for_asking(processes: Deployment) -> None:
    limits, waits = (await processes.join()).limits, []
    for _ in range(20):
        waits.append(await limits.take(CHAT, "ana"))
    assert waits == [0, 0, 0, *sorted(waits[3:], reverse=True)]
    await processes.passes(waits[-1])
    assert await limits.take(CHAT, "ana") == 0


async def test_of_many_at_once_exactly_so_many_are_let_in(processes: Deployment) -> None:
    several = [(await processes.join()).limits for _ in range(3)]
    limit = Limit("burst", 10)
    waits = await asyncio.gather(*(limits.take(limit, "ana") for limits in several for _ in range(20)))
    assert waits.count(0) == 10


async def test_whoever_comes_its_memory_is_bounded() -> None:
    limits, limit = LocalLimits(ManualClock(), keys=100), Limit("chat", 1)
    for number in range(1000):
        await limits.take(limit, f"somebody {number}")
    assert len(limits) == 100
    assert await limits.take(limit, "somebody 999") > 0
