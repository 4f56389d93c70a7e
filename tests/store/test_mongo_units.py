"""How units of work reach a MongoDB: what is sent, and that it means the same in one command as in many.

Run on SecantusDB 0.7.0b3, and on the server in TEST_MONGODB_URI where there is one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from pymongo import AsyncMongoClient, monitoring
from pymongo.asynchronous.database import AsyncDatabase

from bot.clock import SystemClock, new_id
from bot.errors import Conflict, Duplicate, FenceLost, StoreError
from bot.records.work import Counter, Fence
from bot.store.base import Change, Delete, Insert, Put, Require, Unit
from bot.store.mongo import MongoStore
from bot.testing.contracts import CONTRACT_KINDS, Order, Thing

pytestmark = pytest.mark.contract

only_as_one = pytest.mark.parametrize("way", ["bulkWrite"], indirect=True)
FENCE = Require(Fence, {"id": "f", "value": 1}, FenceLost)


class Heard(monitoring.CommandListener):
    """The names of the commands that write, and of how many operations each is."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.sizes: list[int] = []

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        if event.command_name in {"insert", "update", "delete", "bulkWrite"} and event.command.get("update") != "pulses":
            self.names.append(event.command_name)
            self.sizes.append(len(event.command.get("ops", "1")))

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        pass

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        pass


