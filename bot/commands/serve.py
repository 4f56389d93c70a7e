"""`bot serve`: webhooks, worker and web in one process, or the web alone beside workers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial

import click
from aiohttp import web

from bot.app import App, assemble
from bot.clock import SystemClock
from bot.config import Settings, load_settings, require_shared
from bot.errors import DataInUse
from bot.logs import configure_logs
from bot.running import run, settle
from bot.vendors import AtEnd, meter_of, phone_simulator_of, telephone_routes, webhooks_of
from bot.web.server import build_site, run_site


@click.command(short_help="Run everything in one process.")
@click.option("--host", help="Address to listen on (BOT_HOST).")
@click.option("--port", type=int, help="Port to listen on (BOT_PORT); 0 takes a free one.")
@click.option("--no-worker", is_flag=True, help="Web only: `bot work` does the work (needs MONGODB_URI and REDIS_URL).")
def command(host: str | None, port: int | None, no_worker: bool) -> None:
    """Run everything in one process: webhooks, worker, web. Stop it with Ctrl-C."""
    given = {"BOT_HOST": host, "BOT_PORT": port}
    settings = load_settings(**{name: value for name, value in given.items() if value is not None})
    if no_worker:
        require_shared(settings, "bot serve --no-worker")
    configure_logs(form=settings.log_format)
    run(_serve(settings, work=not no_worker))


async def _serve(settings: Settings, *, work: bool) -> None:
    async with assemble(settings, work=work, meter=meter_of(settings, SystemClock())) as app:
        await app.knowledge.ensure()
        app.phone_simulator = phone_simulator_of(settings, app.clock, app.phone_calls, app.calls)
        ends: list[AtEnd] = []
        webhooks = webhooks_of(settings, app.inbox.accept, app.clock, app.meter)
        site = build_site([*webhooks, *telephone_routes(settings, app, ends.append)], app)
        site.on_shutdown.append(partial(_end, ends))
        serving = asyncio.create_task(run_site(site, settings.host, settings.port, lambda port: _started(app, port)))
        losing = asyncio.create_task(app.ownership.lost.wait())
        try:
            await asyncio.wait({serving, losing}, return_when=asyncio.FIRST_COMPLETED)
            if losing.done():
                raise DataInUse("another process has taken over this database; this one has stopped")
            await serving
        finally:
            for task in (serving, losing):
                task.cancel()
            await asyncio.gather(serving, losing, return_exceptions=True)
            await app.worker.stop()


async def _end(ends: Sequence[AtEnd], _: web.Application) -> None:
    """Calls are told that they go on elsewhere while there is still somebody to tell them."""
    for end in ends:
        await end()


def _data(settings: Settings) -> str:
    """Where the data is."""
    if settings.mongodb_uri.get_secret_value():
        return f"MongoDB, database {settings.mongodb_database}{', with Redis' if settings.is_shared else ''}"
    return str(settings.data_dir)


def _telephone(settings: Settings) -> str:
    """Whether calls come in, and how they are carried."""
    if settings.has_twilio:
        return f"on: {settings.twilio_from_number}, by {settings.call_transport}, POST /webhooks/twilio/voice"
    return f"off: set {', '.join(settings.twilio_missing())}"


async def _started(app: App, port: int) -> None:
    if app.is_working:
        await app.worker.start()
    settle()
    click.echo(f"Switchboard listens on http://{app.settings.host}:{port}  (data in {_data(app.settings)})")
    if not app.is_working:
        click.echo("  work      off: --no-worker; `bot work` does it")
    names = app.settings.model_names
    model = f"on: {', then '.join(names)}" if names else "off: no OPENAI_API_KEY; simple mode"
    click.echo(f"  model     {model}")
    missing = app.settings.whatsapp_missing()
    click.echo(f"  WhatsApp  {'off: set ' + ', '.join(missing) if missing else 'on: POST /webhooks/whatsapp'}")
    click.echo(f"  telephone {_telephone(app.settings)}")
    click.echo(f"  web chat  on: http://{app.settings.host}:{port}/chat")
    click.echo("  Talk to it: bot chat      What is on: bot check      Stop: Ctrl-C")
