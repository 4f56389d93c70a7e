"""What machines ask of a process, and who may."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestClient, TestServer

from bot.app import App, assemble
from bot.breakers import Tolerance
from bot.config import Settings
from bot.errors import ModelUnavailable, SettingsError, StoreUnavailable
from bot.meter import KEEPS_NOTHING
from bot.metrics import PrometheusMeter
from bot.testing.clock import ManualClock
from bot.web.probes import probed, probes

pytestmark = pytest.mark.unit

TOKEN = "a-bearer-token"
Client = TestClient[web.Request, web.Application]


@asynccontextmanager
async def opened(folder: Path, token: str = "", *, is_measured: bool = True, peer: str = "") -> AsyncIterator[tuple[App, Client]]:
    """The probes of a running program; `peer` is who the connection is said to come from."""
    settings = Settings(_env_file=None, BOT_DATA_DIR=folder, BOT_METRICS_TOKEN=token)
    clock = ManualClock()
    meter = PrometheusMeter(clock, "0.1.0") if is_measured else KEEPS_NOTHING

    @web.middleware
    async def from_there(request: web.Request, handler: object) -> web.StreamResponse:
        assert callable(handler)
        answer = await handler(request.clone(remote=peer) if peer else request)
        assert isinstance(answer, web.StreamResponse)
        return answer

    async with assemble(settings, clock=clock, meter=meter) as app:
        application = web.Application(middlewares=[from_there])
        application.router.add_routes(probes(app))
        async with TestClient(TestServer(application)) as client:
            yield app, client


async def test_metrics_are_read_from_this_machine(tmp_path: Path) -> None:
    async with opened(tmp_path) as (_, client):
        answer = await client.get("/metrics")
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert 'switchboard_queue_depth{kind="turns"} 0.0' in await answer.text()


@pytest.mark.parametrize(
    ("peer", "status"),
    [("10.1.2.3", 200), ("192.168.7.9", 200), ("::1", 200), ("fd00::7", 200), ("8.8.8.8", 403), ("2606:4700::1", 403), ("", 200)],
)
async def test_metrics_are_for_private_networks(tmp_path: Path, peer: str, status: int) -> None:
    async with opened(tmp_path, peer=peer) as (_, client):
        assert (await client.get("/metrics")).status == status


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-For": "10.0.0.9"},
        {"Forwarded": "for=127.0.0.1"},
        {"X-Real-IP": "127.0.0.1"},
        {"Host": "bot.example.com"},
        {"Host": "rebound.attacker.test:8080"},
        {"Host": "[::1"},
    ],
    ids=str,
)
async def test_what_comes_through_a_proxy_or_asks_for_a_public_name_is_refused_without_a_token(
    tmp_path: Path, headers: dict[str, str]
) -> None:
    async with opened(tmp_path) as (_, client):
        answer = await client.get("/metrics", headers=headers)
        assert answer.status in (400, 403)
        assert "switchboard_" not in await answer.text()


@pytest.mark.parametrize("host", ["127.0.0.1:9100", "[::1]:9100", "localhost", "worker:9100", "10.0.0.7"])
async def test_addresses_and_names_of_containers_are_inner_names(tmp_path: Path, host: str) -> None:
    async with opened(tmp_path) as (_, client):
        assert (await client.get("/metrics", headers={"Host": host})).status == 200


@pytest.mark.parametrize("given", ["", "Bearer", "Bearer wrong", TOKEN, f"bearer  {TOKEN}", "Bearer ñ"])
async def test_with_a_token_nobody_reads_without_it_not_even_from_here(tmp_path: Path, given: str) -> None:
    async with opened(tmp_path, TOKEN) as (_, client):
        answer = await client.get("/metrics", headers={"Authorization": given} if given else {})
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_with_the_token_they_are_read_from_anywhere(tmp_path: Path) -> None:
    async with opened(tmp_path, TOKEN, peer="8.8.8.8") as (_, client):
        headers = {"Authorization": f"Bearer {TOKEN}", "X-Forwarded-For": "8.8.8.8", "Host": "bot.example.com"}
        assert (await client.get("/metrics", headers=headers)).status == 200


async def test_where_nothing_is_measured_there_is_nothing_to_read(tmp_path: Path) -> None:
    async with opened(tmp_path, is_measured=False) as (_, client):
        assert (await client.get("/metrics")).status == 404


async def test_a_process_that_answers_is_alive_and_ready(tmp_path: Path) -> None:
    async with opened(tmp_path) as (_, client):
        assert await (await client.get("/healthz")).json() == {"status": "ok"}
        assert await (await client.get("/readyz")).json() == {"status": "ready", "store": "on", "works": True, "redis": "off"}


async def test_while_the_store_is_away_it_is_alive_not_ready_and_metrics_tell_no_old_depth(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object, **__: object) -> None:
        raise StoreUnavailable("the disk is full")

    async with opened(tmp_path) as (app, client):
        monkeypatch.setattr(app.store, "now", away)
        monkeypatch.setattr(app.store, "count", away)
        assert (await client.get("/healthz")).status == 200
        answer = await client.get("/readyz")
        assert answer.status == 503
        assert await answer.json() == {"status": "not ready", "why": "the disk is full", "store": "away"}
        text = await (await client.get("/metrics")).text()
        assert "process_cpu_seconds_total" in text
        assert "switchboard_queue_depth{" not in text


async def test_of_several_numbers_of_a_channel_the_worst_breaker_is_told_and_no_number(tmp_path: Path) -> None:
    async with opened(tmp_path) as (app, client):
        breakers = app.shared.breakers
        for name in ("whatsapp:106540352242921", "whatsapp:106540352242922", "whatsapp:106540352242923", "model:gpt-4o:mini"):
            breakers.of(name)
        broken = breakers.of("whatsapp:106540352242922")
        for _ in range(Tolerance().failures):
            await broken.failed(await broken.enter(), ModelUnavailable("down"))
        text = await (await client.get("/metrics")).text()
        told = [line for line in text.splitlines() if line.startswith("switchboard_breaker_state{") and line.endswith(" 1.0")]
        assert 'switchboard_breaker_state{name="whatsapp",state="open"} 1.0' in told
        assert 'switchboard_breaker_state{name="model:gpt-4o:mini",state="closed"} 1.0' in told
        assert "10654035" not in text


async def test_a_worker_has_a_server_of_its_own_for_them_and_a_taken_port_names_the_setting(tmp_path: Path) -> None:
    async with opened(tmp_path) as (app, _), probed(app, "127.0.0.1", 0) as port, ClientSession() as session:
        for path in ("/healthz", "/readyz", "/metrics"):
            async with session.get(f"http://127.0.0.1:{port}{path}") as answer:
                assert answer.status == 200
        with pytest.raises(SettingsError, match="BOT_METRICS_PORT"):
            async with probed(app, "127.0.0.1", port):
                pass
