"""The store's port: all that business code may ask of a database, in words that SQLite and MongoDB share.

A where is a mapping of Python field names to a value or to one of the tests below; dots reach into parts:

    await store.find(Ticket, {"customer_id": id, "status": In([OPEN, IN_PROGRESS])}, sort=("-created_at",), limit=20)

A plain value on a list field means "contains". None means "absent or null".
Datetimes are UTC with milliseconds, decimals are exact, on every store.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Generic, Protocol, TypeVar

from bot.errors import Conflict
from bot.records.base import Record
from bot.records.tokens import Word
from bot.store.versions import Doing, Process

R = TypeVar("R", bound=Record)


@dataclass(frozen=True, slots=True)
class In:
    """One of these values."""

    values: Sequence[Any]


@dataclass(frozen=True, slots=True)
class Not:
    """Any value but this one; an absent field counts as different."""

    value: Any


@dataclass(frozen=True, slots=True)
class Between:
    """From `low` (inclusive) up to `high` (exclusive); None leaves that side open."""

    low: Any = None
    high: Any = None


@dataclass(frozen=True, slots=True)
class StartsWith:
    """A text that begins so, letter for letter; of a list, one of its elements does."""

    beginning: str


Where = Mapping[str, Any]
"""Field -> value | In | Not | Between | StartsWith."""


@dataclass(frozen=True, slots=True)
class Found(Generic[R]):
    """A page of what a search has found, the newest first."""

    records: list[R]
    after: str | None = None
    """Where the next page continues; None when there is nothing further. A page may be short, even empty, and yet say where to
    continue: a search looks at so many records at a time, however rare what it is for."""


@dataclass(frozen=True, slots=True)
class Insert:
    """A new document; Duplicate if its id or another unique key is taken."""

    record: Record


@dataclass(frozen=True, slots=True)
class Put:
    """The whole record, if its version is still the one it was read with (else Conflict); the version rises by one."""

    record: Record


@dataclass(frozen=True, slots=True)
class Change:
    """Single fields of every document that matches: atomic, no version bump, so counters never conflict.

    `must` names how many documents have to match; another number voids the unit with `otherwise`.
    Where a field that can be searched by its words is set, all those of the record are: the words are made of them.
    """

    kind: type[Record]
    where: Where
    set: Mapping[str, Any] = field(default_factory=dict)
    inc: Mapping[str, int | float | Decimal] = field(default_factory=dict)
    push: Mapping[str, Any] = field(default_factory=dict)
    must: int | None = None
    otherwise: type[Conflict] = Conflict


@dataclass(frozen=True, slots=True)
class Require:
    """A document that matches must exist at commit, or the unit is void with `otherwise`."""

    kind: type[Record]
    where: Where
    otherwise: type[Conflict] = Conflict


@dataclass(frozen=True, slots=True)
class Delete:
    """Documents that match go."""

    kind: type[Record]
    where: Where


Operation = Insert | Put | Change | Require | Delete


class Unit:
    """Work that is written together or not at all. It holds no connection: it is a list, carried out by `Store.commit`."""

    def __init__(self, *operations: Operation) -> None:
        self.operations: list[Operation] = list(operations)
        self._afterwards: list[Callable[[], Awaitable[None]]] = []

    def insert(self, *records: Record) -> None:
        self.operations.extend(Insert(record) for record in records)

    def put(self, *records: Record) -> None:
        self.operations.extend(Put(record) for record in records)

    def add(self, *operations: Operation) -> None:
        self.operations.extend(operations)

    def first(self, *operations: Operation) -> None:
        """Puts conditions before everything else, so that a lost race says so rather than "duplicate"."""
        self.operations[:0] = operations

    def then(self, tell: Callable[[], Awaitable[None]]) -> None:
        """Is called once it is written: to wake whoever has work now. A crash may swallow the call; recovery finds the work."""
        self._afterwards.append(tell)

    async def written(self) -> None:
        """The store's word that it is."""
        for tell in self._afterwards:
            await tell()

    def __bool__(self) -> bool:
        return bool(self.operations)


