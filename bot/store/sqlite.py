"""The embedded store: one SQLite file, one thread that writes, threads that read.

Choices where the port leaves one:
- A `find` that no declared index serves raises UnindexedQuery; so does one with neither a where nor a sort, unless it has a
  limit (page through a whole collection with `limit` and `after`). `count` and `tally` of a whole collection are allowed.
- Decimals are exact in documents and in `inc`; they are compared, sorted and totalled as floats.
- A string with a NUL in it is kept, but cannot be searched for outside an indexed field.
"""

# ruff: noqa: S608 - SQL is put together from declared names only; values are always bound
from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from bot.clock import Clock
from bot.errors import Conflict, StoreError, StoreUnavailable, UnindexedQuery
from bot.records.base import Index, Record
from bot.records.tokens import Word
from bot.records.work import Counter
from bot.store.base import Found, Insert, Look, Put, Unit, Where
from bot.store.catalog import every_kind
from bot.store.fields import stamp_record, tell_records
from bot.store.sqlite_jobs import Answer, Call, DataVersion, Inserts, Step, Steps
from bot.store.sqlite_layout import bring_up, prepare_place
from bot.store.sqlite_query import condition, continues, gather, remember, require_index, select, update
from bot.store.sqlite_schema import Table, iso, quote_text, side_name
from bot.store.sqlite_search import Page, Question, search
from bot.store.sqlite_threads import Reader, Writer
from bot.store.sqlite_units import needs_savepoint, step_of
from bot.store.versions import Doing, Process
from bot.store.words import require_changeable

R = TypeVar("R", bound=Record)

_POLL_SECONDS = 0.25
_SWEPT_AT_ONCE = 1000


