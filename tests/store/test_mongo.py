"""The store on MongoDB: the contract of all stores, and what only it promises.

Run on SecantusDB 0.7.0b3, and on the server in TEST_MONGODB_URI where there is one. SecantusDB has no `$text`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import create_model
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import WriteError

from bot.clock import SystemClock, new_id
from bot.errors import DataTooNew, RecordError, StoreError, UnindexedQuery
from bot.records.base import RECORDS, Index, Record, TextIndex, record
from bot.records.conversations import Conversation
from bot.records.people import Customer
from bot.records.tokens import query_words
from bot.records.work import Counter, Fence, InboxRow, InboxState
from bot.store.base import Between, Delete, Not, Unit
from bot.store.catalog import every_kind
from bot.store.mongo import MongoStore
from bot.store.mongo_documents import Collection
from bot.store.mongo_query import filter_of, order_of
from bot.store.mongo_schema import PREFIX, MongoIndex, indexes_of, text_index_of, validator_of
from bot.testing.contracts import CONTRACT_KINDS, MOMENT, Order, StoreContract, Thing, example
from tests.store.test_sqlite import _SCALARS, _expected, _things, _wheres

pytestmark = pytest.mark.contract

KINDS: tuple[type[Record], ...] = (*every_kind(), *CONTRACT_KINDS)
FEW: tuple[type[Record], ...] = (Counter, Fence, *CONTRACT_KINDS)
"""What nearly all tests need: a server makes every collection and index anew for each of them."""

Database = AsyncDatabase[dict[str, Any]]


@pytest.fixture
async def database(mongo_uri: str) -> AsyncIterator[Database]:
    """A database that goes with the test, as another program would see it."""
    async with AsyncMongoClient[dict[str, Any]](mongo_uri, tz_aware=True) as client:
        name = f"switchboard_test_{new_id()[-12:]}"
        yield client[name]
        await client.drop_database(name)


@contextlib.asynccontextmanager
async def opened(uri: str, database: str, *kinds: type[Record]) -> AsyncIterator[MongoStore]:
    store = MongoStore(uri, database, SystemClock(), kinds)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


@pytest.fixture
async def store(mongo_uri: str, database: Database, request: pytest.FixtureRequest) -> AsyncIterator[MongoStore]:
    kinds = KINDS if "every" in request.function.__name__ else FEW
    async with opened(mongo_uri, database.name, *kinds) as store:
        yield store


@pytest.fixture
async def second_store(store: MongoStore, mongo_uri: str, database: Database) -> AsyncIterator[MongoStore]:
    async with opened(mongo_uri, database.name, *FEW) as second:
        yield second


@pytest.fixture
def waited() -> Callable[[], Awaitable[None]]:
    """Lets as much time pass as a watch needs to notice."""

    async def wait() -> None:
        await asyncio.sleep(0.3)

    return wait


class TestMongoStore(StoreContract):
    pass


class TestOlderServer(StoreContract):
    """The same where a unit is a command for each of its operations: before MongoDB 8.0."""

    @pytest.fixture(autouse=True)
    def _knows_no_bulk_write(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("bot.store.mongo.BULK_WRITE", 1000)


# Queries


@pytest.mark.parametrize(
    ("where", "sort", "names"),
    [
        ({"nickname": "x"}, (), "nickname"),
        ({"nickname": "x", "ratio": 1.5}, ("-nickname",), "nickname, ratio sorted by -nickname"),
        ({"group": Not("g")}, (), "group"),
        ({"slot": "s"}, (), "slot"),
        ({}, ("name",), "nothing sorted by name"),
    ],
)
async def test_a_query_that_no_index_serves_is_refused(
    store: MongoStore, where: dict[str, Any], sort: tuple[str, ...], names: str
) -> None:
    with pytest.raises(UnindexedQuery, match=f"^contract_things: no declared index serves a query by {names}$"):
        await store.find(Thing, where, sort=sort)
    if where:
        with pytest.raises(UnindexedQuery):
            await store.change(Thing, where, set={"rank": 1})
        with pytest.raises(UnindexedQuery):
            await store.count(Thing, where)
        with pytest.raises(UnindexedQuery):
            await store.commit(Unit(Delete(Thing, where)))


async def test_a_whole_collection_is_read_in_pages_only(store: MongoStore) -> None:
    with pytest.raises(UnindexedQuery, match="in pages"):
        await store.find(Thing, {})
    assert await store.find(Thing, {}, limit=10) == []


async def test_a_field_that_no_record_has_is_named(store: MongoStore) -> None:
    for where in ({"custmer": 1}, {"detail.nme": 1}, {"name.first": 1}, {"details.nme": "x"}):
        with pytest.raises(StoreError, match=next(iter(where))):
            await store.find(Thing, {"group": "g", **where})
    with pytest.raises(StoreError, match="cannot be changed"):
        await store.change(Thing, {"id": "t"}, set={"version": 1})


async def test_a_value_is_never_taken_for_a_question(store: MongoStore) -> None:
    await store.insert([Thing(id="t", group="g")])
    for value in ({"$ne": ""}, [1]):
        with pytest.raises(StoreError, match="cannot be compared"):
            await store.find(Thing, {"group": value})
    assert await store.find(Thing, {"group": "$group"}) == []
    await store.change(Thing, {"id": "t"}, set={"name": "$group"})
    await store.upsert([Thing(id="t", name="$group", extra={"x": "$group"})])
    found = await store.get(Thing, "t")
    assert found is not None
    assert (found.name, found.extra) == ("$group", {"x": "$group"})


async def test_what_cannot_be_stored_hurts_only_its_own_writer(store: MongoStore) -> None:
    good = asyncio.gather(*(store.insert([Thing(id=f"{n}")]) for n in range(5)))
    for bad in ({"x": object()}, {"x": 2**70}, {"a\0b": 1}):
        with pytest.raises(RecordError, match="cannot be stored"):
            await store.insert([Thing(id="bad", extra=bad)])
    with pytest.raises(RecordError, match="34 digits"):
        await store.insert([Thing(id="bad", amount=Decimal("1." + "1" * 40))])
    with pytest.raises(RecordError, match=r"refuses this document: rank"):
        await store.insert([Thing.model_construct(**{**dict(Thing(id="bad")), "rank": "many"})])
    with pytest.raises(RecordError, match=r"refuses this document: rank"):
        await store.change(Thing, {"id": "1"}, set={"rank": [1]})
    assert await good == [[True]] * 5
    assert await store.count(Thing, {}) == 5


async def test_a_document_without_version_is_version_0(store: MongoStore, database: Database) -> None:
    await database["contract_things"].insert_one({"_id": "t", "group": "theirs"})
    read = await store.get(Thing, "t")
    assert read is not None
    assert (read.version, read.group) == (0, "theirs")
    unit = Unit()
    unit.put(read)
    await store.commit(unit)
    assert await store.count(Thing, {"group": "theirs", "version": 1}) == 1


async def test_every_question_of_the_engine_is_answered_through_an_index(store: MongoStore, database: Database) -> None:
    """The server's own plan must search, never scan. (SecantusDB searches no `In` beside another test; MongoDB does.)"""
    asked: list[tuple[type[Record], dict[str, Any], tuple[str, ...]]] = [
        (InboxRow, {"lane": "l", "state": InboxState.WAITING}, ("position",)),
        (InboxRow, {"state": "dead"}, ("accepted_at",)),
        (InboxRow, {"expires_at": Between(None, MOMENT)}, ()),
        (Conversation, {"lane": "l", "openness": "open"}, ()),
        (Customer, {"tags": "vip"}, ()),
        (Customer, {"phone_number": "+1"}, ()),
        (Thing, {"group": "g"}, ("-rank",)),
        (Thing, {"code": "c"}, ()),
        (Thing, {"slot": "s", "openness": "open"}, ()),
        (Thing, {"rank": Between(1, 3)}, ()),
        (Order, {"number": 1}, ()),
    ]
    for kind, where, sort in asked:
        collection = Collection(kind)
        cursor = database[collection.name].find(filter_of(collection, where)[0], sort=order_of(collection, sort))
        plan = str((await cursor.explain())["queryPlanner"]["winningPlan"])
        assert "IXSCAN" in plan, (where, plan)
        assert "COLLSCAN" not in plan, (where, plan)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    things=st.lists(_things, max_size=12, unique_by=lambda one: one.id),
    questions=st.lists(
        st.tuples(_wheres(), st.none() | st.builds(str.__add__, st.sampled_from(["", "-"]), st.sampled_from(sorted(_SCALARS)))),
        min_size=1,
        max_size=10,
    ),
)
def test_find_agrees_with_a_model_in_plain_python(
    mongo_uri: str, things: list[Thing], questions: list[tuple[dict[str, Any], str | None]]
) -> None:
    async def check() -> None:
        name = f"switchboard_test_{new_id()[-12:]}"
        async with opened(mongo_uri, name, Thing) as store:
            assert all(await store.insert(things)) or not things
            for where, sort in questions:
                found = await store.find(Thing, where, sort=() if sort is None else (sort,))
                assert [one.id for one in found] == _expected(things, where, sort), (where, sort)
                assert await store.count(Thing, where) == len(found)
        async with AsyncMongoClient[dict[str, Any]](mongo_uri) as client:
            await client.drop_database(name)

    asyncio.run(check())


