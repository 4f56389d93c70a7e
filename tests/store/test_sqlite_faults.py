"""What goes wrong around the embedded store: kills, full disks, foreign files, two processes, closing."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from bot.errors import DataTooNew, StoreUnavailable
from bot.store.base import Insert, Unit
from bot.store.sqlite import SqliteStore
from bot.store.sqlite_jobs import Call
from bot.testing.clock import ManualClock
from bot.testing.contracts import Thing

pytestmark = pytest.mark.contract

WRITER = """
import asyncio, sys
from pathlib import Path
from bot.clock import SystemClock
from bot.store.base import Insert, Unit
from bot.store.sqlite import SqliteStore
from bot.testing.contracts import Thing

async def main(path, name, count):
    store = SqliteStore(Path(path), SystemClock(), [Thing])
    await store.open()
    print("open", flush=True)
    async def write(lane):
        for number in range(count):
            pair = [Thing(id=f"{name}-{lane}-{number}{half}", labels=["x"], extra={"pad": "p" * 500}) for half in "ab"]
            await store.commit(Unit(*map(Insert, pair)))
            await store.change(Thing, {"id": pair[0].id}, inc={"rank": 1})
            print(f"{name}-{lane}-{number}", flush=True)
    await asyncio.gather(*(write(lane) for lane in range(8)))
    await store.close()

asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
"""


def start_writer(path: Path, name: str, count: int) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", WRITER, str(path), name, str(count)], stdout=subprocess.PIPE, text=True)


@contextlib.asynccontextmanager
async def opened(path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(path, ManualClock(), [Thing])
    await store.open()
    try:
        yield store
    finally:
        await store.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "switchboard.db"


# Kills and company


@pytest.mark.parametrize("lines", [1, 50, 400])
async def test_what_was_acknowledged_survives_kill_9_and_no_unit_is_half_there(path: Path, lines: int) -> None:
    with start_writer(path, "w", 100_000) as writer:
        assert writer.stdout is not None
        acknowledged = [writer.stdout.readline().strip() for _ in range(lines + 1)][1:]
        os.kill(writer.pid, signal.SIGKILL)
        acknowledged += [line.strip() for line in writer.stdout if line.endswith("\n")]
    async with opened(path) as store:
        for name in acknowledged:
            first, second = await store.get(Thing, f"{name}a"), await store.get(Thing, f"{name}b")
            assert first is not None
            assert second is not None
            assert first.rank == 1
        every = await store.find(Thing, {"labels": "x"})
        halves = [{thing.id[:-1] for thing in every if thing.id.endswith(half)} for half in "ab"]
        assert halves[0] == halves[1]
    assert integrity(path) == "ok"


def integrity(path: Path) -> str:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return str(connection.execute("PRAGMA integrity_check").fetchone()[0])


async def test_two_processes_open_a_new_file_and_write_at_once(path: Path) -> None:
    with start_writer(path, "one", 40) as one, start_writer(path, "two", 40) as two:
        assert (one.wait(60), two.wait(60)) == (0, 0)
    async with opened(path) as store:
        assert await store.count(Thing, {}) == 2 * 8 * 40 * 2


async def test_a_file_that_another_process_keeps_locked_is_unavailable_and_then_works_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.store.sqlite_threads.BUSY_SECONDS", 0.05)
    async with opened(path) as store:
        await store.insert([Thing(id="before")])
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreUnavailable, match=r"another process keeps it locked.*try again") as caught:
                await store.insert([Thing(id="t")])
            assert caught.value.retryable
            assert await store.get(Thing, "before") is not None  # who reads does not wait
            other.execute("ROLLBACK")
        assert await store.insert([Thing(id="t")]) == [True]


# Disks

FULL = """
import asyncio, resource, sys
from pathlib import Path
from bot.clock import SystemClock
from bot.errors import StoreUnavailable
from bot.store.base import Insert, Unit
from bot.store.sqlite import SqliteStore
from bot.testing.contracts import Thing

