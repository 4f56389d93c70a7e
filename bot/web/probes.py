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

from bot.backlog import Backlog
from bot.breakers import MODEL, Breakers, BreakerState
from bot.config import Settings
from bot.errors import StoreUnavailable
from bot.meter import Meter, Snapshot
from bot.services.depths import Depths
from bot.shared import Shared
from bot.store.base import LaneKinds, Store
from bot.web.access import anyone
from bot.web.limits import address_of
from bot.web.listening import cannot_listen
from bot.web.loopback import FORWARDED

_TEXT = "text/plain; version=0.0.4; charset=utf-8"
"""Prometheus's text format."""

_WORSE = (BreakerState.CLOSED, BreakerState.HALF_OPEN, BreakerState.OPEN)

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
    @property
    def backlog(self) -> Backlog: ...
    @property
    def shared(self) -> Shared: ...


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
        body = parts.meter.exposition(Snapshot(waiting, in_hand, _breakers(parts.shared.breakers)))
        if body is None:
            raise web.HTTPNotFound(text="Nothing is measured here.\n")
        return web.Response(body=body, headers={"Content-Type": _TEXT, "Cache-Control": "no-store"})

    # Open to machines, which have no session: what may be read of /metrics, and by whom, is asked there.
    return anyone(web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", metrics))


def _breakers(breakers: Breakers) -> dict[str, str]:
    """Vendor -> state: of several numbers of one channel, the worst, as a number is no name."""
    worst: dict[str, BreakerState] = {}
    for name, state in breakers.states().items():
        vendor = name if name.startswith(MODEL) else name.partition(":")[0]
        worst[vendor] = max(worst.get(vendor, state), state, key=_WORSE.index)
    return {vendor: str(state) for vendor, state in worst.items()}


async def _readiness(parts: Observed) -> dict[str, object]:
    """What `/readyz` tells. Webhooks are taken as long as the store is there, so whatever else is missing is only told.

    Raises StoreUnavailable.
    """
    await parts.store.now()
    told: dict[str, object] = {"status": "ready", "store": "on", "works": parts.is_working}
    left_alone = {name: round(seconds, 1) for name, seconds in (await parts.shared.breakers.left_alone()).items()}
    if left_alone:
        told["left_alone"] = left_alone
    told |= await _staff(parts)
    return told | _room(parts.backlog)


def _room(backlog: Backlog) -> dict[str, object]:
    """Whether there is room for what comes."""
    if backlog.has_room():
        return {}
    why = f"{backlog.waiting} wait to be answered: new messages are refused (BOT_MAX_WAITING is {backlog.most})"
    return {"status": "degraded", "why": why}


async def _staff(parts: Observed) -> dict[str, object]:
    """Whether somebody answers what is taken, and who tells them of it."""
    commons = parts.lanes.commons
    if commons is None:
        return {"redis": "off"}
    try:
        workers = len(await commons.workers())
    except StoreUnavailable as error:
        return {"status": "degraded", "why": str(error), "redis": "away"}
    if not workers:
        return {"status": "degraded", "why": "no worker has been heard from; start `bot work`", "redis": "on", "workers": 0}
    return {"redis": "on", "workers": workers}


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
