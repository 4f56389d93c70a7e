"""An older and a newer version of the program on one database, and the server's time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pydantic import create_model
from pymongo import AsyncMongoClient

from bot.clock import SystemClock
from bot.errors import DataTooNew, RecordError
from bot.records.base import RECORDS, Index, Part, Record, record
from bot.records.work import Fence
from bot.store.base import Put, Unit
from bot.store.mongo import MongoStore
from bot.store.ownership import own_database
from bot.store.versions import Process, number_of, older_than
from bot.testing.processes import Program

pytestmark = pytest.mark.contract


@pytest.fixture
async def database(mongo_uri: str) -> AsyncIterator[Any]:
    async with AsyncMongoClient[dict[str, Any]](mongo_uri, tz_aware=True) as client:
        name = f"switchboard_test_{uuid4().hex[-12:]}"
        yield client[name]
        await client.drop_database(name)


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    yield
    RECORDS.pop("grown", None)


class Body(Part):
    weight: int = 0


class NewerBody(Part):
    weight: int = 0
    mood: str = ""


def declared(*indexes: Index, upgrades: tuple[Any, ...] = (), **fields: Any) -> Any:
    """A record type of the collection `grown`, as one version of the program declares it."""
    return record("grown", *indexes, upgrades=upgrades)(create_model("Grown", __base__=Record, **fields))


@asynccontextmanager
async def running(mongo_uri: str, database: Any, version: str, *kinds: Any) -> AsyncIterator[MongoStore]:
    """A process of this version, heard from just now."""
    store = MongoStore(mongo_uri, database.name, SystemClock(), (Fence, *kinds), version)
    await store.open()
    try:
        await store.keep_clear(60)
        yield store
    finally:
        await store.close()


async def read(store: MongoStore, kind: Any, id: str) -> Any:
    found = await store.get(kind, id)
    assert found is not None
    return found


async def test_what_a_newer_version_has_added_stays_when_an_older_one_writes_the_record(mongo_uri: str, database: Any) -> None:
    older = declared(name=(str, ""), body=(Body, Body()))
    newer = declared(name=(str, ""), nick=(str, ""), body=(NewerBody, NewerBody()))
    async with running(mongo_uri, database, "1.0", older) as old, running(mongo_uri, database, "1.1", newer) as new:
        await new.insert([newer(id="a", name="Ana", nick="Anita", body=NewerBody(weight=1, mood="glad"))])
        ana = await read(old, older, "a")
        ana.name = "Ana Ruiz"
        ana.body.weight = 2
        await old.commit(Unit(Put(ana)))
        found = await read(new, newer, "a")
        assert (found.name, found.nick, found.body) == ("Ana Ruiz", "Anita", NewerBody(weight=2, mood="glad"))


@pytest.mark.parametrize("newer_comes_first", [False, True])
async def test_a_document_of_a_newer_shape_is_refused_in_one_line_and_the_others_are_not(
    newer_comes_first: bool, mongo_uri: str, database: Any
) -> None:
    older = declared(full=(str, ""))

    def split(old: dict[str, Any]) -> dict[str, Any]:
        return {"names": str(old.pop("full", "")).split(), **old}

    newer = declared(upgrades=(split,), names=(list[str], []))
    order = [("1.1", newer), ("1.0", older)] if newer_comes_first else [("1.0", older), ("1.1", newer)]
    async with running(mongo_uri, database, *order[0]) as first, running(mongo_uri, database, *order[1]) as second:
        old, new = (second, first) if newer_comes_first else (first, second)
        await old.insert([older(id="a", full="Ana Ruiz"), older(id="b", full="Ben Ode")])
        upgraded = await read(new, newer, "a")
        assert upgraded.names == ["Ana", "Ruiz"]
        await new.commit(Unit(Put(upgraded)))
        with pytest.raises(DataTooNew, match=r"^grown a: has shape 2, and this version knows 1; upgrade Switchboard$"):
            await read(old, older, "a")
        untouched = await read(old, older, "b")
        await old.commit(Unit(Put(untouched)))
        await old.insert([older(id="c", full="Cara Lee")])
        assert [one.names for one in await new.find(newer, {"id": "c"})] == [["Cara", "Lee"]]
        assert await database["grown"].count_documents({"_id": "a", "names": ["Ana", "Ruiz"], "shapeNumber": 2}) == 1


async def test_a_document_of_todays_shape_is_still_checked_by_the_database_while_older_ones_pass(
    mongo_uri: str, database: Any
) -> None:
    newer = declared(upgrades=(lambda old: old,), names=(list[str], []))
    async with running(mongo_uri, database, "1.1", newer) as new:
        stray = newer(id="a")
        object.__setattr__(stray, "__pydantic_extra__", {"stray": 1})
        with pytest.raises(RecordError, match=r"^the database refuses this document: stray \(unknown\)$"):
            await new.insert([stray])
        await database["grown"].insert_one({"_id": "b", "version": 0, "stray": 1})


async def test_an_older_version_that_starts_leaves_indexes_and_validators_to_the_newer_one(mongo_uri: str, database: Any) -> None:
    older = declared(Index("full"), full=(str, ""))
    newer = declared(Index("nick", unique=True), full=(str, ""), nick=(str | None, None))

    async def indexed() -> set[str]:
        return set(await database["grown"].index_information()) - {"_id_"}

    async with running(mongo_uri, database, "1.0", older), running(mongo_uri, database, "1.1", newer) as new:
        both = await indexed()
        assert len(both) == 2, "the older one still works with its own"
        async with running(mongo_uri, database, "1.0", older):
            assert await indexed() == both
        await new.insert([newer(id="a", nick="Anita")])
    async with running(mongo_uri, database, "1.1", newer):
        assert len(await indexed()) == 1, "nobody needs the other one any more"


async def test_processes_see_each_others_version_and_doing_for_as_long_as_they_are_heard_from(
    mongo_uri: str, database: Any
) -> None:
    kind = declared(full=(str, ""))
    async with running(mongo_uri, database, "1.1", kind) as watching:
        async with running(mongo_uri, database, "1.0", kind) as old:
            old.announce(lambda: {"turns": 7})
            await old.keep_clear(60)
            [seen] = await watching.processes()
            assert (seen.version, seen.doing) == ("1.0", {"turns": 7})
            assert older_than("1.1", [seen]) == [seen]
            await old.keep_clear(0)
            assert await watching.processes() == [], "it has been silent for longer than it said"
        assert await watching.processes() == []


def test_versions_are_compared_by_their_numbers() -> None:
    assert number_of("0.9.0") < number_of("0.10.0") < number_of("1.0.0rc1")
    assert older_than("0.1.0", [Process("from before versions were told", "")])


HANGS_IN_MID_WRITE = """
import asyncio, sys
from bot.clock import SystemClock
from bot.errors import FenceLost
from bot.records.work import Fence
from bot.store.base import Insert, Require, Unit
from bot.store.mongo import MongoStore
from bot.store.mongo_units import Units
from bot.store.ownership import own_database