Look = Callable[[Unit], Awaitable[None]]
"""Looks at a unit that is about to be written, perhaps again after a conflict."""


class Store(Protocol):
    """Where all records are. Every method may raise StoreUnavailable."""

    async def open(self) -> None:
        """Connects, builds what is missing. Raises DataTooNew, DataInUse, StoreUnavailable."""

    async def close(self) -> None:
        """Finishes what was begun, lets go of everything."""

    async def get(self, kind: type[R], id: str) -> R | None: ...

    async def find(
        self, kind: type[R], where: Where, *, sort: Sequence[str] = (), limit: int | None = None, after: str | None = None
    ) -> list[R]:
        """The documents that match, in order; a leading minus sorts downwards; absent sorts lowest.

        The id breaks ties, in the direction of the last sort field, so that `-x` is exactly the reverse of `x`.
        `after` continues behind the document with that id (paging by cursor; needs `sort` by one field or none).
        Raises UnindexedQuery where no declared index serves the query (embedded store), Conflict when `after` is gone.
        """

    async def count(self, kind: type[Record], where: Where) -> int: ...

    async def distinct(self, kind: type[Record], field: str, where: Where) -> list[Any]:
        """The different values of a field among the documents that match, in ascending order."""

    async def tally(self, kind: type[Record], by: str, where: Where, *, total: str | None = None) -> dict[Any, float]:
        """How many documents match per value of `by`, or the sum of the field `total` instead of the number."""

    async def search(
        self, kind: type[R], words: Sequence[Word], where: Where | None = None, *, limit: int = 20, after: str | None = None
    ) -> Found[R]:
        """The documents in whose searchable fields (`TextIndex`) all the words are found, the newest first.

        `after` continues behind an earlier page of the same search.
        Raises StoreError where the record declares no such fields, or for an `after` that is none.
        """

    async def insert(self, records: Sequence[Record]) -> list[bool]:
        """Inserts each on its own, in no order; False where it was a duplicate. Durable when it returns."""

    async def upsert(self, records: Sequence[Record]) -> None:
        """Writes each whole record whether it was there or not, without looking at versions."""

    async def load(self, records: Sequence[Record]) -> None:
        """Writes each record exactly as it is, its version and moments too, in the place of what has its id: for moving data.

        All of them or none. Raises Duplicate when another unique key than the id is taken.
        """

    async def change(
        self,
        kind: type[Record],
        where: Where,
        *,
        set: Mapping[str, Any] | None = None,
        inc: Mapping[str, int | float | Decimal] | None = None,
        push: Mapping[str, Any] | None = None,
    ) -> int:
        """Changes single fields of every document that matches, each atomically; how many matched.

        `{"id": ..., "state": "pending"}` with `set={"state": "sending"}` is the compare-and-set: 1 means it was ours.
        """

    async def next_number(self, counter: str) -> int:
        """Counts the named counter up by one, atomically, and returns it; the first is 1."""

    def before_commit(self, look: Look) -> None:
        """Every unit is shown to `look` before it is written, which may add to it: what follows from a change goes with it."""

    async def commit(self, unit: Unit) -> None:
        """Writes the whole unit, durably, or nothing of it.

        Raises Conflict (or what the operation names), Duplicate.
        """

    async def sweep(self) -> int:
        """Deletes what is past its time-to-live; how many."""

    async def now(self) -> datetime:
        """The store's own time, which no process's clock can argue with."""

    def watch(self, told: Callable[[], None]) -> Callable[[], None]:
        """Calls `told` soon after any other process commits; returns what ends the watch."""

    def announce(self, doing: Doing) -> None:
        """From now on others are told what this process does."""

    async def processes(self) -> Sequence[Process]:
        """The others that have it open and have been heard from of late, with their versions; none where only one can work."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A lane that this worker alone may work on, for now."""

    lane: str
    fence_id: str
    fence: int
    """The number of this holding; the store refuses commits with an older one."""


