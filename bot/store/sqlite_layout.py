"""Opening the file: whether it is ours to use, and bringing its tables up to what the records declare."""

# ruff: noqa: S608 - SQL is put together from declared names only; values are always bound
from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson

from bot.errors import DataTooNew, StoreError, StoreUnavailable
from bot.records.tokens import RULES
from bot.store.sqlite_schema import NEWEST, Field, Table, column_value, milliseconds, quote_name, quote_text, side_name
from bot.store.words import TOKENS, Searched

LAYOUT = 1
"""The number of the layout that this program writes (PRAGMA user_version)."""
_MAGIC = b"SQLite format 3\x00"
_LAYOUT_AT = slice(60, 64)
_HEADER = 100


def prepare_place(path: Path) -> None:
    """Makes the directory if need be and looks at the file, without a change to it.

    Raises StoreUnavailable where no database can be, DataTooNew where one of a newer version is.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except FileExistsError:
        raise StoreUnavailable(f"{path.parent}: is a file, not a directory. Move it away, or set BOT_DATA_DIR") from None
    except OSError as error:
        raise StoreUnavailable(f"{path.parent}: cannot be made ({error.strerror}). Set BOT_DATA_DIR to another place") from None
    if path.is_dir():
        raise StoreUnavailable(f"{path}: is a directory, not a database file. Move it away, or set BOT_DATA_DIR")
    try:
        with path.open("rb") as file:
            header = file.read(_HEADER)
    except FileNotFoundError:
        return
    except OSError as error:
        raise StoreUnavailable(f"{path}: cannot be read ({error.strerror}). Make it readable, or set BOT_DATA_DIR") from None
    if header and not header.startswith(_MAGIC):
        raise StoreUnavailable(f"{path}: is not a database. Restore a backup, or move the file away")
    refuse_newer(path, int.from_bytes(header[_LAYOUT_AT], "big"))
    if path.with_name(path.name + "-wal").exists():
        _look_into_log(path)


def _look_into_log(path: Path) -> None:
    """After a kill the newest layout number may still be in the log. A read-only connection leaves file and log as they are."""
    address = f"{path.absolute().as_uri()}?mode=ro"
    with (
        contextlib.suppress(sqlite3.Error),  # whatever is wrong with it is said when it is opened for good
        contextlib.closing(sqlite3.connect(address, uri=True)) as connection,
    ):
        refuse_newer(path, _layout_of(connection))


def refuse_newer(path: Path, layout: int) -> None:
    """Raises DataTooNew for a layout that this program does not know."""
    if layout > LAYOUT:
        raise DataTooNew(
            f"{path}: was written by a newer version of Switchboard (layout {layout}, this one knows {LAYOUT}); "
            "it was left untouched. Start the newer version"
        )


def bring_up(path: Path, connection: sqlite3.Connection, tables: Iterable[Table]) -> None:
    """Adds what the declarations have and the file lacks, drops indexes that nobody declares any more; all or nothing."""
    tables = list(tables)
    refuse_newer(path, _layout_of(connection))
    if not any(_missing(connection, tables)) and _layout_of(connection) == LAYOUT:
        return
    _register(connection, tables)
    connection.execute("BEGIN IMMEDIATE")
    try:
        for statement in _missing(connection, tables):
            _execute(connection, statement)
        connection.execute(f"PRAGMA user_version = {LAYOUT}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _execute(connection: sqlite3.Connection, statement: str) -> None:
    try:
        connection.execute(statement)
    except sqlite3.IntegrityError as error:
        raise StoreError(f"what is stored already breaks a unique index that is declared now: {error}") from None


def _layout_of(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _missing(connection: sqlite3.Connection, tables: list[Table]) -> Iterator[str]:
    """The statements that are still to be run, in order."""
    for table in tables:
        columns = {row[1] for row in connection.execute(f"PRAGMA table_info({table.name})")}
        if columns:
            yield from _new_columns(connection, table, columns)
        else:
            for step in tables_of(table):
                yield from step.make
        yield from _changed_indexes(connection, table)


def _new_columns(connection: sqlite3.Connection, table: Table, columns: set[str]) -> Iterator[str]:
    missing = [step for step in columns_of(table) if step.name not in columns]
    for step in missing:
        yield step.make[0]
    have = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    for step in tables_of(table):  # side tables come before the values, so that their triggers see them
        if step.name not in have and step.name != table.collection:
            yield from step.make
    for step in missing:
        yield from step.make[1:]


def _changed_indexes(connection: sqlite3.Connection, table: Table) -> Iterator[str]:
    query = "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL"
    have = {name for (name,) in connection.execute(query, (table.collection,))}
    wanted: dict[str, Step] = {step.name: step for step in indexes_of(table)}
    for name in have - wanted.keys():
        yield f"DROP INDEX {quote_name(name)}"
    for name, step in wanted.items():
        if name not in have:
            yield from step.make


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that the file must have: a named table, column, index or trigger, and how to make it."""

    name: str
    make: tuple[str, ...]


