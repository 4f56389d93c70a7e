"""A store under test, and what the checks ask of it: a seed's document goes in and comes back in the seed's words."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pymongo import AsyncMongoClient

from bot.clock import SystemClock, new_id
from bot.errors import RecordError
from bot.records.base import RECORDS, Record
from bot.records.dialects import from_seed, to_seed
from bot.store.base import Delete, Store, Unit
from bot.store.mongo import MongoStore
from bot.store.mongo_schema import PREFIX
from bot.store.sqlite import SqliteStore
from bot.store.sqlite_schema import quote_text
from tests.checklist.samples import Document


@dataclass(frozen=True)
class RealIndex:
    """An index as the database itself tells of it."""

    keys: tuple[tuple[str, int], ...]
    """(stored field, 1 or -1)."""
    is_unique: bool


class Bench:
    """Puts documents of the seeds into a store and takes them out."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.clock = SystemClock()

    def records(self, seed: str, collection: str, document: Document) -> list[Record]:
        """What the document becomes. Raises RecordError as a user would see it."""
        found = []
        for name, stored in from_seed(seed, collection, document):
            kind = RECORDS[name]
            found.append(kind.arrived({"_id": new_id(), **stored}, self.clock.now()))
        return found

    async def moved(self, seed: str, collection: str, document: Document) -> Document:
        """The document as it comes back; the store is empty again then."""
        written = self.records(seed, collection, document)
        await self.store.load(written)
        try:
            read = [await self.store.get(type(record), record.id) for record in written]
        finally:
            await self.clear(*written)
        first, *others = [record.model_dump(by_alias=True) for record in read if record is not None]
        return to_seed(seed, collection, first, others)

    async def clear(self, *records: Record) -> None:
        """Takes records out again. What is only ever added to stays, under the id that the next one replaces."""
        gone = [record for record in records if not record.shape.append_only]
        await self.store.commit(Unit(*(Delete(type(record), {"id": record.id}) for record in gone)))

    def refusal(self, seed: str, collection: str, document: Document) -> str:
        """Why the document is refused; fails where it is not."""
        try:
            self.records(seed, collection, document)
        except RecordError as error:
            return str(error)
        pytest.fail(f"{seed} {collection}: this should have been refused")

    async def indexes(self, kind: type[Record]) -> list[RealIndex]:
        """What the database has built for a record type."""
        raise NotImplementedError


class SqliteBench(Bench):
    """On the embedded store."""

    def __init__(self, store: Store, path: Path) -> None:
        super().__init__(store)
        self._path = path

    async def indexes(self, kind: type[Record]) -> list[RealIndex]:
        table = kind.shape.collection
        with closing(sqlite3.connect(self._path)) as database:
            found = []
            for _, name, is_unique, *_ in database.execute(f"PRAGMA index_list({quote_text(table)})"):
                columns = database.execute(f"PRAGMA index_xinfo({quote_text(name)})").fetchall()
                keys = tuple((column, -1 if down else 1) for _, _, column, down, _, is_key in columns if is_key and column)
                found.append(RealIndex(keys, bool(is_unique)))
            side = f"{table}."
            names = database.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE ?", (side + "%",))
            return [*found, *(RealIndex(((name.removeprefix(side), 1),), False) for (name,) in names)]


class MongoBench(Bench):
    """On MongoDB."""

    def __init__(self, store: Store, uri: str, database: str) -> None:
        super().__init__(store)
        self._uri, self._database = uri, database

    async def indexes(self, kind: type[Record]) -> list[RealIndex]:
        async with AsyncMongoClient[dict[str, Any]](self._uri) as client:
            listed = await client[self._database][kind.shape.collection].list_indexes()
            described = [dict(index) async for index in listed]
        ours = [index for index in described if index["name"].startswith(PREFIX)]
        return [
            RealIndex(
                tuple((name, way) for name, way in index["key"].items() if not (name == "_id" and len(index["key"]) > 1)),
                bool(index.get("unique")),
            )
            for index in ours
        ]


@asynccontextmanager
async def sqlite_bench(folder: Path) -> AsyncIterator[Bench]:
    store = SqliteStore(folder / "bot.db", SystemClock())
    await store.open()
    try:
        yield SqliteBench(store, folder / "bot.db")
    finally:
        await store.close()


@asynccontextmanager
async def mongo_bench(uri: str) -> AsyncIterator[Bench]:
    name = f"checklist_{new_id()[-12:]}"
    store = MongoStore(uri, name, SystemClock())
    await store.open()
    try:
        yield MongoBench(store, uri, name)
    finally:
        await store.close()
        async with AsyncMongoClient[dict[str, Any]](uri) as client:
            await client.drop_database(name)


def plain(value: Any) -> Any:
    """Values as they compare: decimals and numbers alike, moments to the millisecond in one spelling."""
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, Decimal):
        return str(value.normalize())
    return value
