"""`bot knowledge`: the articles that answers are taken from."""

from __future__ import annotations

import logging
from pathlib import Path

import click

from bot.clock import SystemClock
from bot.config import Settings, load_settings
from bot.logs import configure_logs
from bot.running import run
from bot.services.knowledge import Knowledge, Synced
from bot.store.ownership import beside
from bot.vendors import store_of


@click.group(short_help="Bring the knowledge base in step with the articles.")
def command() -> None:
    """The articles that answers are taken from. The server may run meanwhile."""
    configure_logs(logging.CRITICAL)


@command.command("sync", short_help="Take over the articles of a FOLDER.")
@click.argument("folder", required=False, type=click.Path(path_type=Path, file_okay=False))
@click.option("--dry-run", is_flag=True, help="Show what would change, change nothing.")
def sync_command(folder: Path | None, dry_run: bool) -> None:
    """Take over the articles of a FOLDER (<topic>.<language>.md), or else those that ship with the program.

    What is new is added, what has changed is replaced, what is gone is removed; entries that users wrote stay.
    """
    run(_sync(load_settings(), folder, dry_run))


async def _sync(settings: Settings, folder: Path | None, dry_run: bool) -> None:
    store = store_of(settings, SystemClock())
    async with beside(store):
        synced = await Knowledge(store).sync(folder, dry_run=dry_run)
    for what, ids in (("added", synced.added), ("changed", synced.changed), ("removed", synced.removed)):
        for id in ids:
            click.echo(f"{what}  {id}")
    click.echo(_summary(synced, dry_run))


def _summary(synced: Synced, dry_run: bool) -> str:
    what = {
        "added": len(synced.added),
        "changed": len(synced.changed),
        "removed": len(synced.removed),
        "as they were": synced.unchanged,
    }
    counts = ", ".join(f"{count} {name}" for name, count in what.items())
    if dry_run:
        return f"{counts}; nothing was written (--dry-run)"
    return counts
