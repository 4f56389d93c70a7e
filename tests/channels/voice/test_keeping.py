"""What is kept of how a call went."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.channels.voice.base import CallInfo, Played
from bot.channels.voice.figures import Figures
from bot.channels.voice.keeping import Keeping
from bot.channels.voice.live_calls import LiveCalls
from bot.meter import Snapshot
from bot.metrics import PrometheusMeter
from bot.records.calls import Call, CallDirection, CallStatus
from bot.records.conversations import Outcome
from bot.testing.line import RecordingLine
from bot.testing.llm import Said
from bot.testing.scene import Scene
from tests.channels.voice.calls import on_the_phone, parts_of
from tests.scenarios.helpers import set_setting
from tests.services.call_helpers import OURS, SID, THEIRS, Talk, talk

pytestmark = pytest.mark.scenario


def keeping(scene: Scene, line: str = "relay") -> Keeping:
    return Keeping(scene.app.after_call.turns, scene.app.phone_calls, line)


def info_of(scene: Scene, talking: Talk) -> CallInfo:
    return CallInfo(
        talking.call_id,
        SID,
        talking.conversation_id,
        OURS,
        THEIRS,
        CallDirection.INBOUND,
        "en",
        answered_at=scene.clock.monotonic(),
    )


async def test_an_answer_that_was_spoken_over_is_told_with_how_much_of_it_was_heard(scene: Scene) -> None:
    scene.model.will(Said("We are open until eight in the evening, every day."), Said("Yes, also on Sundays."))
    async with on_the_phone(scene) as phone:
        phone.says("Until when are you open?")
        await phone.rests()
        clause = phone.line.clauses[-1].number
        phone.call.interrupted(Played(clause, 0.5))
        phone.says("Also on Sundays?")
        await phone.rests()
        phone.line.plays_all()
        await phone.rests()
        figures, info = phone.call.figures, phone.call.info
    first, second = figures.turns
    assert (first.interrupted, second.interrupted) == (True, False)
    assert first.heard_ratio is not None
    assert 0 < first.heard_ratio < 1
    assert second.heard_ratio == 1
    keeper = keeping(scene)
    keeper(info, figures, "hung_up")
    await keeper.close()
    kept = await scene.app.after_call.turns.of(info.call_id)
    assert [(turn.number, turn.line, turn.interrupted) for turn in kept] == [(1, "relay", True), (2, "relay", False)]
    assert kept[0].heard_ratio == pytest.approx(first.heard_ratio, abs=0.001)


async def test_what_goes_on_over_another_line_is_counted_on(scene: Scene) -> None:
    talking = await talk(scene)
    for line in ("relay", "stream"):
        figures, keeper = Figures(), keeping(scene, line)
        figures.took("transcript", 0.2)
        figures.heard(3.0)
        figures.took("first_audio", 0.5)
        keeper(info_of(scene, talking), figures, "left")
        await keeper.close()
    kept = await scene.app.after_call.turns.of(talking.call_id)
    assert [(turn.number, turn.line, turn.transcript_ms, turn.first_audio_ms) for turn in kept] == [
        (1, "relay", 200.0, 500.0),
        (2, "stream", 200.0, 500.0),
    ]
    assert [turn.heard_ratio for turn in kept] == [None, None]


async def test_a_line_that_is_lost_is_noted_on_the_call(scene: Scene) -> None:
    talking, keeper = await talk(scene), keeping(scene)
    keeper(info_of(scene, talking), Figures(), "lost")
    await keeper.close()
    call = await scene.app.store.get(Call, talking.call_id)
    assert call is not None
    assert call.line_lost_at == scene.clock.now()


async def test_how_many_calls_a_process_carries_is_in_its_metrics(scene: Scene) -> None:
    meter = PrometheusMeter(scene.clock, "0.1.0")
    calls = LiveCalls(replace(parts_of(scene.app), meter=meter))

    def told() -> str:
        return (meter.exposition(Snapshot()) or b"").decode()

    talking = await talk(scene)
    call = await calls.open(info_of(scene, talking), RecordingLine())
    assert call is not None
    assert "switchboard_live_calls 1.0" in told()
    call.over("hung_up")
    await calls.close(0)
    assert "switchboard_live_calls 0.0" in told()


async def test_who_hangs_up_in_mid_sentence_leaves_a_call_that_was_cut_there(scene: Scene) -> None:
    scene.model.will(Said("We have three plans. The small one is for flats."))
    async with on_the_phone(scene) as phone:
        await scene.app.phone_calls.move(phone.begun.call.id, CallStatus.IN_PROGRESS)
        await phone.passes(3)
        phone.says("What plans do you have?")
        await phone.rests()
        phone.line.plays(1)
        await phone.passes(4)
    await set_setting(scene, "call_summary", "rules")
    await scene.app.phone_calls.move(phone.begun.call.id, CallStatus.COMPLETED)
    await scene.passes(10)
    call, conversation = await scene.app.store.get(Call, phone.begun.call.id), await phone.conversation()
    assert call is not None
    assert call.transcript is not None
    assert [segment.text for segment in call.transcript.segments][-2:] == ["What plans do you have?", "We have three plans."]
    assert all(0 <= (one.start_time or 0) <= (one.end_time or 0) <= (call.duration or 0) for one in call.transcript.segments)
    assert conversation.outcome is Outcome.DISCONNECTED
    assert conversation.transcript == call.transcript.text
