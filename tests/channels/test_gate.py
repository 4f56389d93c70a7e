"""What one process has in hand at once is bounded; what comes on top is told to come again, over real HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer
from structlog.testing import capture_logs

from bot.channels.gate import LARGE, Gate
from bot.channels.whatsapp import sign
from bot.channels.whatsapp.signature import HEADER
from bot.channels.whatsapp.webhook import MAX_BODY, PATH, routes
from bot.clock import SystemClock
from bot.errors import Overloaded
from bot.message import Incoming
from bot.meter import KEEPS_NOTHING, Meter, Snapshot
from bot.metrics import PrometheusMeter
from tests.channels.whatsapp.payloads import message, raw

pytestmark = pytest.mark.unit

SECRET = "app secret"
Client = TestClient[web.Request, web.Application]


class SlowStore:
    """Writes nothing until it is let."""

    def __init__(self) -> None:
        self.begun = 0
        self.go = asyncio.Event()

    async def accept(self, items: Sequence[Incoming]) -> None:
        self.begun += 1
        await self.go.wait()

    async def until_begun(self, count: int) -> None:
        async with asyncio.timeout(10):
            while self.begun < count:
                await asyncio.sleep(0.001)


@asynccontextmanager
async def served(gate: Gate, store: SlowStore, meter: Meter = KEEPS_NOTHING) -> AsyncIterator[Client]:
    app = web.Application(client_max_size=MAX_BODY + 1024)
    ours = routes(app_secret=SECRET, verify_token="", accept=store.accept, clock=SystemClock(), gate=gate, meter=meter)
    app.add_routes(ours)
    async with TestClient(TestServer(app)) as client:
        yield client


async def post(client: Client, number: int) -> ClientResponse:
    body = raw(message(id=str(number)))
    return await client.post(PATH, data=body, headers={HEADER: sign(SECRET, body)})


async def test_webhooks_over_the_bound_get_503_and_a_time_to_come_again_and_reach_no_store() -> None:
    store = SlowStore()
    meter = PrometheusMeter(SystemClock(), "0.1.0")
    async with served(Gate(most=3), store, meter) as client:
        held = [asyncio.create_task(post(client, number)) for number in range(3)]
        await store.until_begun(3)
        refused = await post(client, 3)
        assert (refused.status, refused.headers["Retry-After"]) == (503, "5")
        assert store.begun == 3
        store.go.set()
        assert [answer.status for answer in await asyncio.gather(*held)] == [200] * 3
        assert (await post(client, 3)).status == 200
    assert b'switchboard_webhooks_total{channel="whatsapp",outcome="busy"} 1.0' in meter.exposition(Snapshot())


async def test_the_bytes_in_hand_are_bounded_too_but_one_body_is_always_taken() -> None:
    store = SlowStore()
    async with served(Gate(most_bytes=10), store) as client:
        held = asyncio.create_task(post(client, 0))
        await store.until_begun(1)
        assert (await post(client, 1)).status == 503
        store.go.set()
        assert (await held).status == 200


async def test_who_sends_large_bodies_slowly_keeps_nobody_else_out() -> None:
    store, go = SlowStore(), asyncio.Event()
    store.go.set()

    async def slowly() -> AsyncIterator[bytes]:
        yield b"{"
        await go.wait()
        yield b"}"

    async with served(Gate(most_large=1), store) as client:
        slow = asyncio.create_task(client.post(PATH, data=slowly()))
        await asyncio.sleep(0.05)
        large = b" " * (LARGE + 1)
        assert (await client.post(PATH, data=slowly_of(large), headers={HEADER: sign(SECRET, large)})).status == 503
        assert (await post(client, 1)).status == 200
        go.set()
        assert (await slow).status == 401
        body = raw(message(id="2")) + b" " * LARGE
        assert (await client.post(PATH, data=slowly_of(body), headers={HEADER: sign(SECRET, body)})).status == 200


async def slowly_of(body: bytes) -> AsyncIterator[bytes]:
    """A body without its length before it."""
    yield body


async def test_a_body_that_does_not_come_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.channels.whatsapp.webhook.LARGE_SECONDS", 0.05)

    async def never() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    gate = Gate(most_large=1)
    async with served(gate, SlowStore()) as client:
        assert (await client.post(PATH, data=never())).status == 408
        gate.enter_large()  # its place is free again


def test_refusals_are_told_once_until_half_of_it_is_done() -> None:
    gate = Gate(most=2)
    gate.enter(1)
    gate.enter(1)
    with capture_logs() as logs:
        for _ in range(3):
            with pytest.raises(Overloaded):
                gate.enter(1)
        gate.leave(1)
        gate.enter(1)
        with pytest.raises(Overloaded):
            gate.enter(1)
    assert len(logs) == 2
