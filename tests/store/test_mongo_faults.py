"""What goes wrong around a MongoDB: no replica set, nobody there, wrong passwords, kills, two processes, closing.

Run on SecantusDB 0.7.0b3, which is killed here; the tests without a kill run on the server in TEST_MONGODB_URI too.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import time
import warnings
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from pymongo import AsyncMongoClient
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import OperationFailure

from bot.clock import SystemClock, new_id
from bot.errors import FenceLost, SettingsError, StoreUnavailable
from bot.records.base import Record
from bot.records.work import Counter, Fence
from bot.store.base import Change, Insert, Require, Unit
from bot.store.mongo import MongoStore
from bot.store.mongo_connection import place_of
from bot.store.mongo_units import Units
from bot.testing.contracts import CONTRACT_KINDS, Thing
from bot.testing.processes import free_port
from bot.testing.secantus import PROGRAM, Secantus, program

pytestmark = pytest.mark.contract

KINDS: tuple[type[Record], ...] = (Counter, Fence, *CONTRACT_KINDS)
needs_secantus = pytest.mark.skipif(program() is None, reason=f"{PROGRAM} is not installed; `uv sync` brings it")


@contextlib.asynccontextmanager
async def opened(uri: str, database: str) -> AsyncIterator[MongoStore]:
    store = MongoStore(uri, database, SystemClock(), KINDS)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


@pytest.fixture
async def database(mongo_uri: str) -> AsyncIterator[str]:
    name = f"switchboard_test_{new_id()[-12:]}"
    yield name
    async with AsyncMongoClient[dict[str, Any]](mongo_uri) as client:
        await client.drop_database(name)


@pytest.fixture(autouse=True)
def _no_litter() -> Iterator[None]:
    """pymongo's monitor leaves a socket behind where it is closed while it still connects."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


# Servers that will not do


@needs_secantus
async def test_a_server_without_replica_set_says_what_to_do(tmp_path: Path) -> None:
    server = Secantus(tmp_path, "--standalone").start()
    try:
        with pytest.raises(StoreUnavailable) as caught:
            await MongoStore(server.uri, "switchboard", SystemClock(), KINDS).open()
    finally:
        server.stop()
    said = str(caught.value)
    assert "\n" not in said
    for word in ("MONGODB_URI", "no replica set", "--replSet rs0", "rs.initiate()", "Atlas"):
        assert word in said


@pytest.mark.parametrize("host", ["127.0.0.1", "nobody.invalid"])
async def test_a_server_that_does_not_answer_is_named_without_the_password(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.store.mongo_connection.SELECT_SECONDS", 0.2)
    uri = f"mongodb://user:s3cret@{host}:{free_port()}/?replicaSet=rs0"
    with pytest.raises(StoreUnavailable, match=f"^MONGODB_URI: no server answers at mongodb://{host}:") as caught:
        await MongoStore(uri, "switchboard", SystemClock(), KINDS).open()
    assert "s3cret" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "uri",
    ["localhost:27017", "mongodb://user:s3cret/x@host", "mongodb://", "http://s3cret@h"],
)
async def test_an_address_that_cannot_be_read_is_refused_without_the_password(uri: str) -> None:
    with pytest.raises(SettingsError, match=r"^MONGODB_URI: this is no address of a MongoDB; for example mongodb://") as caught:
        await MongoStore(uri, "switchboard", SystemClock(), KINDS).open()
    assert "s3cret" not in str(caught.value)


@needs_secantus
async def test_a_wrong_password_says_so_and_does_not_show_it(tmp_path: Path) -> None:
    server = Secantus(tmp_path, "--auth").start()
    try:
        uri = server.uri.replace("//", "//somebody:s3cret@")
        with pytest.raises(StoreUnavailable, match=r"^MONGODB_URI: .* does not know this user or password$") as caught:
            await MongoStore(uri, "switchboard", SystemClock(), KINDS).open()
        assert "s3cret" not in str(caught.value)
        with pytest.raises(StoreUnavailable, match=r"^MONGODB_URI: .* does not allow"):
            await MongoStore(server.uri, "switchboard", SystemClock(), KINDS).open()
    finally:
        server.stop()


