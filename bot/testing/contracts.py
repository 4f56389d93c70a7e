"""What every store must do, as tests: subclass `StoreContract` and give it these fixtures.

class TestMyStore(StoreContract):
    @pytest.fixture
    async def store(self, tmp_path): ...        # open and empty; keeps `every_kind()` and CONTRACT_KINDS
    @pytest.fixture
    async def second_store(self, store): ...    # what another process would open on the same data
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum, StrEnum
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from bot.errors import Conflict, Duplicate, EpochMoved, FenceLost, StoreError
from bot.records.base import RECORDS, Index, NowByDefault, Part, Record, TextIndex, record
from bot.records.tokens import query_words
from bot.records.work import Counter, Fence
from bot.store.base import Between, Change, Delete, In, Insert, Not, Put, Require, StartsWith, Store, Unit
from bot.store.catalog import every_kind

MOMENT = datetime(2025, 1, 15, 10, 30, 15, 123000, tzinfo=UTC)
TEXT = "Grüße 👋🏽 आपका स्वागत है \"quoted\" \\ 'it''s' $set {a.b} %s \n\t\u0001 end"


class Colour(StrEnum):
    RED = "red"
    GREEN = "green"
    BLUE = "blue"


class Detail(Part):
    name: str
    at: datetime | None = None
    price: Decimal = Decimal("0")


@record(
    "contract_things",
    Index("code", unique=True),
    Index("group", "-rank"),
    Index("group", "name"),
    Index("slot", unique=True, where={"openness": "open"}),
    Index("rank"),
    Index("labels"),
    Index("detail.at"),
    Index("details.name"),
    Index("details.at"),
    Index("amount"),
    Index("expires_at", ttl=60),
    Index("at", where={"openness": "closed"}, ttl=3600),
)
class Thing(Record):
    """A record of every shape, for the tests of stores."""

    group: str = "g"
    name: str | None = None
    code: str | None = None
    slot: str | None = None
    openness: str = "open"
    rank: int = 0
    amount: Decimal = Decimal("0")
    ratio: float = 0.0
    is_on: bool = False
    colour: Colour = Colour.RED
    nickname: str | None = "none given"
    at: datetime | None = None
    expires_at: datetime | None = None
    labels: list[str] = []
    scores: list[int] = []
    prices: list[Decimal] = []
    detail: Detail | None = None
    details: list[Detail] = []
    extra: dict[str, Any] = {}


@record("contract_orders", Index("number", "shop", unique=True))
class Order(Record):
    """A record whose unique key has two fields."""

    number: int
    shop: str | None = None


@record("contract_notes", Index("owner"), text=TextIndex(("title", "body"), newest="at"))
class Note(Record):
    """A record that is searched by its words."""

    owner: str = "ana"
    title: str | None = None
    body: str = ""
    at: NowByDefault
    read: int = 0


@record("contract_events", Index("name"), append_only=True)
class Event(Record):
    """A record that is only added to."""

    name: str


CONTRACT_KINDS: tuple[type[Record], ...] = (Thing, Order, Note, Event)
"""What a store under test has to keep besides the declared records."""

for _kind in CONTRACT_KINDS:  # they are nobody's data: no server gets a collection for them
    del RECORDS[_kind.shape.collection]

_PATTERNS = {r"^TICKET-\d{4}-\d{6}$": "TICKET-2026-000001"}


_THE_STORES = ("version", "shape_number")
"""Fields that the store keeps: what nobody knows there is of a newer version."""


def example(kind: type[BaseModel]) -> Any:
    """An instance with every field filled, optional ones too. Fails for an annotation that nobody gave an example for."""
    values = {name: _value(info.annotation, _bounds(info)) for name, info in kind.model_fields.items() if name not in _THE_STORES}
    return kind(**values)


def _bounds(info: FieldInfo) -> dict[str, Any]:
    """What a field says of its values: an example of its own, its lowest and longest value."""
    rules = {
        name: getattr(rule, name)
        for rule in info.metadata
        for name in ("pattern", "ge", "max_length")
        if getattr(rule, name, None) is not None
    }
    return {**rules, "examples": info.examples} if info.examples else rules


def _value(annotation: Any, bounds: dict[str, Any]) -> Any:
    origin, inner = get_origin(annotation), get_args(annotation)
    if "examples" in bounds and origin not in (list, dict):
        return bounds["examples"][0]
    if origin is Annotated:
        own = [_bounds(mark) for mark in inner[1:] if isinstance(mark, FieldInfo)]
        return _value(inner[0], {**bounds, **{key: value for rules in own for key, value in rules.items()}})
    if origin in (Union, UnionType):
        return _value(next(one for one in inner if one is not type(None)), bounds)
    if origin is Literal:
        return inner[-1]
    if origin in (list, tuple, set, frozenset):
        return [_value(inner[0], {})]
    if origin is dict:
        return {"key with spaces": _value(inner[1], {}), "snake_case": _value(inner[1], {})}
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return list(annotation)[-1]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return example(annotation)
    if "pattern" in bounds:
        return _PATTERNS[bounds["pattern"]]
    plain: dict[Any, Any] = {
        str: TEXT[: bounds.get("max_length")],
        int: bounds.get("ge", 2**53 - 1),
        float: float(bounds.get("ge", 0.1 + 0.2)),
        bool: True,
        Decimal: Decimal("12345678901234567890.123456789"),
        datetime: MOMENT,
        Any: {"deep": [1, 2.5, None, "x", {"y": False}]},
    }
    return plain[annotation]


def things(*ranks: int, **values: Any) -> list[Thing]:
    return [Thing(id=f"t{rank:03}", rank=rank, **values) for rank in ranks]


def ids(records: list[Any]) -> list[str]:
    return [record.id for record in records]


class StoreContract:
    """The promises of the port `Store`."""

    # What goes in comes out

    async def test_every_declared_record_comes_back_as_it_went_in(self, store: Store) -> None:
        for kind in (*every_kind(), *CONTRACT_KINDS):
            written = example(kind)
            assert await store.insert([written]) == [True]
            read = await store.get(kind, written.id)
            assert read is not None
            assert read.model_dump(exclude={"updated_at"}) == written.model_dump(exclude={"updated_at"}), kind.__name__

    async def test_a_record_with_only_its_defaults_comes_back_equal(self, store: Store) -> None:
        thing = Thing(id="plain")
        await store.insert([thing])
        assert await store.get(Thing, "plain") == thing

    async def test_none_is_kept_where_it_is_not_the_default(self, store: Store) -> None:
        await store.insert([Thing(id="t", nickname=None)])
        assert await self._nickname(store) is None
        await store.change(Thing, {"id": "t"}, set={"nickname": "Ana"})
        await store.change(Thing, {"id": "t"}, set={"nickname": None})
        assert await self._nickname(store) is None

    async def _nickname(self, store: Store) -> str | None:
        return (await self._only(store)).nickname

    async def _only(self, store: Store, id: str = "t") -> Thing:
        found = await store.get(Thing, id)
        assert found is not None
        return found

    async def test_what_waits_for_a_unit_is_told_once_it_is_written_and_not_where_it_is_void(self, store: Store) -> None:
        told: list[bool] = []

        async def tell() -> None:
            told.append(await store.get(Thing, "1") is not None)

        unit = Unit()
        unit.insert(Thing(id="1"))
        unit.then(tell)
        await store.commit(unit)
        assert told == [True]
        void = Unit(Require(Thing, {"id": "nobody"}))
        void.then(tell)
        with pytest.raises(Conflict):
            await store.commit(void)
        assert told == [True]

    async def test_what_looks_at_a_unit_adds_to_it_and_both_are_written_or_neither(self, store: Store) -> None:
        async def look(unit: Unit) -> None:
            unit.insert(Thing(id="follows"))

        await store.insert([Thing(id="t")])
        store.before_commit(look)
        with pytest.raises(Conflict):
            await store.commit(Unit(Change(Thing, {"id": "t", "group": "another"}, set={"name": "x"}, must=1)))
        assert await store.get(Thing, "follows") is None
        await store.commit(Unit(Change(Thing, {"id": "t"}, set={"name": "x"}, must=1)))
        assert await store.get(Thing, "follows") is not None

    async def test_decimals_are_exact(self, store: Store) -> None:
        exact = Decimal("0.1000000000000000055511151231")
        await store.insert([Thing(id="t", amount=exact, prices=[exact, Decimal("1.50")])])
        thing = await self._only(store)
        assert thing.amount == exact
        assert thing.prices == [exact, Decimal("1.50")]

    async def test_decimals_are_added_exactly(self, store: Store) -> None:
        await store.insert([Thing(id="t", amount=Decimal("0.1"))])
        for _ in range(3):
            await store.change(Thing, {"id": "t"}, inc={"amount": Decimal("0.1")})
        assert (await self._only(store)).amount == Decimal("0.4")

    async def test_decimals_compare_and_sort_as_numbers(self, store: Store) -> None:
        amounts = ["10", "9", "100", "9.5"]
        await store.insert([Thing(id=f"t{text}", amount=Decimal(text)) for text in amounts])
        assert ids(await store.find(Thing, {}, sort=("amount",))) == ["t9", "t9.5", "t10", "t100"]
        found = await store.find(Thing, {"amount": Between(Decimal("9.5"), Decimal("100"))}, sort=("amount",))
        assert ids(found) == ["t9.5", "t10"]
        assert ids(await store.find(Thing, {"amount": Decimal("10.0")})) == ["t10"]

    async def test_floats_keep_every_digit(self, store: Store) -> None:
        await store.insert([Thing(id="t")])
        await store.change(Thing, {"id": "t"}, set={"ratio": 0.1 + 0.2})
        assert (await self._only(store)).ratio == 0.1 + 0.2
        await store.change(Thing, {"id": "t"}, inc={"ratio": 1e-15})
        assert (await self._only(store)).ratio == 0.1 + 0.2 + 1e-15

    async def test_moments_keep_milliseconds_and_come_back_in_utc(self, store: Store) -> None:
        await store.insert([Thing(id="t", at=datetime(2026, 1, 15, 10, 0, 0, 7999, tzinfo=UTC))])
        at = (await self._only(store)).at
        assert at == datetime(2026, 1, 15, 10, 0, 0, 7000, tzinfo=UTC)
        assert at is not None
        assert at.utcoffset() == timedelta(0)

    async def test_moments_of_another_zone_are_the_same_moment(self, store: Store) -> None:
        mexico = datetime.fromisoformat("2025-01-15T04:30:15.123-06:00")
        await store.insert([Thing(id="t", at=mexico, detail=Detail(name="d", at=mexico))])
        assert (await self._only(store)).at == MOMENT
        assert ids(await store.find(Thing, {"detail.at": MOMENT})) == ["t"]

    async def test_text_of_every_script_is_kept_and_found(self, store: Store) -> None:
        await store.insert(
            [Thing(id="t", group=TEXT, name=TEXT, labels=[TEXT], extra={TEXT.replace(".", "").replace("$", ""): TEXT})]
        )
        for where in ({"group": TEXT}, {"group": TEXT, "name": TEXT}, {"labels": TEXT}):
            assert ids(await store.find(Thing, where)) == ["t"]
        await store.change(Thing, {"id": "t"}, set={"name": TEXT + TEXT}, push={"labels": "x" + TEXT})
        thing = await self._only(store)
        assert (thing.name, thing.labels) == (TEXT + TEXT, [TEXT, "x" + TEXT])

    async def test_a_nul_in_a_text_is_kept(self, store: Store) -> None:
        await store.insert([Thing(id="t", name="a\0b", nickname="c\0d")])
        thing = await self._only(store)
        assert (thing.name, thing.nickname) == ("a\0b", "c\0d")

    async def test_the_keys_of_a_free_mapping_stay_as_they_are(self, store: Store) -> None:
        extra: dict[str, Any] = {"snake_case": 1, "camelCase": None, "with space": [True, None, 0.5], "": {}}
        await store.insert([Thing(id="t", extra=extra)])
        assert (await self._only(store)).extra == extra
        await store.change(Thing, {"id": "t"}, set={"extra.snake_case": 2}, inc={"extra.tries": 3})
        assert (await self._only(store)).extra == {**extra, "snake_case": 2, "tries": 3}

    async def test_get_of_what_is_not_there_is_none(self, store: Store) -> None:
        assert await store.get(Thing, "nobody") is None

    # Stamps and versions

    async def test_the_store_stamps_created_and_updated(self, store: Store) -> None:
        before = await store.now()
        thing = Thing(id="t")
        await store.insert([thing])
        read = await self._only(store)
        assert thing.created_at == read.created_at == read.updated_at
        assert read.created_at is not None
        assert abs(read.created_at - before) < timedelta(seconds=10)

    async def test_a_change_stamps_updated_only(self, store: Store) -> None:
        await store.insert([Thing(id="t", created_at=MOMENT)])
        await store.change(Thing, {"id": "t"}, set={"rank": 1})
        read = await self._only(store)
        assert read.created_at == MOMENT
        assert read.updated_at is not None
        assert read.updated_at >= MOMENT

    async def test_put_raises_the_version_and_the_record_can_be_put_again(self, store: Store) -> None:
        thing = Thing(id="t")
        await store.insert([thing])
        for rank in (1, 2, 3):
            thing.rank = rank
            await store.commit(Unit(Put(thing)))
            assert (await self._only(store)) == thing
        assert thing.version == 3

    async def test_put_of_an_older_version_is_a_conflict_and_writes_nothing(self, store: Store) -> None:
        await store.insert([Thing(id="t")])
        mine, theirs = await self._only(store), await self._only(store)
        theirs.rank = 5
        await store.commit(Unit(Put(theirs)))
        mine.rank = 9
        with pytest.raises(Conflict):
            await store.commit(Unit(Put(mine)))
        assert (await self._only(store)).rank == 5
        assert mine.version == 0

    async def test_put_of_what_is_not_there_is_a_conflict(self, store: Store) -> None:
        with pytest.raises(Conflict):
            await store.commit(Unit(Put(Thing(id="t"))))

    async def test_one_record_named_twice_in_a_unit_is_written_once(self, store: Store) -> None:
        thing = Thing(id="t")
        unit = Unit(Insert(thing))
        thing.rank = 4
        unit.put(thing)
        await store.commit(unit)
        assert (await self._only(store)) == thing
        assert thing.version == 0

    async def test_a_change_bumps_no_version(self, store: Store) -> None:
        thing = Thing(id="t")
        await store.insert([thing])
        await store.change(Thing, {"id": "t"}, inc={"rank": 1})
        assert (await self._only(store)).version == 0

    # Insert and upsert

    async def test_insert_tells_which_were_duplicates_and_writes_the_others(self, store: Store) -> None:
        await store.insert([Thing(id="a", code="1")])
        batch = [Thing(id="b", code="1"), Thing(id="a"), Thing(id="c", code="2"), Thing(id="d", code="2"), Thing(id="e")]
        assert await store.insert(batch) == [False, False, True, False, True]
        assert ids(await store.find(Thing, {}, limit=9)) == ["a", "c", "e"]

    async def test_insert_of_nothing_is_nothing(self, store: Store) -> None:
        assert await store.insert([]) == []

    async def test_of_many_concurrent_inserts_of_one_id_one_is_new(self, store: Store) -> None:
        fresh = await asyncio.gather(*(store.insert([Thing(id="t", rank=rank)]) for rank in range(50)))
        assert sorted(fresh) == [[False]] * 49 + [[True]]

    async def test_a_unique_key_does_not_count_records_that_lack_it(self, store: Store) -> None:
        assert await store.insert(things(1, 2, 3)) == [True, True, True]
        assert await store.insert([Order(id="1", number=1), Order(id="2", number=1)]) == [True, True]
        assert await store.insert([Order(id="3", number=1, shop="s"), Order(id="4", number=1, shop="s")]) == [True, False]

    async def test_a_partial_unique_key_counts_only_its_part(self, store: Store) -> None:
        closed = [Thing(id="a", slot="s", openness="a"), Thing(id="b", slot="s", openness="b")]
        opened = [Thing(id="c", slot="s"), Thing(id="d", slot="s")]
        assert await store.insert(closed + opened) == [True, True, True, False]
        await store.change(Thing, {"id": "c"}, set={"openness": "c"})
        assert await store.insert([Thing(id="d", slot="s")]) == [True]

    async def test_upsert_writes_what_is_new_and_what_was_there(self, store: Store) -> None:
        await store.insert([Thing(id="a", rank=1, labels=["old"], created_at=MOMENT)])
        await store.upsert([Thing(id="a", rank=2, labels=["new"]), Thing(id="b", rank=3)])
        first, second = await store.find(Thing, {}, limit=5)
        assert (first.rank, first.labels, first.created_at, second.rank) == (2, ["new"], MOMENT, 3)
        assert ids(await store.find(Thing, {"labels": "new"})) == ["a"]
        assert await store.find(Thing, {"labels": "old"}) == []

    async def test_upsert_makes_an_older_reading_conflict(self, store: Store) -> None:
        await store.insert([Thing(id="t")])
        read = await self._only(store)
        await store.upsert([Thing(id="t", rank=1)])
        with pytest.raises(Conflict):
            await store.commit(Unit(Put(read)))

    async def test_a_loaded_record_keeps_its_version_and_its_moments(self, store: Store) -> None:
        later = MOMENT + timedelta(days=1)
        await store.load([Thing(id="t", version=7, rank=1, labels=["old"], created_at=MOMENT, updated_at=later)])
        read = await self._only(store)
        assert (read.version, read.created_at, read.updated_at) == (7, MOMENT, later)
        await store.load([Thing(id="t", version=3, rank=2, labels=["new"], created_at=MOMENT, updated_at=MOMENT)])
        read = await self._only(store)
        assert (read.version, read.rank, read.updated_at) == (3, 2, MOMENT)
        assert await store.find(Thing, {"labels": "old"}) == []

    async def test_loading_writes_all_or_none(self, store: Store) -> None:
        await store.insert([Thing(id="t001", code="taken")])
        with pytest.raises(Duplicate):
            await store.load([Thing(id="t002"), Thing(id="t003", code="taken")])
        assert ids(await store.find(Thing, {}, limit=9)) == ["t001"]

    # Units

    async def test_a_unit_is_written_whole(self, store: Store) -> None:
        await store.insert(things(1, 2))
        unit = Unit(Require(Thing, {"id": "t001", "rank": 1}))
        unit.insert(*things(3))
        unit.add(Change(Thing, {"id": "t001"}, inc={"rank": 10}, must=1), Delete(Thing, {"id": "t002"}))
        await store.commit(unit)
        assert [(thing.id, thing.rank) for thing in await store.find(Thing, {}, limit=9)] == [("t001", 11), ("t003", 3)]

    @pytest.mark.parametrize(
        ("bad", "error"),
        [
            (Insert(Thing(id="t001")), Duplicate),
            (Insert(Thing(id="new", code="taken")), Duplicate),
            (Put(Thing(id="t001", version=7)), Conflict),
            (Require(Fence, {"id": "local", "value": 2}, FenceLost), FenceLost),
            (Change(Thing, {"id": "nobody"}, set={"rank": 1}, must=1, otherwise=EpochMoved), EpochMoved),
            (Change(Thing, {"group": "g"}, set={"rank": 1}, must=1), Conflict),
        ],
        ids=["same id", "same key", "old version", "fence lost", "epoch moved", "too many"],
    )
    async def test_a_unit_that_fails_anywhere_writes_nothing(self, store: Store, bad: Any, error: type[Exception]) -> None:
        await store.insert([*things(1), Thing(id="t002", rank=2, code="taken"), Fence(id="local", value=3)])
        before = await store.find(Thing, {}, limit=9)
        for unit in (
            Unit(bad),
            Unit(Insert(Thing(id="other")), Change(Thing, {"id": "t001"}, inc={"rank": 1}), bad),
            Unit(bad, Insert(Thing(id="other")), Delete(Thing, {"id": "t001"})),
        ):
            with pytest.raises(error):
                await store.commit(unit)
            assert await store.find(Thing, {}, limit=9) == before

    async def test_a_duplicate_says_the_collection_and_the_key(self, store: Store) -> None:
        await store.insert([Thing(id="a", code="1"), Order(id="o", number=1, shop="s")])
        for bad, collection, key in (
            (Thing(id="a"), "contract_things", "id"),
            (Thing(id="b", code="1"), "contract_things", "code"),
            (Order(id="p", number=1, shop="s"), "contract_orders", "number, shop"),
        ):
            with pytest.raises(Duplicate) as caught:
                await store.commit(Unit(Insert(bad)))
            assert (caught.value.collection, caught.value.key) == (collection, key)

    async def test_a_change_onto_a_taken_key_is_a_duplicate(self, store: Store) -> None:
        await store.insert([Thing(id="a", code="1"), Thing(id="b", code="2")])
        with pytest.raises(Duplicate):
            await store.change(Thing, {"id": "b"}, set={"code": "1"})
        with pytest.raises(Duplicate):
            await store.commit(Unit(Change(Thing, {"id": "b"}, set={"code": "1"})))

    async def test_units_that_fail_do_not_hurt_those_written_with_them(self, store: Store) -> None:
        await store.insert([Fence(id="local", value=1)])
        held = Require(Fence, {"id": "local", "value": 1}, FenceLost)
        lost = Require(Fence, {"id": "local", "value": 0}, FenceLost)

        async def run(number: int) -> Any:
            unit = Unit(lost if number % 3 == 0 else held, Insert(Thing(id=f"{number:03}")), Insert(Thing(id=f"{number:03}b")))
            if number % 3 == 1:
                unit.insert(Thing(id="000" if number == 1 else "001"))  # 001 is itself undone by this, so 004 takes it
            return await store.commit(unit)

        results = await asyncio.gather(*(run(number) for number in range(30)), return_exceptions=True)
        failed = {number for number, result in enumerate(results) if result is not None}
        assert {number for number in range(30) if number % 3 == 0} <= failed
        assert not {number for number in range(30) if number % 3 == 2} & failed
        kept = {thing.id for thing in await store.find(Thing, {}, limit=100)}
        for number in range(2, 30, 3):
            assert {f"{number:03}", f"{number:03}b"} <= kept
        for number in failed - {0, 1}:
            assert f"{number:03}b" not in kept

    async def test_a_requirement_sees_what_the_unit_itself_wrote(self, store: Store) -> None:
        await store.commit(Unit(Insert(Thing(id="t", rank=1)), Require(Thing, {"id": "t", "rank": 1})))
        with pytest.raises(EpochMoved):
            await store.commit(
                Unit(
                    Require(Thing, {"id": "t", "rank": 1}),
                    Change(Thing, {"id": "t"}, inc={"rank": 1}),
                    Require(Thing, {"id": "t", "rank": 1}, EpochMoved),
                )
            )
        assert (await self._only(store)).rank == 1

    async def test_after_the_fence_was_raised_no_older_unit_is_written(self, store: Store) -> None:
        await store.insert([Fence(id="local", value=1), Thing(id="t")])

        async def work(fence: int) -> None:
            await store.commit(
                Unit(Require(Fence, {"id": "local", "value": fence}, FenceLost), Change(Thing, {"id": "t"}, inc={"rank": 1}))
            )

        async def take_over() -> None:
            await store.change(Fence, {"id": "local", "value": 1}, inc={"value": 1})

        results = await asyncio.gather(
            *(work(1) for _ in range(20)), take_over(), *(work(1) for _ in range(20)), return_exceptions=True
        )
        lost = [result for result in results if isinstance(result, FenceLost)]
        assert (await self._only(store)).rank == 40 - len(lost)
        with pytest.raises(FenceLost):
            await work(1)
        await work(2)

    async def test_an_empty_unit_is_nothing(self, store: Store) -> None:
        await store.commit(Unit())

    async def test_units_of_one_task_are_written_in_their_order(self, store: Store) -> None:
        await store.insert([Thing(id="t")])
        await asyncio.gather(*(store.commit(Unit(Change(Thing, {"id": "t"}, push={"scores": number}))) for number in range(100)))
        scores = (await self._only(store)).scores
        assert sorted(scores) == list(range(100))
        for number in range(5):
            await store.change(Thing, {"id": "t"}, push={"scores": 100 + number})
        assert (await self._only(store)).scores[100:] == [100, 101, 102, 103, 104]

    # Changes

    async def test_set_inc_and_push_reach_fields_and_parts(self, store: Store) -> None:
        await store.insert([Thing(id="t", detail=Detail(name="d"))])
        touched = await store.change(
            Thing,
            {"id": "t"},
            set={"detail.at": MOMENT, "colour": Colour.BLUE, "is_on": True, "extra": {"a": [1]}, "amount": Decimal("1.20")},
            inc={"rank": 2, "ratio": 0.5, "detail.price": Decimal("0.10")},
            push={"labels": "new", "details": Detail(name="pushed", at=MOMENT)},
        )
        assert touched == 1
        thing = await self._only(store)
        assert thing.detail == Detail(name="d", at=MOMENT, price=Decimal("0.10"))
        assert (thing.colour, thing.is_on, thing.extra, thing.amount) == (Colour.BLUE, True, {"a": [1]}, Decimal("1.20"))
        assert (thing.rank, thing.ratio, thing.labels) == (2, 0.5, ["new"])
        assert thing.details == [Detail(name="pushed", at=MOMENT)]

    async def test_what_was_changed_is_found_by_its_new_value_and_not_by_its_old(self, store: Store) -> None:
        await store.insert([Thing(id="t", rank=1, labels=["old"], detail=Detail(name="d", at=MOMENT))])
        later = MOMENT + timedelta(days=1)
        await store.change(
            Thing,
            {"id": "t"},
            set={"group": "h", "labels": ["x", "x", "y"], "detail": Detail(name="e", at=later)},
            inc={"rank": 1},
        )
        await store.change(Thing, {"id": "t"}, push={"labels": "z"})
        for new in ({"group": "h"}, {"labels": "x"}, {"labels": "z"}, {"rank": 2}, {"detail.at": later}):
            assert ids(await store.find(Thing, new)) == ["t"], new
        for old in ({"group": "g"}, {"labels": "old"}, {"rank": 1}, {"detail.at": MOMENT}):
            assert await store.find(Thing, old) == [], old
        await store.change(Thing, {"id": "t"}, set={"detail": None, "labels": []})
        assert await store.find(Thing, {"detail.at": later}) == []
        assert await store.find(Thing, {"labels": "x"}) == []

    async def test_a_change_touches_every_match_and_counts_them(self, store: Store) -> None:
        await store.insert([*things(1, 2, 3), Thing(id="x", group="other")])
        assert await store.change(Thing, {"group": "g"}, set={"colour": "blue"}) == 3
        assert await store.change(Thing, {"group": "nobody"}, set={"colour": "blue"}) == 0
        assert await store.change(Thing, {"id": In([])}, set={"colour": "blue"}) == 0
        assert (await self._only(store, "x")).colour is Colour.RED

    async def test_a_hundred_concurrent_increments_all_count(self, store: Store) -> None:
        await store.insert([Thing(id="t")])
        await asyncio.gather(*(store.change(Thing, {"id": "t"}, inc={"rank": 1, "extra.n": 2}) for _ in range(100)))
        thing = await self._only(store)
        assert (thing.rank, thing.extra) == (100, {"n": 200})

    async def test_compare_and_set_has_exactly_one_winner(self, store: Store) -> None:
        await store.insert([Thing(id="t", name="free")])
        tries = (store.change(Thing, {"id": "t", "name": "free"}, set={"name": f"mine {n}"}) for n in range(50))
        assert sorted(await asyncio.gather(*tries)) == [0] * 49 + [1]

    async def test_a_hundred_concurrent_numbers_have_no_gap_and_no_twin(self, store: Store) -> None:
        numbers = await asyncio.gather(*(store.next_number("tickets-2026") for _ in range(100)))
        assert sorted(numbers) == list(range(1, 101))
        assert await store.next_number("tickets-2027") == 1
        counter = await store.get(Counter, "tickets-2026")
        assert counter is not None
        assert counter.value == 100

    # Questions

    async def test_find_with_every_test(self, store: Store) -> None:
        await store.insert(
            [
                Thing(id="a", name="Ana", rank=1, labels=["x", "y"], scores=[1, 5], at=MOMENT, is_on=True),
                Thing(id="b", name="Bo", rank=2, labels=["y"], scores=[7], at=MOMENT + timedelta(milliseconds=1)),
                Thing(id="c", rank=3, colour=Colour.BLUE, prices=[Decimal("1.10")]),
            ]
        )
        cases: list[tuple[dict[str, Any], str]] = [
            ({"name": "Ana"}, "a"),
            ({"name": In(["Ana", "Bo", "Eve"])}, "ab"),
            ({"name": In(["Ana", None])}, "ac"),
            ({"name": In([])}, ""),
            ({"name": In([f"n{n}" for n in range(500)] + ["Bo"])}, "b"),
            ({"name": Not("Ana")}, "bc"),
            ({"name": None}, "c"),
            ({"name": Not(None)}, "ab"),
            ({"rank": Between(1, 3)}, "ab"),
            ({"rank": Between(2, None)}, "bc"),
            ({"rank": Between(None, 2)}, "a"),
            ({"at": MOMENT}, "a"),
            ({"at": Between(MOMENT, MOMENT + timedelta(milliseconds=1))}, "a"),
            ({"at": Between(MOMENT + timedelta(milliseconds=1))}, "b"),
            ({"is_on": True}, "a"),
            ({"is_on": False}, "bc"),
            ({"colour": Colour.BLUE}, "c"),
            ({"colour": "red"}, "ab"),
            ({"labels": "y"}, "ab"),
            ({"labels": In(["x", "z"])}, "a"),
            ({"labels": Not("x")}, "bc"),
            ({"name": StartsWith("A")}, "a"),
            ({"name": StartsWith("An.")}, ""),
            ({"name": StartsWith("a")}, ""),
            ({"nickname": StartsWith("none")}, "abc"),
            ({"labels": StartsWith("y")}, "ab"),
            ({"id": StartsWith("b"), "rank": 2}, "b"),
            ({"scores": 5}, "a"),
            ({"scores": In([5, 7])}, "ab"),
            ({"prices": Decimal("1.1")}, "c"),
            ({"id": In(["a", "c", "x"]), "rank": Not(1)}, "c"),
            ({"version": 0, "name": "Bo"}, "b"),
        ]
        for where, expected in cases:
            found = await store.find(Thing, {"group": "g", **where}, sort=("id",))
            assert "".join(ids(found)) == expected, where
            assert await store.count(Thing, {"group": "g", **where}) == len(expected), where

    async def test_find_sorts_up_and_down_by_several_fields_and_ties_by_id(self, store: Store) -> None:
        ranks = {"a": 2, "b": 1, "c": 2, "d": 1}
        await store.insert([Thing(id=id, rank=rank, name=id if id < "c" else None) for id, rank in ranks.items()])
        for sort, expected in (
            ((), "abcd"),
            (("rank",), "bdac"),
            (("-rank",), "cadb"),
            (("rank", "-id"), "dbca"),
            (("-rank", "id"), "acbd"),
            (("name",), "cdab"),
            (("-name",), "badc"),
            (("-id",), "dcba"),
        ):
            assert "".join(ids(await store.find(Thing, {"group": "g"}, sort=sort))) == expected, sort
        assert ids(await store.find(Thing, {"group": "g"}, sort=("-rank",), limit=2)) == ["c", "a"]
        assert await store.find(Thing, {"group": "g"}, limit=0) == []

    @pytest.mark.parametrize("sort", [(), ("rank",), ("-rank",), ("name",), ("-name",), ("-id",), ("at",), ("-amount",)], ids=str)
    async def test_pages_show_every_record_once_in_order(self, store: Store, sort: tuple[str, ...]) -> None:
        luck = random.Random(7)
        await store.insert(
            [
                Thing(
                    id=f"{luck.getrandbits(40):010x}",
                    rank=luck.randrange(4),
                    name=luck.choice([None, "x", "y"]),
                    at=luck.choice([None, MOMENT, MOMENT + timedelta(milliseconds=5)]),
                    amount=Decimal(luck.randrange(90, 110)),
                )
                for _ in range(60)
            ]
        )
        whole = ids(await store.find(Thing, {"group": "g"}, sort=sort))
        assert len(whole) == 60
        pages: list[str] = []
        while page := await store.find(Thing, {"group": "g"}, sort=sort, limit=7, after=pages[-1] if pages else None):
            pages += ids(page)
            if len(pages) == 28:  # what comes in behind the page changes nothing of the pages before
                await store.insert([Thing(id="elsewhere", group="h")])
        assert pages == whole

    async def test_count_and_tally(self, store: Store) -> None:
        await store.insert(
            [
                Thing(id="a", name="x", rank=1, amount=Decimal("1.5"), labels=["p", "q"]),
                Thing(id="b", name="x", rank=2, amount=Decimal("2"), labels=["p"], is_on=True),
                Thing(id="c", rank=4, colour=Colour.BLUE),
            ]
        )
        assert await store.count(Thing, {}) == 3
        assert await store.count(Thing, {"group": "nobody"}) == 0
        assert await store.tally(Thing, "name", {"group": "g"}) == {"x": 2, None: 1}
        assert await store.tally(Thing, "colour", {}) == {Colour.RED: 2, Colour.BLUE: 1}
        assert await store.tally(Thing, "is_on", {"rank": Between(1, 3)}) == {False: 1, True: 1}
        assert await store.tally(Thing, "name", {"group": "g"}, total="rank") == {"x": 3, None: 4}
        assert await store.tally(Thing, "name", {"group": "g"}, total="amount") == {"x": 3.5, None: 0}
        assert await store.tally(Thing, "labels", {"group": "g"}) == {"p": 2, "q": 1, None: 1}

    async def test_distinct_values_come_sorted_and_with_their_type(self, store: Store) -> None:
        later = MOMENT + timedelta(days=1)
        await store.insert(
            [
                Thing(id="a", name="b", at=later, colour=Colour.RED, labels=["x", "y"]),
                Thing(id="b", name="a", at=MOMENT, colour=Colour.BLUE, labels=["y"], scores=[3, 1]),
                Thing(id="c", name="b"),
            ]
        )
        assert await store.distinct(Thing, "name", {"group": "g"}) == ["a", "b"]
        assert await store.distinct(Thing, "at", {"group": "g"}) == [MOMENT, later]
        assert await store.distinct(Thing, "colour", {"group": "g"}) == [Colour.BLUE, Colour.RED]
        assert await store.distinct(Thing, "labels", {"group": "g"}) == ["x", "y"]
        assert await store.distinct(Thing, "scores", {"group": "g"}) == [1, 3]
        assert await store.distinct(Thing, "rank", {}) == [0]

    async def test_what_was_deleted_is_gone_from_every_question(self, store: Store) -> None:
        await store.insert([Thing(id="a", labels=["x"]), Thing(id="b", labels=["x"])])
        await store.commit(Unit(Delete(Thing, {"labels": "x", "id": "a"})))
        assert ids(await store.find(Thing, {"labels": "x"})) == ["b"]
        assert await store.distinct(Thing, "labels", {"group": "g"}) == ["x"]
        await store.commit(Unit(Delete(Thing, {"labels": "x"})))
        assert await store.count(Thing, {}) == 0
        assert await store.find(Thing, {"labels": "x"}) == []

    async def test_a_read_sees_every_write_that_has_returned(self, store: Store) -> None:
        async def write_then_read(number: int) -> None:
            await store.insert([Thing(id=f"{number}")])
            assert await store.get(Thing, f"{number}") is not None
            assert await store.count(Thing, {"id": f"{number}"}) == 1
            await store.change(Thing, {"id": f"{number}"}, set={"name": f"name {number}"})
            assert ids(await store.find(Thing, {"group": "g", "name": f"name {number}"})) == [f"{number}"]

        await asyncio.gather(*(write_then_read(number) for number in range(100)))

    # Fields of the parts in a list

    async def test_a_document_is_found_by_a_field_of_any_of_its_parts(self, store: Store) -> None:
        soon, late = MOMENT + timedelta(days=1), MOMENT + timedelta(days=9)
        both = Thing(id="both", details=[Detail(name="a", at=soon), Detail(name="b", at=late)])
        await store.insert([both, Thing(id="one", details=[Detail(name="b"), Detail(name="b", at=soon)]), Thing(id="none")])
        assert await self._with_parts(store, {"details.name": "b"}) == ["both", "one"]
        assert await self._with_parts(store, {"details.name": In(["a", "c"])}) == ["both"]
        assert await self._with_parts(store, {"details.at": Between(high=soon + timedelta(seconds=1))}) == ["both", "one"]
        between = Between(soon + timedelta(seconds=1), late)  # neither of its moments lies there
        assert await self._with_parts(store, {"details.at": between}) == []
        assert await store.distinct(Thing, "details.name", {"group": "g"}) == ["a", "b"]

    async def _with_parts(self, store: Store, where: dict[str, Any]) -> list[str]:
        return ids(await store.find(Thing, where, sort=("id",)))

    async def test_parts_that_change_are_found_as_they_are(self, store: Store) -> None:
        await store.insert([Thing(id="t", details=[Detail(name="old")])])
        await store.change(Thing, {"id": "t"}, push={"details": Detail(name="pushed")})
        assert await self._with_parts(store, {"details.name": "pushed"}) == ["t"]
        await store.change(Thing, {"id": "t"}, set={"details": [Detail(name="set", at=MOMENT)]})
        assert await self._with_parts(store, {"details.name": "set", "details.at": MOMENT}) == ["t"]
        assert await self._with_parts(store, {"details.name": In(["old", "pushed"])}) == []
        await store.commit(Unit(Put((await self._only(store)).model_copy(update={"details": []}))))
        assert await self._with_parts(store, {"details.name": "set"}) == []

    # Beginnings

    async def test_a_beginning_is_found_letter_for_letter_and_needs_an_index(self, store: Store) -> None:
        texts = ["fact.", "factura", "fa", "Fact", "fáct", "facto]", "fact\U0001f600", "a fact", "'%_fact"]
        await store.insert([Thing(id=f"{number}", group=text, labels=["x", text]) for number, text in enumerate(texts)])
        for where in ({"group": StartsWith("fact")}, {"labels": StartsWith("fact")}):
            assert ids(await store.find(Thing, where, sort=("id",))) == ["0", "1", "5", "6"]
            assert await store.count(Thing, where) == 4
        assert ids(await store.find(Thing, {"labels": StartsWith("'%_")})) == ["8"]
        assert ids(await store.find(Thing, {"group": StartsWith("fact.")})) == ["0"]

    # Searching by words

    async def _found(self, store: Store, text: str, where: dict[str, Any] | None = None) -> list[str]:
        found: list[str] = []
        after: str | None = None
        for _ in range(100):
            page = await store.search(Note, query_words(text), where, limit=3, after=after)
            found += ids(page.records)
            if (after := page.after) is None:
                return found
        raise AssertionError("the pages have no end")

    async def test_every_word_is_found_by_its_stem_or_its_beginning(self, store: Store) -> None:
        texts = [
            "Tengo dos facturas pendientes",
            "La FACTURA de marzo",
            "facturación electrónica",
            "My bills were paid",
            "मेरी लड़कियाँ स्कूल में हैं।",
            "llámame al +1 202-555-0123",
            "write to Ana.Ruiz@Example.org",
            "pedido 4711",
        ]
        await store.insert([Note(id=f"n{number}", body=text, at=MOMENT) for number, text in enumerate(texts)])
        for query, expected in (
            ("factura", "n0 n1 n2"),
            ("facturas marzo", "n1"),
            ("factura bill", ""),
            ("ELECTRONICA", "n2"),
            ("electrón", "n2"),
            ("bill", "n3"),
            ("paying", ""),
            ("लड़की", "n4"),
            ("हैं", "n4"),
            ("555 0123", "n5"),
            ("5550", "n5"),
            ("+1 202-555", "n5"),
            ("0123 llamame", "n5"),
            ("ana.ruiz@example", "n6"),
            ("ruiz example", "n6"),
            ("4711", "n7"),
            ("47", "n7"),
            ("711", ""),
            ("nobody", ""),
        ):
            assert sorted(await self._found(store, query)) == expected.split(), query

    async def test_what_is_found_comes_newest_first_in_pages(self, store: Store) -> None:
        luck = random.Random(5)
        moments = [MOMENT + timedelta(minutes=minute) for minute in luck.sample(range(1000), 40)]
        notes = [
            Note(
                id=f"n{number:02}",
                title="red" if number % 2 else "blue",
                body=f"house {number}",
                at=at,
                owner="bo" if number % 3 else "ana",
            )
            for number, at in enumerate(moments)
        ]
        await store.insert(notes)
        newest = [note.id for note in sorted(notes, key=lambda note: note.at, reverse=True)]
        assert await self._found(store, "house") == newest
        assert await self._found(store, "hou") == newest
        assert await self._found(store, "red house") == [id for id in newest if int(id[1:]) % 2]
        assert await self._found(store, "h", {"owner": "ana"}) == [id for id in newest if int(id[1:]) % 3 == 0]
        assert await self._found(store, "h", {"owner": "nobody"}) == []
        page = await store.search(Note, query_words("house"), limit=40)
        assert (len(page.records), page.after) == (40, None)

    async def test_searches_asked_at_once_find_each_their_own(self, store: Store) -> None:
        await store.insert([Note(id=word, title=word, at=MOMENT) for word in ("house", "boat", "tree")])
        asked = asyncio.gather(*(self._found(store, word) for word in ("house", "boat", "nothing", "tree")))
        found, number = await asyncio.gather(asked, store.count(Note, {"id": "house"}))
        assert (found, number) == ([["house"], ["boat"], [], ["tree"]], 1)

    async def test_a_search_sees_what_every_kind_of_write_made_of_the_words(self, store: Store) -> None:
        note = Note(id="n", title="old", body="words", at=MOMENT)
        await store.insert([note])
        note.title = "new"
        await store.commit(Unit(Put(note)))
        assert (await self._found(store, "old"), await self._found(store, "new words")) == ([], ["n"])
        await store.change(Note, {"id": "n"}, set={"title": "changed", "body": "text"}, inc={"read": 1})
        assert (await self._found(store, "words"), await self._found(store, "changed text")) == ([], ["n"])
        await store.commit(Unit(Change(Note, {"id": "n"}, set={"title": None, "body": "nothing"})))
        assert (await self._found(store, "text"), await self._found(store, "nothing")) == ([], ["n"])
        await store.upsert([Note(id="n", title="upserted", at=MOMENT), Note(id="o", body="upserted", at=MOMENT)])
        assert sorted(await self._found(store, "upserted")) == ["n", "o"]
        await store.load([Note(id="n", title="loaded", at=MOMENT)])
        assert (await self._found(store, "upserted"), await self._found(store, "loaded")) == (["o"], ["n"])
        await store.commit(Unit(Delete(Note, {"id": "n"})))
        assert await self._found(store, "loaded") == []
        read = await store.get(Note, "o")
        assert read is not None
        await store.commit(Unit(Put(read)))  # no trace of the tokens in what is read

    async def test_a_change_of_some_of_the_searched_fields_is_refused(self, store: Store) -> None:
        await store.insert([Note(id="n", title="t", body="b", at=MOMENT)])
        for bad in (
            Change(Note, {"id": "n"}, set={"title": "x"}),
            Change(Note, {"id": "n"}, set={"at": MOMENT}),
            Change(Note, {"id": "n"}, push={"body": "x"}),
        ):
            with pytest.raises(StoreError, match="contract_notes"):
                await store.commit(Unit(bad))
        await store.change(Note, {"id": "n"}, inc={"read": 1})
        assert await self._found(store, "t b") == ["n"]

    async def test_a_search_where_nothing_is_searched_is_refused(self, store: Store) -> None:
        with pytest.raises(StoreError, match="contract_things"):
            await store.search(Thing, query_words("x"))
        with pytest.raises(StoreError, match="continue"):
            await store.search(Note, query_words("x"), after="nonsense")

    # Records that are only added to

    async def test_what_is_only_added_to_is_never_changed_and_never_deleted(self, store: Store) -> None:
        event = Event(id="e", name="happened")
        await store.insert([event])
        for bad in (Put(event), Change(Event, {"id": "e"}, set={"name": "x"}), Delete(Event, {"id": "e"})):
            with pytest.raises(StoreError, match="only added to"):
                await store.commit(Unit(Insert(Thing(id="t")), bad))
        with pytest.raises(StoreError, match="only added to"):
            await store.change(Event, {"id": "e"}, set={"name": "x"})
        with pytest.raises(StoreError, match="only added to"):
            await store.upsert([event])
        assert await store.get(Event, "e") == event
        assert await store.get(Thing, "t") is None
        await store.load([event])  # moving data is no change

    # Time

    async def test_sweep_deletes_what_is_past_its_time_and_nothing_else(self, store: Store) -> None:
        now = await store.now()
        await store.insert(
            [
                Thing(id="past", expires_at=now - timedelta(seconds=120)),
                Thing(id="in grace", expires_at=now - timedelta(seconds=20)),
                Thing(id="future", expires_at=now + timedelta(hours=1)),
                Thing(id="for ever"),
            ]
        )
        assert await store.sweep() == 1
        assert ids(await store.find(Thing, {}, limit=9)) == ["for ever", "future", "in grace"]
        assert await store.sweep() == 0

    async def test_sweep_of_a_partial_index_deletes_only_what_is_in_it(self, store: Store) -> None:
        now = await store.now()
        old, young = now - timedelta(hours=2), now - timedelta(minutes=30)
        await store.insert(
            [
                Thing(id="old and closed", at=old, openness="closed"),
                Thing(id="old and open", at=old),
                Thing(id="young and closed", at=young, openness="closed"),
                Thing(id="closed at no time", openness="closed"),
            ]
        )
        assert await store.sweep() == 1
        assert ids(await store.find(Thing, {}, limit=9)) == ["closed at no time", "old and open", "young and closed"]

    async def test_now_is_utc_in_whole_milliseconds(self, store: Store) -> None:
        now = await store.now()
        assert now.utcoffset() == timedelta(0)
        assert now.microsecond % 1000 == 0

    # Several processes

    async def test_two_processes_see_each_others_writes_and_conflicts(self, store: Store, second_store: Store) -> None:
        await store.insert([Thing(id="t")])
        mine, theirs = await self._only(store), await self._only(second_store)
        await second_store.commit(Unit(Put(theirs)))
        with pytest.raises(Conflict):
            await store.commit(Unit(Put(mine)))
        both = (one.change(Thing, {"id": "t"}, inc={"rank": 1}) for one in (store, second_store) * 25)
        await asyncio.gather(*both)
        assert (await self._only(store)).rank == 50

    async def test_watch_tells_of_another_process_commit_but_not_of_our_own(
        self, store: Store, second_store: Store, waited: Callable[[], Any]
    ) -> None:
        told = asyncio.Event()
        end = store.watch(told.set)
        await waited()
        await store.insert([Thing(id="ours")])
        await waited()
        assert not told.is_set()
        await second_store.insert([Thing(id="theirs")])
        await waited()
        assert told.is_set()
        end()
        told.clear()
        await second_store.insert([Thing(id="theirs too")])
        await waited()
        assert not told.is_set()