# What the database is told of the declarations


async def _listed(database: Database, collection: str) -> dict[str, MongoIndex]:
    listed = [MongoIndex.listed(dict(one)) async for one in await database[collection].list_indexes()]
    return {index.name: index for index in listed if index.name != "_id_"}


async def test_every_declared_index_is_built_and_no_other(store: MongoStore, database: Database) -> None:
    for kind in KINDS:
        have = await _listed(database, kind.shape.collection)
        text = text_index_of(kind)
        if text is not None and text.name in have:  # only where the server has $text
            assert have.pop(text.name) == text
        assert have == {index.name: index for index in indexes_of(kind)}, kind


def test_every_declaration_is_an_index_of_the_server_by_its_own_words() -> None:
    for kind in KINDS:
        built = list(indexes_of(kind))
        for index in kind.shape.indexes:
            keys = tuple((kind.shape.stored_name(path), -1 if down else 1) for path, down in zip(index.fields, index.descending))  # noqa: B905
            options = [
                one.options for one in built if one.keys[: len(keys)] == keys and one.options.get("unique", False) == index.unique
            ]
            assert any(one.get("expireAfterSeconds") == index.ttl for one in options), (kind, index)
            part = {kind.shape.stored_name(path): value for path, value in index.where.items()}
            assert any(part.items() <= one.get("partialFilterExpression", {}).items() for one in options), (kind, index)


