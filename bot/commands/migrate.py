"""`bot migrate`: out of the store, into it, a copy of it, and older shapes brought up to date."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import click

from bot.clock import SystemClock
from bot.config import Settings, load_settings
from bot.errors import DataInUse, SettingsError, StoreUnavailable
from bot.logs import configure_logs
from bot.running import run
from bot.services.userthreads import migrate_user_threads
from bot.store.base import Store
from bot.store.migrate import copy, export_to, import_from, upgrade
from bot.store.ownership import own_directory
from bot.store.sqlite_backup import backup as copy_database
from bot.store.versions import VERSION, older_than
from bot.vendors import embedded_path, embedded_store, owned, store_of

_EVERY_SECONDS = 0.5


@click.group(short_help="Move data, copy it, bring it up to date.", invoke_without_command=True)
@click.pass_context
def command(context: click.Context) -> None:
    """Without a subcommand: bring all records up to today's shapes. Stop `bot serve` first, except for export and backup."""
    configure_logs(logging.CRITICAL)
    os.umask(0o077)  # what is written here is people's data
    if context.invoked_subcommand is None:
        run(_upgrade(load_settings()))


@command.command("export", short_help="Write every collection to DIR, one <collection>.jsonl each.")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
def export_command(folder: Path) -> None:
    """Write every collection to DIR, one <collection>.jsonl each, a document per line as stored. The server may run meanwhile."""
    run(_export(load_settings(), folder))


@command.command("import", short_help="Load every <collection>.jsonl of DIR.")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False, exists=True))
def import_command(folder: Path) -> None:
    """Load every <collection>.jsonl of DIR. What has the same id is replaced; everything else stays."""
    run(_import(load_settings(), folder))


@command.command("userthreads", short_help="Take over the second seed's user threads.")
def userthreads_command() -> None:
    """Make a customer, a conversation and a thread of each document in `userthreads` (load them with `import` first).

    Nothing is dropped; running it again makes nothing new. WHATSAPP_PHONE_ID names the number at which these people write.
    """
    run(_user_threads(load_settings()))


@command.command("sqlite-to-mongo", short_help="Copy the embedded store to MongoDB.")
@click.option("--replace", is_flag=True, help="Also into a database that holds records; what has the same id is replaced.")
def sqlite_to_mongo_command(replace: bool) -> None:
    """Copy everything in the embedded store to the database of MONGODB_URI. The embedded store stays as it is."""
    run(_to_mongo(load_settings(), replace))


@command.command("backup", short_help="Copy the embedded store to FILE.")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def backup_command(file: Path) -> None:
    """Copy the embedded store to FILE, as it is at one moment. The server may run meanwhile."""
    run(_backup(load_settings(), file))


def _require_embedded(settings: Settings) -> None:
    """A mistyped directory must not become an empty store that seems to have been moved."""
    if not embedded_path(settings).exists():
        raise StoreUnavailable(f"{embedded_path(settings)}: there is no store here; check BOT_DATA_DIR")


async def _export(settings: Settings, folder: Path) -> None:
    if not settings.mongodb_uri.get_secret_value():
        _require_embedded(settings)
    async with _opened(store_of(settings, SystemClock())) as store:
        total = await export_to(store, folder, _Progress().tell)
    click.echo(f"{total} records written to {folder}")


async def _import(settings: Settings, folder: Path) -> None:
    store = store_of(settings, SystemClock())
    async with owned(settings, store):
        total = await import_from(store, folder, _Progress().tell)
    click.echo(f"{total} records loaded from {folder}")


async def _upgrade(settings: Settings) -> None:
    store = store_of(settings, SystemClock())
    async with owned(settings, store):
        await _refuse_older(store)
        total = await upgrade(store, _Progress().tell)
    click.echo(f"{total} records brought up to date")


async def _refuse_older(store: Store) -> None:
    """What is in a new shape an older version cannot work on. Raises DataInUse that names those which are there."""
    older = older_than(VERSION, await store.processes())
    if older:
        named = "; ".join(f"{process.name}, version {process.version or 'unknown'}" for process in older)
        raise DataInUse(f"older versions than {VERSION} still work on this database ({named}): upgrade or stop them first")


async def _user_threads(settings: Settings) -> None:
    if not settings.whatsapp_phone_id:
        raise SettingsError("WHATSAPP_PHONE_ID: is needed, so that the conversations are found again when these people write")
    store = store_of(settings, SystemClock())
    async with owned(settings, store):
        outcome = await migrate_user_threads(store, settings.whatsapp_phone_id)
    for line in outcome.refused:
        click.echo(line, err=True)
    click.echo(f"{outcome.made} taken over, {outcome.known} were already, {len(outcome.refused)} refused")
    if outcome.refused:
        sys.exit(1)


async def _to_mongo(settings: Settings, replace: bool) -> None:
    if not settings.mongodb_uri.get_secret_value():
        raise SettingsError("MONGODB_URI: is needed; for example mongodb://127.0.0.1:27017/?replicaSet=rs0")
    _require_embedded(settings)
    clock = SystemClock()
    source, target = embedded_store(settings, clock), store_of(settings, clock)
    async with own_directory(settings.data_dir, source), owned(settings, target):
        total = await copy(source, target, _Progress().tell, replace=replace)
    click.echo(f"{total} records copied to MongoDB; from now on set MONGODB_URI for `bot serve`")


async def _backup(settings: Settings, file: Path) -> None:
    if settings.mongodb_uri.get_secret_value():
        raise SettingsError("MONGODB_URI: is set, and only the embedded store is copied; use mongodump, or `bot migrate export`")
    progress = _Progress()
    path = embedded_path(settings)
    await asyncio.to_thread(copy_database, path, file, lambda done, total: progress.tell("pages", done, total))
    click.echo(f"{path} copied to {file}")


@asynccontextmanager
async def _opened(store: Store) -> AsyncIterator[Store]:
    await store.open()
    try:
        yield store
    finally:
        await store.close()


class _Progress:
    """A line on the terminal that counts along; elsewhere a line per collection."""

    def __init__(self) -> None:
        self._told = 0.0

    def tell(self, name: str, done: int, total: int) -> None:
        """So many of so many are done."""
        is_last = done >= total
        if sys.stderr.isatty():
            if is_last or time.monotonic() - self._told > _EVERY_SECONDS:
                self._told = time.monotonic()
                click.echo(f"\r{name}: {done:,} of {total:,}   ", err=True, nl=is_last)
        elif is_last:
            click.echo(f"{name}: {done:,}", err=True)
