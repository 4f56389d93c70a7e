"""Insert and find by index: each store beside its bare driver doing the same work, by turns; own CPU per record or question.

    python -m tests.benchmarks.store [--rounds 7]

The same work: pydantic records go in and come out, in one table or collection with the same indexes, as durable (SQLite: WAL with
synchronous=FULL; MongoDB: majority and journaled). The bare side is what one would write by hand for this one record: no threads,
no port, no conflicts or duplicates to tell. MongoDB is SecantusDB as a process of its own, whose CPU does not count.
A page is the desk's: one conversation's last 50. Callers that wait at the same time (webhooks) have no bare counterpart on
SQLite, and one record alone is mostly the way to the thread that reads and back: those two are shown without a bar.
"""

from __future__ import annotations

import argparse
import asyncio
import sqlite3
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from pymongo import AsyncMongoClient
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from bot.clock import SystemClock
from bot.records.base import RECORDS, Index, Record, record
from bot.store.base import Store
from bot.store.mongo import MongoStore
from bot.store.sqlite import SqliteStore
from bot.testing.secantus import PROGRAM, Secantus, program
from tests.benchmarks.common import judge, middle, spread

BAR = 1.3
BATCH = 64
PAGE = 50
CONVERSATIONS = 50
QUESTIONS = 200
MOMENT = datetime(2026, 1, 15, 10, 0, tzinfo=UTC)


@record("bench_messages", Index("conversation_id", "-timestamp"), Index("status"), Index("provider_id", unique=True))
class BenchMessage(Record):
    """About what a message of a conversation is."""

    conversation_id: str
    customer_id: str
    content: str
    type: str = "text"
    direction: str
    sender: str
    provider_id: str | None = None
    status: str = "pending"
    ai_processed: bool = False
    reply_to: str | None = None
    timestamp: datetime
    read_at: datetime | None = None
    turn_id: str | None = None


del RECORDS[BenchMessage.shape.collection]  # no server gets a collection for it
_numbers = count()


def messages(size: int) -> list[BenchMessage]:
    """New records, made before the clock runs."""
    return [
        BenchMessage(
            id=f"{number:032x}",
            conversation_id=f"conversation-{number % CONVERSATIONS:027}",
            customer_id=f"customer-{number % CONVERSATIONS:023}",
            content="Buenos días, quisiera saber cuándo llega mi pedido. ¡Gracias! " * 2,
            direction="inbound",
            sender="customer",
            provider_id=f"wamid.{number:040}",
            timestamp=MOMENT + timedelta(seconds=number),
            turn_id=f"{number:032x}",
        )
        for number in (next(_numbers) for _ in range(size))
    ]


def conversation(number: int) -> str:
    return f"conversation-{number % CONVERSATIONS:027}"


class Side(Protocol):
    """One way of doing the work."""

    async def insert(self, records: Sequence[BenchMessage]) -> None: ...

    async def insert_each(self, records: Sequence[BenchMessage]) -> None:
        """By as many callers at once."""

    async def find(self, conversation_id: str, limit: int) -> list[BenchMessage]: ...


class Ours:
    """A store of ours."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def insert(self, records: Sequence[BenchMessage]) -> None:
        await self._store.insert(records)

    async def insert_each(self, records: Sequence[BenchMessage]) -> None:
        await asyncio.gather(*(self._store.insert([one]) for one in records))

    async def find(self, conversation_id: str, limit: int) -> list[BenchMessage]:
        return await self._store.find(BenchMessage, {"conversation_id": conversation_id}, sort=("-timestamp",), limit=limit)


class BareSqlite:
    """sqlite3 by hand, in the one thread there is."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._execute = self._connection.execute
        for statement in (
            "PRAGMA journal_mode = WAL",
            "PRAGMA synchronous = FULL",
            "CREATE TABLE m (id TEXT NOT NULL UNIQUE, conversation TEXT, at TEXT, status TEXT, provider TEXT, doc TEXT NOT NULL)",
            "CREATE INDEX m1 ON m (conversation, at DESC)",
            "CREATE INDEX m2 ON m (status)",
            "CREATE UNIQUE INDEX m3 ON m (provider)",
        ):
            self._execute(statement)

    async def insert(self, records: Sequence[BenchMessage]) -> None:
        now = SystemClock().now()
        self._execute("BEGIN IMMEDIATE")
        for one in records:
            one.created_at = one.updated_at = now
            document = one.model_dump_json(by_alias=True, exclude_none=True)
            values = (one.id, one.conversation_id, one.timestamp.isoformat(), one.status, one.provider_id, document)
            self._execute("INSERT INTO m VALUES (?, ?, ?, ?, ?, ?)", values)
        self._execute("COMMIT")

    async def insert_each(self, records: Sequence[BenchMessage]) -> None:
        await self.insert(records)

    async def find(self, conversation_id: str, limit: int) -> list[BenchMessage]:
        question = "SELECT doc FROM m WHERE conversation = ? ORDER BY at DESC LIMIT ?"
        rows = self._execute(question, (conversation_id, limit)).fetchall()
        return [BenchMessage.model_validate_json(document) for (document,) in rows]

    def close(self) -> None:
        self._connection.close()