async def test_every_collection_refuses_what_no_record_could_be_read_from(store: MongoStore, database: Database) -> None:
    for kind in KINDS:
        collection = database[kind.shape.collection]
        good = Collection(kind).document(example(kind), MOMENT, MOMENT, 0)
        document = {**dict(good), "_id": "good"}
        await collection.insert_one(document)
        for bad in ({**document, "_id": "bad", "version": "first"}, {**document, "_id": "bad", "nobodysField": 1}, {"_id": 7}):
            with pytest.raises(WriteError, match="validation"):
                await collection.insert_one(bad)
        assert await collection.count_documents({}) == 1


@pytest.mark.parametrize(
    "bad",
    [
        {"colour": "pink"},
        {"amount": 1.5},
        {"at": "2025-01-15T10:30:15.123Z"},
        {"labels": "x"},
        {"labels": [1]},
        {"detail": {"price": Decimal}},
        {"detail": {"name": "d", "size": 1}},
        {"extra": []},
    ],
    ids=str,
)
async def test_a_bad_document_written_behind_our_back_is_refused(
    store: MongoStore, database: Database, bad: dict[str, Any]
) -> None:
    bad = {"detail": {}} if bad == {"detail": {"price": Decimal}} else bad
    things = database["contract_things"]
    with pytest.raises(WriteError, match="validation"):
        await things.insert_one({"_id": "t", **bad})
    await store.insert([Thing(id="t")])
    with pytest.raises(WriteError, match="validation"):
        await things.update_one({"_id": "t"}, {"$set": bad})
    assert await store.get(Thing, "t") is not None


