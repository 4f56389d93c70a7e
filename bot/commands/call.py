"""`bot call`: a telephone call."""

from __future__ import annotations

import logging
import sys

import click

from bot.app import assemble_beside
from bot.config import Settings, load_settings
from bot.errors import SettingsError
from bot.logs import configure_logs
from bot.resources import LANGUAGES
from bot.running import run
from bot.services.calling_facts import To
from bot.services.dialling import Placed, State

BY = "cli"
"""Who the records say it was."""


@click.command(short_help="Place a telephone call.")
@click.option("--to", "number", default="", metavar="NUMBER", help="Place a real call to this number, e.g. +12025550123.")
@click.option("--language", type=click.Choice(LANGUAGES), help="What is spoken at first; else as it is on their record.")
@click.option("--about", default="", help="What the call is about: the AI says so, and knows it.")
def command(number: str, language: str | None, about: str) -> None:
    """Place a real call with --to, if it may be made: consent, do-not-call list, calling hours, attempts.

    The server has to run, as it answers when Twilio asks. Exit code 1 when nobody is called.
    """
    if not number:
        raise SettingsError("--to: is missing; give the number to be called, for example --to +12025550123")
    configure_logs(logging.CRITICAL)
    run(_place(load_settings(), number, language or "", about))


async def _place(settings: Settings, number: str, language: str, about: str) -> None:
    async with assemble_beside(settings) as app:
        placed = await app.calling.dialling.place(To(number=number), by=BY, about=about, language=language)
    for line in told(placed):
        click.echo(line)
    if placed.state in (State.REFUSED, State.FAILED):
        sys.exit(1)


def told(placed: Placed) -> list[str]:
    """What came of it, for a terminal."""
    verdict, call = placed.verdict, placed.call
    if placed.state is State.REFUSED:
        again = f"; not before {verdict.again_at:%Y-%m-%d %H:%M} UTC" if verdict.again_at else ""
        return [f"not called: {verdict.detail} ({verdict.rule}){again}"]
    lines = ["allowed"]
    if placed.state is State.FAILED:
        return [*lines, f"failed: {placed.detail}"]
    name = f" ({call.external_call_id})" if call is not None and call.external_call_id else ""
    lines.append(f"{placed.state}: call {call.id if call is not None else ''}{name}")
    return [*lines, placed.detail] if placed.detail else lines