def limit(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

async def main(path):
    store = SqliteStore(Path(path), SystemClock(), [Thing])
    await store.open()
    await store.insert([Thing(id="before")])
    limit(Path(path + "-wal").stat().st_size + 100_000)
    pad = {"pad": "p" * 3000}
    units = [store.commit(Unit(Insert(Thing(id=f"{n}a", extra=pad)), Insert(Thing(id=f"{n}b")))) for n in range(200)]
    results = await asyncio.gather(*units, store.insert([Thing(id="alone")]), return_exceptions=True)
    assert all(isinstance(result, StoreUnavailable) for result in results), results
    print(results[0])
    assert (await store.count(Thing, {})) == 1, "the batch is gone as a whole"
    assert (await store.get(Thing, "before")) is not None
    limit(resource.RLIM_INFINITY)
    assert await store.insert([Thing(id="after")]) == [True]
    await store.commit(Unit(*[Insert(Thing(id=f"{n}a", extra=pad)) for n in range(200)]))
    assert (await store.count(Thing, {})) == 202
    await store.close()

asyncio.run(main(sys.argv[1]))
"""


def test_a_full_disk_voids_the_batch_tells_every_waiter_and_is_survived(path: Path) -> None:
    ran = subprocess.run([sys.executable, "-c", FULL, str(path)], capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith(f"{path}: the disk ")
    assert len(ran.stdout.splitlines()) == 1
    assert integrity(path) == "ok"


async def test_the_words_for_a_full_disk_name_the_file_and_the_fix(path: Path) -> None:
    async with opened(path) as store:
        # SQLite's own word for a full disk, which no limit on a file's size brings about.
        await store._writer.submit(Call(lambda connection: connection.execute("PRAGMA max_page_count = 40").fetchone()))
        big = Unit(*(Insert(Thing(id=f"{n}", extra={"pad": "p" * 3000})) for n in range(200)))
        with pytest.raises(StoreUnavailable, match=r"the disk is full; nothing of this was written\. Free some space") as caught:
            await store.commit(big)
        assert str(path) in str(caught.value)
        assert await store.count(Thing, {}) == 0


async def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    with pytest.raises(StoreUnavailable, match=r"data: is a file, not a directory.*BOT_DATA_DIR"):
        await SqliteStore(tmp_path / "data" / "s.db", ManualClock(), [Thing]).open()
    with pytest.raises(StoreUnavailable, match=r"cannot be made.*BOT_DATA_DIR"):
        await SqliteStore(tmp_path / "data" / "deeper" / "s.db", ManualClock(), [Thing]).open()


async def test_a_directory_in_place_of_the_file_is_named(path: Path) -> None:
    path.mkdir()
    with pytest.raises(StoreUnavailable, match="is a directory, not a database file"):
        await SqliteStore(path, ManualClock(), [Thing]).open()


@contextlib.contextmanager
def as_an_ordinary_user() -> Iterator[None]:
    """Permission bits do not bind root: then the test goes on as nobody."""
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)


async def test_a_read_only_directory_is_named() -> None:
    with tempfile.TemporaryDirectory() as name:  # not tmp_path, into which nobody but its owner may look
        folder = Path(name)
        folder.chmod(0o555)
        with as_an_ordinary_user(), pytest.raises(StoreUnavailable, match="BOT_DATA_DIR"):
            await SqliteStore(folder / "s.db", ManualClock(), [Thing]).open()
        folder.chmod(0o755)


def test_the_directory_is_made_for_its_owner_only(tmp_path: Path) -> None:
    async def once() -> None:
        async with opened(tmp_path / "new" / "s.db"):
            pass

    asyncio.run(once())
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700


# Files that are not ours


@pytest.mark.parametrize(
    "content", [b"This is a text file, and long enough to be taken for a page. " * 200, b"SQLite format 3\x00" + b"\xff" * 5000]
)
async def test_a_file_that_is_no_database_is_refused_and_left_alone(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises((StoreUnavailable, DataTooNew), match=str(path)) as caught:
        await SqliteStore(path, ManualClock(), [Thing]).open()
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == content


async def test_a_broken_database_says_what_to_do(path: Path) -> None:
    async with opened(path) as store:
        await store.insert([Thing(id=f"{n}", extra={"pad": "p" * 1000}) for n in range(100)])
    broken = bytearray(path.read_bytes())
    broken[4096 * 2 :] = b"\xa5" * (len(broken) - 4096 * 2)
    path.write_bytes(broken)
    with pytest.raises(StoreUnavailable, match=r"not a readable database.*Restore a backup"):
        async with opened(path) as store:
            await store.find(Thing, {}, limit=1000)


@pytest.mark.parametrize("in_log", [False, True], ids=["in the file", "still in the log"])
async def test_data_of_a_newer_version_is_refused_and_left_untouched(path: Path, in_log: bool) -> None:
    async with opened(path):
        pass
    other = sqlite3.connect(path)
    with contextlib.closing(other):
        other.execute("PRAGMA user_version = 99")
        if not in_log:
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        before = path.read_bytes()
        with pytest.raises(DataTooNew, match=r"newer version.*layout 99.*left untouched"):
            await SqliteStore(path, ManualClock(), [Thing]).open()
        assert path.read_bytes() == before


# Closing


async def test_close_finishes_the_writes_that_wait(path: Path) -> None:
    store = SqliteStore(path, ManualClock(), [Thing])
    await store.open()
    writes = [asyncio.create_task(store.insert([Thing(id=f"{n}")])) for n in range(500)]
    await asyncio.sleep(0)
    await store.close()
    assert await asyncio.gather(*writes) == [[True]] * 500
    assert not path.with_name(path.name + "-wal").exists()


async def test_after_close_and_before_open_every_method_says_so(path: Path) -> None:
    store = SqliteStore(path, ManualClock(), [Thing])
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
            store.change(Thing, {"id": "t"}, set={"rank": 1}),
            store.commit(Unit(Insert(Thing(id="t")))),
        ):
            with pytest.raises(StoreUnavailable, match="not open"):
                await call
    await store.close()


async def test_a_closed_store_can_be_opened_again(path: Path) -> None:
    store = SqliteStore(path, ManualClock(), [Thing])
    for number in range(3):
        await store.open()
        assert await store.insert([Thing(id=f"{number}")]) == [True]
        await store.close()


async def test_close_ends_a_watch(path: Path) -> None:
    store = SqliteStore(path, ManualClock(), [Thing])
    await store.open()
    store.watch(lambda: None)
    await asyncio.sleep(0)
    await store.close()
    assert len(asyncio.all_tasks()) == 1


async def test_a_cancelled_waiter_hurts_nobody(path: Path) -> None:
    async with opened(path) as store:
        tasks = [asyncio.create_task(store.insert([Thing(id=f"{n}")])) for n in range(20)]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert results[1::2] == [[True]] * 10
        assert await store.insert([Thing(id="after")]) == [True]