def test_a_validator_has_no_word_that_mongodb_does_not_know() -> None:
    known = {
        "bsonType",
        "enum",
        "minLength",
        "maxLength",
        "pattern",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
    }
    known |= {"minItems", "maxItems", "uniqueItems", "anyOf", "allOf", "items", "properties", "required", "additionalProperties"}

    def check(schema: dict[str, Any]) -> None:
        assert schema.keys() <= known, schema.keys() - known
        for inner in (*schema.get("anyOf", ()), *schema.get("allOf", ()), *schema.get("properties", {}).values()):
            check(inner)
        for word in ("items", "additionalProperties"):
            if isinstance(schema.get(word), dict):
                check(schema[word])

    for kind in KINDS:
        schema = validator_of(kind)["$jsonSchema"]
        check(schema)
        stored = {name for path, name in kind.shape.stored_names.items() if "." not in path}
        assert schema["properties"].keys() - {"_held", "searchTokens"} == stored, kind


async def test_opening_again_changes_nothing(mongo_uri: str, database: Database) -> None:
    async def look() -> Any:
        collections = {one["name"]: one async for one in await database.list_collections()}
        return collections, {name: await _listed(database, name) for name in collections}

    async with opened(mongo_uri, database.name, *FEW):
        before = await look()
    async with opened(mongo_uri, database.name, *FEW), opened(mongo_uri, database.name, *FEW):
        assert await look() == before


async def test_two_processes_open_a_new_database_at_once(mongo_uri: str, database: Database) -> None:
    stores = [MongoStore(mongo_uri, database.name, SystemClock(), FEW) for _ in range(4)]
    try:
        await asyncio.gather(*(store.open() for store in stores))
        assert await stores[0].insert([Thing(id="t")]) == [True]
        assert await stores[3].get(Thing, "t") is not None
    finally:
        for store in stores:
            await store.close()


async def test_data_of_a_newer_version_is_refused_and_left_untouched(mongo_uri: str, database: Database) -> None:
    await database["meta"].insert_one({"_id": "layout", "number": 99})
    await database["contract_things"].insert_one({"_id": "t", "new": "field"})
    with pytest.raises(DataTooNew, match=r"newer version.*layout 99.*left untouched"):
        await MongoStore(mongo_uri, database.name, SystemClock(), FEW).open()
    assert sorted(await database.list_collection_names()) == ["contract_things", "meta"]
    assert await _listed(database, "contract_things") == {}
    assert await database["meta"].find_one({}) == {"_id": "layout", "number": 99}


# A declaration that changes


def _thing_like(*indexes: Index, **fields: Any) -> type[Record]:
    """A record type of the collection `grown`, as an older or newer version of the program declares it."""
    model = create_model("Grown", __base__=Record, **fields)
    return record("grown", *indexes)(model)


@pytest.fixture
def _grown_is_forgotten() -> Iterator[None]:
    yield
    RECORDS.pop("grown", None)


@pytest.mark.usefixtures("_grown_is_forgotten")
async def test_an_index_that_nobody_declares_any_more_goes_and_a_changed_one_is_remade(
    mongo_uri: str, database: Database
) -> None:
    fields: dict[str, Any] = {"name": (str, ...), "rank": (int, 0)}
    old = _thing_like(Index("name", unique=True), Index("rank"), **fields)
    async with opened(mongo_uri, database.name, old) as store:
        assert await store.insert([old.new(id="a", name="x"), old.new(id="b", name="x")]) == [True, False]
    await database["grown"].create_index("theirs", name="theirs")
    new = _thing_like(Index("name"), **fields)
    async with opened(mongo_uri, database.name, new) as store:
        assert await store.insert([new.new(id="b", name="x")]) == [True]
        with pytest.raises(UnindexedQuery):
            await store.find(new, {"rank": 0})
    assert set(await _listed(database, "grown")) == {"sb:name_1__id_1", "theirs"}
    again = _thing_like(Index("name", unique=True), **fields)
    with pytest.raises(StoreError, match=r"breaks a unique index.*grown: name"):
        async with opened(mongo_uri, database.name, again):
            pass
    async with opened(mongo_uri, database.name, new) as store:
        assert await store.count(new, {}) == 2


