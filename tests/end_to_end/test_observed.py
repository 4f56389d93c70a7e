"""Several real processes, looked at from outside: their metrics, and one trace that goes through them."""

from __future__ import annotations

import asyncio
import gzip
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from bot.clock import SystemClock
from bot.testing.deployment import deployment
from bot.testing.processes import Program, surroundings
from bot.testing.redis import require_redis
from bot.testing.whatsapp import PHONE_ID, SECRET, Vendor, person

pytestmark = pytest.mark.end_to_end


@dataclass
class Collector:
    """Takes spans as OpenTelemetry's collector does."""

    url: str = ""
    spans: list[tuple[int, Any]] = field(default_factory=list)
    """The process that a span came from, by the connection's port, and the span."""

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        if request.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        told = ExportTraceServiceRequest.FromString(body)
        port = request.transport.get_extra_info("peername")[1] if request.transport else 0
        self.spans += [(port, span) for resource in told.resource_spans for scope in resource.scope_spans for span in scope.spans]
        return web.Response()

    async def has(self, *names: str, within: float = 20.0) -> None:
        """Waits until spans of all these names have come."""
        async with asyncio.timeout(within):
            while not set(names) <= {span.name for _, span in self.spans}:
                await asyncio.sleep(0.02)


@asynccontextmanager
async def collector() -> AsyncIterator[Collector]:
    made = Collector()
    application = web.Application()
    application.router.add_post("/v1/traces", made.take)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


async def read(url: str, **headers: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
        return answer.status, await answer.text()


async def probes_of(program: Program) -> str:
    """Where a worker says that its metrics are."""
    async with asyncio.timeout(10):
        while (found := re.search(r"are on (http://\S+)", program.output())) is None:
            await asyncio.sleep(0.02)
    return found[1]


async def test_a_trace_goes_through_the_web_and_a_worker_and_both_tell_their_metrics(mongo_uri: str, tmp_path: Path) -> None:
    require_redis()
    async with (
        collector() as collected,
        deployment(
            tmp_path,
            mongo_uri,
            workers=1,
            OTEL_EXPORTER_OTLP_ENDPOINT=collected.url,
            OTEL_BSP_SCHEDULE_DELAY="100",
            BOT_METRICS_PORT="0",
        ) as running,
    ):
        meta = Vendor(target=running.around.webhook, secret=SECRET, phone_id=PHONE_ID, clock=SystemClock(), redelivers=False)
        assert (await meta.text(person(1), "I need a ticket, please.")).status == 200
        await meta.close()
        await collected.has("accept", "turn", "hear", "model step", "tool", "commit", "post delivery", "receipt")
        status, of_web = await read(f"http://127.0.0.1:{running.around.port}/metrics")
        assert status == 200
        assert 'switchboard_webhooks_total{channel="whatsapp",outcome="accepted"}' in of_web
        at = await probes_of(running.workers[0])
        status, of_worker = await read(f"{at}/metrics")
        assert status == 200
        assert 'switchboard_tool_calls_total{outcome="done",tool="create_ticket"} 1.0' in of_worker
        assert 'switchboard_queue_depth{kind="turns"} ' in of_worker
        assert '"workers": 1' in (await read(f"{at}/readyz"))[1]
    names = [span.name for _, span in collected.spans]
    assert len({span.trace_id for _, span in collected.spans}) == 1, names
    (root,) = [span for _, span in collected.spans if span.name == "accept"]
    (turn,) = [span for _, span in collected.spans if span.name == "turn"]
    assert turn.parent_span_id == root.span_id
    ports = {name: {port for port, span in collected.spans if span.name == name} for name in ("accept", "turn")}
    assert ports["accept"].isdisjoint(ports["turn"]), "accepted in one process, answered in another"


async def test_a_collector_that_is_not_there_holds_up_neither_answers_nor_the_end(tmp_path: Path) -> None:
    async with surroundings(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9") as around:
        server = around.bot("serve").start()
        await server.ready()
        meta = Vendor(target=around.webhook, secret=SECRET, phone_id=PHONE_ID, clock=SystemClock(), redelivers=False)
        assert (await meta.text(person(1), "Hello there.")).status == 200
        await meta.close()
        async with asyncio.timeout(10):
            while not around.sends():
                await asyncio.sleep(0.02)
        began = asyncio.get_running_loop().time()
        assert await server.stop() == 0
        assert asyncio.get_running_loop().time() - began < 6
