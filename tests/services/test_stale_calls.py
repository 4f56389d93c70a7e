"""Calls that nobody has told us the end of."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from bot.records.calls import CallDirection, CallStatus
from bot.records.conversations import Outcome
from bot.services.phone_provider import ProviderCall
from bot.testing.clock import ManualClock
from bot.testing.llm import Said
from bot.testing.scene import Scene, open_scene
from tests.scenarios.helpers import set_setting
from tests.services.call_helpers import SID, Exchange, later, talk

pytestmark = pytest.mark.scenario

MINUTE, HOUR = 60.0, 3600.0


@pytest.fixture
def exchange() -> Exchange:
    return Exchange(states={SID: ProviderCall("in-progress")})


@pytest_asyncio.fixture
async def scene(tmp_path: Path, exchange: Exchange) -> AsyncIterator[Scene]:
    async with open_scene(tmp_path, phone_provider=exchange) as opened:
        yield opened


async def test_a_call_whose_end_was_not_told_is_ended_by_what_the_provider_says(scene: Scene, exchange: Exchange) -> None:
    talking = await talk(scene)
    await scene.passes(4 * MINUTE)
    assert exchange.asked == []
    exchange.states[SID] = ProviderCall("completed")
    await scene.passes(3 * MINUTE)
    call = await talking.call()
    assert call.status is CallStatus.COMPLETED
    assert call.ended_at == call.started_at  # when it was last heard of
    assert (await talking.conversation()).outcome is Outcome.DISCONNECTED


async def test_a_call_that_goes_on_in_silence_is_left_alone_and_asked_for_now_and_then(scene: Scene, exchange: Exchange) -> None:
    talking = await talk(scene)
    await scene.passes(HOUR)
    assert (await talking.call()).status is CallStatus.IN_PROGRESS
    assert 5 <= len(exchange.asked) <= 12


async def test_a_lost_line_that_does_not_come_back_ends_the_call_when_it_was_lost(tmp_path: Path) -> None:
    async with open_scene(tmp_path) as scene:
        talking = await talk(scene)
        await scene.passes(30)
        await scene.app.phone_calls.lost(talking.call_id)
        lost_at = scene.clock.now()
        await scene.passes(MINUTE)
        assert (await talking.call()).status is CallStatus.IN_PROGRESS
        await scene.passes(3 * MINUTE)
        call = await talking.call()
        assert (call.status, call.ended_at, call.duration) == (CallStatus.COMPLETED, lost_at, 30)


async def test_a_call_that_goes_on_over_another_line_is_not_lost(tmp_path: Path) -> None:
    async with open_scene(tmp_path) as scene:
        talking = await talk(scene)
        await scene.app.phone_calls.lost(talking.call_id)
        await scene.passes(30)
        scene.model.will(Said("Yes, I am here again."))
        await talking.says("Are you still there?")
        await scene.passes(10 * MINUTE)
        assert (await talking.call()).status is CallStatus.IN_PROGRESS


async def test_where_nobody_can_be_asked_a_call_ends_after_the_longest_that_it_can_last(tmp_path: Path) -> None:
    async with open_scene(tmp_path) as scene:
        talking = await talk(scene)
        scene.model.will(Said("Hello!"))
        await talking.says("Hello?")
        for _ in range(3):
            await later(scene, HOUR)
        assert (await talking.call()).status is CallStatus.IN_PROGRESS
        await set_setting(scene, "call_summary", "rules")
        for _ in range(3):
            await later(scene, HOUR)
        call = await talking.call()
        assert call.status is CallStatus.COMPLETED
        assert call.started_at is not None
        assert call.ended_at is not None
        assert call.ended_at - call.started_at < timedelta(minutes=1)


async def test_what_rings_for_ever_was_not_answered(tmp_path: Path) -> None:
    async with open_scene(tmp_path) as scene:
        talking = await talk(scene, answered=False, direction=CallDirection.OUTBOUND)
        await scene.passes(20 * MINUTE)
        assert (await talking.call()).status is CallStatus.NO_ANSWER


async def test_a_process_that_died_with_the_line_in_its_hands_leaves_no_call_under_way(tmp_path: Path) -> None:
    clock, exchange = ManualClock(), Exchange(states={SID: ProviderCall("completed")})
    async with open_scene(tmp_path, clock=clock, phone_provider=exchange) as scene:
        talking = await talk(scene)
    async with open_scene(tmp_path, clock=clock, phone_provider=exchange) as again:
        await again.passes(7 * MINUTE)
        talking.scene = again
        call = await talking.call()
        assert call.status is CallStatus.COMPLETED
        assert call.transcript is not None


async def test_a_provider_that_is_away_ends_nothing_before_its_time(scene: Scene, exchange: Exchange) -> None:
    exchange.is_away = True
    talking = await talk(scene)
    await scene.passes(20 * MINUTE)
    assert (await talking.call()).status is CallStatus.IN_PROGRESS
