"""How the turns of calls went, and calls as people look at them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from bot.errors import NotFound
from bot.meter import Held, Snapshot
from bot.metrics import PrometheusMeter
from bot.records.calls import Speaker
from bot.testing.clock import ManualClock
from bot.testing.llm import Called, Said
from bot.testing.scene import Scene, open_scene
from tests.scenarios.helpers import set_setting
from tests.services.call_helpers import talk

pytestmark = pytest.mark.scenario


async def test_a_turn_is_kept_once_in_milliseconds_and_in_its_order(scene: Scene) -> None:
    talking, turns = await talk(scene), scene.app.after_call.turns
    assert await turns.add(talking.call_id, 2, line="relay", ended=9.5, first_audio=0.42, interrupted=True, heard_ratio=0.3)
    assert await turns.add(talking.call_id, 1, line="relay", ended=2.0, transcript=0.1, first_token=0.3, first_audio=0.35)
    assert not await turns.add(talking.call_id, 2, line="relay", ended=9.5)
    first, second = await turns.of(talking.call_id)
    assert (first.number, first.transcript_ms, first.first_token_ms, first.first_audio_ms) == (1, 100.0, 300.0, 350.0)
    assert (second.number, second.first_audio_ms, second.interrupted, second.heard_ratio) == (2, 420.0, True, 0.3)
    assert second.transcript_ms is None


async def test_what_a_clock_gets_wrong_breaks_no_turn(scene: Scene) -> None:
    talking, turns = await talk(scene), scene.app.after_call.turns
    await turns.add(talking.call_id, 1, line="stream", ended=-0.1, first_audio=-0.001, heard_ratio=1.2)
    [turn] = await turns.of(talking.call_id)
    assert (turn.ended, turn.first_audio_ms, turn.heard_ratio) == (0.0, 0.0, 1.0)


async def test_turns_interruptions_and_live_calls_are_in_the_metrics(tmp_path: Path) -> None:
    clock = ManualClock()
    meter = PrometheusMeter(clock, "0.1.0")
    async with open_scene(tmp_path, clock=clock, meter=meter) as scene:
        talking = await talk(scene)
        await scene.app.after_call.turns.add(talking.call_id, 1, line="stream", ended=1, first_audio=0.2, interrupted=True)
        scene.app.meter.holds(Held.CALLS, 3)
    text = (meter.exposition(Snapshot()) or b"").decode()
    assert 'switchboard_call_turn_seconds_count{stage="first_audio"} 1.0' in text
    assert 'switchboard_call_interruptions_total{line="stream"} 1.0' in text
    assert "switchboard_live_calls 3.0" in text


async def test_a_call_can_be_looked_at_while_it_lasts_and_afterwards(scene: Scene) -> None:
    await set_setting(scene, "call_summary", "rules")
    talking, views = await talk(scene), scene.app.after_call.views
    scene.model.will(Called("create_ticket", subject="No internet", description="Since noon"), Said("I opened a ticket."))
    await talking.says("My internet is down. Bye.")
    customer = (await talking.call()).customer_id
    await scene.app.services.callbacks.book(
        scene.clock.now() + timedelta(days=1), by="system", customer_id=customer, conversation_id=talking.conversation_id
    )
    await scene.app.after_call.turns.add(talking.call_id, 1, line="relay", ended=2)
    live = await views.of(talking.call_id)
    assert [(one.speaker, one.text) for one in live.segments] == [
        (Speaker.CUSTOMER, "My internet is down. Bye."),
        (Speaker.AGENT, "I opened a ticket."),
    ]
    await talking.is_over()
    view = await views.of_conversation(talking.conversation_id)
    assert view.call.ai_summary is not None
    assert list(view.segments) == list(live.segments)
    assert [ticket.subject for ticket in view.tickets] == ["No internet"]
    assert len(view.callbacks) == len(view.turns) == 1
    assert view.recording_link is None
    with pytest.raises(NotFound):
        await views.of("nobody")
    with pytest.raises(NotFound):
        await views.of_conversation("nobody")
