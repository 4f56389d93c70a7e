"""`bot retry`: what was set aside because it failed too often."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import click

from bot.app import App, assemble_beside
from bot.clock import SystemClock
from bot.config import Settings, load_settings
from bot.errors import NotFound
from bot.logs import configure_logs
from bot.running import run
from bot.services.audit import Audit
from bot.services.set_aside import SecondTries, SetAside, set_aside
from bot.store.ownership import beside
from bot.vendors import store_of

_SHOWN = 160


@click.command(short_help="Show what was set aside, or try it again.")
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Try all of it again.")
def command(ids: tuple[str, ...], everything: bool) -> None:
    """Show what failed too often and was set aside (messages received, deliveries, jobs) with the reasons; or try it again.

    Mend what is wrong first: what fails again is set aside again. A message whose conversation a person of yours holds by now is
    theirs to answer.
    """
    configure_logs(logging.CRITICAL)
    settings = load_settings()
    run(_again(settings, ids, everything) if ids or everything else _show(settings))


async def _show(settings: Settings) -> None:
    async with beside(store := store_of(settings, SystemClock())):
        found = await set_aside(store)
    for one in found:
        reason = " ".join(one.error.split())[:_SHOWN]
        click.echo(f"{one.kind:<9} {one.id}  {one.where}  {reason}")
    if not found:
        click.echo("nothing was set aside")


async def _again(settings: Settings, ids: Sequence[str], everything: bool) -> None:
    async with assemble_beside(settings) as app:
        found = {one.id: one for one in await set_aside(app.store)}
        unknown = [id_ for id_ in ids if id_ not in found]
        if unknown:
            raise NotFound(f"{unknown[0]!r} was not set aside; `bot retry` shows what was")
        count = sum([await _retried(app, found[id_]) for id_ in (found if everything else ids)])
    click.echo(f"{count} tried again" + (": `bot check` shows what comes of it" if count else ""))


async def _retried(app: App, one: SetAside) -> bool:
    tries = SecondTries(app.store, Audit(app.clock), app.inbox, app.outbox, app.jobs, app.webhooks)
    return await tries.again(one.kind, one.id, by="system")
