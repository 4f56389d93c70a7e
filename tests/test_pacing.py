"""How fast a vendor is sent to, by one process or by all of them."""

from __future__ import annotations

import asyncio

import pytest

from bot.pacing import QUEUED, LocalPacer, Pace, Pacer, Rate
from bot.testing.clock import ManualClock
from tests.sharing import Deployment, processes

pytestmark = pytest.mark.contract

__all__ = ["processes"]

OURS = "whatsapp:106540352242922"
PACE = Pace(sender=Rate(10, 10), person=Rate(3, 0.5))
"""From us ten a second; to one person three at once and one in two seconds."""


async def went(pacer: Pacer, *people: str) -> list[bool]:
    """Which of these sends went out at once, and which were told to come again later than they could wait for."""
    waits = [await pacer.take(OURS, person, PACE) for person in people]
    assert all(wait == 0 or wait > QUEUED for wait in waits)
    return [wait == 0 for wait in waits]


async def test_one_person_gets_a_few_at_once_and_then_one_after_the_other_whichever_process_sends(processes: Deployment) -> None:
    one, two = (await processes.join()).pacer, (await processes.join()).pacer
    assert await went(one, "ana", "ana") == [True, True]
    assert await went(two, "ana", "ana", "luis") == [True, False, True]
    assert 1.9 < await one.take(OURS, "ana", PACE) <= 2
    await processes.passes(2)
    assert await went(two, "ana", "ana") == [True, False]


async def test_those_of_one_number_go_in_turn_as_fast_as_the_vendor_takes_them(processes: Deployment) -> None:
    several = [(await processes.join()).pacer for _ in range(2)]
    went: list[int] = []

    async def send(number: int) -> None:
        if await several[number % 2].take(OURS, f"person {number}", PACE) == 0:
            went.append(number)

    sending = asyncio.gather(*(send(number) for number in range(60)))
    await processes.passes(QUEUED + 0.1)
    await sending
    assert 20 <= len(went) < 60, "what would wait longer was told to come again"


async def test_while_the_vendor_wants_nothing_nothing_goes_from_this_number_in_any_process(processes: Deployment) -> None:
    one, two = (await processes.join()).pacer, (await processes.join()).pacer
    await one.pause(OURS, 1.5)
    await one.pause(OURS, 0.1)
    assert 1.3 < await two.take(OURS, "ana", PACE) <= 1.5
    assert await two.take("whatsapp:another", "ana", PACE) == 0
    await processes.passes(1.5)
    assert await went(two, "ana", "ana", "ana") == [True, True, True]


async def test_a_pause_for_one_person_is_nobody_elses(processes: Deployment) -> None:
    one, two = (await processes.join()).pacer, (await processes.join()).pacer
    await one.pause(OURS, 4, "ana")
    assert await went(two, "ana", "luis") == [False, True]


async def test_whoever_is_sent_to_its_memory_is_bounded() -> None:
    pacer = LocalPacer(ManualClock(), keys=100)
    for number in range(1000):
        await pacer.take("", f"person {number}", Pace(Rate(2000, 1), Rate(1, 1)))
    assert len(pacer) <= 100
