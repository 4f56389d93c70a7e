"""`bot twilio`: the telephone number at Twilio."""

from __future__ import annotations

import logging

import click

from bot.channels.voice.rest import TwilioRest
from bot.channels.voice.rest_answers import OurNumber
from bot.clock import SystemClock
from bot.config import Settings, load_settings
from bot.logs import configure_logs
from bot.running import run
from bot.vendors import twilio_account


@click.group(short_help="The telephone number at Twilio: set it up.")
def command() -> None:
    """The telephone number at Twilio."""
    configure_logs(logging.CRITICAL)


@command.command("setup", short_help="Have Twilio ask this server when somebody calls.")
@click.option("--yes", is_flag=True, help="Do not ask before something is changed.")
def setup_command(yes: bool) -> None:
    """Have Twilio ask BOT_PUBLIC_URL when somebody calls TWILIO_FROM_NUMBER. Shows what is set and what it becomes."""
    run(_setup(load_settings(), yes))


async def _setup(settings: Settings, yes: bool) -> None:
    rest = twilio_account(settings, SystemClock())
    try:
        await _set(rest, settings, yes)
    finally:
        await rest.close()


async def _set(rest: TwilioRest, settings: Settings, yes: bool) -> None:
    number = await rest.number(settings.twilio_from_number)
    _show("now", number)
    voice, status = rest.addresses
    if (number.voice_url, number.status_callback) == (voice, status):
        click.echo("nothing is to be changed")
        return
    if not yes:
        click.echo(f"{'then':<5} calls      {voice}\n{'':<5} status     {status}")
        click.confirm("Change it?", abort=True)
    _show("then", await rest.set_addresses(number, voice, status))


def _show(when: str, number: OurNumber) -> None:
    click.echo(f"{when:<5} calls      {number.voice_url or 'nobody is asked'}")
    click.echo(f"{'':<5} status     {number.status_callback or 'nobody is told'}")
