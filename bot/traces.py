"""Spans for OpenTelemetry: one trace from a message's acceptance to the receipt of its answer, in whichever processes.

A turn has the id of the first of its messages, 128 bits that are made when that message is accepted. They are the trace's id, and
their lower half is the id of its first span: whoever knows a turn knows its trace, so no context has to be handed on or stored.
Attributes are names of ours and counts, never what somebody said. Loaded late (`bot.vendors`), with `switchboard[tracing]`.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from contextvars import ContextVar
from typing import Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from bot.clock import Clock
from bot.meter import Counted, Held, Meter, Snapshot, Stage

CLOSE_SECONDS: Final = 3.0
"""How long a stopping process tries to hand on its last spans."""

_ROOT = "accept"
_NAMES = {
    Stage.HEARD: "hear",
    Stage.MODEL_STEP: "model step",
    Stage.TOOL: "tool",
    Stage.COMMIT: "commit",
    Stage.WHOLE: "turn",
    Stage.POSTED: "post delivery",
    Stage.RECEIPT: "receipt",
}
_KINDS = {Stage.WHOLE: SpanKind.CONSUMER, Stage.MODEL_STEP: SpanKind.CLIENT, Stage.POSTED: SpanKind.CLIENT}
_LOWER = (1 << 64) - 1
_NO_PARENT = trace.set_span_in_context(trace.INVALID_SPAN, Context())

_wanted: ContextVar[tuple[int, int] | None] = ContextVar("the ids of the next root span", default=None)


class _Ids(RandomIdGenerator):
    """Random, but for the first span of a trace: those are known beforehand."""

    def generate_trace_id(self) -> int:
        wanted = _wanted.get()
        return wanted[0] if wanted else super().generate_trace_id()

    def generate_span_id(self) -> int:
        wanted = _wanted.get()
        return wanted[1] if wanted else super().generate_span_id()


class TracingMeter(Meter):
    """Makes spans, and tells everything to another Meter, too."""

    asks_for_turns = True

    def __init__(self, processor: SpanProcessor, clock: Clock, version: str, beside: Meter) -> None:
        ours = Resource({"service.name": "switchboard", "service.version": version})
        resource = ours.merge(OTELResourceDetector().detect())
        self._provider = TracerProvider(resource=resource, id_generator=_Ids(), shutdown_on_exit=False)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("switchboard", version)
        self._clock = clock
        self._beside = beside

    def count(self, what: Counted, *labels: str, by: float = 1.0) -> None:
        self._beside.count(what, *labels, by=by)
        if what is Counted.TOKENS:
            span = trace.get_current_span()
            span.set_attribute(f"switchboard.tokens.{labels[2]}", int(by))

    def took(self, stage: Stage, seconds: float) -> None:
        self._beside.took(stage, seconds)
        trace.get_current_span().set_attribute(f"switchboard.{stage}_seconds", round(seconds, 4))

    def holds(self, what: Held, number: int) -> None:
        self._beside.holds(what, number)

    @contextmanager
    def stage(self, stage: Stage, what: str = "") -> Iterator[None]:
        with self._beside.stage(stage, what), self._span(stage, what) if stage in _NAMES else nullcontext():
            yield

    @contextmanager
    def within(self, turn_id: str | None, stage: Stage, others: Sequence[str] = ()) -> Iterator[None]:
        with self._beside.within(turn_id, stage, others):
            root = self._root_of(turn_id)
            if root is None:  # it answers nothing: a trace of its own
                with self._span(stage):
                    yield
                return
            links = [Link(other) for id_ in others if id_ != turn_id and (other := self._root_of(id_)) is not None]
            with trace.use_span(NonRecordingSpan(root)), self._span(stage, links=links):
                yield

    def accepted(self, ids: Sequence[str], channel: str, seconds: float) -> None:
        self._beside.accepted(ids, channel, seconds)
        end = int(self._clock.now().timestamp() * 1e9)
        for root in filter(None, map(self._root_of, ids)):
            before = _wanted.set((root.trace_id, root.span_id))
            try:
                span = self._tracer.start_span(
                    _ROOT,
                    context=_NO_PARENT,
                    kind=SpanKind.SERVER,
                    attributes={"switchboard.channel": channel},
                    start_time=end - int(seconds * 1e9),
                )
            finally:
                _wanted.reset(before)
            span.end(end)

    def exposition(self, snapshot: Snapshot) -> bytes | None:
        return self._beside.exposition(snapshot)

    async def close(self) -> None:
        """In a thread that nobody waits for longer: a collector that does not answer must not hold up the end."""
        done, loop = asyncio.Event(), asyncio.get_running_loop()

        def shut_down() -> None:
            self._provider.shutdown()
            if not loop.is_closed():
                loop.call_soon_threadsafe(done.set)

        threading.Thread(target=shut_down, daemon=True, name="last spans").start()
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await done.wait()
        await self._beside.close()

    @contextmanager
    def _span(self, stage: Stage, what: str = "", links: Sequence[Link] = ()) -> Iterator[None]:
        attributes = {"switchboard.name": what} if what else None
        span = self._tracer.start_span(
            _NAMES[stage], kind=_KINDS.get(stage, SpanKind.INTERNAL), attributes=attributes, links=links
        )
        # An exception's message may quote somebody: its type is told.
        with trace.use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=False):
            try:
                yield
            except BaseException as error:
                span.set_status(Status(StatusCode.ERROR, type(error).__name__))
                raise

    def _root_of(self, turn_id: str | None) -> SpanContext | None:
        """The first span of a turn's trace; None for what is no id of ours."""
        try:
            trace_id = int(turn_id or "", 16)
        except ValueError:
            return None
        if not 0 < trace_id < 1 << 128 or not trace_id & _LOWER:
            return None
        # Whether the trace is kept has been decided by its id, in whichever process began it.
        kept = self._provider.sampler.should_sample(_NO_PARENT, trace_id, _ROOT).decision is Decision.RECORD_AND_SAMPLE
        flags = TraceFlags(TraceFlags.SAMPLED if kept else TraceFlags.DEFAULT)
        return SpanContext(trace_id, trace_id & _LOWER, is_remote=True, trace_flags=flags)


def exporting(clock: Clock, version: str, beside: Meter) -> TracingMeter:
    """Spans that go to where OpenTelemetry's own variables (OTEL_EXPORTER_OTLP_...) say."""
    return TracingMeter(BatchSpanProcessor(OTLPSpanExporter()), clock, version, beside)
