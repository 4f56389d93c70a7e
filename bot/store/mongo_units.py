"""Units of work: each is one transaction, or no transaction at all where it is one operation on one document.

What a unit requires is counted up inside its transaction (`_held`), so that of it and whoever changes that document meanwhile one
starts over; only to read it would let a unit of an older fence slip in behind a newer one. Units that require documents of the
same collection (all those under a fence) go together in one transaction, as many as wait: under one fence they would hinder each
other, under different ones each would cost a commit. Fences of one number are held together by one operation (`_alike`). If one
of the units fails, each goes again by itself.

From MongoDB 8.0 on a whole transaction is one `bulkWrite` over all its collections, and its commit; on an older server it is a
command for each operation.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

import bson
from bson.raw_bson import RawBSONDocument
from pymongo import ReadPreference
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import ConnectionFailure, DuplicateKeyError, OperationFailure, PyMongoError
from pymongo.write_concern import WriteConcern

from bot.errors import Conflict, StoreUnavailable
from bot.records.base import Record
from bot.store.base import Change, Delete, Insert, Operation, Put, Require
from bot.store.mongo_connection import Translated, is_transient, is_unknown
from bot.store.mongo_documents import HELD, Collection, encoded
from bot.store.mongo_query import asked_for, update_of
from bot.store.mongo_sessions import Sessions
from bot.store.words import require_changeable

_TRIES = 60
"""Times a transaction is begun again because of others; with the pauses between, about 4 s."""
_LOST_TRIES = 2
"""Times it is begun again because the server went away; each waits until one is found."""
_COMMIT_TRIES = 5
_LONGEST_PAUSE = 0.1
_TOGETHER = 32
_AT_ONCE = 32
"""Transactions under way at a time, well below the pool's 100 connections."""

_MOST_OPERATIONS = 1000
_MOST_BYTES = 8 * 1024 * 1024
"""Of one `bulkWrite`, well below the 16 MB of a command."""
_DUPLICATE = 11000
_FREE = ""
"""The line of the units that require nothing."""

DURABLE = WriteConcern(w="majority", j=True, wtimeout=10_000)
BULK_WRITE = 25
"""The wire version from which a server knows `bulkWrite`: MongoDB 8.0."""

Documents = AsyncCollection[dict[str, Any]]
Take = Callable[[AsyncClientSession], Awaitable[None]]
"""Writes something with a session, as often as it is asked to."""


@dataclass(frozen=True, slots=True)
class Step:
    """One operation of a unit, ready to be sent."""

    verb: type[Operation]
    documents: Documents
    where: RawBSONDocument
    write: RawBSONDocument
    """The document or the update."""
    by_id: bool = False
    must: int | None = None
    otherwise: type[Conflict] = Conflict
    says: str = ""

    @property
    def key(self) -> tuple[str, bytes]:
        """What it requires, comparable."""
        return self.documents.name, bytes(self.where.raw)

    @property
    def size(self) -> int:
        """Bytes, about."""
        return len(self.where.raw) + len(self.write.raw)

    def judge(self, touched: int) -> None:
        """Raises what it names when other than the documents it needs were there."""
        if self.must is not None and touched != self.must:
            raise self.otherwise(self.says)


_NOTHING = encoded({})
_HOLD = encoded({"$inc": {HELD: 1}})


class Place(NamedTuple):
    """A record type's declaration and its collection on the server."""

    collection: Collection
    documents: Documents


def steps_of(operations: Sequence[Operation], place_of: Callable[[type[Record]], Place], now: datetime) -> list[Step]:
    """What a unit sends. Raises UnindexedQuery, StoreError, RecordError before anything is written."""
    steps = []
    written: set[int] = set()
    for operation in _joined(operations):
        if isinstance(operation, Insert | Put):
            if id(operation.record) in written:
                continue  # the same object: its first writing holds its newest state already
            written.add(id(operation.record))
        steps.append(_step(operation, place_of, now))
    return steps


@dataclass(frozen=True, slots=True)
class _HeldChange(Change):
    """The change of a document that the unit also requires: both at once, at half of what they take."""


def _joined(operations: Sequence[Operation]) -> Iterator[Operation]:
    """The operations, with a requirement and the change of what it requires as one.

    The change is then done earlier, so they are left apart where anything else in between concerns that collection.
    """
    kinds = [type(one.record) if isinstance(one, Insert | Put) else one.kind for one in operations]
    joined: set[int] = set()
    for at, operation in enumerate(operations):
        if at in joined:
            continue
        if isinstance(operation, Require):
            later = next((place for place in range(at + 1, len(kinds)) if kinds[place] is operation.kind), at)
            change = operations[later]
            if isinstance(change, Change) and change.must is None and change.where == {"id": operation.where.get("id")}:
                joined.add(later)
                where, otherwise = operation.where, operation.otherwise
                yield _HeldChange(change.kind, where, change.set, change.inc, change.push, must=1, otherwise=otherwise)
                continue
        yield operation