@pytest.fixture(params=["bulkWrite", "a command each"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """How the server takes a unit: as one from MongoDB 8.0 on."""
    if request.param != "bulkWrite":
        monkeypatch.setattr("bot.store.mongo.BULK_WRITE", 1000)
    return str(request.param)


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Iterator[Heard]:
    listener = Heard()
    make = AsyncMongoClient.__init__

    def listening(client: Any, *args: Any, **options: Any) -> None:
        make(client, *args, **options, event_listeners=[listener])

    monkeypatch.setattr(AsyncMongoClient, "__init__", listening)
    yield listener
    monkeypatch.undo()


@pytest.fixture
async def database(mongo_uri: str) -> AsyncIterator[str]:
    name = f"switchboard_test_{new_id()[-12:]}"
    yield name
    async with AsyncMongoClient[dict[str, Any]](mongo_uri) as client:
        await client.drop_database(name)


@pytest.fixture
async def store(way: str, heard: Heard, mongo_uri: str, database: str) -> AsyncIterator[MongoStore]:
    store = MongoStore(mongo_uri, database, SystemClock(), (Counter, Fence, *CONTRACT_KINDS))
    await store.open()
    await store.insert([Fence(id="f", value=1)])
    heard.names.clear()
    heard.sizes.clear()
    yield store
    await store.close()


async def test_a_unit_over_several_collections_is_one_command_where_the_server_knows_one(
    store: MongoStore, heard: Heard, way: str
) -> None:
    unit = Unit(FENCE, Insert(Thing(id="t")), Insert(Order(id="o", number=1)), Change(Thing, {"id": "t"}, inc={"rank": 1}))
    await store.commit(unit)
    assert heard.names == (["bulkWrite"] if way == "bulkWrite" else ["update", "insert", "insert", "update"])
    found = await store.get(Thing, "t")
    assert found is not None
    assert found.rank == 1


@only_as_one
async def test_units_that_wait_go_together_whether_they_require_something_or_not(store: MongoStore, heard: Heard) -> None:
    units = [Unit(Insert(Thing(id=f"{n}a")), Insert(Thing(id=f"{n}b"))) for n in range(40)]
    for unit in units[20:]:
        unit.first(FENCE)
    await asyncio.gather(*map(store.commit, units))
    assert len(heard.names) <= 4
    assert await store.count(Thing, {}) == 80


async def test_a_unit_too_large_for_one_command_is_written_all_the_same(
    store: MongoStore, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.store.mongo_units._MOST_BYTES", 1000)
    await store.commit(Unit(Insert(Thing(id="a", extra={"pad": "p" * 2000})), Insert(Thing(id="b"))))
    monkeypatch.setattr("bot.store.mongo_units._MOST_OPERATIONS", 1)
    await store.commit(Unit(Insert(Thing(id="c")), Insert(Thing(id="d"))))
    assert heard.names == ["insert"] * 4
    assert await store.count(Thing, {}) == 4


async def test_what_spoils_a_unit_is_named_and_nothing_of_it_is_written(store: MongoStore) -> None:
    await store.insert([Thing(id="there", code="taken"), Thing(id="other")])
    old = Thing(id="other", version=7)
    spoilt: list[tuple[type[Exception], list[Any]]] = [
        (FenceLost, [Require(Fence, {"id": "f", "value": 2}, FenceLost), Insert(Thing(id="there"))]),
        (Duplicate, [FENCE, Insert(Thing(id="there"))]),
        (Duplicate, [FENCE, Insert(Thing(id="new2", code="taken"))]),
        (Conflict, [FENCE, Put(old)]),
        (FenceLost, [Change(Thing, {"id": "nobody"}, set={"rank": 1}, must=1, otherwise=FenceLost), Insert(Thing(id="there"))]),
        (Conflict, [FENCE, Delete(Thing, {"id": "other"}), Require(Thing, {"id": "other"})]),
    ]
    for error, operations in spoilt:
        with pytest.raises(error):
            await store.commit(Unit(Insert(Thing(id="new")), *operations))
    assert await store.count(Thing, {}) == 2


async def test_a_requirement_and_the_change_of_what_it_requires_are_one_write(store: MongoStore, heard: Heard) -> None:
    await store.insert([Thing(id="t", rank=1, name="Ana")])
    heard.names.clear()
    heard.sizes.clear()
    for rank, error in ((1, None), (7, FenceLost)):
        unit = Unit(FENCE, Require(Thing, {"id": "t", "rank": rank}, FenceLost), Insert(Order(id=f"o{rank}", number=rank)))
        unit.add(Change(Thing, {"id": "t"}, set={"name": "Bea"}), Change(Thing, {"id": "t"}, inc={"rank": 1}))
        if error is None:
            await store.commit(unit)
            assert sum(heard.sizes) == 4, "fence, thing with its requirement, order, thing"
        else:
            with pytest.raises(error):
                await store.commit(unit)
    found = await store.get(Thing, "t")
    assert found is not None
    assert (found.name, found.rank) == ("Bea", 2)
    assert await store.count(Order, {}) == 1


async def test_a_change_is_not_done_before_what_its_unit_does_to_the_same_collection(store: MongoStore) -> None:
    await store.insert([Thing(id="t", labels=["x"])])
    unit = Unit(FENCE, Require(Thing, {"id": "t", "rank": 0}), Change(Thing, {"labels": "x"}, inc={"rank": 1}, must=1))
    unit.add(Change(Thing, {"id": "t"}, set={"labels": []}))
    await store.commit(unit)
    found = await store.get(Thing, "t")
    assert found is not None
    assert (found.rank, found.labels) == (1, [])


@only_as_one
async def test_the_fences_of_many_lanes_are_held_together_where_their_numbers_are_alike(store: MongoStore, heard: Heard) -> None:
    await store.insert([Fence(id=f"f{n}", value=1 + n // 6) for n in range(12)])
    for lost, value in ((None, 1), (4, 9)):
        heard.sizes.clear()
        fences = [{"id": f"f{n}", "value": value if n == lost else 1 + n // 6} for n in range(12)]
        units = [Unit(Require(Fence, one, FenceLost), Insert(Thing(id=f"{value}{one['id']}"))) for one in fences]
        said = await asyncio.gather(*map(store.commit, units), return_exceptions=True)
        assert [type(one) for one in said] == [FenceLost if n == lost else type(None) for n in range(12)]
        assert lost is not None or sum(heard.sizes) == 14, "two for all fences, and the things"
    assert await store.count(Thing, {}) == 23
    await store.change(Fence, {"id": "f0"}, inc={"value": 1})
    with pytest.raises(FenceLost):
        await store.commit(Unit(Require(Fence, {"id": "f0", "value": 1}, FenceLost), Insert(Thing(id="late"))))


async def test_one_bad_unit_spoils_none_of_those_it_goes_with(store: MongoStore) -> None:
    await store.insert([Thing(id="there")])
    units = [Unit(FENCE, Insert(Thing(id="there" if n == 3 else f"t{n}")), Insert(Thing(id=f"u{n}"))) for n in range(8)]
    said = await asyncio.gather(*map(store.commit, units), return_exceptions=True)
    assert [type(one) for one in said] == [Duplicate if n == 3 else type(None) for n in range(8)]
    assert await store.count(Thing, {}) == 15


@only_as_one
async def test_what_a_server_leaves_unanswered_is_not_committed(store: MongoStore, monkeypatch: pytest.MonkeyPatch) -> None:
    command = AsyncDatabase.command

    async def forgetful(self: Any, what: Any, *rest: Any, **options: Any) -> Any:
        answer = await command(self, what, *rest, **options)
        if "bulkWrite" in what:
            answer["cursor"]["firstBatch"].pop()
        return answer

    monkeypatch.setattr(AsyncDatabase, "command", forgetful)
    with pytest.raises(StoreError, match="of 2 operations only 1"):
        await store.commit(Unit(Insert(Thing(id="a")), Insert(Thing(id="b"))))
    assert await store.count(Thing, {}) == 0


async def test_an_address_that_prefers_secondaries_writes_units_all_the_same(mongo_uri: str, database: str) -> None:
    joint = "&" if "?" in mongo_uri else "/?"
    uri = f"{mongo_uri}{joint}readPreference=secondaryPreferred"
    store = MongoStore(uri, database, SystemClock(), (Counter, Fence, *CONTRACT_KINDS))
    await store.open()
    try:
        await store.commit(Unit(Insert(Thing(id="a")), Insert(Thing(id="b"))))
        assert await store.count(Thing, {}) == 2
    finally:
        await store.close()
