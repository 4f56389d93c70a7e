"""What the store's threads are given to do: each job is run on a connection, and its waiter gets the result or the error."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from bot.errors import Conflict


class Job:
    """One thing to do on a connection; its waiter gets the result or the error."""

    __slots__ = ("error", "future", "result")
    writes = True
    """Whether it needs a write transaction around it (on the writer)."""

    def __init__(self) -> None:
        self.future: asyncio.Future[Any]
        self.result: Any = None
        self.error: BaseException | None = None

    def run(self, work: Workplace) -> None:
        """Does it, in the thread; whatever is raised is the job's error."""
        raise NotImplementedError


class Workplace:
    """A thread's connection, and what the current transaction has already made sure of."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.execute = connection.execute
        self.verified: dict[str, set[Any]] = {}
        """Per table, the requirements found true since it was last written in this transaction: nobody else can change
        them, so a hundred units under one fence ask for it once."""


class Nothing(Job):
    """Done as soon as its turn comes."""

    __slots__ = ()
    writes = False

    def run(self, work: Workplace) -> None:
        return


class DataVersion(Job):
    """A number that changes when another connection has committed; asked on the writing one, so our own commits do not count."""

    __slots__ = ()
    writes = False

    def run(self, work: Workplace) -> None:
        self.result = work.execute("PRAGMA data_version").fetchone()[0]


class Inserts(Job):
    """New rows, each on its own: which of them were not there before."""

    __slots__ = ("_rows",)

    def __init__(self, rows: list[tuple[str, str, list[Any]]]) -> None:
        super().__init__()
        self._rows = rows

    def run(self, work: Workplace) -> None:
        fresh = []
        for table, sql, values in self._rows:
            fresh.append(work.execute(sql, values).rowcount == 1)
            work.verified.pop(table, None)
        self.result = fresh


class Step(NamedTuple):
    """One statement of a unit."""

    table: str
    sql: str
    values: list[Any]
    asks: bool = False
    """It only asks whether such a row exists."""
    expect: int | None = None
    """How many rows have to be touched."""
    otherwise: type[Conflict] = Conflict
    says: str = ""


class Steps(Job):
    """Statements that are written together or not at all; the result is how many rows the last one touched."""

    __slots__ = ("_guarded", "_steps")

    def __init__(self, steps: Sequence[Step], *, guarded: bool) -> None:
        super().__init__()
        self._steps = steps
        self._guarded = guarded

    def run(self, work: Workplace) -> None:
        if not self._guarded:
            self._take(work)
            return
        work.execute("SAVEPOINT unit")
        try:
            self._take(work)
        except BaseException:
            work.verified.clear()
            if work.connection.in_transaction:
                work.execute("ROLLBACK TO unit")
                work.execute("RELEASE unit")
            raise
        work.execute("RELEASE unit")

    def _take(self, work: Workplace) -> None:
        for table, sql, values, asks, expect, otherwise, says in self._steps:
            if asks:
                known = work.verified.setdefault(table, set())
                key = (sql, *values)
                if key not in known:
                    if work.execute(sql, values).fetchone() is None:
                        raise otherwise(says)
                    known.add(key)
            else:
                touched = work.execute(sql, values).rowcount
                work.verified.pop(table, None)
                if expect is not None and touched != expect:
                    raise otherwise(says)
                self.result = touched


class Answer(Job):
    """A statement's rows, made into whatever was asked for."""

    __slots__ = ("_make", "_sql", "_values")

    def __init__(self, sql: str, values: Sequence[Any], make: Callable[[list[Any]], Any]) -> None:
        super().__init__()
        self._sql = sql
        self._values = values
        self._make = make

    def run(self, work: Workplace) -> None:
        self.result = self._make(work.execute(self._sql, self._values).fetchall())


class Call(Job):
    """Any function of the connection."""

    __slots__ = ("_function",)

    def __init__(self, function: Callable[[sqlite3.Connection], Any]) -> None:
        super().__init__()
        self._function = function

    def run(self, work: Workplace) -> None:
        self.result = self._function(work.connection)
