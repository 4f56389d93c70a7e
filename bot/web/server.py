"""The web server of one process."""

from __future__ import annotations

import errno
from collections.abc import Awaitable, Callable, Iterable, Mapping

import structlog
from aiohttp import web

from bot.errors import SettingsError, StoreUnavailable
from bot.running import stop_signal

log = structlog.get_logger()

MAX_BODY = 4 * 1024 * 1024
"""Bytes of a request's body; Meta's webhooks stay below 3 MB."""

_FRONT = """Switchboard is running.

Talk to it in a terminal:   bot chat
See what is on and what is missing:   bot check
"""


def build_site(routes: Iterable[web.RouteDef], readiness: Callable[[], Awaitable[Mapping[str, object]]]) -> web.Application:
    """The site: the channels' webhooks first (they are the hottest path), then our own pages.

    `readiness` is what `/readyz` answers; it raises StoreUnavailable while the store cannot be used, so nothing be accepted.
    """
    site = web.Application(client_max_size=MAX_BODY)
    site.router.add_routes(list(routes))

    async def front(_: web.Request) -> web.Response:
        return web.Response(text=_FRONT)

    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def readyz(_: web.Request) -> web.Response:
        try:
            return web.json_response(await readiness())
        except StoreUnavailable as error:
            return web.json_response({"status": "not ready", "why": str(error)}, status=503)

    site.router.add_get("/", front)
    site.router.add_get("/healthz", healthz)
    site.router.add_get("/readyz", readyz)
    return site


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
        await started(runner.addresses[0][1])
        await stop_signal()
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
