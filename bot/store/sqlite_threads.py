"""The threads that hold SQLite's connections, and the way work gets to them and back.

The event loop never waits for a disk. Work is carried over in batches: everything that is waiting goes in one hop, and all
results come back in one hop. While a batch is under way the next one gathers, so a busier program has larger batches.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from bot.errors import Duplicate, StoreError, StoreUnavailable
from bot.store.sqlite_jobs import Job, Nothing, Workplace
from bot.store.sqlite_query import plus_decimal, plus_number

BUSY_SECONDS = 5.0
"""How long a statement waits for another process's write before it gives up."""
_BUSY_STEP = 0.02
_STATEMENTS_KEPT = 512
_CHECKPOINT_PAGES = 4000
_FULL = (sqlite3.SQLITE_FULL,)
_LOCKED = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_UNWRITABLE = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM)
_OF_ONE_STATEMENT = (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_RANGE)
"""Errors that leave the transaction around the statement whole."""
_BROKEN = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)


def connect(path: Path) -> sqlite3.Connection:
    """A connection in the way all of ours are: write-ahead log, every commit on the disk before it returns."""
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, cached_statements=_STATEMENTS_KEPT)
    try:
        _switch_to_wal(connection)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.create_function("plus_decimal", 2, plus_decimal, deterministic=True)
        connection.create_function("plus_number", 2, plus_number, deterministic=True)
    except BaseException:
        connection.close()
        raise
    return connection


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    """While another process makes the same switch of a new file, SQLite says "busy" at once, whatever its timeout."""
    for left in range(int(BUSY_SECONDS / _BUSY_STEP), -1, -1):
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _LOCKED or not left:
                raise
            time.sleep(_BUSY_STEP)


def unavailable(path: Path, error: sqlite3.Error) -> StoreUnavailable:
    """SQLite's trouble as one line that names the file and the fix."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in _FULL:
        return StoreUnavailable(f"{path}: the disk is full; nothing of this was written. Free some space and try again")
    if code == sqlite3.SQLITE_IOERR:
        name = getattr(error, "sqlite_errorname", "SQLITE_IOERR")
        return StoreUnavailable(f"{path}: the disk failed ({name}); nothing of this was written. Check the disk")
    if code in _LOCKED:
        return StoreUnavailable(f"{path}: another process keeps it locked for more than {BUSY_SECONDS:.0f} s; try again")
    if code in _UNWRITABLE:
        return StoreUnavailable(f"{path}: cannot be written ({error}). Make it writable, or set BOT_DATA_DIR to another place")
    if code in _BROKEN:
        return StoreUnavailable(f"{path}: is not a readable database ({error}). Restore a backup, or move the file away")
    return StoreUnavailable(f"{path}: {error}")


class Thread:
    """One thread with one connection, fed in batches from one event loop."""

    def __init__(self, name: str, path: Path) -> None:
        self._name = name
        self._path = path
        self._batches: SimpleQueue[list[Job] | None] = SimpleQueue()
        self._waiting: list[Job] = []
        self._busy = False
        self._asked = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._ended: asyncio.Future[None] | None = None

    async def start(self) -> None:
        """Opens the connection. Raises StoreUnavailable."""
        self._loop = asyncio.get_running_loop()
        started: asyncio.Future[None] = self._loop.create_future()
        self._ended = self._loop.create_future()
        self._thread = threading.Thread(target=self._live, args=(started,), name=self._name, daemon=True)
        self._thread.start()
        try:
            await started
        except StoreUnavailable:
            self._thread = None  # it has ended: there is nothing to stop
            raise

    async def stop(self) -> None:
        """Finishes what was handed over, closes the connection, ends the thread."""
        thread, ended = self._thread, self._ended
        if thread is None or ended is None:
            return
        last = self.submit(Nothing())  # batches keep their order, so behind this one there is nothing left
        self._thread = None
        await last
        self._batches.put(None)
        await ended
        thread.join()

    def submit(self, job: Job) -> asyncio.Future[Any]:
        """Takes a job along with the next batch. Raises StoreUnavailable when the thread does not run."""
        loop = self._loop
        if loop is None or self._thread is None:
            raise StoreUnavailable(f"{self._path}: the store is not open")
        job.future = future = loop.create_future()
        self._waiting.append(job)
        if not self._busy and not self._asked:
            self._asked = True
            loop.call_soon(self._hand_over)
        return future

    def _hand_over(self) -> None:
        self._asked = False
        if self._waiting and not self._busy:
            self._busy = True
            batch, self._waiting = self._waiting, []
            self._batches.put(batch)

    def _finished(self, batch: list[Job]) -> None:
        self._busy = False
        for job in batch:
            future = job.future
            if future.done():  # its waiter was cancelled; what it asked for is done all the same
                continue
            if job.error is None:
                future.set_result(job.result)
            else:
                future.set_exception(job.error)
        if self._waiting and not self._asked and self._loop is not None:
            self._asked = True
            self._loop.call_soon(self._hand_over)  # behind those just woken, so that their next work goes along

    def _live(self, started: asyncio.Future[None]) -> None:
        """The thread's whole life."""
        try:
            connection = connect(self._path)
        except sqlite3.Error as error:
            self._tell(_fail, started, unavailable(self._path, error))
            return
        self._tell(_succeed, started)
        work = Workplace(connection)
        try:
            while (batch := self._batches.get()) is not None:
                self._run(work, batch)
                if not self._tell(self._finished, batch):
                    break
        finally:
            connection.close()  # the last one of all processes moves the log into the file
            self._tell(_succeed, self._ended)

    def _tell(self, what: Callable[..., None], *args: Any) -> bool:
        """Calls something on the event loop; False when that loop is gone."""
        try:
            if self._loop is not None:
                self._loop.call_soon_threadsafe(what, *args)
        except RuntimeError:
            return False
        return True

    def _run(self, work: Workplace, batch: Sequence[Job]) -> None:
        raise NotImplementedError


