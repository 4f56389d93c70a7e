"""The embedded store: the contract of all stores, and what only it promises."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import create_model

from bot.clock import Clock
from bot.errors import RecordError, StoreError, UnindexedQuery
from bot.records.base import RECORDS, Index, Record, record
from bot.records.conversations import Conversation
from bot.records.people import Customer
from bot.records.work import InboxRow, InboxState
from bot.store.base import Between, Delete, In, Not, Unit
from bot.store.catalog import every_kind
from bot.store.sqlite import SqliteStore
from bot.store.sqlite_query import gather, select
from bot.store.sqlite_schema import Table
from bot.testing.clock import ManualClock
from bot.testing.contracts import CONTRACT_KINDS, Colour, StoreContract, Thing

pytestmark = pytest.mark.contract

KINDS = (*every_kind(), *CONTRACT_KINDS)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def store(tmp_path: Path, clock: ManualClock) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(tmp_path / "data" / "switchboard.db", clock, KINDS)
    await store.open()
    yield store
    await store.close()


@pytest.fixture
async def second_store(store: SqliteStore, tmp_path: Path, clock: ManualClock) -> AsyncIterator[SqliteStore]:
    second = SqliteStore(tmp_path / "data" / "switchboard.db", clock, KINDS)
    await second.open()
    yield second
    await second.close()


@pytest.fixture
def waited(store: SqliteStore, clock: ManualClock) -> Callable[[], Awaitable[None]]:
    """Lets as much time pass as a watch needs to notice."""

    async def wait() -> None:
        for _ in range(2):
            await clock.advance(0.25)
            await store.count(CONTRACT_KINDS[0], {})  # a round through a thread
            await store.change(CONTRACT_KINDS[0], {"id": "nobody"}, set={"rank": 1})
            await asyncio.sleep(0)

    return wait


class TestSqliteStore(StoreContract):
    pass


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
    store: SqliteStore, where: dict[str, Any], sort: tuple[str, ...], names: str
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


async def test_a_partial_index_serves_only_who_names_its_part(store: SqliteStore) -> None:
    await store.insert([Thing(id="t", slot="s")])
    assert len(await store.find(Thing, {"slot": "s", "openness": "open"})) == 1


async def test_a_whole_collection_is_read_in_pages_only(store: SqliteStore) -> None:
    with pytest.raises(UnindexedQuery, match="in pages"):
        await store.find(Thing, {})
    assert await store.find(Thing, {}, limit=10) == []


async def test_a_field_that_no_record_has_is_named(store: SqliteStore) -> None:
    for where in ({"custmer": 1}, {"detail.nme": 1}, {"name.first": 1}, {"details.nme": "x"}):
        with pytest.raises(StoreError, match=next(iter(where))):
            await store.find(Thing, {"group": "g", **where})
    with pytest.raises(StoreError, match="cannot be changed"):
        await store.change(Thing, {"id": "t"}, set={"version": 1})


async def test_what_cannot_be_stored_hurts_only_its_own_writer(store: SqliteStore) -> None:
    good = asyncio.gather(*(store.insert([Thing(id=f"{n}")]) for n in range(5)))
    with pytest.raises(RecordError):
        await store.insert([Thing(id="bad", extra={"x": object()})])
    with pytest.raises(StoreError):
        await store.change(Thing, {"id": "1"}, set={"rank": [1]})
    with pytest.raises(StoreError):
        await store.change(Thing, {"id": "1", "rank": {"a": 1}}, set={"rank": 1})
    assert await good == [[True]] * 5


async def test_every_question_of_the_engine_is_answered_through_an_index(store: SqliteStore, tmp_path: Path) -> None:
    """SQLite's own plan must search, never scan."""
    asked: list[tuple[type[Record], dict[str, Any], tuple[str, ...]]] = [
        (InboxRow, {"lane": "l", "state": InboxState.WAITING}, ("position",)),
        (InboxRow, {"state": "dead"}, ("accepted_at",)),
        (InboxRow, {"expires_at": Between(None, clock_start())}, ()),
        (Conversation, {"lane": "l", "openness": "open"}, ()),
        (Customer, {"tags": "vip"}, ()),
        (Thing, {"group": "g"}, ("-rank",)),
        (Thing, {"code": "c"}, ()),
        (Thing, {"rank": Between(1, 3)}, ()),
        (Thing, {"rank": In([1, 3]), "is_on": True}, ("name",)),
    ]
    with contextlib.closing(sqlite3.connect(tmp_path / "data" / "switchboard.db")) as connection:
        for kind, where, sort in asked:
            table = Table(kind)
            shape, values = gather(table, where)
            sql = select(table, shape, sort, limited=False)
            plan = " / ".join(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", values))
            assert "SEARCH t USING" in plan, (where, plan)
            assert "SCAN" not in plan, (where, plan)


def clock_start() -> datetime:
    return ManualClock().now()


# A declaration that changes


def _thing_like(*indexes: Index, **fields: Any) -> type[Record]:
    """A record type of the collection `grown`, as an older or newer version of the program declares it."""
    model = create_model("Grown", __base__=Record, **fields)
    return record("grown", *indexes)(model)


@pytest.fixture
def _grown_is_forgotten() -> Iterator[None]:
    yield
    RECORDS.pop("grown", None)


@contextlib.asynccontextmanager
async def _opened(path: Path, clock: Clock, *kinds: type[Record]) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(path, clock, kinds)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


@pytest.mark.usefixtures("_grown_is_forgotten")
async def test_a_new_index_gets_its_column_filled_from_what_is_stored(tmp_path: Path, clock: ManualClock) -> None:
    path = tmp_path / "grown.db"
    fields: dict[str, Any] = {
        "name": (str, ...),
        "price": (Decimal, Decimal("1.5")),
        "at": (datetime | None, None),
        "tags": (list[str], []),
    }
    old = _thing_like(**fields)
    async with _opened(path, clock, old) as store:
        await store.insert([old.new(id="a", name="x", price="10.50", at=clock.now(), tags=["p", "q"]), old.new(id="b", name="y")])
    indexes = (Index("name"), Index("price"), Index("-at"), Index("tags"), Index("kind"), Index("is_new"))
    new = _thing_like(*indexes, **fields, kind=(str, "it's plain"), is_new=(bool, True))
    for _ in range(2):  # the second opening finds nothing left to do
        async with _opened(path, clock, new) as store:
            cases = ({"name": "x"}, {"price": Decimal("10.5")}, {"at": clock.now()}, {"tags": "q"})
            for where in cases:
                assert [found.id for found in await store.find(new, where)] == ["a"], where
            assert await store.count(new, {"kind": "it's plain"}) == 2
            assert await store.count(new, {"is_new": True}) == 2
            await store.change(new, {"id": "a"}, push={"tags": "r"})
            assert await store.count(new, {"tags": "r"}) == 1


@pytest.mark.usefixtures("_grown_is_forgotten")
async def test_an_index_that_nobody_declares_any_more_goes_and_a_changed_one_is_remade(
    tmp_path: Path, clock: ManualClock
) -> None:
    path = tmp_path / "grown.db"
    fields: dict[str, Any] = {"name": (str, ...), "rank": (int, 0)}
    old = _thing_like(Index("name", unique=True), Index("rank"), **fields)
    async with _opened(path, clock, old) as store:
        assert await store.insert([old.new(id="a", name="x"), old.new(id="b", name="x")]) == [True, False]
    new = _thing_like(Index("name"), **fields)
    async with _opened(path, clock, new) as store:
        assert await store.insert([new.new(id="b", name="x")]) == [True]
        with pytest.raises(UnindexedQuery):
            await store.find(new, {"rank": 0})
    again = _thing_like(Index("name", unique=True), **fields)
    with pytest.raises(StoreError, match=r"breaks a unique index.*grown\.name"):
        async with _opened(path, clock, again):
            pass
    async with _opened(path, clock, new) as store:
        assert await store.count(new, {}) == 2


@pytest.mark.usefixtures("_grown_is_forgotten")
async def test_a_document_that_breaks_todays_rules_is_named(tmp_path: Path, clock: ManualClock) -> None:
    path = tmp_path / "grown.db"
    old = _thing_like(name=(str, ...))
    async with _opened(path, clock, old) as store:
        await store.insert([old.new(id="a", name="x")])
    new = _thing_like(name=(int, ...))
    async with _opened(path, clock, new) as store:
        with pytest.raises(RecordError, match=r"Grown\.name"):
            await store.get(new, "a")


# find() against a model in plain Python

_names = st.sampled_from([None, "", "a", "b", "é", "👋", "it's"])
_things = st.builds(
    lambda **values: Thing(**values),
    id=st.text("abcdef", min_size=1, max_size=4),
    group=st.sampled_from(["g", "h"]),
    name=_names,
    nickname=_names,
    rank=st.integers(-2, 2),
    ratio=st.sampled_from([0.0, 0.1, -1.5, 1e300]),
    is_on=st.booleans(),
    colour=st.sampled_from(Colour),
    amount=st.sampled_from([Decimal("0"), Decimal("10"), Decimal("9"), Decimal("-1.5")]),
    at=st.sampled_from([None, clock_start(), clock_start() + timedelta(milliseconds=1)]),
    labels=st.lists(st.sampled_from(["a", "b", "é"]), max_size=3),
    scores=st.lists(st.integers(0, 2), max_size=2),
)
_SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "name": _names,
    "nickname": _names,
    "rank": st.integers(-2, 2),
    "ratio": st.sampled_from([0.0, 0.1, -1.5]),
    "is_on": st.booleans(),
    "colour": st.sampled_from(Colour),
    "amount": st.sampled_from([Decimal("10.0"), Decimal("9")]),
    "at": st.sampled_from([None, clock_start()]),
}
_LISTS = {"labels": st.sampled_from(["a", "b"]), "scores": st.integers(0, 2)}


