"""The store on MongoDB: a replica set, pymongo's own asyncio client, every write confirmed by a majority and journaled.

Choices where the port leaves one:
- Queries are refused without an index by the same rule as on the embedded store, so what runs there runs here.
- Whether a field is None is not asked through a unique index: those leave such documents out.
- A unit of one operation on one document needs no transaction; every other is one (`mongo_units`).
- An `upsert` or `load` of several records is one transaction too: keep it to a few thousand.
- `now` and `sweep` go by the server's time; records are stamped with this process's clock.
- `watch` tells of other Switchboard processes, not of programs that write to the database behind our back (`mongo_watch`).
- Documents that break a declaration are refused by the database too, whoever writes them (`mongo_schema`).
Tested against SecantusDB 0.7.0b3, and against any real server in TEST_MONGODB_URI.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, TypeVar

from bson.raw_bson import RawBSONDocument
from pymongo import ReadPreference, ReplaceOne, ReturnDocument, UpdateOne
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.read_concern import ReadConcern

from bot.clock import Clock
from bot.errors import Conflict, StoreError, StoreUnavailable, UnindexedQuery
from bot.records.base import Record
from bot.records.tokens import Word
from bot.records.work import Counter, Fence
from bot.store.base import Found, Look, Unit, Where
from bot.store.catalog import every_kind
from bot.store.fields import stamp_record, tell_records
from bot.store.mongo_connection import Client, Translated, client_of, place_of, require_replica_set, time_of
from bot.store.mongo_documents import CODEC, Collection, thaw
from bot.store.mongo_fences import raised
from bot.store.mongo_inserts import Inserts
from bot.store.mongo_layout import PULSES, SESSIONS, bring_up
from bot.store.mongo_query import Filter, asked_for, behind, filter_of, order_of, update_of
from bot.store.mongo_search import place_in, searched_for
from bot.store.mongo_sessions import Sessions
from bot.store.mongo_units import BULK_WRITE, DURABLE, Documents, Place, Units, steps_of
from bot.store.mongo_watch import Pulses
from bot.store.versions import VERSION, Doing, Process
from bot.store.words import require_changeable

R = TypeVar("R", bound=Record)

_PAGE = 1000

_Write = UpdateOne | ReplaceOne[Any]


class MongoStore:
    """The Store in one database of a MongoDB. `kinds` are the record types it keeps; by default all that are declared."""

    def __init__(
        self, uri: str, database: str, clock: Clock, kinds: Iterable[type[Record]] | None = None, version: str = VERSION
    ) -> None:
        self._uri = uri
        self._database = database
        self._clock = clock
        self._kinds = kinds
        self._version = version
        self._place = place_of(uri)
        self._client: Client | None = None
        self._look: Look | None = None
        self._places: dict[type[Record], Place] = {}
        self._inserts: dict[type[Record], Inserts] = {}
        self._names: dict[str, Collection] = {}
        self._translated = Translated(self._place, self._path_of)
        self._sessions: Sessions
        self._units: Units
        self._pulses: Pulses

    # Opening and closing

    async def open(self) -> None:
        """Connects, and brings the database up to the declarations.

        Raises SettingsError (not an address), StoreUnavailable (not reachable, not let in, no replica set), DataTooNew, and
        StoreError (a unique index that what is stored breaks); each names the setting and the fix, never the password.
        """
        client = client_of(self._uri)
        try:
            wire = await require_replica_set(client, self._place)
            kinds = tuple(every_kind() if self._kinds is None else self._kinds)
            database = client.get_database(
                self._database,
                codec_options=CODEC,
                read_preference=ReadPreference.PRIMARY,
                read_concern=ReadConcern("majority"),
                write_concern=DURABLE,
            )
            with self._translated:
                await bring_up(database, kinds, self._place, self._version)
        except BaseException:
            await client.close()
            raise
        self._places = {kind: Place(Collection(kind), database[kind.shape.collection]) for kind in kinds}
        self._names = {collection.name: collection for collection, _ in self._places.values()}
        self._inserts = {kind: Inserts(documents, self._translated) for kind, (_, documents) in self._places.items()}
        shapes = {kind.shape.collection: kind.shape.number for kind in kinds if kind.shape.upgrades}
        self._sessions = Sessions(client, database[SESSIONS], self._version, shapes)
        self._units = Units(self._sessions, self._translated, has_bulk_write=wire >= BULK_WRITE)
        self._pulses = Pulses(database[PULSES], self._clock.now)
        self._client = client

    async def close(self) -> None:
        """Finishes what was begun, lets go of the server; then every method raises StoreUnavailable."""
        client, self._client = self._client, None
        if client is None:
            return
        self._places = {}
        for inserts in self._inserts.values():
            await inserts.finish()
        await self._units.finish()
        await self._sessions.close()
        await self._translated.idle()
        await self._pulses.close()
        await client.close()

    def _of(self, kind: type[Record]) -> Place:
        try:
            return self._places[kind]
        except KeyError:
            if self._client is None:
                raise StoreUnavailable(f"{self._place}: the store is not open") from None
            raise StoreError(f"{kind.__name__} is not among the records of this store") from None

    def _path_of(self, collection: str, stored: str) -> str:
        known = self._names.get(collection)
        return stored if known is None else known.path_of(stored)

    # Reading

    async def get(self, kind: type[R], id: str) -> R | None:
        collection, documents = self._of(kind)
        with self._translated:
            found = await documents.find_one({"_id": id}, collection.projection)
        if found is None:
            return None
        record: R = collection.record(found)
        return record

    async def find(
        self, kind: type[R], where: Where, *, sort: Sequence[str] = (), limit: int | None = None, after: str | None = None
    ) -> list[R]:
        """The documents that match, in order; ties are broken by the id, in the direction of the last sort field.

        Raises UnindexedQuery, StoreError (no such field), and Conflict when the document to continue behind is gone.
        """
        collection, documents = self._of(kind)
        if limit is not None:
            if limit <= 0:
                return []
        elif not where and not sort:
            raise UnindexedQuery(f"{collection.name}: a whole collection is read in pages; give a limit (and `after`)")
        asked = asked_for(collection, where, sort)
        with self._translated:
            if after is not None:
                further = await self._behind(collection, documents, sort, after)
                asked = {"$and": [asked, further]} if asked else further
            ordered, part = order_of(collection, sort), collection.projection
            found = await documents.find(asked, part, sort=ordered, limit=limit or 0, batch_size=limit or _PAGE).to_list()
        records: list[R] = collection.records(found)
        return records

    async def _behind(self, collection: Collection, documents: Documents, sort: Sequence[str], after: str) -> Filter:
        if len(sort) > 1:
            raise StoreError(f"{collection.name}: a page can continue only in an order by one field")
        path = sort[0] if sort else "id"
        down, path = path.startswith("-"), path.lstrip("-")
        name = collection.stored(path)
        pivot: Any = None
        if name != "_id":
            pivot = await documents.find_one({"_id": after}, {name: 1})
            if pivot is None:
                raise Conflict(f"{collection.name}: {after}, behind which the page continues, is gone")
            for key in name.split("."):
                pivot = pivot.get(key) if isinstance(pivot, dict) else None
        return behind(name, down, pivot, after)

    async def count(self, kind: type[Record], where: Where) -> int:
        collection, documents = self._of(kind)
        asked = asked_for(collection, where)
        with self._translated:
            return await documents.count_documents(asked)

    async def distinct(self, kind: type[Record], field: str, where: Where) -> list[Any]:
        collection, documents = self._of(kind)
        asked = asked_for(collection, where, (field,))
        name = collection.stored(field)
        steps = [{"$match": asked}, *_each(collection, field), {"$match": {name: {"$ne": None}}}]
        found = await self._rows(documents, [*steps, {"$group": {"_id": f"${name}"}}, {"$sort": {"_id": 1}}])
        restore = collection.field(field).restore
        return [restore(row["_id"]) for row in found]

    async def tally(self, kind: type[Record], by: str, where: Where, *, total: str | None = None) -> dict[Any, float]:
        """How many match per value of `by` (each element of a list counts; None where it is absent), or the sums of `total`."""
        collection, documents = self._of(kind)
        asked = asked_for(collection, where) if where else filter_of(collection, where)[0]
        what = 1 if total is None else f"${collection.stored(total)}"
        group = {"_id": {"$ifNull": [f"${collection.stored(by)}", None]}, "sum": {"$sum": what}}
        steps = [{"$match": asked}, *_each(collection, by, keep_empty=True), {"$group": group}, {"$sort": {"_id": 1}}]
        restore = collection.field(by).restore
        found = await self._rows(documents, steps)
        return {restore(row["_id"]): float(row["sum"]) if isinstance(row["sum"], Decimal) else row["sum"] for row in found}

    async def _rows(self, documents: Documents, steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
        with self._translated:
            cursor = await documents.aggregate(steps, allowDiskUse=True)
            return [thaw(row) for row in await cursor.to_list()]

    async def search(
        self, kind: type[R], words: Sequence[Word], where: Where | None = None, *, limit: int = 20, after: str | None = None
    ) -> Found[R]:
        collection, documents = self._of(kind)
        asked, order = searched_for(collection, words, where or {}, after)
        if not words or limit <= 0:
            return Found([])
        with self._translated:
            found = await documents.find(asked, collection.projection, sort=order, limit=limit + 1).to_list()
        further = place_in(collection, found[limit - 1]) if len(found) > limit else None
        return Found(collection.records(found[:limit]), further)

    # Writing

    async def insert(self, records: Sequence[Record]) -> list[bool]:
        now = self._clock.now()
        kinds = set(map(type, records))
        batches: dict[type[Record], tuple[list[Record], list[RawBSONDocument]]] = {}
        for kind in kinds:  # all are encoded before any is sent
            make = self._of(kind).collection.document
            batch = list(records) if len(kinds) == 1 else [one for one in records if type(one) is kind]
            batches[kind] = batch, [make(one, one.created_at or now, now, one.version) for one in batch]
        told = {kind: await self._inserts[kind].insert(documents) for kind, (_, documents) in batches.items()}
        for kind, (batch, _) in batches.items():
            for one, was_new in zip(batch, told[kind], strict=True):
                if was_new:
                    stamp_record(one, now)
        if any(map(any, told.values())):
            self._pulses.beat()
        if len(kinds) == 1:
            return told[kinds.pop()]
        answers = {kind: iter(fresh) for kind, fresh in told.items()}
        return [next(answers[type(one)]) for one in records]

    async def upsert(self, records: Sequence[Record]) -> None:
        """Writes each whole record, all or none of them; a record that was there keeps the moment it was first written.

        Raises Duplicate when another unique key than the id is taken. Read a record again before you `Put` it.
        """
        now = self._clock.now()
        writes: dict[type[Record], list[_Write]] = {}
        for record in records:
            collection = self._of(type(record)).collection
            require_changeable(type(record))
            born = record.created_at or now
            document = collection.document(record, born, now, record.version)
            kept: dict[str, Any] = {"version": {"$ifNull": [{"$add": ["$version", 1]}, record.version]}}
            if record.created_at is None:
                kept["createdAt"] = {"$ifNull": ["$createdAt", born]}
            update = [{"$replaceWith": {"$mergeObjects": [{"$literal": document}, kept]}}]
            writes.setdefault(type(record), []).append(UpdateOne({"_id": record.id}, update, upsert=True))
        await self._write(writes)
        for record in records:
            record.__dict__["updated_at"] = now

    async def load(self, records: Sequence[Record]) -> None:
        """Writes each record exactly as it is, all or none of them; what lacks its moments gets the present one."""
        now = self._clock.now()
        writes: dict[type[Record], list[_Write]] = {}
        for record in records:
            created = record.created_at or now
            document = self._of(type(record)).collection.document(record, created, record.updated_at or created, record.version)
            writes.setdefault(type(record), []).append(ReplaceOne({"_id": record.id}, document, upsert=True))
        await self._write(writes)

    async def _write(self, writes: Mapping[type[Record], list[_Write]]) -> None:
        if not writes:
            return
        batches = [(self._of(kind).documents, batch) for kind, batch in writes.items()]
        if len(batches) == 1 and len(batches[0][1]) == 1:
            with self._translated:
                await _bulk(batches)
        else:
            await self._units.together(partial(_bulk, batches))
        self._pulses.beat()

    async def change(
        self,
        kind: type[Record],
        where: Where,
        *,
        set: Mapping[str, Any] | None = None,
        inc: Mapping[str, int | float | Decimal] | None = None,
        push: Mapping[str, Any] | None = None,
    ) -> int:
        collection, documents = self._of(kind)
        asked = asked_for(collection, where)
        update = update_of(collection, set or {}, inc or {}, push or {}, self._clock.now())
        with self._translated:
            write = documents.update_one if isinstance(where.get("id"), str) else documents.update_many
            touched = (await write(asked, update)).matched_count
        if touched:
            self._pulses.beat()
        return touched

    async def next_number(self, counter: str) -> int:
        number = await self._count_up(counter)
        if number is None:
            # Not by an upsert: of many that begin a counter at once, SecantusDB leaves some without an answer.
            await self.insert([Counter(id=counter)])
            number = await self._count_up(counter)
        if number is None:
            raise Conflict(f"the counter {counter} was taken away while it was counted up")
        return number

    async def _count_up(self, counter: str) -> int | None:
        documents = self._of(Counter).documents
        update = {"$inc": {"value": 1}, "$set": {"updatedAt": self._clock.now()}}
        with self._translated:
            counted = await documents.find_one_and_update({"_id": counter}, update, return_document=ReturnDocument.AFTER)
        return None if counted is None else int(counted["value"])

    async def raise_fences(self, ids: Sequence[str], holder: str) -> Mapping[str, int]:
        """Raises each by one, durably; the new numbers. Those are missing that somebody else has raised at the same time."""
        place = self._of(Fence)
        with self._translated:
            return await raised(place, self._inserts[Fence], ids, holder, self._clock.now())

    async def keep_clear(self, silent: float) -> None:
        """Undoes what processes had begun to write that have been silent for so many seconds. Raises StoreUnavailable."""
        with self._translated:
            await self._sessions.keep_clear(silent)

    def need_no_watch(self) -> None:
        """From here on nobody watches for this process's commits, and they need no pulse: four writes a second less."""
        self._pulses.cease()

    def announce(self, doing: Doing) -> None:
        self._sessions.announce(doing)

    async def processes(self) -> list[Process]:
        with self._translated:
            return await self._sessions.others()

    def before_commit(self, look: Look) -> None:
        self._look = look

    async def commit(self, unit: Unit) -> None:
        if not unit:
            return
        if self._look is not None:
            await self._look(unit)
        now = self._clock.now()
        steps = steps_of(unit.operations, self._of, now)
        await self._units.commit(steps)
        self._pulses.beat()
        tell_records(unit.operations, now)
        await unit.written()

    async def sweep(self) -> int:
        """What the server's own sweeper has not come to yet."""
        now = await self.now()
        gone = 0
        with self._translated:
            for collection, documents in list(self._places.values()):
                for index in collection.indexes:
                    if index.ttl is not None:
                        past: dict[str, Any] = {collection.stored(path): value for path, value in index.where.items()}
                        past[collection.stored(index.fields[0])] = {"$lte": now - timedelta(seconds=index.ttl)}
                        gone += (await documents.delete_many(past)).deleted_count
        if gone:
            self._pulses.beat()
        return gone

    # Time and wake-ups

    async def now(self) -> datetime:
        """The server's time."""
        client = self._client
        if client is None:
            raise StoreUnavailable(f"{self._place}: the store is not open")
        with self._translated:
            return await time_of(client)

    def watch(self, told: Callable[[], None]) -> Callable[[], None]:
        if self._client is None:
            raise StoreUnavailable(f"{self._place}: the store is not open")
        return self._pulses.watch(told)


def _each(collection: Collection, path: str, *, keep_empty: bool = False) -> list[dict[str, Any]]:
    """A list gives each of its elements."""
    if path == "id" or not collection.field(path).is_list:
        return []
    field = collection.field(path)
    return [{"$unwind": {"path": f"${field.parts or field.stored}", "preserveNullAndEmptyArrays": keep_empty}}]


async def _bulk(batches: Sequence[tuple[Documents, list[_Write]]], session: AsyncClientSession | None = None) -> None:
    for documents, batch in batches:
        await documents.bulk_write(batch, ordered=False, session=session)
