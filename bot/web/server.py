"""The web server of one process."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Protocol

import structlog
from aiohttp import web

from bot.running import stop_signal
from bot.web.faults import as_json
from bot.web.listening import cannot_listen
from bot.web.probes import Observed, probes
from bot.web.site import Parts, Site, api_routes, page_routes

log = structlog.get_logger()

MAX_BODY = 4 * 1024 * 1024
"""Bytes of a request's body; Meta's webhooks stay below 3 MB."""


class Served(Parts, Observed, Protocol):
    """What pages and probes see of the joined program (`bot.app.App`)."""


def build_site(webhooks: Iterable[web.RouteDef], parts: Served) -> web.Application:
    """The site: the channels' webhooks first (they are the hottest path), then our own pages.

    Raises ResourceError when a file of a page is broken.
    """
    site = Site(parts)
    application = web.Application(client_max_size=MAX_BODY, middlewares=[site.explain, as_json, site.gate.keep])
    application.router.add_routes(list(webhooks))

    application.router.add_routes(probes(parts))
    application.on_shutdown.append(site.close)
    application.router.add_routes([*site.assets.routes(), *page_routes(site), *api_routes(site)])
    return application


async def run_site(site: web.Application, host: str, port: int, started: Callable[[int], Awaitable[None]]) -> None:
    """Serves until SIGINT or SIGTERM. `started` is told the port. Raises SettingsError if it cannot listen there."""
    runner = web.AppRunner(site, access_log=None, shutdown_timeout=5)
    await runner.setup()
    try:
        listener = web.TCPSite(runner, host, port)
        try:
            await listener.start()
        except (OSError, UnicodeError) as error:  # the latter for a host that can be no name at all
            raise cannot_listen(host, port, error) from None
        stop = stop_signal()
        await started(runner.addresses[0][1])
        await stop.wait()
        log.info("stopping")
    finally:
        await runner.cleanup()
