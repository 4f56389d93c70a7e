"""What conversations leave in the metrics: what happened, and nobody to whom it did."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.channels.whatsapp.receiving import receive
from bot.channels.whatsapp.signature import sign
from bot.errors import Overloaded, Reach, SendDelayed, StoreUnavailable, Taken
from bot.message import Incoming
from bot.meter import Snapshot
from bot.metrics import PrometheusMeter
from bot.pacing import Pace, Rate
from bot.records.conversations import Conversation
from bot.testing.clock import ManualClock
from bot.testing.llm import Called, Said, ScriptedModel
from bot.testing.scene import Scene, open_scene
from tests.scenarios.canaries import NUMBER, WORDS, fail_turns, go_through, leaked
from tests.scenarios.helpers import put_in_outbox
from tests.services.desk_helpers import add_user, nobody_is_given_anything, waits

pytestmark = pytest.mark.scenario


@asynccontextmanager
async def measured(folder: Path) -> AsyncIterator[tuple[Scene, PrometheusMeter]]:
    clock = ManualClock()
    meter = PrometheusMeter(clock, "0.1.0")
    async with open_scene(folder, clock=clock, meter=meter, model=ScriptedModel(name="gpt-4o-mini")) as scene:
        yield scene, meter


def lines(meter: PrometheusMeter) -> list[str]:
    return meter.exposition(Snapshot()).decode().splitlines()


async def test_whatever_happens_to_somebody_no_label_and_no_value_tells_of_them(tmp_path: Path) -> None:
    async with measured(tmp_path) as (scene, meter):
        await go_through(scene)
        await fail_turns(scene)
        told = lines(meter)
    assert not leaked("\n".join(told))
    assert 'switchboard_tool_calls_total{outcome="done",tool="create_ticket"} 1.0' in told
    assert 'switchboard_tool_calls_total{outcome="malformed",tool="unknown"} 2.0' in told
    assert 'switchboard_tool_calls_total{outcome="malformed",tool="create_ticket"} 1.0' in told
    assert 'switchboard_model_failures_total{kind="ModelUnavailable"} 1.0' in told
    assert 'switchboard_deliveries_total{channel="whatsapp",outcome="retry"} 1.0' in told
    assert 'switchboard_deliveries_total{channel="whatsapp",outcome="refused"} 1.0' in told
    assert 'switchboard_handoffs_total{cause="asked"} 1.0' in told
    assert 'switchboard_retries_total{kind="turns"} 4.0' in told
    assert 'switchboard_set_aside_total{kind="turns"} 2.0' in told


async def test_a_turn_leaves_its_stages_its_tokens_and_its_cost(tmp_path: Path) -> None:
    async with measured(tmp_path) as (scene, meter):
        ana = scene.person(NUMBER)
        scene.model.will(Called("create_ticket", subject="No line", description="Dead since noon"), Said("Done."))
        await ana.says("My line is dead.")
        await ana.hears("Done")
        told = lines(meter)
    stages = {"waited": 1, "heard": 1, "first_token": 2, "model_step": 2, "tool": 1, "commit": 3, "whole": 1}
    for stage, times in stages.items():
        assert f'switchboard_turn_seconds_count{{stage="{stage}"}} {times}.0' in told
    assert 'switchboard_turn_seconds_sum{stage="waited"} 0.2' in told, "a finished sentence waits a quarter of the burst window"
    assert 'switchboard_delivery_seconds_count{stage="posted"} 1.0' in told
    assert 'switchboard_delivery_seconds_count{stage="waited"} 1.0' in told
    assert any(line.startswith('switchboard_model_tokens_total{agent="support",direction="output"') for line in told)
    cost = next(line for line in told if line.startswith('switchboard_model_cost_dollars_total{agent="support"'))
    assert 0 < float(cost.rpartition(" ")[2]) < 0.01


async def test_a_reply_that_policy_forbids_is_counted_under_its_rule(tmp_path: Path) -> None:
    async with measured(tmp_path) as (scene, meter):
        ana = scene.person(NUMBER)
        scene.model.will(Said("One."))
        scene.channel.fail(SendDelayed("later", wait=30.0))
        await ana.says("Hello.")
        await scene.settle()
        await ana.says("stop")
        await scene.settle(within=60.0)
        told = lines(meter)
    assert 'switchboard_policy_refusals_total{rule="opted_out"} 1.0' in told
    assert 'switchboard_deliveries_total{channel="whatsapp",outcome="refused"} 1.0' in told


async def test_changes_of_hands_are_counted_by_cause_and_who_loses_the_race_counts_for_nothing(tmp_path: Path) -> None:
    async with measured(tmp_path) as (scene, meter):
        await nobody_is_given_anything(scene)
        nadia, omar = await add_user(scene, "Nadia"), await add_user(scene, "Omar")
        _, conversation = await waits(scene, NUMBER)
        transfers = scene.app.desk.transfers
        both = (transfers.take_over(conversation.id, nadia), transfers.take_over(conversation.id, omar))
        won, lost = sorted(await asyncio.gather(*both, return_exceptions=True), key=lambda one: isinstance(one, Taken))
        assert isinstance(lost, Taken)
        assert isinstance(won, Conversation)
        await transfers.hand_back(conversation.id, nadia if won.assignee_name == nadia.id else omar, note=WORDS)
        told = lines(meter)
    assert sorted(line for line in told if line.startswith("switchboard_handoffs_total{")) == [
        'switchboard_handoffs_total{cause="handed_back"} 1.0',
        'switchboard_handoffs_total{cause="operator_took_over"} 1.0',
        'switchboard_handoffs_total{cause="sentiment"} 1.0',
    ]


async def test_sends_that_wait_for_the_vendor_are_counted_by_what_they_wait_for(tmp_path: Path) -> None:
    async with measured(tmp_path) as (scene, meter):
        scene.channel.pace = Pace(sender=Rate(80, 80), person=Rate(1, 1 / 6))
        ana = scene.person(NUMBER)
        scene.model.will(Said("Hello."))
        await ana.says("Hi.")
        await ana.hears("Hello")
        await put_in_outbox(scene, ana, "one")
        await scene.app.outbox.wake(ana.address.lane)
        await scene.passes(7)
        paced = lines(meter)
        scene.channel.fail(*[SendDelayed("away", reach=Reach.VENDOR)] * 5)
        await put_in_outbox(scene, ana, "two")
        await scene.app.outbox.wake(ana.address.lane)
        await scene.passes(600)
        told = lines(meter)
    assert 'switchboard_sends_held_back_total{channel="whatsapp",why="pace"} 1.0' in paced
    assert 'switchboard_delivery_seconds_count{stage="paced"} 3.0' in paced, "two went, and one of them was put off before"
    assert not any('why="breaker"' in line for line in paced)
    assert any(line.startswith('switchboard_sends_held_back_total{channel="whatsapp",why="breaker"}') for line in told)


@pytest.mark.parametrize(
    ("body", "fresh", "outcome"),
    [
        (b"{", 0, "malformed"),
        (None, 1, "accepted"),
        (None, 0, "duplicate"),
        (None, StoreUnavailable("the disk is full"), "unavailable"),
        (None, Overloaded(), "busy"),
        (b'{"object": "whatsapp_business_account", "entry": []}', 0, "ignored"),
    ],
)
async def test_webhooks_are_counted_by_what_was_answered(body: bytes | None, fresh: int | Exception, outcome: str) -> None:
    async def accept(_: Sequence[Incoming]) -> int:
        if isinstance(fresh, Exception):
            raise fresh
        return fresh

    raw = MESSAGE if body is None else body
    meter = PrometheusMeter(ManualClock(), "0.1.0")
    await receive(raw, sign("s", raw), app_secret="s", accept=accept, clock=ManualClock(), meter=meter)
    await receive(raw, "sha256=00", app_secret="s", accept=accept, clock=ManualClock(), meter=meter)
    told = [line for line in lines(meter) if line.startswith("switchboard_webhooks_total{")]
    assert sorted(told) == sorted(
        f'switchboard_webhooks_total{{channel="whatsapp",outcome="{what}"}} 1.0' for what in ("bad_signature", outcome)
    )


MESSAGE = (
    b'{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{'
    b'"messaging_product":"whatsapp","metadata":{"display_phone_number":"1","phone_number_id":"106540352242922"},'
    b'"contacts":[{"profile":{"name":"Ana"},"wa_id":"12025550123"}],"messages":[{"from":"12025550123","id":"wamid.x",'
    b'"timestamp":"1768471200","type":"text","text":{"body":"Hi."}}]}}]}]}'
)
