"""`bot call`: a telephone call, simulated in the terminal or a real one."""

from __future__ import annotations

import logging
import sys

import click

from bot.app import assemble_beside
from bot.commands.terminal_call import TerminalCall
from bot.config import Settings, load_settings
from bot.errors import ServiceError, SettingsError
from bot.logs import configure_logs
from bot.resources import LANGUAGES
from bot.running import run
from bot.services.calling_facts import To
from bot.services.dialling import Placed, State
from bot.services.people import normal_phone

BY = "cli"
"""Who the records say it was."""


@click.command(short_help="Call the bot in this terminal, or have it place a real call.")
@click.option("--to", "number", default="", metavar="NUMBER", help="Place a real call to this number, e.g. +12025550123.")
@click.option("--as", "caller", default="", metavar="NUMBER", help="In the terminal: be the person with this number.")
@click.option("--speak", is_flag=True, help="In the terminal: hear it as well, by espeak-ng.")
@click.option("--language", type=click.Choice(LANGUAGES), help="What is spoken at first; else as it is on their record.")
@click.option("--about", default="", help="What the call is about: the AI says so, and knows it.")
def command(number: str, caller: str, speak: bool, language: str | None, about: str) -> None:
    """Call the bot in this terminal: typed lines are said, typing while it speaks interrupts it.

    With --to it places a real call, if that may be made: consent, do-not-call list, calling hours, attempts. The server has to
    run then, as it answers when Twilio asks. Exit code 1 when nobody is called.
    """
    if number and caller:
        raise SettingsError("--to and --as: have it call somebody, or be somebody who calls")
    configure_logs(logging.CRITICAL)
    settings = load_settings()
    if number:
        run(_place(settings, number, language or "", about))
    else:
        run(_talk(settings, caller, language or settings.default_language, speaks=speak))


async def _talk(settings: Settings, caller: str, language: str, *, speaks: bool) -> None:
    number = normal_phone(caller) if caller else ""
    if number is None:
        raise SettingsError(f"--as: {caller!r} is no phone number; give it with the country code, for example +12025550123")
    async with assemble_beside(settings) as app:
        if not app.is_working and not settings.is_shared:
            raise ServiceError("another `bot` works on this data: call it on its front page, or stop it first")
        await app.knowledge.ensure()
        await TerminalCall(app, number, language, speaks=speaks).run()


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
