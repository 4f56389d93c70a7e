"""`bot consent`: what people have allowed."""

from __future__ import annotations

import logging

import click

from bot.app import assemble_beside
from bot.config import Settings, load_settings
from bot.logs import configure_logs
from bot.records.people import ConsentState
from bot.running import run
from bot.services.consents import PURPOSES

BY = "cli"


@click.group(short_help="What people have allowed: write it down.")
def command() -> None:
    """What people have allowed or taken back. The server may run meanwhile."""
    configure_logs(logging.CRITICAL)


@command.command("add", short_help="Somebody with this NUMBER has agreed.")
@click.argument("number")
@click.option("--for", "purpose", required=True, type=click.Choice(PURPOSES), help="What they have agreed to.")
@click.option("--source", required=True, help="Where the proof is: 'form on our site, 2026-01-15'.")
@click.option("--proof", default="", help="Their own words, where there are some.")
@click.option("--withdrawn", is_flag=True, help="They have taken it back.")
def add_command(number: str, purpose: str, source: str, proof: str, withdrawn: bool) -> None:
    """Write down that the person with this NUMBER has agreed to calls or messages; the newest word counts."""
    state = ConsentState.WITHDRAWN if withdrawn else ConsentState.GIVEN
    run(_add(load_settings(), number, purpose, source, proof, state))


async def _add(settings: Settings, number: str, purpose: str, source: str, proof: str, state: ConsentState) -> None:
    async with assemble_beside(settings) as app:
        consent = await app.consents.record(number, purpose, source=source, by=BY, proof=proof, state=state)
        entry = await app.calling.do_not_call.listed_as_typed(number) if purpose == PURPOSES[0] else None
    click.echo(f"consent to {purpose} {consent.state}, customer {consent.customer_id}")
    if entry is not None and state is ConsentState.GIVEN:
        click.echo("they are on the do-not-call list and are not called all the same; see `bot dnd remove`", err=True)
