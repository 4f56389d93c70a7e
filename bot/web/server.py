"""The web server of one process."""

from __future__ import annotations

import errno
from collections.abc import Awaitable, Callable, Iterable

import structlog
from aiohttp import web

from bot.errors import SettingsError, StoreUnavailable
from bot.running import stop_signal
from bot.web.faults import as_json
from bot.web.site import Parts, Site, api_routes, page_routes

log = structlog.get_logger()

MAX_BODY = 4 * 1024 * 1024
"""Bytes of a request's body; Meta's webhooks stay below 3 MB."""


def build_site(webhooks: Iterable[web.RouteDef], parts: Parts) -> web.Application:
    """The site: the channels' webhooks first (they are the hottest path), then our own pages.

    `/readyz` says 503 while the store cannot be used. Raises ResourceError when a file of a page is broken.
    """
    site = Site(parts)
    application = web.Application(client_max_size=MAX_BODY, middlewares=[site.explain, as_json, site.gate.keep])
    application.router.add_routes(list(webhooks))

    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def readyz(_: web.Request) -> web.Response:
        try:
            return web.json_response(await _readiness(parts))
        except StoreUnavailable as error:
            return web.json_response({"status": "not ready", "why": str(error)}, status=503)

    application.router.add_get("/healthz", healthz)
    application.router.add_get("/readyz", readyz)
    application.on_shutdown.append(site.close)
    application.router.add_routes([*site.assets.routes(), *page_routes(site), *api_routes(site)])
    return application


async def _readiness(parts: Parts) -> dict[str, object]:
    """What `/readyz` tells. Webhooks are taken as long as the store is there, so whatever else is missing is only told.

    Raises StoreUnavailable.
    """
    await parts.store.now()
    left_alone = {name: round(seconds, 1) for name, seconds in (await parts.shared.breakers.left_alone()).items()}
    return await _staff(parts) | ({"left_alone": left_alone} if left_alone else {})


async def _staff(parts: Parts) -> dict[str, object]:
    """Whether there is room for what comes, and somebody who answers what is taken."""
    if not parts.backlog.has_room():
        why = f"{parts.backlog.waiting} wait to be answered: new messages are refused (BOT_MAX_WAITING is {parts.backlog.most})"
        return {"status": "degraded", "why": why}
    if parts.lanes.commons is None:
        return {"status": "ready"}
    try:
        workers = len(await parts.lanes.commons.workers())
    except StoreUnavailable as error:
        return {"status": "degraded", "why": str(error)}
    if not workers:
        return {"status": "degraded", "why": "no worker has been heard from; start `bot work`", "redis": "on", "workers": 0}
    return {"status": "ready", "redis": "on", "workers": workers}


async def run_site(site: web.Application, host: str, port: int, started: Callable[[int], Awaitable[None]]) -> None:
    """Serves until SIGINT or SIGTERM. `started` is told the port. Raises SettingsError if it cannot listen there."""
    runner = web.AppRunner(site, access_log=None, shutdown_timeout=5)
    await runner.setup()
    try:
        listener = web.TCPSite(runner, host, port)
        try:
            await listener.start()
        except (OSError, UnicodeError) as error:  # the latter for a host that can be no name at all
            raise _cannot_listen(host, port, error) from None
        stop = stop_signal()
        await started(runner.addresses[0][1])
        await stop.wait()
        log.info("stopping")
    finally:
        await runner.cleanup()


def _cannot_listen(host: str, port: int, error: OSError | UnicodeError) -> SettingsError:
    """Names the setting that is to blame."""
    number = error.errno if isinstance(error, OSError) else None
    why = (error.strerror if isinstance(error, OSError) else None) or str(error)
    if number == errno.EADDRINUSE or (number == errno.EACCES and port < 1024):
        return SettingsError(f"BOT_PORT: cannot listen on {host}:{port} ({why}); choose another port")
    return SettingsError(f"BOT_HOST: cannot listen on {host}:{port} ({why}); give an address of this machine, or 0.0.0.0 for all")