def tables_of(table: Table) -> Iterator[Step]:
    """The tables of a collection, side tables included."""
    columns = "".join(f"{quote_name(field.stored)}, " for field in table.columns)
    columns += "".join(f"{name}, " for name in table.search_columns)
    body = f"_row INTEGER PRIMARY KEY, _id TEXT NOT NULL UNIQUE, _version INTEGER NOT NULL, {columns}_doc TEXT NOT NULL"
    yield Step(table.collection, (f"CREATE TABLE IF NOT EXISTS {table.name} ({body})",))
    for field in table.columns:
        if field.is_list:
            yield _side_table(table, field)
    if table.searched:
        yield _search_table(table)


def _side_table(table: Table, field: Field) -> Step:
    side, column = side_name(table, field), quote_name(field.stored)
    trigger = f"{table.collection}.{field.stored}"
    remove = f"DELETE FROM {side} WHERE row = old._row AND value IN (SELECT value FROM json_each(old.{column}));"
    add = (
        f"INSERT INTO {side} SELECT DISTINCT value, new._row FROM json_each(coalesce(new.{column}, '[]')) "
        "WHERE value IS NOT NULL;"
    )
    changed = f"AFTER UPDATE OF {column} ON {table.name} WHEN old.{column} IS NOT new.{column}"
    return Step(
        f"{table.collection}.{field.stored}",
        (
            f"CREATE TABLE IF NOT EXISTS {side} (value NOT NULL, row INTEGER NOT NULL, PRIMARY KEY (value, row)) WITHOUT ROWID",
            f"CREATE TRIGGER IF NOT EXISTS {quote_name(trigger + '+')} AFTER INSERT ON {table.name} BEGIN {add} END",
            f"CREATE TRIGGER IF NOT EXISTS {quote_name(trigger + '-')} AFTER DELETE ON {table.name} BEGIN {remove} END",
            f"CREATE TRIGGER IF NOT EXISTS {quote_name(trigger + '=')} {changed} BEGIN {remove} {add} END",
        ),
    )


def _search_table(table: Table) -> Step:
    """Who has a token, by the moment that orders what is found."""
    name = f"{table.collection}.{TOKENS}"
    side, tokens, newest = quote_name(name), quote_name(TOKENS), quote_name(NEWEST)
    remove = (
        f"DELETE FROM {side} WHERE value IN (SELECT value FROM json_each(old.{tokens})) "
        f"AND newest = old.{newest} AND row = old._row;"
    )
    add = f"INSERT INTO {side} SELECT value, new.{newest}, new._row FROM json_each(new.{tokens});"
    differ = f"old.{tokens} IS NOT new.{tokens} OR old.{newest} IS NOT new.{newest}"
    changed = f"AFTER UPDATE OF {tokens}, {newest} ON {table.name} WHEN {differ}"
    columns = "value TEXT NOT NULL, newest INTEGER NOT NULL, row INTEGER NOT NULL, PRIMARY KEY (value, newest, row)"
    return Step(
        name,
        (
            f"CREATE TABLE IF NOT EXISTS {side} ({columns}) WITHOUT ROWID",
            f"CREATE TRIGGER IF NOT EXISTS {quote_name(name + '+')} AFTER INSERT ON {table.name} BEGIN {add} END",
            f"CREATE TRIGGER IF NOT EXISTS {quote_name(name + '-')} AFTER DELETE ON {table.name} BEGIN {remove} END",
            f"CREATE TRIGGER IF NOT EXISTS {quote_name(name + '=')} {changed} BEGIN {remove} {add} END",
        ),
    )


