"""`bot work`: the worker without the web, beside any number of others."""

from __future__ import annotations

import asyncio

import click

from bot.app import App, assemble
from bot.config import Settings, load_settings, require_shared
from bot.errors import DataInUse
from bot.logs import configure_logs
from bot.running import run, settle, stop_signal


@click.command(short_help="Work without the web, beside other processes.")
def command() -> None:
    """Work without the web: turns, sends and jobs, together with any number of others. Stop it with Ctrl-C."""
    settings = load_settings()
    require_shared(settings, "bot work")
    configure_logs()
    run(_work(settings))


async def _work(settings: Settings) -> None:
    async with assemble(settings) as app:
        stop = stop_signal()
        try:
            await app.worker.start()
            settle()
            click.echo(f"Switchboard works on MongoDB, database {settings.mongodb_database}, with Redis")
            await _until_stopped(app, stop)
        finally:
            await app.worker.stop()


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
