"""What was received and is not finished yet. Accepted means durable: `accept` returns after the write; then comes the 200."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog

from bot.backlog import WAITING, Backlog
from bot.clock import Clock, new_id
from bot.errors import DataTooNew, Overloaded
from bot.message import Choice, InboundMessage, Incoming, Text, decode_incoming, encode_incoming
from bot.meter import KEEPS_NOTHING, Counted, Meter
from bot.records.work import InboxRow, InboxState, is_receipts_lane, receipts_lane
from bot.store.base import Change, In, Lanes, Store, Unit
from bot.store.together import Together

log = structlog.get_logger()

KEEP_DONE = timedelta(days=14)
"""Vendors redeliver for up to 7 days (CHANNELS 1.4); a done row is kept twice as long, to drop duplicates."""

MAX_ATTEMPTS = 5
"""So often a turn may fail before its messages are set aside and the conversation goes on."""

LONGEST_BURST = 20
"""Windows after which a burst is answered even if it goes on: who writes without a pause is answered all the same."""

_MOST_ROWS = 1000
"""Rows that are read at once, for however many lanes."""

_SENTENCE_ENDS = (".", "!", "?", "…", "।", "؟", "。")


class Inbox:
    """Accepts, hands out and finishes what people and vendors send."""

    def __init__(
        self,
        store: Store,
        turns: Lanes,
        receipts: Lanes,
        clock: Clock,
        quiet_ms: int,
        backlog: Backlog,
        meter: Meter = KEEPS_NOTHING,
    ) -> None:
        self._store = store
        self._turns = turns
        self._receipts = receipts
        self._backlog = backlog
        self._meter = meter
        self._clock = clock
        self._quiet = quiet_ms / 1000
        self._reads: Together[str, list[InboxRow]] = Together(self._read)

    async def accept(self, items: Sequence[Incoming]) -> int:
        """Writes one row for each item, drops duplicates; how many were new. Durable when it returns.

        Raises StoreUnavailable, and Overloaded while too much waits; nothing is accepted then, and the vendor must be told so.
        Receipts are taken all the same: without them a reply that is out already would be sent again.
        """
        if not self._backlog.has_room() and any(isinstance(item, InboundMessage) for item in items):
            raise Overloaded
        now = self._clock.now()
        rows = [_row(item, now) for item in items]
        began = self._clock.monotonic()
        fresh = await self._store.insert(rows)
        for row, item, is_new in zip(rows, items, fresh, strict=True):
            if is_new:  # not before its burst may be over: a lane is read for each wake-up
                await self._lanes_of(row.lane).wake(row.lane, self._window(item))
        self._tell(rows, items, fresh, self._clock.monotonic() - began)
        accepted = sum(fresh)
        self._backlog.grew(accepted)
        return accepted

    def _lanes_of(self, lane: str) -> Lanes:
        return self._receipts if is_receipts_lane(lane) else self._turns

    def _tell(self, rows: Sequence[InboxRow], items: Sequence[Incoming], fresh: Sequence[bool], seconds: float) -> None:
        """Receipts and notices begin no turn."""
        pairs = zip(rows, items, fresh, strict=True)
        begun = [row.position for row, item, is_new in pairs if is_new and isinstance(item, InboundMessage)]
        if begun:
            self._meter.accepted(begun, items[0].address.channel, seconds)

    async def waiting(self, lane: str) -> list[InboxRow]:
        """What waits in a lane, in the order in which it came."""
        try:
            return await self._reads.ask(lane)
        except DataTooNew:  # maybe only another lane of the same query holds what a newer version wrote
            return (await self._read([lane]))[0]

    async def _read(self, lanes: Sequence[str]) -> list[list[InboxRow]]:
        """One query for lanes that are read at the same time, or one each where they hold more than that."""
        waiting = {"state": InboxState.WAITING, "lane": In(lanes)}
        found = await self._store.find(InboxRow, waiting, sort=("position",), limit=_MOST_ROWS)
        if len(found) == _MOST_ROWS:
            return [await self._store.find(InboxRow, waiting | {"lane": lane}, sort=("position",), limit=200) for lane in lanes]
        of: dict[str, list[InboxRow]] = {lane: [] for lane in lanes}
        for row in found:
            of[row.lane].append(row)
        return [of[lane] for lane in lanes]

    def age(self, row: InboxRow) -> float:
        """Seconds since it was accepted."""
        return (self._clock.now() - row.accepted_at).total_seconds()

    def quiet_for(self, item: Incoming, accepted_at: datetime, *, since: datetime | None = None) -> float:
        """Seconds until a burst that ends with this item, and began at `since`, may be answered.

        A finished sentence waits a quarter of the window; no burst is waited for longer than so many windows.
        """
        now = self._clock.now()
        quiet = self._window(item) - (now - accepted_at).total_seconds()
        left = math.inf if since is None else LONGEST_BURST * self._quiet - (now - since).total_seconds()
        return max(0.0, min(quiet, left))

    def _window(self, item: Incoming) -> float:
        if not isinstance(item, InboundMessage):
            return 0.0
        if _is_of_a_call(item):  # whoever recognised it has waited for its end
            return 0.0
        return self._quiet / 4 if _is_finished(item) else self._quiet

    def done(self, ids: Sequence[str]) -> Change:
        """The operation that finishes these rows, for the unit that finishes their turn."""
        return Change(
            InboxRow,
            {"id": In(ids)},
            set={"state": InboxState.DONE, "expires_at": self._clock.now() + KEEP_DONE},
        )

    def dead(self, ids: Sequence[str], error: str) -> Change:
        """The operation that sets these rows aside, to be looked at by a person."""
        return Change(InboxRow, {"id": In(ids)}, set={"state": InboxState.DEAD, "error": error})

    async def failed(self, first: InboxRow, error: str) -> int:
        """Counts one more failure of the turn that begins with this row; how many there are now."""
        await self._store.change(InboxRow, {"id": first.id}, set={"error": error}, inc={"attempts": 1})
        return first.attempts + 1

    async def set_aside(self, ids: Sequence[str], error: str) -> None:
        """Rows that nobody can work on go out of the way."""
        await self._store.commit(Unit(self.dead(ids, error)))
        self._meter.count(Counted.SET_ASIDE, "turns", by=len(ids))

    async def retry(self, row_id: str) -> bool:
        """A row that was set aside waits again, with a fresh count of tries; False if it was not set aside."""
        row = await self._store.get(InboxRow, row_id)
        again = {"state": InboxState.WAITING, "attempts": 0, "error": ""}
        if row is None or not await self._store.change(InboxRow, {"id": row_id, "state": InboxState.DEAD}, set=again):
            return False
        await self._lanes_of(row.lane).wake(row.lane)
        return True

    async def recover(self) -> int:
        """Brings every lane to mind in which something waits: at start-up, and when somebody may have written untold."""
        lanes = await self._store.distinct(InboxRow, "lane", WAITING)
        for lane in lanes:
            await self._lanes_of(lane).remind(lane)
        return len(lanes)


def _row(item: Incoming, now: datetime) -> InboxRow:
    values = {
        "id": f"{item.address.channel}:{item.id}",
        "lane": item.address.lane if isinstance(item, InboundMessage) else receipts_lane(item.address.lane),
        "position": new_id(),
        "item": encode_incoming(item),
        "state": InboxState.WAITING,
        "attempts": 0,
        "accepted_at": now,
        "error": "",
        "expires_at": None,
    }
    return InboxRow.trusted(values)


def read_item(row: InboxRow) -> Incoming:
    """What the row holds. Raises msgspec.ValidationError where it is nothing that is known.

    A version that adds a kind of Incoming makes it a new shape of InboxRow, so that older ones leave it alone.
    """
    return decode_incoming(row.item)


def _is_of_a_call(message: InboundMessage) -> bool:
    match message.content:
        case Text(end=end):
            return end is not None
        case Choice(source=source):
            return source == "key"
        case _:
            return False


def _is_finished(message: InboundMessage) -> bool:
    match message.content:
        case Choice():
            return True
        case Text(text):
            return text.rstrip().endswith(_SENTENCE_ENDS)
        case _:
            return False
