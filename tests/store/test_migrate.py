"""Moving data out, in and across, and bringing older shapes up to date."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from bot.clock import SystemClock
from bot.errors import DataTooNew, RecordError, StoreError, StoreUnavailable
from bot.records.base import RECORDS, Index, Record, record
from bot.records.conversations import Message
from bot.records.people import Customer
from bot.records.tickets import Ticket, TicketCategory
from bot.records.work import Counter, Fence
from bot.store import migrate
from bot.store.migrate import copy, export_to, import_from, upgrade
from bot.store.sqlite import SqliteStore
from bot.store.sqlite_backup import backup
from bot.testing.contracts import example

pytestmark = pytest.mark.contract


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(path / "bot.db", SystemClock())
    await store.open()
    try:
        yield store
    finally:
        await store.close()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    async with opened(tmp_path / "one") as store:
        yield store


@pytest.fixture
async def other(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    async with opened(tmp_path / "two") as store:
        yield store


def quiet(name: str, done: int, total: int) -> None:
    return


def ticket(number: int, **values: Any) -> Ticket:
    now = SystemClock().now()
    return Ticket(
        id=f"t{number:04d}",
        ticket_id=f"TICKET-2026-{number:06d}",
        customer_id="c1",
        subject=f"Problem {number} ñ 🙂",
        description="It does not work",
        category=TicketCategory.BILLING,
        last_activity_at=now,
        **values,
    )


async def test_what_is_exported_and_imported_is_the_same_to_the_last_field(
    store: SqliteStore, other: SqliteStore, tmp_path: Path
) -> None:
    kinds = sorted((kind for kind in RECORDS.values() if kind is not Fence), key=lambda kind: kind.shape.collection)
    originals = [example(kind) for kind in kinds]
    for original in originals:
        await store.load([original])
    written = await export_to(store, tmp_path / "out", quiet)
    assert written == await import_from(other, tmp_path / "out", quiet) == len(originals)
    for kind, original in zip(kinds, originals, strict=True):
        assert await other.get(kind, original.id) == await store.get(kind, original.id)


async def test_many_pages_keep_their_order_and_their_number(
    store: SqliteStore, other: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "PAGE", 7)
    await store.insert([ticket(number) for number in range(50)])
    told: list[tuple[str, int, int]] = []
    await export_to(store, tmp_path / "out", lambda *step: told.append(step), [Ticket])
    assert [done for _, done, _ in told] == [7, 14, 21, 28, 35, 42, 49, 50]
    lines = (tmp_path / "out" / "tickets.jsonl").read_bytes().splitlines()
    assert [orjson.loads(line)["_id"] for line in lines] == [f"t{number:04d}" for number in range(50)]
    assert await import_from(other, tmp_path / "out", quiet) == 50


async def test_lines_are_as_stored_in_camel_case(store: SqliteStore, tmp_path: Path) -> None:
    await store.insert([ticket(1)])
    await export_to(store, tmp_path, quiet, [Ticket])
    [line] = (tmp_path / "tickets.jsonl").read_bytes().splitlines()
    assert {"_id": "t0001", "ticketId": "TICKET-2026-000001", "slaLevel": "standard"}.items() <= orjson.loads(line).items()


async def test_importing_twice_changes_nothing(store: SqliteStore, other: SqliteStore, tmp_path: Path) -> None:
    await store.insert([ticket(1), ticket(2)])
    await export_to(store, tmp_path, quiet)
    await import_from(other, tmp_path, quiet)
    before = await other.find(Ticket, {}, sort=("id",), limit=9)
    await import_from(other, tmp_path, quiet)
    assert await other.find(Ticket, {}, sort=("id",), limit=9) == before


async def test_a_bad_line_is_named_and_none_of_its_page_is_loaded(store: SqliteStore, tmp_path: Path) -> None:
    good = orjson.dumps({"_id": "c1", "firstName": "Ana"})
    (tmp_path / "customers.jsonl").write_bytes(good + b"\n\n" + b'{"_id": "c2", "isBlocked": "perhaps"}\n')
    with pytest.raises(RecordError, match=r"^customers\.jsonl, line 3: Customer\.is_?[bB]locked"):
        await import_from(store, tmp_path, quiet)
    assert await store.count(Customer, {}) == 0


async def test_a_taken_unique_key_names_the_lines(store: SqliteStore, tmp_path: Path) -> None:
    lines = [orjson.dumps({"_id": id_, "phoneNumber": "+12025550123"}) for id_ in ("c1", "c2")]
    (tmp_path / "customers.jsonl").write_bytes(b"\n".join(lines))
    with pytest.raises(RecordError, match=r"customers\.jsonl: between lines 1 and 2: .*phone_number"):
        await import_from(store, tmp_path, quiet)


@pytest.mark.parametrize(
    ("files", "says"), [([], "there is no <collection>.jsonl"), (["spaceships.jsonl"], "there is no collection of that name")]
)
async def test_a_folder_that_holds_nothing_of_ours_is_refused(
    store: SqliteStore, tmp_path: Path, files: list[str], says: str
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in files:
        (folder / name).write_text("{}\n")
    with pytest.raises(StoreError, match=says):
        await import_from(store, folder, quiet)


async def test_a_place_that_cannot_be_written_is_one_line(store: SqliteStore, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        await export_to(store, tmp_path / "file", quiet)


async def test_a_whole_store_is_copied_into_another(store: SqliteStore, other: SqliteStore) -> None:
    await store.insert([ticket(number) for number in range(20)])
    await store.next_number("tickets:2026")
    assert await copy(store, other, quiet) == 21
    assert await other.next_number("tickets:2026") == 2


async def test_a_store_that_is_in_use_is_set_back_only_on_demand_and_its_counters_never(
    store: SqliteStore, other: SqliteStore
) -> None:
    await store.load([example(Message), Counter(id="tickets:2026", value=3)])
    await copy(store, other, quiet)
    await other.next_number("tickets:2026")
    with pytest.raises(StoreError, match="--replace"):
        await copy(store, other, quiet)
    await copy(store, other, quiet, replace=True)
    assert await other.next_number("tickets:2026") == 5


async def test_fences_stay_where_they_are(store: SqliteStore, other: SqliteStore, tmp_path: Path) -> None:
    await store.insert([Fence(id="local", value=9)])
    await export_to(store, tmp_path, quiet)
    assert not (tmp_path / "fences.jsonl").exists()
    await copy(store, other, quiet)
    assert await other.get(Fence, "local") is None


async def test_a_backup_of_a_store_in_use_is_a_store(store: SqliteStore, tmp_path: Path) -> None:
    await store.insert([ticket(1)])
    pages: list[tuple[int, int]] = []
    (tmp_path / "three").mkdir()
    backup(tmp_path / "one" / "bot.db", tmp_path / "three" / "bot.db", lambda done, total: pages.append((done, total)))
    assert pages[-1][0] == pages[-1][1] > 0
    async with opened(tmp_path / "three") as copied:
        assert await copied.get(Ticket, "t0001") == await store.get(Ticket, "t0001")


def test_a_backup_overwrites_nothing_and_needs_a_store(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("mine")
    sqlite3.connect(tmp_path / "bot.db").close()
    with pytest.raises(StoreError, match="is there already"):
        backup(tmp_path / "bot.db", tmp_path / "taken", lambda *_: None)
    with pytest.raises(StoreUnavailable, match="there is no store"):
        backup(tmp_path / "nowhere.db", tmp_path / "free", lambda *_: None)
    assert (tmp_path / "taken").read_text() == "mine"


def split_name(document: dict[str, Any]) -> dict[str, Any]:
    first, _, last = document.pop("name").partition(" ")
    return {**document, "first": first, "last": last}


def add_greeting(document: dict[str, Any]) -> dict[str, Any]:
    return {**document, "greeting": f"Dear {document['first']}"}


@contextmanager
def declared(declare: Callable[[], type[Record]]) -> Iterator[type[Record]]:
    """A record type that only this test knows."""
    kind = declare()
    try:
        yield kind
    finally:
        RECORDS.pop(kind.shape.collection)


def old_guest() -> type[Record]:
    @record("guests", Index("name"))
    class Guest(Record):
        name: str

    return Guest


def new_guest(*upgrades: Callable[[dict[str, Any]], dict[str, Any]]) -> type[Record]:
    @record("guests", Index("last"), upgrades=upgrades)
    class Guest(Record):
        first: str
        last: str
        greeting: str

    return Guest


async def test_an_older_shape_is_brought_up_to_date_when_it_is_read_and_in_bulk(tmp_path: Path) -> None:
    with declared(old_guest) as kind:
        store = SqliteStore(tmp_path / "bot.db", SystemClock(), [kind])
        await store.open()
        await store.insert([kind.model_validate({"_id": "g1", "name": "Ana Ruiz"})])
        await store.close()
    with declared(lambda: new_guest(split_name, add_greeting)) as kind:
        store = SqliteStore(tmp_path / "bot.db", SystemClock())
        await store.open()
        read = await store.get(kind, "g1")
        assert read is not None
        assert (read.model_dump()["greeting"], read.shape_number) == ("Dear Ana", 3)
        assert await store.find(kind, {"last": "Ruiz"}) == []  # its index is still that of the old shape
        assert await upgrade(store, quiet) == 1
        assert [guest.id for guest in await store.find(kind, {"last": "Ruiz"})] == ["g1"]
        assert await upgrade(store, quiet) == 1  # again changes nothing
        assert await store.get(kind, "g1") == read
        await store.close()


async def test_a_shape_of_a_newer_version_is_not_touched(tmp_path: Path) -> None:
    with declared(lambda: new_guest(split_name, add_greeting)) as kind:
        store = SqliteStore(tmp_path / "bot.db", SystemClock(), [kind])
        await store.open()
        await store.insert([kind.model_validate({"_id": "g1", "first": "Ana", "last": "Ruiz", "greeting": "Dear Ana"})])
        await store.close()
    with declared(lambda: new_guest(split_name)) as kind:
        store = SqliteStore(tmp_path / "bot.db", SystemClock(), [kind])
        await store.open()
        with pytest.raises(DataTooNew, match="guests g1: has shape 3, and this version knows 2"):
            await store.get(kind, "g1")
        await store.close()