def _step(operation: Operation, place_of: Callable[[type[Record]], Place], now: datetime) -> Step:
    if isinstance(operation, Insert | Put):
        record = operation.record
        collection, documents = place_of(type(record))
        if isinstance(operation, Put):
            require_changeable(type(record))
        born = record.created_at or now
        if isinstance(operation, Insert):
            return Step(Insert, documents, _NOTHING, collection.document(record, born, now, record.version), by_id=True)
        says = f"{collection.name} {record.id}: changed by somebody else since version {record.version} was read"
        # What another program wrote may lack its version, which then counts as 0.
        where = encoded({"_id": record.id, "version": record.version or {"$in": [0, None]}})
        write = collection.document(record, born, now, record.version + 1)
        return Step(Put, documents, where, write, by_id=True, must=1, says=says)
    collection, documents = place_of(operation.kind)
    if not isinstance(operation, Require):
        require_changeable(operation.kind)
    where = encoded(asked_for(collection, operation.where))
    by_id = isinstance(operation.where.get("id"), str)
    if isinstance(operation, Change):
        update = update_of(collection, operation.set, operation.inc, operation.push, now)
        if isinstance(operation, _HeldChange):  # a change that happens to change nothing would not be written, and hold nothing
            update["$inc"] = {**update.get("$inc", {}), HELD: 1}
        return Step(Change, documents, where, encoded(update), by_id, operation.must, operation.otherwise)
    if isinstance(operation, Delete):
        return Step(Delete, documents, where, _NOTHING, by_id)
    return Step(Require, documents, where, _HOLD, by_id=True, must=1, otherwise=operation.otherwise)


async def run(step: Step, session: AsyncClientSession | None = None) -> None:
    """Does one step. Raises what it names when other than the documents it needs were there."""
    documents = step.documents
    if step.verb is Insert:
        await documents.insert_one(step.write, session=session)
    elif step.verb is Delete:
        delete = documents.delete_one if step.by_id else documents.delete_many
        await delete(step.where, session=session)
    elif step.verb is Require and session is None:
        step.judge(1 if await documents.find_one(step.where, {"_id": 1}) else 0)
    elif step.verb is Put:
        step.judge((await documents.replace_one(step.where, step.write, session=session)).matched_count)
    else:
        change = documents.update_one if step.by_id else documents.update_many
        step.judge((await change(step.where, step.write, session=session)).matched_count)


def _needed(steps: Sequence[Step]) -> Iterator[Step]:
    """All but the requirements of what is held already: nobody else can change it, and nothing of ours has since."""
    held: set[tuple[str, bytes]] = set()
    for step in steps:
        if step.verb is not Require:
            held = {key for key in held if key[0] != step.documents.name}
        elif step.key in held:
            continue
        else:
            held.add(step.key)
        yield step


def _alike(steps: Sequence[Step]) -> list[Step]:
    """The steps, with requirements that differ only in the id as one, ahead of all others.

    So the fences of many lanes are held by a few operations. What the steps also write is left in its place.
    """
    written = {step.documents.name for step in steps if step.verb is not Require}
    groups: dict[tuple[str, bytes, type[Conflict]], list[Step]] = {}
    others = []
    for step in steps:
        if step.verb is Require and step.documents.name not in written:
            rest = bson.encode({path: value for path, value in step.where.items() if path != "_id"})
            groups.setdefault((step.documents.name, rest, step.otherwise), []).append(step)
        else:
            others.append(step)
    return [group[0] if len(group) == 1 else _as_group(group) for group in groups.values()] + others


def _as_group(steps: Sequence[Step]) -> Step:
    where = encoded({**steps[0].where, "_id": {"$in": [step.where["_id"] for step in steps]}})
    return replace(steps[0], where=where, by_id=False, must=len(steps))


async def _one_by_one(steps: Sequence[Step], session: AsyncClientSession) -> None:
    for step in steps:
        await run(step, session)


async def _as_one(steps: Sequence[Step], session: AsyncClientSession) -> None:
    """One command for all of them, in their order; it ends at the first that fails."""
    namespaces: dict[str, int] = {}
    operations = [_operation(step, namespaces.setdefault(step.documents.full_name, len(namespaces))) for step in steps]
    command = {
        "bulkWrite": 1,
        "ops": operations,
        "nsInfo": [{"ns": name} for name in namespaces],
        "ordered": True,
        "errorsOnly": False,
    }
    # The plain command: the driver's own `bulk_write` makes three objects for every operation.
    answers = (await session.client.admin.command(command, session=session))["cursor"]["firstBatch"]
    for step, answer in zip(steps, answers, strict=False):
        if not answer["ok"]:
            kind = DuplicateKeyError if answer["code"] == _DUPLICATE else OperationFailure
            raise kind(answer.get("errmsg", ""), answer["code"], answer)
        step.judge(answer["n"])
    if len(answers) != len(steps):
        raise OperationFailure(f"of {len(steps)} operations only {len(answers)} were answered")