@st.composite
def _wheres(draw: st.DrawFn) -> dict[str, Any]:
    where: dict[str, Any] = {"group": draw(st.sampled_from(["g", In(["g", "h"])]))}
    for path in draw(st.lists(st.sampled_from(sorted(_SCALARS)), max_size=3, unique=True)):
        values = _SCALARS[path]
        present = values.filter(lambda value: value is not None)
        between = st.builds(Between, st.none() | present, st.none() | present)
        where[path] = draw(values | st.builds(In, st.lists(values, max_size=3)) | st.builds(Not, values) | between)
    for path in draw(st.lists(st.sampled_from(sorted(_LISTS)), max_size=1)):
        where[path] = draw(_LISTS[path] | st.builds(In, st.lists(_LISTS[path], max_size=2)) | st.builds(Not, _LISTS[path]))
    return where


def _passes(value: Any, test: Any) -> bool:
    if isinstance(test, Not):
        return not _passes(value, test.value)
    if isinstance(value, list):
        return any(_passes(element, test) for element in value)
    if isinstance(test, In):
        return value in test.values
    if isinstance(test, Between):
        return value is not None and (test.low is None or value >= test.low) and (test.high is None or value < test.high)
    return bool(value == test)


def _expected(things: list[Thing], where: dict[str, Any], sort: str | None) -> list[str]:
    found = sorted(
        (one for one in things if all(_passes(getattr(one, path), test) for path, test in where.items())), key=lambda one: one.id
    )
    if sort is not None:
        path = sort.lstrip("-")
        found.sort(key=lambda one: ((value := getattr(one, path)) is not None, value if value is not None else 0))
        if sort.startswith("-"):
            found.sort(key=lambda one: one.id, reverse=True)
            found.sort(
                key=lambda one: ((value := getattr(one, path)) is not None, value if value is not None else 0), reverse=True
            )
    return [one.id for one in found]


@settings(max_examples=100, deadline=None)
@given(
    things=st.lists(_things, max_size=12, unique_by=lambda one: one.id),
    questions=st.lists(
        st.tuples(_wheres(), st.none() | st.builds(str.__add__, st.sampled_from(["", "-"]), st.sampled_from(sorted(_SCALARS)))),
        min_size=1,
        max_size=10,
    ),
)
def test_find_agrees_with_a_model_in_plain_python(
    things: list[Thing], questions: list[tuple[dict[str, Any], str | None]]
) -> None:
    async def check() -> None:
        with tempfile.TemporaryDirectory() as folder:
            async with _opened(Path(folder) / "model.db", ManualClock(), Thing) as store:
                assert all(await store.insert(things))
                for where, sort in questions:
                    found = await store.find(Thing, where, sort=() if sort is None else (sort,))
                    assert [one.id for one in found] == _expected(things, where, sort), (where, sort)
                    assert await store.count(Thing, where) == len(found)

    asyncio.run(check())