@pytest.mark.usefixtures("_grown_is_forgotten")
async def test_an_index_that_somebody_changed_by_hand_is_remade(mongo_uri: str, database: Database) -> None:
    kind = _thing_like(Index("at", ttl=60), at=(str, ""))
    name = next(indexes_of(kind)).name
    async with opened(mongo_uri, database.name, kind):
        pass
    await database["grown"].drop_index(name)
    await database["grown"].create_index("at", name=name, expireAfterSeconds=1)
    async with opened(mongo_uri, database.name, kind):
        assert (await _listed(database, "grown"))[name].options == {"expireAfterSeconds": 60}
    await database["grown"].drop_index(name)
    await database["grown"].create_index("at", name="at_1", expireAfterSeconds=60)
    async with opened(mongo_uri, database.name, kind):  # whoever made it: it serves
        assert set(await _listed(database, "grown")) == {"at_1"}


@pytest.mark.usefixtures("_grown_is_forgotten")
async def test_a_changed_declaration_changes_the_validator_and_old_documents_can_still_be_changed(
    mongo_uri: str, database: Database
) -> None:
    old = _thing_like(name=(str, ""), note=(str, ""))
    async with opened(mongo_uri, database.name, old) as store:
        await store.insert([old.new(id="a", note="x")])
    new = _thing_like(name=(int, 0), note=(str, ""))
    async with opened(mongo_uri, database.name, new) as store:
        with pytest.raises(RecordError, match=r"Grown\.name"):
            await store.get(new, "a")
        assert await store.change(new, {"id": "a"}, set={"note": "y"}) == 1
        assert await store.change(new, {"id": "a"}, set={"name": 1}) == 1
        assert await store.get(new, "a") is not None
    with pytest.raises(WriteError, match="validation"):
        await database["grown"].insert_one({"_id": "b", "name": "x"})


@pytest.mark.usefixtures("_grown_is_forgotten")
async def test_documents_from_before_they_were_searched_are_found_after_the_next_opening(
    mongo_uri: str, database: Database
) -> None:
    fields: dict[str, Any] = {"name": (str, ""), "note": (str | None, None)}
    old = _thing_like(**fields)
    async with opened(mongo_uri, database.name, old) as store:
        await store.insert([old.new(id="a", name="Factura"), old.new(id="b", note="facturas")])
    for searched, found in ((("name",), ["a"]), (("name", "note"), ["a", "b"])):
        new = record("grown", text=TextIndex(searched))(create_model("Grown", __base__=Record, **fields))
        async with opened(mongo_uri, database.name, new) as store:
            page = await store.search(new, query_words("factura"))
            assert sorted(one.id for one in page.records) == found
    assert len([name for name in await _listed(database, "grown") if "searchTokens" in name]) == 1


@pytest.mark.usefixtures("_grown_is_forgotten")
async def test_a_document_of_an_older_shape_is_read_in_todays(mongo_uri: str, database: Database) -> None:
    old = _thing_like(name=(str, ""))
    async with opened(mongo_uri, database.name, old) as store:
        await store.insert([old.new(id="a", name="x")])

    def renamed(document: dict[str, Any]) -> dict[str, Any]:
        return {**{key: value for key, value in document.items() if key != "name"}, "title": document["name"]}

    new = record("grown", upgrades=(renamed,))(create_model("Grown", __base__=Record, title=(str, "")))
    async with opened(mongo_uri, database.name, new) as store:
        read: Any = await store.get(new, "a")
        assert (read.title, read.shape_number) == ("x", 2)
        unit = Unit()
        unit.put(read)
        await store.commit(unit)
    stored = await database["grown"].find_one({"_id": "a"})
    assert stored is not None
    assert (stored["title"], stored["shapeNumber"], "name" in stored) == ("x", 2, False)


def test_a_unique_field_that_may_hold_a_null_is_refused() -> None:
    kind = create_model("Odd", __base__=Record, number=(int | None, 1))
    kind.shape = type(Thing.shape)("odd", (Index("number", unique=True),), {})
    with pytest.raises(StoreError, match=r"odd\.number: a unique field that may be None"):
        list(indexes_of(kind))


def test_the_names_of_our_indexes_say_what_they_are() -> None:
    names = [index.name.removeprefix(PREFIX) for index in indexes_of(Thing)]
    assert "group_1_rank_-1__id_-1" in names
    assert "slot_1_unique_where_openness_open_where_slot_present" in names
    assert "expiresAt_1_ttl_60" in names
    assert [index.name for index in indexes_of(Order)] == [
        "sb:number_1_shop_1_unique_where_shop_present",
        "sb:number_1_shop_1__id_1",
    ]