class Lanes(Protocol):
    """Which lanes of one kind have work and when, and who holds them: due times, leases and wake-ups.

    What was received, what is to be sent, and jobs each have lanes of their own, so that slow turns hold up no sending.

    The embedded one lives in memory and holds the data directory; one on Redis serves many processes.
    Losing its memory loses no work: the store is asked again which lanes wait.
    """

    async def wake(self, lane: str, delay: float = 0.0) -> None:
        """There is work in this lane, from `delay` seconds on. An earlier time wins over a later one."""

    async def remind(self, lane: str, delay: float = 0.0) -> None:
        """There may be work in this lane of which nobody was told: it is due then, unless something is known of it already."""

    async def claim(self) -> Claim:
        """Waits for a lane that is due and that nobody holds, and takes it."""

    async def claim_some(self, most: int) -> Sequence[Claim]:
        """The same, for up to `most` lanes at a time; at least one."""

    async def take(self, lane: str) -> Claim:
        """Takes just this lane, due or not: for a telephone call, whose lane nobody wakes while it lasts.

        Whoever held it has ended or commits nothing from then on. It need not be kept alive; `release` ends it.
        Raises StoreUnavailable.
        """

    @property
    def beat_seconds(self) -> float | None:
        """How often a claim has to be kept alive; None where that is not needed."""

    async def beat(self, claim: Claim) -> bool:
        """Keeps the claim alive; False when it is lost."""

    def is_sure(self, claim: Claim) -> bool:
        """Whether nobody else can hold the lane yet, by this process's own clock: asked before what no fence guards.

        False when it slept (SIGSTOP, a suspended machine) since the claim was last kept alive, for longer than that lasts.
        """

    async def release(self, claim: Claim, again: float | None = None) -> None:
        """Gives the lane back; with `again`, it is due in that many seconds even if nobody wakes it."""


class Fences(Protocol):
    """The numbers in the store that tell who came last."""

    async def raise_fences(self, ids: Sequence[str], holder: str) -> Mapping[str, int]:
        """Raises each of them by one, durably; the new numbers. `holder` is nobody else's name, and used once.

        One that somebody else has raised at the same time is missing. Raises StoreUnavailable.
        """

    async def keep_clear(self, silent: float) -> None:
        """Tells that this process is there, and undoes what others had begun to write that have been silent for so many seconds.

        Called again and again, well within that time. Raises StoreUnavailable.
        """

    def need_no_watch(self) -> None:
        """From here on nobody watches for this process's commits: those that share the lanes tell each other by them."""


class Commons(Protocol):
    """What the processes that share their lanes know of each other."""

    def attend(self, look: Callable[[], None]) -> None:
        """This process works from now on; `look` is called when lanes may have been forgotten, so that the store is asked."""

    async def leave(self) -> None:
        """It does not any more."""

    async def workers(self) -> Sequence[str]:
        """Who works and has been heard from of late. Raises StoreUnavailable."""

    async def faults(self) -> Sequence[str]:
        """What is wrong with how the place that they share is set up. Raises StoreUnavailable."""


class SharedStore(Store, Fences, Protocol):
    """A store on a server, which several machines can reach."""


@dataclass(frozen=True, slots=True)
class LaneKinds:
    """The lanes of one deployment."""

    turns: Lanes
    """What people have written waits here, a lane an address."""
    receipts: Lanes
    """What vendors tell of our messages waits here, a lane an address. Applied under no fence: done twice it is the same."""
    sends: Lanes
    """Deliveries wait here, a lane an address."""
    jobs: Lanes
    """Jobs wait here, each in a lane of its own."""
    commons: Commons | None = None
    """None where one process has the lanes for itself."""
