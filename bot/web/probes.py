"""What machines ask of a process: is it alive (`/healthz`), can it take work (`/readyz`), how is it doing (`/metrics`).

`bot serve` has them on its own port, `bot work` on one of their own (`probed`).
"""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Protocol
from urllib.parse import urlsplit

from aiohttp import web

from bot.config import Settings
from bot.errors import StoreUnavailable
from bot.meter import Meter, Snapshot
from bot.services.depths import Depths
from bot.store.base import LaneKinds, Store
from bot.web.limits import address_of
from bot.web.listening import cannot_listen
from bot.web.loopback import FORWARDED

_TEXT = "text/plain; version=0.0.4; charset=utf-8"
"""Prometheus's text format."""

_NOT_HERE = "Metrics are for this machine and private networks, by address and without a proxy; or set BOT_METRICS_TOKEN.\n"


class Working(Protocol):
    """The worker, as far as it is looked at."""

    def in_hand(self) -> Mapping[str, int]: ...


class Observed(Protocol):
    """What is looked at (`bot.app.App`)."""

    @property
    def settings(self) -> Settings: ...
    @property
    def store(self) -> Store: ...
    @property
    def lanes(self) -> LaneKinds: ...
    @property
    def meter(self) -> Meter: ...
    @property
    def depths(self) -> Depths: ...
    @property
    def worker(self) -> Working: ...
    @property
    def is_working(self) -> bool: ...
    def breakers(self) -> Mapping[str, str]: ...


def probes(parts: Observed) -> list[web.RouteDef]:
    """The three routes."""

    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def readyz(_: web.Request) -> web.Response:
        try:
            return web.json_response(await _readiness(parts))
        except StoreUnavailable as error:
            return web.json_response({"status": "not ready", "why": str(error), "store": "away"}, status=503)

    async def metrics(request: web.Request) -> web.Response:
        _require_reader(request, parts.settings)
        waiting = await parts.depths.waiting()
        in_hand = parts.worker.in_hand() if parts.is_working else {}
        body = parts.meter.exposition(Snapshot(waiting, in_hand, parts.breakers()))
        if body is None:
            raise web.HTTPNotFound(text="Nothing is measured here.\n")
        return web.Response(body=body, headers={"Content-Type": _TEXT, "Cache-Control": "no-store"})

    return [web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", metrics)]


async def _readiness(parts: Observed) -> dict[str, object]:
    """What `/readyz` tells. Webhooks are taken as long as the store is there, so a lack of workers or of Redis is only told.

    Raises StoreUnavailable.
    """
    await parts.store.now()
    told: dict[str, object] = {"status": "ready", "store": "on", "works": parts.is_working}
    commons = parts.lanes.commons
    if commons is None:
        return told | {"redis": "off"}
    try:
        workers = len(await commons.workers())
    except StoreUnavailable as error:
        return told | {"status": "degraded", "why": str(error), "redis": "away"}
    told |= {"redis": "on", "workers": workers}
    if not workers:
        told |= {"status": "degraded", "why": "no worker has been heard from; start `bot work`"}
    return told


def _require_reader(request: web.Request, settings: Settings) -> None:
    """Lets in who has the token; where there is none, who asks from here or a private network. Raises HTTPException.

    A proxy has an inner address and speaks for anybody, so whatever came through one is refused, by the headers that it adds, or
    by the public name that was asked for (which also keeps out pages whose name was made to lead here).
    """
    token = settings.metrics_token.get_secret_value()
    if token:
        given = request.headers.get("Authorization", "").encode(errors="surrogatepass")
        if not hmac.compare_digest(given, f"Bearer {token}".encode()):
            raise web.HTTPUnauthorized(headers={"WWW-Authenticate": "Bearer"}, text="Metrics ask for BOT_METRICS_TOKEN.\n")
        return
    peer = address_of(request.remote or "")
    is_inside = peer is not None and (peer.is_private or peer.is_loopback)
    if not is_inside or any(name in request.headers for name in FORWARDED) or not _is_inner_name(request.host):
        raise web.HTTPForbidden(text=_NOT_HERE)


def _is_inner_name(host: str) -> bool:
    """An address, or a name without a dot: `localhost`, a container's."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    return address_of(name) is not None or (bool(name) and "." not in name)


@asynccontextmanager
async def probed(parts: Observed, host: str, port: int) -> AsyncIterator[int]:
    """Serves the three while the block lasts; its value is the port. Raises SettingsError if it cannot listen there."""
    application = web.Application()
    application.router.add_routes(probes(parts))
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except (OSError, UnicodeError) as error:
            raise cannot_listen(host, port, error, "BOT_METRICS_PORT") from None
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
