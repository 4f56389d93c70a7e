"""`bot dnd`: numbers that are never called again."""

from __future__ import annotations

import logging

import click

from bot.app import assemble_beside
from bot.config import Settings, load_settings
from bot.logs import configure_logs
from bot.running import run

BY = "cli"
_PAGE = 200


@click.group(short_help="The do-not-call list: add, list, remove.")
def command() -> None:
    """Numbers that are never called again. The server may run meanwhile; it counts with the next call."""
    configure_logs(logging.CRITICAL)


@command.command("add", short_help="Never call this NUMBER again.")
@click.argument("number")
@click.option("--source", default=BY, show_default=True, help="Where they said so.")
@click.option("--proof", default="", help="Their own words, or a reference.")
def add_command(number: str, source: str, proof: str) -> None:
    """Never call this NUMBER again. Leads with it are marked, and consent to calls is withdrawn."""
    run(_add(load_settings(), number, source, proof))


@command.command("list", short_help="Show the whole list.")
def list_command() -> None:
    """Show the whole list, the newest first: number, since when, where it was said."""
    run(_list(load_settings()))


@command.command("remove", short_help="This NUMBER may be called again.")
@click.argument("number")
@click.option("--reason", required=True, help="Why; it is kept: 'asked to be called again, letter of 2026-01-15'.")
def remove_command(number: str, reason: str) -> None:
    """This NUMBER may be called again, where there is consent: that was withdrawn and has to be given anew."""
    run(_remove(load_settings(), number, reason))


async def _add(settings: Settings, number: str, source: str, proof: str) -> None:
    async with assemble_beside(settings) as app:
        entry = await app.calling.do_not_call.add(number, proof=proof, source=source, by=BY)
    if entry is not None:
        click.echo(f"{entry.number} is not called any more, since {entry.at:%Y-%m-%d %H:%M} UTC")


async def _list(settings: Settings) -> None:
    async with assemble_beside(settings) as app:
        after = None
        while page := await app.calling.do_not_call.page(_PAGE, after):
            for entry in page:
                click.echo(f"{entry.number:<16} {entry.at:%Y-%m-%d %H:%M}  {entry.source}")
            after = page[-1].id


async def _remove(settings: Settings, number: str, reason: str) -> None:
    async with assemble_beside(settings) as app:
        entry = await app.calling.do_not_call.remove(number, reason=reason, by=BY)
    click.echo(f"{entry.number} is not on the list any more")