def _operation(step: Step, namespace: int) -> Mapping[str, Any]:
    if step.verb is Insert:
        return {"insert": namespace, "document": step.write}
    if step.verb is Delete:
        return {"delete": namespace, "filter": step.where, "multi": not step.by_id}
    return {"update": namespace, "filter": step.where, "updateMods": step.write, "multi": not step.by_id}


class _Waiting(NamedTuple):
    steps: list[Step]
    done: asyncio.Future[None]


class Units:
    """Commits units, as many side by side as do not get into each other's way."""

    def __init__(self, sessions: Sessions, translated: Translated, *, has_bulk_write: bool) -> None:
        self._sessions = sessions
        self._has_bulk_write = has_bulk_write
        self._translated = translated
        self._waiting: dict[str, deque[_Waiting]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._few = asyncio.Semaphore(_AT_ONCE)

    async def commit(self, steps: list[Step]) -> None:
        """Raises Conflict or what a step names, Duplicate, RecordError, StoreUnavailable."""
        only = steps[0]
        if len(steps) == 1 and (only.by_id or only.verb is Require):
            with self._translated:
                await run(only)
            return
        key = next((step.documents.name for step in steps if step.verb is Require), _FREE)
        # Shielded by being a task: a waiter that gives up must not tear a transaction with others in it.
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        line = self._waiting.get(key)
        if line is None:
            line = self._waiting[key] = deque()
            self._task(self._work(key, line))
        line.append(_Waiting(steps, done))
        await done

    async def together(self, take: Take) -> None:
        """Runs whatever writes with the session it gets, in one transaction."""
        await asyncio.shield(self._task(self._transact(take)))

    def _task(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def finish(self) -> None:
        """Waits for what is under way."""
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _work(self, key: str, line: deque[_Waiting]) -> None:
        try:
            while line:
                together = [line.popleft() for _ in range(min(len(line), _TOGETHER))]
                if len(together) == 1 or not await self._together(together):
                    for waiting in together:
                        await self._alone(waiting)
        finally:
            del self._waiting[key]

    async def _together(self, together: list[_Waiting]) -> bool:
        """Whether it settled them; if one of them is at fault, nothing was written and each has to be tried by itself."""
        try:
            await self._transact(partial(self._take, [step for waiting in together for step in waiting.steps]))
        except StoreUnavailable as error:
            for waiting in together:
                if not waiting.done.done():
                    waiting.done.set_exception(error)
            return True
        except Exception:
            return False
        for waiting in together:
            if not waiting.done.done():
                waiting.done.set_result(None)
        return True

    async def _alone(self, waiting: _Waiting) -> None:
        try:
            await self._transact(partial(self._take, waiting.steps))
        except Exception as error:  # it belongs to whoever asked
            if not waiting.done.done():
                waiting.done.set_exception(error)
        else:
            if not waiting.done.done():
                waiting.done.set_result(None)

    async def _take(self, steps: Sequence[Step], session: AsyncClientSession) -> None:
        needed = _alike(list(_needed(steps)))
        fits = len(needed) <= _MOST_OPERATIONS and sum(step.size for step in needed) <= _MOST_BYTES
        await (_as_one if self._has_bulk_write and fits else _one_by_one)(needed, session)

    async def _transact(self, take: Take) -> None:
        async with self._few:
            with self._translated:
                async with self._sessions.one() as session:
                    await self._retry(session, take)

    async def _retry(self, session: AsyncClientSession, take: Take) -> None:
        lost = 0
        for tried in range(1, _TRIES + 1):
            await session.start_transaction(write_concern=DURABLE, read_preference=ReadPreference.PRIMARY)
            try:
                await take(session)
                await self._settle(session)
            except PyMongoError as error:
                if session.in_transaction:
                    await session.abort_transaction()
                lost += isinstance(error, ConnectionFailure)
                if not is_transient(error) or tried == _TRIES or lost > _LOST_TRIES:
                    raise
            except BaseException:
                if session.in_transaction:
                    await session.abort_transaction()
                raise
            else:
                return
            # The others have the same plan: chance decides who goes first.
            await asyncio.sleep(random.uniform(0, min(_LONGEST_PAUSE, 0.002 * 2 ** min(tried, 10))))  # noqa: S311

    async def _settle(self, session: AsyncClientSession) -> None:
        for tried in range(1, _COMMIT_TRIES + 1):
            try:
                await session.commit_transaction()
            except PyMongoError as error:
                if not is_unknown(error) or tried == _COMMIT_TRIES:
                    raise
            else:
                return