class SqliteStore:
    """The Store on one SQLite file. `kinds` are the record types it keeps; by default all that are declared."""

    def __init__(self, path: Path, clock: Clock, kinds: Iterable[type[Record]] | None = None) -> None:
        self._path = path
        self._clock = clock
        self._kinds = kinds
        self._tables: dict[type[Record], Table] = {}
        self._writer = Writer("sqlite writer", path, self._key_name)
        self._reader = Reader("sqlite reader", path)
        self._reporter = Reader("sqlite reports", path)  # long sums do not hold up short questions
        self._watchers: dict[object, Callable[[], None]] = {}
        self._watching: asyncio.Task[None] | None = None
        self._look: Look | None = None

    # Opening and closing

    async def open(self) -> None:
        """Makes the file if need be and brings it up to the declarations.

        Raises StoreUnavailable (no place for a file, not a database, disk full) and DataTooNew, each with the path and the fix.
        """
        self._tables = {kind: Table(kind) for kind in (every_kind() if self._kinds is None else self._kinds)}
        prepare_place(self._path)
        threads = (self._writer, self._reader, self._reporter)
        try:
            await self._writer.start()
            await self._reader.start()
            await self._reporter.start()
            await self._writer.submit(_Unwrapped(partial(bring_up, self._path, tables=self._tables.values())))
        except BaseException:
            for thread in threads:
                await thread.stop()
            raise

    async def close(self) -> None:
        """Finishes what was begun, moves the log into the file, ends the threads; then every method raises StoreUnavailable."""
        if self._watching is not None:
            self._watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watching
            self._watching = None
        await self._reader.stop()
        await self._reporter.stop()
        await self._writer.stop()

    @property
    def commits(self) -> int:
        """Transactions made durable since it was opened: group commit makes them fewer than the writes."""
        return self._writer.commits

    def _table(self, kind: type[Record]) -> Table:
        try:
            return self._tables[kind]
        except KeyError:
            if not self._tables:
                raise StoreUnavailable(f"{self._path}: the store is not open") from None
            raise StoreError(f"{kind.__name__} is not among the records of this store") from None

    def _key_name(self, collection: str, stored: str) -> str:
        """A stored name in Python's words, for an error."""
        for table in self._tables.values():
            if table.collection == collection:
                return next((path for path, name in table.kind.shape.stored_names.items() if name == stored), stored)
        return stored

    # Reading

    async def get(self, kind: type[R], id: str) -> R | None:
        table = self._table(kind)
        found: list[R] = await self._reader.submit(Answer(table.get, (id,), table.records))
        return found[0] if found else None

    async def find(
        self, kind: type[R], where: Where, *, sort: Sequence[str] = (), limit: int | None = None, after: str | None = None
    ) -> list[R]:
        """The documents that match, in order; ties are broken by the id, in the direction of the last sort field.

        Raises UnindexedQuery, StoreError (no such field), and Conflict when the document to continue behind is gone.
        """
        table = self._table(kind)
        shape, values = gather(table, where)
        if limit is not None:
            if limit <= 0:
                return []
        elif not shape and not sort:
            raise UnindexedQuery(f"{table.collection}: a whole collection is read in pages; give a limit (and `after`)")
        if after is not None:
            return await self._find_after(table, shape, values, sort, limit, after)
        key = ("find", shape, tuple(sort), limit is not None)
        sql = table.sql.get(key) or remember(table, key, select(table, shape, sort, limited=limit is not None))
        if limit is not None:
            values.append(limit)
        found: list[R] = await self._reader.submit(Answer(sql, values, table.records))
        return found

    async def _find_after(
        self, table: Table, shape: tuple[Any, ...], values: list[Any], sort: Sequence[str], limit: int | None, after: str
    ) -> list[Any]:
        if len(sort) > 1:
            raise StoreError(f"{table.collection}: a page can continue only in an order by one field")
        pivot = None
        if sort and sort[0].lstrip("-") != "id":
            value = table.value_of(sort[0].lstrip("-"))
            pivots = await self._rows(f"SELECT {value} FROM {table.name} AS t WHERE t._id = ?", [after])
            if not pivots:
                raise Conflict(f"{table.collection}: {after}, behind which the page continues, is gone")
            pivot = pivots[0][0]
        behind, bound = continues(table, sort, pivot, after)
        sql = select(table, shape, sort, limited=limit is not None, after=behind)
        every = [*values, *bound, *([] if limit is None else [limit])]
        found: list[Any] = await self._reader.submit(Answer(sql, every, table.records))
        return found

    async def count(self, kind: type[Record], where: Where) -> int:
        table = self._table(kind)
        shape, values = gather(table, where)
        require_index(table, shape)
        sql = f"SELECT count(*) FROM {table.name} AS t WHERE {condition(table, shape)}"
        return int((await self._rows(sql, values))[0][0])

    async def distinct(self, kind: type[Record], field: str, where: Where) -> list[Any]:
        table = self._table(kind)
        shape, values = gather(table, where)
        require_index(table, shape, (field,))
        value, source = self._each(table, field)
        sql = f"SELECT DISTINCT {value} AS v FROM {source} WHERE {condition(table, shape)} AND {value} IS NOT NULL ORDER BY v"
        return [table.field(field).restore(row[0]) for row in await self._rows(sql, values)]

    async def tally(self, kind: type[Record], by: str, where: Where, *, total: str | None = None) -> dict[Any, float]:
        """How many match per value of `by` (each element of a list counts; None where it is absent), or the sums of `total`."""
        table = self._table(kind)
        shape, values = gather(table, where)
        if shape:
            require_index(table, shape)
        value, source = self._each(table, by, keep_empty=True)
        what = "count(*)" if total is None else f"coalesce(sum({table.value_of(total)}), 0)"
        sql = f"SELECT {value} AS v, {what} FROM {source} WHERE {condition(table, shape)} GROUP BY v ORDER BY v"
        restore = table.field(by).restore
        return {restore(row[0]): row[1] for row in await self._rows(sql, values)}

    def _each(self, table: Table, path: str, *, keep_empty: bool = False) -> tuple[str, str]:
        """SQL for the values of a field, and where they come from: a list gives each of its elements."""
        field = table.field(path)
        if not field.is_list:
            return table.value_of(path), f"{table.name} AS t"
        if table.has_column(path):
            join = "LEFT JOIN" if keep_empty else "JOIN"
            return "s.value", f"{table.name} AS t {join} {side_name(table, field)} AS s ON s.row = t._row"
        join = "LEFT JOIN" if keep_empty else "JOIN"
        return field.element, f"{table.name} AS t {join} {field.each}"

    async def _rows(self, sql: str, values: Sequence[Any]) -> list[Any]:
        rows: list[Any] = await self._reporter.submit(Answer(sql, values, list))
        return rows

    async def search(
        self, kind: type[R], words: Sequence[Word], where: Where | None = None, *, limit: int = 20, after: str | None = None
    ) -> Found[R]:
        table = self._table(kind)
        question = Question.of(table, words, where or {}, limit, after)
        page: Page = await self._reporter.submit(Call(partial(search, question=question)))
        return Found(table.records(page.rows), page.after)

    # Writing

    async def insert(self, records: Sequence[Record]) -> list[bool]:
        now = self._clock.now()
        stamp = iso(now)
        tables = self._tables
        rows = []
        for record in records:
            table = tables.get(type(record)) or self._table(type(record))
            born = record.created_at
            row = table.row(record, stamp if born is None else iso(born), stamp, record.version)
            rows.append((table.collection, table.insert_or_skip, row))
        if not rows:
            return []
        fresh: list[bool] = await self._writer.submit(Inserts(rows))
        for record, was_new in zip(records, fresh, strict=True):
            if was_new:
                stamp_record(record, now)
        return fresh

    async def upsert(self, records: Sequence[Record]) -> None:
        """Writes each whole record, all or none of them; a record that was there keeps the moment it was first written.

        Raises Duplicate when another unique key than the id is taken. Read a record again before you `Put` it.
        """
        now = self._clock.now()
        stamp = iso(now)
        steps = []
        for record in records:
            table = self._table(type(record))
            require_changeable(type(record))
            born = record.created_at
            sql = table.upsert_keeping_birth if born is None else table.upsert
            row = table.row(record, stamp if born is None else iso(born), stamp, record.version)
            steps.append(Step(table.collection, sql, row))
        if steps:
            await self._writer.submit(Steps(steps, guarded=len(steps) > 1))
        for record in records:
            record.__dict__["updated_at"] = now

    async def load(self, records: Sequence[Record]) -> None:
        """Writes each record exactly as it is, all or none of them; what lacks its moments gets the present one."""
        stamp = iso(self._clock.now())
        steps = []
        for record in records:
            table = self._table(type(record))
            created = stamp if record.created_at is None else iso(record.created_at)
            updated = created if record.updated_at is None else iso(record.updated_at)
            steps.append(Step(table.collection, table.load, table.row(record, created, updated, record.version)))
        if steps:
            await self._writer.submit(Steps(steps, guarded=len(steps) > 1))

    async def change(
        self,
        kind: type[Record],
        where: Where,
        *,
        set: Mapping[str, Any] | None = None,
        inc: Mapping[str, int | float | Decimal] | None = None,
        push: Mapping[str, Any] | None = None,
    ) -> int:
        table = self._table(kind)
        require_changeable(kind)
        sql, values = update(table, where, set or {}, inc or {}, push or {}, iso(self._clock.now()))
        touched: int = await self._writer.submit(Steps([Step(table.collection, sql, values)], guarded=False))
        return touched

    async def next_number(self, counter: str) -> int:
        table = self._table(Counter)
        stamp = iso(self._clock.now())
        row = table.row(Counter(id=counter, value=1), stamp, stamp, 0)
        moment = "json_extract(excluded._doc, '$.updatedAt')"
        again = f"json_set(_doc, '$.value', json_extract(_doc, '$.value') + 1, '$.updatedAt', {moment})"
        sql = f"{table.insert_new} ON CONFLICT (_id) DO UPDATE SET _doc = {again} RETURNING json_extract(_doc, '$.value')"
        rows: list[tuple[int]] = await self._writer.submit(Answer(sql, row, list))
        return rows[0][0]

    def before_commit(self, look: Look) -> None:
        self._look = look

    async def commit(self, unit: Unit) -> None:
        if not unit:
            return
        if self._look is not None:
            await self._look(unit)
        now = self._clock.now()
        steps: list[Step] = []
        written: dict[int, Record] = {}
        stamp = iso(now)
        for operation in unit.operations:
            kind = type(operation)
            if kind is Insert or kind is Put:
                record = operation.record  # type: ignore[union-attr]
                if id(record) in written:
                    continue  # the same object: its first writing holds its newest state already
                written[id(record)] = record
            steps.append(step_of(operation, self._table, stamp))
        await self._writer.submit(Steps(steps, guarded=needs_savepoint(unit.operations)))
        if written:
            tell_records(unit.operations, now)
        await unit.written()

    async def sweep(self) -> int:
        now = self._clock.now()
        gone = 0
        for table in self._tables.values():
            for index in table.indexes:
                if index.ttl is not None:
                    gone += await self._sweep(table, index, iso(now - timedelta(seconds=index.ttl)))
        return gone

    async def _sweep(self, table: Table, index: Index, limit: str) -> int:
        """In several goes, so that a large one does not hold up the writes of others."""
        only = "".join(f" AND {table.value_of(path)} = {quote_text(value)}" for path, value in index.where.items())
        past = f"SELECT t._row FROM {table.name} AS t WHERE {table.value_of(index.fields[0])} <= ?{only} LIMIT {_SWEPT_AT_ONCE}"
        sql = f"DELETE FROM {table.name} WHERE _row IN ({past})"
        gone = 0
        while True:
            step = Step(table.collection, sql, [limit])
            removed: int = await self._writer.submit(Steps([step], guarded=False))
            gone += removed
            if removed < _SWEPT_AT_ONCE:
                return gone

    # Time and wake-ups

    async def now(self) -> datetime:
        """This machine's time: all processes on one file share it."""
        return self._clock.now()

    def announce(self, doing: Doing) -> None:
        """There is nobody to be told."""

    async def processes(self) -> list[Process]:
        return []

    def watch(self, told: Callable[[], None]) -> Callable[[], None]:
        """Looks four times a second, while anybody watches, whether another process has committed."""
        ticket = object()
        self._watchers[ticket] = told
        if self._watching is None:
            self._watching = asyncio.get_running_loop().create_task(self._watch())

        def end() -> None:
            self._watchers.pop(ticket, None)

        return end

    async def _watch(self) -> None:
        try:
            seen = None
            while self._watchers:
                with contextlib.suppress(StoreUnavailable):  # busy or full just now: it looks again
                    version = await self._writer.submit(DataVersion())
                    if seen is not None and version != seen:
                        for told in list(self._watchers.values()):
                            told()
                    seen = version
                await self._clock.sleep(_POLL_SECONDS)
        finally:
            self._watching = None


class _Unwrapped(Call):
    """A function of the connection that looks after its own transaction."""

    __slots__ = ()
    writes = False
