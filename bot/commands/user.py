"""`bot user`: people with a login."""

from __future__ import annotations

import logging

import click

from bot.clock import SystemClock
from bot.config import Settings, load_settings
from bot.logs import configure_logs
from bot.records.users import Role
from bot.running import run
from bot.services.audit import Audit
from bot.services.users import Users, name_of
from bot.store.ownership import beside
from bot.vendors import store_of

_BY = "cli"


@click.group(short_help="Add people of the team, list them.")
def command() -> None:
    """People of the team, what they may do, and who they are. The server may run meanwhile.

    Nobody has a password yet: signing in comes with the desk.
    """
    configure_logs(logging.CRITICAL)


@command.command("add", short_help="Add somebody with this EMAIL.")
@click.argument("email")
@click.option("--name", required=True, help="As they are called.")
@click.option("--role", required=True, type=click.Choice([role.value for role in Role]), help="What they may do.")
def add_command(email: str, name: str, role: str) -> None:
    """Add somebody with this EMAIL. They get no password: signing in comes with the desk."""
    run(_add(load_settings(), email, name, role))


@command.command("list", short_help="Show everybody.")
def list_command() -> None:
    """Show everybody with a login: e-mail address, role, name."""
    run(_list(load_settings()))


async def _add(settings: Settings, email: str, name: str, role: str) -> None:
    clock = SystemClock()
    store = store_of(settings, clock)
    async with beside(store):
        user = await Users(store, clock, Audit(clock)).add(email, name, role, by=_BY)
    click.echo(f"{user.email} is added, {user.role}")


async def _list(settings: Settings) -> None:
    clock = SystemClock()
    store = store_of(settings, clock)
    async with beside(store):
        users = await Users(store, clock, Audit(clock)).all()
    for user in users:
        click.echo(f"{user.email}  {user.role}  {name_of(user)}" + ("" if user.is_active else "  (not active)"))
    if not users:
        click.echo("there is nobody yet; for example `bot user add ana@example.org --name 'Ana Ruiz' --role agent`")
