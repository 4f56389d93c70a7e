"""The calls of a process: one line each, room for so many, and an end that leaves nobody alone."""

from __future__ import annotations

import asyncio

import pytest

from bot.app import App
from bot.channels.voice.base import CallInfo
from bot.channels.voice.lag import EVERY, LOOKS, Lag
from bot.channels.voice.live_calls import LiveCalls
from bot.records.calls import CallDirection
from bot.testing.clock import ManualClock
from bot.testing.line import RecordingLine
from bot.testing.scene import Scene
from tests.channels.voice.calls import OURS, THEIRS, parts_of, tasks_of_calls

pytestmark = pytest.mark.scenario


async def info_of(app: App, number: int) -> CallInfo:
    sid = f"CA{number:032d}"
    begun = await app.phone_calls.begin(
        sid, ours=OURS, theirs=THEIRS, direction=CallDirection.INBOUND, agent="support", language="en"
    )
    return CallInfo(begun.call.id, sid, begun.conversation.id, OURS, THEIRS, CallDirection.INBOUND, "en", app.clock.monotonic())


async def test_a_call_has_one_line_and_is_forgotten_with_it(scene: Scene) -> None:
    calls, info = LiveCalls(parts_of(scene.app)), await info_of(scene.app, 1)
    call = await calls.open(info, RecordingLine())
    assert call is not None
    assert calls.by_sid(info.sid) is call
    assert await calls.open(info, RecordingLine()) is None
    call.over("hung_up")
    await call.ended()
    await asyncio.sleep(0)
    assert calls.by_sid(info.sid) is None
    again = await calls.open(info, RecordingLine())
    assert again is not None
    again.over("hung_up")
    await calls.close(1)
    assert tasks_of_calls() == []


async def test_there_is_room_for_so_many(scene: Scene) -> None:
    calls = LiveCalls(parts_of(scene.app), most=1)
    assert calls.may_begin()
    call = await calls.open(await info_of(scene.app, 1), RecordingLine())
    assert call is not None
    assert not calls.may_begin()
    assert await calls.open(await info_of(scene.app, 2), RecordingLine()) is None
    call.over("lost")
    await calls.close(1)
    assert not calls.may_begin()


async def test_calls_that_do_not_end_are_told_that_they_go_on_and_are_left(scene: Scene) -> None:
    calls, line = LiveCalls(parts_of(scene.app)), RecordingLine()
    line.call = await calls.open(await info_of(scene.app, 1), line)
    line.plays_all()
    closing = asyncio.create_task(calls.close(5))
    while not closing.done():
        await asyncio.sleep(0.003)
        await scene.clock.advance(0.5)
    assert line.said[-1] == "One moment, please: your call goes on right away."
    assert line.end == "shutdown"
    assert len(calls) == 0
    assert tasks_of_calls() == []


async def test_a_call_that_ends_in_time_is_left_alone(scene: Scene) -> None:
    calls, line = LiveCalls(parts_of(scene.app)), RecordingLine()
    call = await calls.open(await info_of(scene.app, 1), line)
    assert call is not None
    closing = asyncio.create_task(calls.close(5))
    await asyncio.sleep(0.003)
    call.over("hung_up")
    await closing
    assert line.end == ""


class SlowClock(ManualClock):
    """A clock on which every sleep takes so much longer than it should."""

    late = 0.0

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds + self.late)


async def test_lag_is_what_sleeps_take_too_long() -> None:
    clock = SlowClock()
    lag = Lag(clock)
    lag.start()
    await clock.advance(EVERY * LOOKS)
    assert lag.seconds < 0.001
    clock.late = 0.1
    await clock.advance(2)
    assert lag.seconds == pytest.approx(0.1)
    clock.late = 0.0
    await clock.advance(EVERY * (LOOKS + 2))
    assert lag.seconds < 0.001
    await lag.stop()


async def test_nobody_is_taken_while_the_loop_is_late(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = LiveCalls(parts_of(scene.app))
    monkeypatch.setattr(Lag, "seconds", 0.041)
    assert not calls.may_begin()
    monkeypatch.setattr(Lag, "seconds", 0.039)
    assert calls.may_begin()
