"""`bot work`: the worker without the web, beside any number of others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import click

from bot.app import App, assemble
from bot.clock import SystemClock
from bot.config import Settings, load_settings, require_shared
from bot.errors import DataInUse
from bot.logs import configure_logs
from bot.meter import KEEPS_NOTHING
from bot.running import run, settle, stop_signal
from bot.vendors import meter_of
from bot.web.probes import probed


@click.command(short_help="Work without the web, beside other processes.")
def command() -> None:
    """Work without the web: turns, sends and jobs, together with any number of others. Stop it with Ctrl-C."""
    settings = load_settings()
    require_shared(settings, "bot work")
    configure_logs(form=settings.log_format)
    run(_work(settings))


async def _work(settings: Settings) -> None:
    is_measured = settings.metrics_port is not None or settings.otlp_endpoint
    meter = meter_of(settings, SystemClock()) if is_measured else KEEPS_NOTHING
    async with assemble(settings, meter=meter) as app, _probed(app):
        stop = stop_signal()
        try:
            await app.worker.start()
            settle()
            click.echo(f"Switchboard works on MongoDB, database {settings.mongodb_database}, with Redis")
            await _until_stopped(app, stop)
        finally:
            await app.worker.stop()


@asynccontextmanager
async def _probed(app: App) -> AsyncIterator[None]:
    """Listens for who looks after processes, where BOT_METRICS_PORT says so."""
    if app.settings.metrics_port is None:
        yield
        return
    async with probed(app, app.settings.host, app.settings.metrics_port) as port:
        click.echo(f"/metrics, /healthz and /readyz are on http://{app.settings.host}:{port}")
        yield


async def _until_stopped(app: App, stop: asyncio.Event) -> None:
    """Until somebody says so. Raises DataInUse when a process that does not share took the database."""
    stopping, losing = asyncio.create_task(stop.wait()), asyncio.create_task(app.ownership.lost.wait())
    try:
        await asyncio.wait({stopping, losing}, return_when=asyncio.FIRST_COMPLETED)
        if losing.done():
            raise DataInUse("another process has taken over this database; this one has stopped")
    finally:
        for task in (stopping, losing):
            task.cancel()
        await asyncio.gather(stopping, losing, return_exceptions=True)