class BareMongo:
    """pymongo by hand."""

    def __init__(self, client: AsyncMongoClient[dict[str, Any]]) -> None:
        self._messages = client.get_database(
            "bare", write_concern=WriteConcern("majority", j=True), read_concern=ReadConcern("majority")
        )["messages"]

    async def open(self) -> None:
        await self._messages.create_index([("conversationId", 1), ("timestamp", -1)])
        await self._messages.create_index("status")
        await self._messages.create_index("providerId", unique=True)

    async def insert(self, records: Sequence[BenchMessage]) -> None:
        now = SystemClock().now()
        await self._messages.insert_many([_stamped(one, now) for one in records], ordered=False)

    async def insert_each(self, records: Sequence[BenchMessage]) -> None:
        await asyncio.gather(*(self._insert_one(one) for one in records))

    async def _insert_one(self, one: BenchMessage) -> None:
        await self._messages.insert_one(_stamped(one, SystemClock().now()))

    async def find(self, conversation_id: str, limit: int) -> list[BenchMessage]:
        found = await self._messages.find({"conversationId": conversation_id}, sort=[("timestamp", -1)], limit=limit).to_list()
        return [BenchMessage.model_validate(document) for document in found]


def _stamped(one: BenchMessage, now: datetime) -> dict[str, Any]:
    one.created_at = one.updated_at = now
    return one.model_dump(by_alias=True, exclude_none=True)


class Figure(NamedTuple):
    """What is measured."""

    name: str
    run: Callable[[Side], Awaitable[float]]
    """Own CPU, in microseconds per record or question."""
    judged: bool = True


async def _batches(side: Side) -> float:
    batches = [messages(BATCH) for _ in range(10)]
    began = time.process_time()
    for batch in batches:
        await side.insert(batch)
    return (time.process_time() - began) / (10 * BATCH) * 1e6


async def _callers(side: Side) -> float:
    batches = [messages(BATCH) for _ in range(10)]
    began = time.process_time()
    for batch in batches:
        await side.insert_each(batch)
    return (time.process_time() - began) / (10 * BATCH) * 1e6


async def _one_by_one(side: Side) -> float:
    batches = messages(100)
    began = time.process_time()
    for one in batches:
        await side.insert([one]) if isinstance(side, Ours) else await side.insert_each([one])
    return (time.process_time() - began) / 100 * 1e6


async def _questions(side: Side, limit: int) -> float:
    began = time.process_time()
    for number in range(QUESTIONS):
        assert len(await side.find(conversation(number), limit)) == limit
    return (time.process_time() - began) / QUESTIONS * 1e6


INSERTS = Figure(f"insert, {BATCH} together, per record", _batches)
QUESTION = Figure(f"find by index, {PAGE} records", partial(_questions, limit=PAGE))
ONE = "find by index, one record"
ON_SQLITE = (
    INSERTS,
    QUESTION,
    Figure(ONE, partial(_questions, limit=1), judged=False),
    Figure(f"insert, {BATCH} callers at once (bare: one transaction), per record", _callers, judged=False),
)
ON_MONGO = (
    INSERTS,
    Figure("insert, one after the other", _one_by_one),
    Figure(f"insert, {BATCH} callers at once, per record", _callers),
    QUESTION,
    Figure(ONE, partial(_questions, limit=1)),
)


async def compare(name: str, ours: Side, bare: Side, figures: Sequence[Figure], rounds: int) -> bool:
    for side in (ours, bare):
        for _ in range(40):  # every conversation has its page, and everything is warm
            await side.insert(messages(BATCH))
    holds = True
    for figure in figures:
        taken: dict[str, list[float]] = {"ours": [], "bare": []}
        for _ in range(rounds):
            taken["bare"].append(await figure.run(bare))
            taken["ours"].append(await figure.run(ours))
        print(f"{name}, {figure.name}, own CPU in us: bare {spread(taken['bare'])}, ours {spread(taken['ours'])}")
        ratio = middle([own / other for own, other in zip(taken["ours"], taken["bare"], strict=True)])
        if figure.judged:
            holds &= judge("  ratio, median of the rounds", ratio, BAR, "x")
        else:
            print(f"  ratio, median of the rounds: {ratio:.2f}x (no bar)")
    return holds


async def on_sqlite(folder: Path, rounds: int) -> bool:
    store = SqliteStore(folder / "ours.db", SystemClock(), [BenchMessage])
    await store.open()
    bare = BareSqlite(folder / "bare.db")
    try:
        return await compare("SQLite", Ours(store), bare, ON_SQLITE, rounds)
    finally:
        bare.close()
        await store.close()


async def on_mongo(uri: str, rounds: int) -> bool:
    store = MongoStore(uri, "ours", SystemClock(), [BenchMessage])
    await store.open()
    try:
        async with AsyncMongoClient[dict[str, Any]](uri, tz_aware=True) as client:
            bare = BareMongo(client)
            await bare.open()
            return await compare("MongoDB (SecantusDB 0.7.0b3)", Ours(store), bare, ON_MONGO, rounds)
    finally:
        await store.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.store")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        holds = asyncio.run(on_sqlite(Path(folder), options.rounds))
        if program() is None:
            print(f"skipped: MongoDB; {PROGRAM} is not installed")
        else:
            server = Secantus(Path(folder) / "mongo").start()
            try:
                holds &= asyncio.run(on_mongo(server.uri, options.rounds))
            finally:
                server.stop()
    sys.exit(0 if holds else 1)


if __name__ == "__main__":
    main()