def test_a_place_is_shown_without_user_password_and_options() -> None:
    assert place_of("mongodb+srv://me:pw@cluster.example.net/db?w=1") == "mongodb+srv://cluster.example.net"
    assert place_of("mongodb://a:1,b:2/?replicaSet=rs0") == "mongodb://a:1,b:2"


# Kills


@needs_secantus
async def test_what_was_acknowledged_survives_kill_9_of_the_server_and_no_unit_is_half_there(tmp_path: Path) -> None:
    server = Secantus(tmp_path, "--sync-on-commit").start()  # without it, what it acknowledges is not in its log yet
    acknowledged: list[str] = []
    try:
        async with opened(server.uri, "switchboard") as store:

            async def write(lane: int) -> None:
                for number in range(10_000):
                    name = f"{lane}-{number}"
                    pair = [Thing(id=f"{name}{half}", labels=["x"], extra={"pad": "p" * 500}) for half in "ab"]
                    unit = Unit(*map(Insert, pair), Change(Thing, {"id": f"{name}a"}, inc={"rank": 1}, must=1))
                    try:
                        await store.commit(unit)
                    except StoreUnavailable:
                        return
                    acknowledged.append(name)

            writers = [asyncio.create_task(write(lane)) for lane in range(8)]
            while len(acknowledged) < 60:
                await asyncio.sleep(0.01)
            server.kill()
            began = time.monotonic()
            server.start()
            await asyncio.sleep(1.0)
            for writer in writers:
                writer.cancel()
            await asyncio.gather(*writers, return_exceptions=True)
            assert await store.insert([Thing(id="after")]) == [True], "the same store goes on"
            assert time.monotonic() - began < 20
            for name in acknowledged:
                first, second = await store.get(Thing, f"{name}a"), await store.get(Thing, f"{name}b")
                assert first is not None, name
                assert second is not None, name
                assert first.rank == 1
            every = await store.find(Thing, {"labels": "x"})
            halves = [{thing.id[:-1] for thing in every if thing.id.endswith(half)} for half in "ab"]
            assert halves[0] == halves[1]
    finally:
        server.stop()


@needs_secantus
async def test_a_server_that_is_gone_is_unavailable_and_then_works_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.store.mongo_connection.SELECT_SECONDS", 0.8)  # a server is looked for twice a second
    monkeypatch.setattr("bot.store.mongo_units._LOST_TRIES", 0)
    server = Secantus(tmp_path).start()
    try:
        async with opened(server.uri, "switchboard") as store:
            await store.insert([Thing(id="before")])
            server.kill()
            two = Unit(Insert(Thing(id="a")), Insert(Thing(id="b")))
            calls = (store.get(Thing, "before"), store.insert([Thing(id="t")]), store.commit(two), store.now())
            for error in await asyncio.gather(*calls, return_exceptions=True):
                assert isinstance(error, StoreUnavailable)
                assert "try again" in str(error)
                assert error.retryable
            server.start()
            assert await store.get(Thing, "before") is not None
            await store.commit(two)
    finally:
        server.stop()


# Company


async def test_units_of_two_processes_on_one_document_all_go_through(mongo_uri: str, database: str) -> None:
    async with opened(mongo_uri, database) as one, opened(mongo_uri, database) as two:
        await one.insert([Fence(id="f", value=1), Thing(id="t")])
        held = Require(Fence, {"id": "f", "value": 1}, FenceLost)
        units = (
            store.commit(Unit(held, Change(Thing, {"id": "t"}, inc={"rank": 1}), Insert(Thing(id=f"{number}-{place}"))))
            for number in range(15)
            for place, store in enumerate((one, two))
        )
        await asyncio.gather(*units)
        found = await one.get(Thing, "t")
        assert found is not None
        assert found.rank == 30
        fence = await one.get(Fence, "f")
        assert fence == Fence(id="f", value=1, created_at=fence and fence.created_at, updated_at=fence and fence.updated_at)


