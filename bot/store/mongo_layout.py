"""Opening a database: whether it is ours to use, and bringing its collections up to what the records declare."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

import structlog
from pymongo import UpdateOne
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError, OperationFailure

from bot.errors import DataTooNew, StoreError
from bot.records.base import Record
from bot.store.mongo_connection import time_of
from bot.store.mongo_schema import PREFIX, MongoIndex, indexes_of, search_index_of, text_index_of, validator_of
from bot.store.mongo_sessions import fresh_notes
from bot.store.versions import number_of
from bot.store.words import TOKENS, Searched

log = structlog.get_logger()

LAYOUT = 1
"""The number of the layout that this program writes."""
META = "meta"
PULSES = "pulses"
"""A document per process, counted up when it has committed (`mongo_watch`)."""
SESSIONS = "processes"
"""A note per process that shares the database: its sessions (`mongo_sessions`)."""
PULSE_TTL = 24 * 3600

_LAYOUT_ID = "layout"
_EXISTS, _NO_INDEX = 48, 27
_CLASHES = (85, 86)
"""There is an index over the same keys that is not ours."""
_PAGE = 1000
_AT_ONCE = 8
"""Collections that are looked after side by side."""

Database = AsyncDatabase[dict[str, Any]]


async def bring_up(database: Database, kinds: Iterable[type[Record]], place: str, version: str) -> None:
    """Adds what the declarations have and the database lacks, drops those of our indexes that nobody declares any more.

    Where a newer version has been, only what is missing altogether is added: what it has declared stays. Nothing is dropped
    while another version works.

    Raises DataTooNew where a newer version wrote it, and StoreError where what is stored breaks a unique index. Both leave the
    documents as they are. Doing it again changes nothing, and two processes may do it at once.
    """
    found = await database[META].find_one({"_id": _LAYOUT_ID})
    layout = 0 if found is None else int(found["number"])
    if layout > LAYOUT:
        raise DataTooNew(
            f"{place}, database {database.name}: was written by a newer version of Switchboard (layout {layout}, this one knows "
            f"{LAYOUT}); it was left untouched. Start the newer version"
        )
    newest = "" if found is None else str(found.get("version", ""))
    is_outdated = number_of(version) < number_of(newest)
    if is_outdated:
        log.warning("a newer version has opened this database; its indexes and validators stay", newer=newest, this=version)
    is_alone = not is_outdated and not await _are_others_at_work(database, version)
    have = {described["name"]: described.get("options", {}) async for described in await database.list_collections()}
    few = asyncio.Semaphore(_AT_ONCE)

    async def one(kind: type[Record]) -> None:
        async with few:
            name = kind.shape.collection
            if not is_outdated or name not in have:
                await _validated(database, name, validator_of(kind), have.get(name))
            await _indexed(database[name], kind, is_new=name not in have, drops=is_alone)

    await asyncio.gather(*(one(kind) for kind in kinds))
    if PULSES not in have:
        await _create(database, PULSES)
        await database[PULSES].create_index("at", name=f"{PREFIX}at_ttl", expireAfterSeconds=PULSE_TTL)
    if layout < LAYOUT or number_of(newest) < number_of(version):
        told = {"$max": {"number": LAYOUT}, "$set": {"version": version}}
        await database[META].update_one({"_id": _LAYOUT_ID}, told, upsert=True)


async def _are_others_at_work(database: Database, version: str) -> bool:
    """Whether a process of another version works here."""
    notes = await fresh_notes(database[SESSIONS], await time_of(database.client))
    return any(note.get("version", "") != version for note in notes)


async def _create(database: Database, name: str, **options: Any) -> bool:
    try:
        await database.create_collection(name, check_exists=False, **options)
    except OperationFailure as error:
        if error.code != _EXISTS:  # another process was faster
            raise
        return False
    return True


async def _validated(database: Database, name: str, validator: dict[str, Any], options: Mapping[str, Any] | None) -> None:
    """Sees to it that the collection is there with this validator. What is stored already and breaks it may still be changed."""
    wanted: dict[str, Any] = {"validator": validator, "validationLevel": "moderate"}
    if options is None and await _create(database, name, **wanted):
        return
    if options is None or any(options.get(option) != value for option, value in wanted.items()):
        await database.command("collMod", name, **wanted)


async def _indexed(collection: AsyncCollection[dict[str, Any]], kind: type[Record], *, is_new: bool, drops: bool) -> None:
    wanted = {index.name: index for index in indexes_of(kind)}
    text = text_index_of(kind)
    have = [] if is_new else [MongoIndex.listed(dict(described)) async for described in await collection.list_indexes()]
    named = {index.name: index for index in have}
    kept = [*wanted.values(), *([text] if text else [])]
    for index in have:
        if drops and index.name.startswith(PREFIX) and index not in kept:  # nobody declares it any more, or somebody changed it
            await _drop(collection, index.name)
            del named[index.name]
    alike = [(index.keys, index.options) for index in named.values()]  # whoever made them: an index serves by what it is
    search = search_index_of(kind)
    missing = [index for index in wanted.values() if (index.keys, index.options) not in alike]
    if search in missing and not is_new:
        await _make_tokens(collection, kind)
    if missing:
        await _build(collection, missing)
    if text is not None and (text.keys, text.options) not in alike:
        await _build_text(collection, text)


async def _make_tokens(collection: AsyncCollection[dict[str, Any]], kind: type[Record]) -> None:
    """Gives documents that were written without, or by other rules, the tokens by which they are found."""
    searched = Searched(kind)
    writes: list[UpdateOne] = []
    async for document in collection.find({}, dict.fromkeys(searched.stored, 1)):
        # Only while it still says what the tokens were made of: whoever changes it meanwhile makes them too.
        as_read = {"_id": document["_id"], **{name: document.get(name) for name in searched.stored}}
        writes.append(UpdateOne(as_read, {"$set": {TOKENS: searched.tokens_of_document(document)}}))
        if len(writes) == _PAGE:
            await collection.bulk_write(writes, ordered=False)
            writes = []
    if writes:
        await collection.bulk_write(writes, ordered=False)


async def _drop(collection: AsyncCollection[dict[str, Any]], name: str) -> None:
    try:
        await collection.drop_index(name)
    except OperationFailure as error:
        if error.code != _NO_INDEX:
            raise


async def _build(collection: AsyncCollection[dict[str, Any]], missing: list[MongoIndex]) -> None:
    command = {"createIndexes": collection.name, "indexes": [index.made() for index in missing]}
    try:
        await collection.database.command(command)
    except DuplicateKeyError as error:
        fields = ", ".join((error.details or {}).get("keyPattern") or ())
        raise StoreError(
            f"what is stored already breaks a unique index that is declared now: {collection.name}: {fields}"
        ) from None
    except OperationFailure as error:
        if error.code not in _CLASHES:
            raise
        raise StoreError(
            f"{collection.name}: an index that is not Switchboard's stands in the way of a declared one; drop it: "
            f"{str((error.details or {}).get('errmsg', error))[:300]}"
        ) from None


async def _build_text(collection: AsyncCollection[dict[str, Any]], text: MongoIndex) -> None:
    """Only for who asks the database by hand: a server without `$text` does without."""
    try:
        await collection.database.command({"createIndexes": collection.name, "indexes": [text.made()]})
    except OperationFailure:
        return
