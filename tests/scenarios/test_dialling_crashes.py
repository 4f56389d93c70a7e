"""The process dies while it places a call: nobody's telephone rings twice, and no call is forgotten."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.records.calls import Call, CallStatus
from bot.services.calling_facts import Asked, To
from bot.services.telephone import Order, VendorCall
from bot.store.base import Unit
from bot.testing.clock import ManualClock
from bot.testing.scene import Scene, open_scene
from bot.testing.telephone import FakeTelephone
from tests.scenarios.test_crashes import Died, Doom

pytestmark = pytest.mark.scenario

THEIRS = "+12025550123"
NOON = datetime(2026, 1, 15, 17, 0, tzinfo=UTC)


async def agreed(folder: Path, clock: ManualClock) -> None:
    """A first life, in which they agree to be called."""
    async with open_scene(folder, clock=clock) as scene:
        await scene.app.consents.record(THEIRS, "calls", source="test", by="system")


async def calls_of(scene: Scene) -> list[Call]:
    return await scene.app.store.find(Call, {"dialed_number": THEIRS})


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_a_call_survives_a_crash_at_every_write(tmp_path: Path, after: bool) -> None:
    at, doom = 0, Doom(1, after, dead=True)
    while doom.dead:
        at += 1
        doom = Doom(at, after)
        await one_crash(tmp_path / str(at), doom)
    assert at > 5, "there were hardly any writes to crash at"


async def one_crash(folder: Path, doom: Doom) -> None:
    """Two lives, of which the first may end too early."""
    clock = ManualClock(NOON)
    await agreed(folder, clock)
    telephone = FakeTelephone(clock)
    with suppress(Died):
        async with open_scene(folder, clock=clock, telephone=telephone) as scene:
            doom.over(scene)
            with suppress(Died):
                await scene.app.calling.dialling.place(To(number=THEIRS), by="user:1")
            if doom.dead:
                raise Died
    later = ManualClock(clock.now())
    telephone.follows(later)
    async with open_scene(folder, clock=later, telephone=telephone) as scene:
        await scene.passes(200)
        calls, when = await calls_of(scene), f"a crash {'after' if doom.after else 'before'} write {doom.at}: {doom.writes}"
    assert telephone.asked == len(telephone.placed) <= 1, when
    assert len(calls) <= 1, when
    if telephone.placed:
        assert calls[0].external_call_id == f"CA{1:032d}", when
    elif calls:
        assert (calls[0].status, calls[0].provider_status) == (CallStatus.FAILED, "unplaced"), when


class Stuck(FakeTelephone):
    """Twilio has the request, or has it not yet, and we hear nothing."""

    is_placed = True

    async def place(self, order: Order) -> VendorCall:
        if self.is_placed:
            await super().place(order)
        self.hears.set()
        await asyncio.Event().wait()
        raise AssertionError

    hears: asyncio.Event


@pytest.mark.parametrize("is_placed", [True, False])
async def test_a_process_that_is_killed_while_it_waits_for_the_answer_finds_the_call_afterwards(
    tmp_path: Path, is_placed: bool
) -> None:
    clock = ManualClock(NOON)
    await agreed(tmp_path, clock)
    stuck = Stuck(clock)
    stuck.is_placed, stuck.hears = is_placed, asyncio.Event()
    async with open_scene(tmp_path, clock=clock, telephone=stuck) as scene:
        placing = asyncio.create_task(scene.app.calling.dialling.place(To(number=THEIRS), by="user:1"))
        await stuck.hears.wait()
        placing.cancel()
    later = ManualClock(clock.now())
    telephone = FakeTelephone(later)
    telephone.calls, telephone.placed = stuck.calls, stuck.placed
    async with open_scene(tmp_path, clock=later, telephone=telephone) as scene:
        await scene.passes(150)
        [call] = await calls_of(scene)
    assert telephone.asked == 0, "it is never asked for a second time"
    assert call.external_call_id == (f"CA{1:032d}" if is_placed else None)
    assert call.status is (CallStatus.CANCELLED if is_placed else CallStatus.FAILED)  # what waits too long is taken back


async def test_an_intent_that_nobody_got_to_dial_is_dialled_once_after_a_restart(tmp_path: Path) -> None:
    clock = ManualClock(NOON)
    await agreed(tmp_path, clock)
    telephone = FakeTelephone(clock)
    async with open_scene(tmp_path, clock=clock, telephone=telephone) as scene:
        unit = Unit()
        await scene.app.calling.dialling.plan(unit, Asked(To(number=THEIRS), by="user:1"), after=20)
        await scene.app.store.commit(unit)
    assert telephone.asked == 0
    later = ManualClock(clock.now())
    telephone.follows(later)
    async with open_scene(tmp_path, clock=later, telephone=telephone) as scene:
        await scene.passes(25)
        [call] = await calls_of(scene)
    assert (telephone.asked, call.status) == (1, CallStatus.INITIATED)