async def test_nobody_raises_a_fence_between_its_requirement_and_the_commit(
    mongo_uri: str, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle = Units._settle
    async with opened(mongo_uri, database) as old, opened(mongo_uri, database) as new:
        await old.insert([Fence(id="f", value=1)])
        raised: list[asyncio.Task[int]] = []

        async def slowly(units: Units, session: AsyncClientSession) -> None:
            raised.append(asyncio.create_task(new.change(Fence, {"id": "f", "value": 1}, inc={"value": 1})))
            await asyncio.sleep(0.2)
            assert not raised[0].done(), "the newer one has to wait for what the older one has already been granted"
            await settle(units, session)

        monkeypatch.setattr(Units, "_settle", slowly)
        await old.commit(Unit(Require(Fence, {"id": "f", "value": 1}, FenceLost), Insert(Thing(id="t"))))
        assert await raised[0] == 1
        monkeypatch.undo()
        with pytest.raises(FenceLost):
            await old.commit(Unit(Require(Fence, {"id": "f", "value": 1}, FenceLost), Insert(Thing(id="u"))))


async def test_fences_of_many_lanes_rise_together_and_each_by_one(mongo_uri: str, database: str) -> None:
    async with opened(mongo_uri, database) as store:
        assert await store.raise_fences(["turns:a", "turns:b"], "one") == {"turns:a": 1, "turns:b": 1}
        assert await store.raise_fences(["turns:b", "turns:c"], "two") == {"turns:b": 2, "turns:c": 1}
        assert await store.raise_fences([], "three") == {}
        fence = await store.get(Fence, "turns:b")
        assert fence is not None
        assert (fence.value, fence.holder) == (2, "two")


async def test_of_those_who_raise_a_fence_at_once_one_gets_each_number(mongo_uri: str, database: str) -> None:
    async with opened(mongo_uri, database) as one, opened(mongo_uri, database) as two:
        raised = [
            await asyncio.gather(
                *(store.raise_fences(["turns:a"], f"{place}, {number}") for place, store in enumerate((one, two)))
            )
            for number in range(15)
        ]
        numbers = [value for pair in raised for each in pair for value in each.values()]
        assert sorted(numbers) == list(range(1, len(numbers) + 1))
        assert len(numbers) >= 15


async def test_units_under_different_fences_go_together_and_a_lost_one_fails_alone(mongo_uri: str, database: str) -> None:
    async with opened(mongo_uri, database) as store:
        fences = await store.raise_fences([f"turns:{number}" for number in range(20)], "one")
        await store.raise_fences(["turns:7"], "two")
        units = (
            store.commit(Unit(Require(Fence, {"id": id_, "value": value}, FenceLost), Insert(Thing(id=id_))))
            for id_, value in fences.items()
        )
        told = await asyncio.gather(*units, return_exceptions=True)
        assert [type(each) for each in told].count(FenceLost) == 1
        assert await store.count(Thing, {}) == 19
        assert await store.get(Thing, "turns:7") is None


async def test_what_a_silent_process_had_begun_to_write_is_undone(
    mongo_uri: str, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(mongo_uri, database) as silent, opened(mongo_uri, database) as other:
        await silent.raise_fences(["turns:a"], "one")
        await silent.keep_clear(60)
        begun, go_on = asyncio.Event(), asyncio.Event()
        settle = Units._settle

        async def hanging(units: Units, session: AsyncClientSession) -> None:
            begun.set()
            await go_on.wait()
            await settle(units, session)

        monkeypatch.setattr(Units, "_settle", hanging)
        held = Require(Fence, {"id": "turns:a", "value": 1}, FenceLost)
        writing = asyncio.create_task(silent.commit(Unit(held, Insert(Thing(id="t")))))
        await begun.wait()
        async with asyncio.timeout(20):
            while not await other._sessions._notes.count_documents({"ended": True}):
                await asyncio.sleep(0.05)
                await other.keep_clear(0.05)
        assert await other.raise_fences(["turns:a"], "two") == {"turns:a": 2}
        monkeypatch.undo()
        go_on.set()
        with pytest.raises(FenceLost):
            await writing


async def test_on_a_slow_server_who_lives_does_not_seem_dead(
    mongo_uri: str, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(mongo_uri, database) as living, opened(mongo_uri, database) as other:
        await living.keep_clear(60)
        note = other._sessions._note

        async def slowly() -> None:
            await asyncio.sleep(0.6)
            await note()

        monkeypatch.setattr(other._sessions, "_note", slowly)
        await other.keep_clear(0.2)
        assert not await other._sessions._notes.count_documents({"ended": True})


async def test_a_commit_of_unknown_outcome_is_asked_for_again(
    mongo_uri: str, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = AsyncClientSession.commit_transaction
    tries = 0

    async def flaky(session: AsyncClientSession) -> None:
        nonlocal tries
        tries += 1
        await commit(session)
        if tries == 1:
            raise OperationFailure("lost", 91, {"errorLabels": ["UnknownTransactionCommitResult"]})

    async with opened(mongo_uri, database) as store:
        monkeypatch.setattr(AsyncClientSession, "commit_transaction", flaky)
        await store.insert([Thing(id="t")])
        await store.commit(Unit(Change(Thing, {"id": "t"}, inc={"rank": 1}), Insert(Thing(id="u"))))
        found = await store.get(Thing, "t")
        assert found is not None
        assert (tries, found.rank) == (2, 1)


async def test_a_transaction_that_others_always_spoil_is_given_up(
    mongo_uri: str, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def spoiled(*_: Any) -> None:
        raise OperationFailure("spoiled", 112, {"errorLabels": ["TransientTransactionError"]})

    async with opened(mongo_uri, database) as store:
        monkeypatch.setattr(Units, "_settle", spoiled)
        monkeypatch.setattr("bot.store.mongo_units._TRIES", 3)
        with pytest.raises(StoreUnavailable, match="try again"):
            await store.commit(Unit(Insert(Thing(id="t")), Insert(Thing(id="u"))))
        assert await store.count(Thing, {}) == 0


async def test_many_inserts_at_once_are_few_round_trips(mongo_uri: str, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(mongo_uri, database) as store:
        sent: list[int] = []
        send = type(store._inserts[Thing])._send

        async def counted(self: Any, documents: Any) -> Any:
            sent.append(len(documents))
            return await send(self, documents)

        monkeypatch.setattr(type(store._inserts[Thing]), "_send", counted)
        assert await asyncio.gather(*(store.insert([Thing(id=f"{n}")]) for n in range(300))) == [[True]] * 300
        assert len(sent) <= 3


# Closing


async def test_close_finishes_the_writes_that_wait(mongo_uri: str, database: str) -> None:
    store = MongoStore(mongo_uri, database, SystemClock(), KINDS)
    await store.open()
    await store.insert([Fence(id="f", value=1)])
    held = Require(Fence, {"id": "f", "value": 1})
    writes = [asyncio.create_task(store.insert([Thing(id=f"{n}")])) for n in range(100)]
    writes += [asyncio.create_task(store.commit(Unit(held, Insert(Thing(id=f"u{n}"))))) for n in range(10)]  # type: ignore[arg-type]
    changes = [asyncio.create_task(store.change(Fence, {"id": "f"}, inc={"value": 0})) for _ in range(3)]
    await asyncio.sleep(0)
    await store.close()
    assert await asyncio.gather(*writes) == [[True]] * 100 + [None] * 10
    assert await asyncio.gather(*changes) == [1, 1, 1]


async def test_after_close_and_before_open_every_method_says_so(mongo_uri: str, database: str) -> None:
    store = MongoStore(mongo_uri, database, SystemClock(), KINDS)
    for closed in (False, True):
        if closed:
            await store.open()
            await store.close()
        for call in (
            store.get(Thing, "t"),
            store.find(Thing, {}, limit=1),
            store.count(Thing, {}),
            store.insert([Thing(id="t")]),
            store.upsert([Thing(id="t")]),
            store.load([Thing(id="t")]),
            store.change(Thing, {"id": "t"}, set={"rank": 1}),
            store.commit(Unit(Insert(Thing(id="t")))),
            store.next_number("n"),
            store.sweep(),
            store.now(),
        ):
            with pytest.raises(StoreUnavailable, match="not open"):
                await call
    await store.close()


async def test_a_closed_store_can_be_opened_again(mongo_uri: str, database: str) -> None:
    store = MongoStore(mongo_uri, database, SystemClock(), KINDS)
    for number in range(3):
        await store.open()
        assert await store.insert([Thing(id=f"{number}")]) == [True]
        await store.close()


async def test_close_ends_a_watch_and_tells_the_others_of_the_last_write(mongo_uri: str, database: str) -> None:
    async with opened(mongo_uri, database) as other:
        told = asyncio.Event()
        other.watch(told.set)
        await asyncio.sleep(0.2)
        async with opened(mongo_uri, database) as store:
            store.watch(lambda: None)
            await store.insert([Thing(id="t")])
            await store.insert([Thing(id="u")])
        async with asyncio.timeout(2):
            await told.wait()


async def test_commits_of_those_who_share_lanes_are_told_to_nobody(mongo_uri: str, database: str) -> None:
    async with opened(mongo_uri, database) as store:
        store.need_no_watch()
        await store.insert([Thing(id="t")])
    async with AsyncMongoClient[dict[str, Any]](mongo_uri) as client:
        assert await client[database]["pulses"].count_documents({}) == 0


@pytest.mark.parametrize("code", [40573, None], ids=["no change streams", "the stream breaks"])
async def test_a_watch_without_a_stream_looks_by_itself(
    mongo_uri: str, database: str, monkeypatch: pytest.MonkeyPatch, code: int | None
) -> None:
    async with opened(mongo_uri, database) as store, opened(mongo_uri, database) as other:
        tries = 0
        watch = store._pulses._documents.watch

        async def broken(*arguments: Any) -> Any:
            nonlocal tries
            tries += 1
            if code is not None or tries == 1:
                raise OperationFailure("no streams here", code)
            return await watch(*arguments)

        monkeypatch.setattr("bot.store.mongo_watch._AGAIN_SECONDS", 0.05)
        monkeypatch.setattr("bot.store.mongo_watch._POLL_SECONDS", 0.05)
        monkeypatch.setattr(store._pulses._documents, "watch", broken, raising=False)
        told = asyncio.Event()
        store.watch(told.set)
        await asyncio.sleep(0.3)
        told.clear()
        await other.insert([Thing(id="t")])
        async with asyncio.timeout(2):
            await told.wait()


async def test_a_cancelled_waiter_hurts_nobody(mongo_uri: str, database: str) -> None:
    async with opened(mongo_uri, database) as store:
        await store.insert([Fence(id="f", value=1)])
        held = Require(Fence, {"id": "f", "value": 1})
        inserts = [asyncio.create_task(store.insert([Thing(id=f"{n}")])) for n in range(20)]
        units = [asyncio.create_task(store.commit(Unit(held, Insert(Thing(id=f"u{n}"))))) for n in range(8)]
        alone = [asyncio.create_task(store.commit(Unit(Insert(Thing(id=f"a{n}")), Insert(Thing(id=f"b{n}"))))) for n in range(4)]
        await asyncio.sleep(0)
        for task in (*inserts[::2], *units[::2], *alone[::2]):
            task.cancel()
        results = await asyncio.gather(*inserts, return_exceptions=True)
        assert results[1::2] == [[True]] * 10
        assert (await asyncio.gather(*units, return_exceptions=True))[1::2] == [None] * 4
        assert (await asyncio.gather(*alone, return_exceptions=True))[1::2] == [None] * 2
        assert await store.insert([Thing(id="after")]) == [True]
