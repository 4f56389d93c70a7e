"""`bot user`: people with a login."""

from __future__ import annotations

import logging
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import click

from bot.clock import SystemClock
from bot.config import Settings, load_settings
from bot.logs import configure_logs
from bot.records.users import Role, User
from bot.running import run
from bot.secret_key import load_secret_key
from bot.services.accounts import Accounts, accounts_of
from bot.services.audit import Audit
from bot.services.passwords import check_new
from bot.services.team import CLI
from bot.services.users import name_of
from bot.store.base import Unit
from bot.store.ownership import beside
from bot.vendors import store_of

_ROLES = click.Choice([role.value for role in Role])
_INVITE = "They choose a password here, once, within 7 days:"
_RESET = "They choose a new password here, once, within one hour:"


@click.group(short_help="People with a login: add, list, change, let go.")
def command() -> None:
    """People of the team, what they may do, and who they are. The server may run meanwhile.

    The first administrator is made here: bot user add EMAIL --name NAME --role admin.
    """
    configure_logs(logging.CRITICAL)


@command.command("add", short_help="Add somebody with this EMAIL.")
@click.argument("email")
@click.option("--name", required=True, help="As they are called.")
@click.option("--role", required=True, type=_ROLES, help="What they may do.")
@click.option("--password-stdin", is_flag=True, help="Read their password from here instead of making a link.")
def add_command(email: str, name: str, role: str, password_stdin: bool) -> None:
    """Add somebody with this EMAIL, and show the link with which they choose a password."""
    password = _read_password() if password_stdin else None
    run(_add(load_settings(), email, name, role, password))


@command.command("list", short_help="Show everybody.")
def list_command() -> None:
    """Show everybody with a login: e-mail address, role, name."""
    run(_list(load_settings()))


@command.command("invite", short_help="Make another link for who has no password yet.")
@click.argument("email")
def invite_command(email: str) -> None:
    """Make another link for somebody who has no password yet; the former one is void."""

    async def invite(accounts: Accounts, user: User) -> str:
        _, url = await accounts.team.invite_again(user.id, by=None)
        return f"{_INVITE}\n  {url}"

    run(_do(email, invite))


@command.command("reset", short_help="Make a link for a new password.")
@click.argument("email")
def reset_command(email: str) -> None:
    """Make a link for a new password; the one they have stays good until they choose."""

    async def reset(accounts: Accounts, user: User) -> str:
        return f"{_RESET}\n  {await accounts.team.reset(user.id)}"

    run(_do(email, reset))


@command.command("role", short_help="Give somebody another ROLE.")
@click.argument("email")
@click.argument("role", type=_ROLES)
def role_command(email: str, role: str) -> None:
    """Give somebody another ROLE; they are signed out everywhere."""

    async def change(accounts: Accounts, user: User) -> str:
        after = await accounts.team.set_role(user.id, role, by=None)
        return f"{after.email} is {after.role} now"

    run(_do(email, change))


@command.command("deactivate", short_help="Let somebody in no more.")
@click.argument("email")
def deactivate_command(email: str) -> None:
    """Let somebody in no more; they are signed out everywhere at once. What they did stays on record."""

    async def deactivate(accounts: Accounts, user: User) -> str:
        await accounts.team.deactivate(user.id, by=None)
        return f"{user.email} is not active any more"

    run(_do(email, deactivate))


@command.command("activate", short_help="Let somebody in again.")
@click.argument("email")
def activate_command(email: str) -> None:
    """Let somebody in again, with the password they had."""

    async def activate(accounts: Accounts, user: User) -> str:
        await accounts.team.activate(user.id, by=None)
        return f"{user.email} is active again"

    run(_do(email, activate))


@command.command("sign-out", short_help="End all sessions of somebody.")
@click.argument("email")
def sign_out_command(email: str) -> None:
    """End all sessions of somebody: they have to sign in again."""

    async def sign_out(accounts: Accounts, user: User) -> str:
        await accounts.team.sign_out(user.id, by=None)
        return f"{user.email} is signed out everywhere"

    run(_do(email, sign_out))


@asynccontextmanager
async def _accounts(settings: Settings) -> AsyncIterator[Accounts]:
    clock = SystemClock()
    store = store_of(settings, clock)
    key = load_secret_key(settings.secret_key.get_secret_value(), settings.data_dir)
    async with beside(store):
        yield accounts_of(store, clock, Audit(clock), key, settings.web_url)


async def _add(settings: Settings, email: str, name: str, role: str, password: str | None) -> None:
    async with _accounts(settings) as accounts:
        if password is None:
            user, url = await accounts.team.invite(email, name, role, by=None)
            said = f"{_INVITE}\n  {url}"
        else:
            user = accounts.users.new(email, name, role)
            check_new(password, user.email)
            user = user.model_copy(update={"password_hash": await accounts.passwords.hashed(password)})
            await accounts.users.insert(Unit(), user, by=CLI)
            said = f"They sign in at {settings.web_url}/login"
    click.echo(f"{user.email} is added, {user.role}\n{said}")


async def _list(settings: Settings) -> None:
    async with _accounts(settings) as accounts:
        users = await accounts.users.all()
    for user in users:
        state = "  (not active)" if not user.is_active else "" if user.password_hash else "  (invited)"
        click.echo(f"{user.email}  {user.role}  {name_of(user)}{state}")
    if not users:
        click.echo("there is nobody yet; for example `bot user add ana@example.org --name 'Ana Ruiz' --role agent`")


async def _do(email: str, what: Callable[[Accounts, User], Awaitable[str]]) -> None:
    """Does it to the user with this address, and says what was done."""
    async with _accounts(load_settings()) as accounts:
        click.echo(await what(accounts, await accounts.users.by_email(email)))


def _read_password() -> str:
    """The first line of what is piped in; at a terminal it is asked for, twice, and not shown."""
    if sys.stdin.isatty():
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
    try:
        return sys.stdin.buffer.readline().decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise click.UsageError("the password is no text in UTF-8") from None