async def settle(*_):
    print("begun", flush=True)
    await asyncio.Event().wait()

async def main(uri, database, lease):
    store = MongoStore(uri, database, SystemClock(), (Fence,))
    async with own_database(store, float(lease)) as owned:
        Units._settle = settle
        held = Require(Fence, {"id": "local", "value": owned.fence}, FenceLost)
        await store.commit(Unit(held, Insert(Fence(id="x"))))

asyncio.run(main(*sys.argv[1:]))
"""


async def test_what_a_killed_process_alone_had_begun_to_write_holds_nobody_up(
    mongo_uri: str, database: Any, tmp_path: Path
) -> None:
    lease = 1.0
    arguments = ["-c", HANGS_IN_MID_WRITE, mongo_uri, database.name, str(lease)]
    alone = Program(arguments, log=tmp_path / "alone.log", says_when_ready="begun")
    try:
        await alone.start().ready()
    finally:
        alone.close()
    began = time.monotonic()
    store = MongoStore(mongo_uri, database.name, SystemClock(), (Fence,))
    async with asyncio.timeout(20), own_database(store, lease) as following:
        assert following.fence == 2
        assert await store.get(Fence, "x") is None
    assert time.monotonic() - began < lease + 2.0


async def test_the_servers_time_is_right_in_every_time_zone(
    mongo_uri: str, database: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        async with running(mongo_uri, database, "1.0") as store:
            assert abs((await store.now() - SystemClock().now()).total_seconds()) < 60
    finally:
        monkeypatch.undo()
        time.tzset()
