"""Traces of conversations, as OpenTelemetry's SDK keeps them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from bot.message import ReceiptStatus
from bot.meter import KEEPS_NOTHING, Meter, Snapshot, Stage
from bot.metrics import PrometheusMeter
from bot.records.conversations import Direction
from bot.testing.clock import ManualClock
from bot.testing.llm import Called, Said
from bot.testing.scene import Scene, open_scene
from bot.traces import TracingMeter
from tests.scenarios import canaries

pytestmark = pytest.mark.scenario


def tracing(clock: ManualClock, beside: Meter = KEEPS_NOTHING) -> tuple[TracingMeter, InMemorySpanExporter]:
    kept = InMemorySpanExporter()
    return TracingMeter(SimpleSpanProcessor(kept), clock, "0.1.0", beside), kept


@asynccontextmanager
async def traced(folder: Path) -> AsyncIterator[tuple[Scene, InMemorySpanExporter]]:
    clock = ManualClock()
    meter, kept = tracing(clock, PrometheusMeter(clock, "0.1.0"))
    async with open_scene(folder, clock=clock, meter=meter) as scene:
        yield scene, kept


def named(spans: Sequence[ReadableSpan], name: str) -> list[ReadableSpan]:
    return [span for span in spans if span.name == name]


def trace_of(span: ReadableSpan) -> str:
    return f"{span.context.trace_id:032x}"


async def test_one_trace_goes_from_the_acceptance_to_the_receipt_and_has_the_turns_id(tmp_path: Path) -> None:
    async with traced(tmp_path) as (scene, kept):
        ana = scene.person("12025550123")
        scene.model.will(Called("create_ticket", subject="No line", description="Dead since noon"), Said("Done."))
        await ana.says("My line is dead.")
        await ana.hears("Done")
        await ana.gets(ReceiptStatus.DELIVERED)
        heard = next(message for message in await ana.timeline() if message.direction is Direction.INBOUND)
        spans = kept.get_finished_spans()
    assert {trace_of(span) for span in spans} == {heard.turn_id}
    (root,) = named(spans, "accept")
    assert root.parent is None
    by_id = {span.context.span_id: span for span in spans}
    parents = {(span.name, by_id[span.parent.span_id].name) for span in spans if span.parent is not None}
    assert parents == {
        ("turn", "accept"),
        ("hear", "turn"),
        ("model step", "turn"),
        ("tool", "turn"),
        ("commit", "turn"),
        ("post delivery", "accept"),
        ("receipt", "accept"),
    }
    assert len(named(spans, "model step")) == 2
    (tool,) = named(spans, "tool")
    assert tool.attributes == {"switchboard.name": "create_ticket"}
    step = named(spans, "model step")[0].attributes
    assert step is not None
    assert {"switchboard.name", "switchboard.tokens.input", "switchboard.tokens.output"} <= step.keys()


async def test_messages_that_are_answered_together_are_linked_to_the_turn_of_the_first(tmp_path: Path) -> None:
    async with traced(tmp_path) as (scene, kept):
        scene.model.will(Said("Hello."))
        await scene.person("12025550123").says("Hi", "there", "you.")
        await scene.settle()
        spans = kept.get_finished_spans()
    first, second, third = named(spans, "accept")
    (turn,) = named(spans, "turn")
    assert turn.parent is not None
    assert turn.parent.span_id == first.context.span_id
    assert {link.context.span_id for link in turn.links} == {second.context.span_id, third.context.span_id}


async def test_no_attribute_and_no_status_tells_of_a_person(tmp_path: Path) -> None:
    async with traced(tmp_path) as (scene, kept):
        await canaries.go_through(scene)
        await canaries.fail_turns(scene)
        spans = kept.get_finished_spans()
    assert not canaries.leaked("".join(span.to_json() for span in spans))
    failed = [span for span in named(spans, "turn") if span.status.status_code is StatusCode.ERROR]
    assert {span.status.description for span in failed} == {"ValueError"}
    assert not any(span.events for span in spans)


async def test_a_trace_that_is_not_kept_is_kept_by_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0.5")
    clock = ManualClock()
    (web, of_web), (worker, of_worker) = tracing(clock), tracing(clock)
    ids = [f"{number * 0x9E3779B97F4A7C15F39CC0605CEDC835 % (1 << 128):032x}" for number in range(1, 101)]
    web.accepted(ids, "web", 0.01)
    for id_ in ids:
        with worker.within(id_, Stage.WHOLE), worker.stage(Stage.COMMIT):
            pass
    began = {trace_of(span) for span in of_web.get_finished_spans()}
    assert 20 < len(began) < 80
    assert {trace_of(span) for span in of_worker.get_finished_spans()} == began


@pytest.mark.parametrize("turn_id", [None, "", "no id", "0" * 32, "1" + "0" * 31, "f" * 40, "-1"])
async def test_what_belongs_to_no_turn_is_a_trace_of_its_own(turn_id: str | None) -> None:
    meter, kept = tracing(ManualClock())
    with meter.within(turn_id, Stage.POSTED):
        pass
    (span,) = kept.get_finished_spans()
    assert span.parent is None
    assert span.context.is_valid


async def test_who_counts_beside_it_is_told_everything() -> None:
    clock = ManualClock()
    counting = PrometheusMeter(clock, "0.1.0")
    meter, _ = tracing(clock, counting)
    with meter.within("0" * 31 + "1", Stage.WHOLE), meter.stage(Stage.TOOL, "look"):
        meter.took(Stage.WAITED, 1.0)
    told = meter.exposition(Snapshot())
    assert told is not None
    text = told.decode()
    for stage in ("whole", "tool", "waited"):
        assert f'switchboard_turn_seconds_count{{stage="{stage}"}} 1.0' in text


async def test_who_closes_hands_on_the_last_spans() -> None:
    meter, kept = tracing(ManualClock())
    with meter.within("0" * 31 + "1", Stage.WHOLE):
        pass
    await meter.close()
    assert len(kept.get_finished_spans()) == 1