def _search_index(table: Table, searched: Searched) -> Step:
    """The order of what is found. Its name says how tokens are made: other fields or rules, and they are made anew."""
    made = f"words of {', '.join(searched.stored)} by {searched.newest_stored}, rules {RULES}"
    name = f"{table.collection}: {made}"
    own = quote_text(table.collection)
    tokens, newest = quote_name(TOKENS), quote_name(NEWEST)
    return Step(
        name,
        (
            f"UPDATE {table.name} SET {tokens} = tokens_of({own}, _doc), {newest} = newest_of({own}, _doc)",
            f"CREATE INDEX IF NOT EXISTS {quote_name(name)} ON {table.name} ({newest})",
        ),
    )


def _register(connection: sqlite3.Connection, tables: Iterable[Table]) -> None:
    """The functions with which tokens are made of documents that were written without."""
    searched = {table.collection: table.searched for table in tables if table.searched}

    def tokens_of(collection: str, document: str) -> str:
        return orjson.dumps(searched[collection].tokens_of_document(orjson.loads(document))).decode()

    def newest_of(collection: str, document: str) -> int:
        return milliseconds(orjson.loads(document).get(searched[collection].newest_stored))

    connection.create_function("tokens_of", 2, tokens_of)
    connection.create_function("newest_of", 2, newest_of)


def columns_of(table: Table) -> Iterator[Step]:
    """The columns of a collection: how to add one to a table that was made before it was declared."""
    for field in table.columns:
        column = quote_name(field.stored)
        default = None if field.parts else column_value(field, field.default)
        text = "NULL" if default is None else quote_text(default) if isinstance(default, str) else repr(default)
        value = f"coalesce({field.extract}, {text})"
        yield Step(
            field.stored,
            (
                f"ALTER TABLE {table.name} ADD COLUMN {column}",
                f"UPDATE {table.name} AS t SET {column} = {value}",
            ),
        )
    for name in table.search_columns:
        yield Step(name.strip('"'), (f"ALTER TABLE {table.name} ADD COLUMN {name}",))


def indexes_of(table: Table) -> Iterator[Step]:
    """The indexes of a collection. The name says the whole declaration, so a changed one is another index."""
    for index in table.indexes:
        parts = [
            f"{table_column(table, path)}{' DESC' if down else ''}"
            for path, down in zip(index.fields, index.descending, strict=True)
            if path == "id" or not table.field(path).is_list
        ]
        if len(parts) < len(index.fields) and (index.unique or index.where):
            raise StoreError(f"{table.collection}: {index} over a list can be neither unique nor partial in the embedded store")
        if parts:
            conditions = [f"{table_column(table, path)} = {quote_text(str(value))}" for path, value in index.where.items()]
            if index.ttl is not None:
                conditions.append(f"{table_column(table, index.fields[0])} IS NOT NULL")
            where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
            unique = "UNIQUE " if index.unique else ""
            name = f"{table.collection}: {unique}{', '.join(parts)}{where}".replace('"', "")
            columns = ", ".join(parts)
            yield Step(name, (f"CREATE {unique}INDEX IF NOT EXISTS {quote_name(name)} ON {table.name} ({columns}){where}",))
    if table.searched:
        yield _search_index(table, table.searched)


def table_column(table: Table, path: str) -> str:
    """The quoted column of an indexed field."""
    return {"id": "_id", "version": "_version"}.get(path) or quote_name(table.field(path).stored)
