"""A copy of the embedded store while it is in use."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path

from bot.errors import StoreError, StoreUnavailable
from bot.store.sqlite_threads import unavailable

_PAGES_AT_ONCE = 2000
"""So many pages (of 4 KB) are copied before a writer may go in between."""


def backup(path: Path, target: Path, progress: Callable[[int, int], None]) -> None:
    """Copies the database file to `target`, which gets its name when the copy is complete. Blocks: call it in a thread.

    The copy is of one moment, whatever is written meanwhile. `progress` is told how many pages are done, and of how many.
    Raises StoreError when there is a file already, StoreUnavailable when there is no store, or no room.
    """
    if target.exists():
        raise StoreError(f"{target}: is there already; choose another name")
    if not path.exists():
        raise StoreUnavailable(f"{path}: there is no store to copy")
    part = target.with_name(target.name + ".part")
    try:
        with (
            contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as source,
            contextlib.closing(sqlite3.connect(part)) as copy,
        ):
            source.backup(copy, pages=_PAGES_AT_ONCE, progress=lambda _, left, total: progress(total - left, total))
            copy.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error as error:
        raise unavailable(part, error) from None
    part.replace(target)