def _succeed(future: asyncio.Future[None] | None) -> None:
    if future is not None and not future.done():
        future.set_result(None)


def _fail(future: asyncio.Future[None], error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)


class Reader(Thread):
    """Answers questions. Several at once see the same moment of the database."""

    def _run(self, work: Workplace, batch: Sequence[Job]) -> None:
        together = len(batch) > 1
        try:
            if together:
                work.execute("BEGIN")
            for job in batch:
                self._answer(work, job)
            if together:
                work.execute("COMMIT")
        except sqlite3.Error as error:
            trouble = unavailable(self._path, error)
            for job in batch:
                job.error = job.error or trouble
            _roll_back(work)

    def _answer(self, work: Workplace, job: Job) -> None:
        try:
            job.run(work)
        except sqlite3.Error as error:
            job.error = unavailable(self._path, error)
        except Exception as error:  # it belongs to whoever asked
            job.error = error


class Writer(Thread):
    """Writes. All that waits becomes one transaction, made durable by one commit (group commit)."""

    def __init__(self, name: str, path: Path, key_name: Callable[[str, str], str]) -> None:
        super().__init__(name, path)
        self._key_name = key_name
        self.commits = 0
        """Transactions made durable so far: group commit makes them fewer than the writes."""

    def _run(self, work: Workplace, batch: Sequence[Job]) -> None:
        begun = False
        try:
            for job in batch:
                if job.writes and not begun:
                    work.execute("BEGIN IMMEDIATE")
                    begun = True
                self._do(work, job)
            if begun:
                work.execute("COMMIT")
                self.commits += 1
        except sqlite3.Error as error:
            # The transaction as a whole is lost: also those whose turn was over have nothing written.
            trouble = unavailable(self._path, error)
            for job in batch:
                job.error = trouble
            _roll_back(work)
        work.verified.clear()

    def _do(self, work: Workplace, job: Job) -> None:
        try:
            job.run(work)
        except sqlite3.IntegrityError as error:
            job.error = self._duplicate(error)
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
            if code not in _OF_ONE_STATEMENT or not work.connection.in_transaction:
                raise
            job.error = StoreError(f"{self._path}: {error}")
        except Exception as error:  # it belongs to whoever asked
            job.error = error

    def _duplicate(self, error: sqlite3.IntegrityError) -> StoreError:
        """`UNIQUE constraint failed: customers.phoneNumber` -> Duplicate of customers, phone_number."""
        _, colon, columns = str(error).partition("UNIQUE constraint failed: ")
        if not colon:
            return StoreError(str(error))
        collection = columns.partition(".")[0]
        stored = [column.removeprefix(f"{collection}.") for column in columns.split(", ")]
        return Duplicate(collection=collection, key=", ".join(self._key_name(collection, name) for name in stored))


def _roll_back(work: Workplace) -> None:
    work.verified.clear()
    with contextlib.suppress(sqlite3.Error):
        if work.connection.in_transaction:
            work.execute("ROLLBACK")
