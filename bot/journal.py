"""What a turn heard, decided, called and said, step by step, so that a turn that is run again after a crash repeats no effect.

Each row's id names its step: the same step written twice is a duplicate key, whoever writes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bot.clock import Clock
from bot.conversation import Turn
from bot.records.work import JournalKind, JournalRow
from bot.store.base import In, Operation, Require, Store, Unit


@dataclass(frozen=True, slots=True)
class Guard:
    """What must still be true for a write of this turn to count: the lane is ours, the conversation has not changed hands."""

    conditions: tuple[Require, ...]

    def __call__(self, unit: Unit) -> Unit:
        unit.first(*self.conditions)
        return unit


class Journal:
    """The journal of one turn. `Journal.open` reads what an earlier, interrupted run of it left behind.

    That run is found by any of the turn's messages, as one that was written late may have come to stand before its first.
    """

    def __init__(self, store: Store, clock: Clock, turn_id: str, conversation_id: str, guard: Guard) -> None:
        self._store = store
        self._clock = clock
        self._turn_id = turn_id
        self._conversation_id = conversation_id
        self.guard = guard
        self._rows: dict[str, JournalRow] = {}
        self._next_step = 0

    @classmethod
    async def open(cls, store: Store, clock: Clock, turn: Turn, conversation_id: str, guard: Guard) -> Journal:
        rows = await store.find(JournalRow, {"turn_id": In(turn.message_ids)})
        journal = cls(store, clock, rows[0].turn_id if rows else turn.id, conversation_id, guard)
        journal._rows = {row.id: row for row in rows}
        journal._next_step = max((row.step + 1 for row in rows), default=0)
        return journal

    def heard(self) -> tuple[str, ...] | None:
        """The inbox rows that the interrupted run had frozen into this turn; None when this is the first run."""
        row = self._rows.get(self._id(JournalKind.HEARD, ""))
        return tuple(row.body["inbox"]) if row else None

    def recorded(self, kind: JournalKind, key: str) -> dict[str, Any] | None:
        """What an earlier run wrote for this step, if it came that far."""
        row = self._rows.get(self._id(kind, key))
        return row.body if row else None

    def row(self, kind: JournalKind, key: str, body: dict[str, Any]) -> JournalRow:
        """The row of a step, for a unit of the caller's; it counts as written from now on."""
        row = JournalRow(
            id=self._id(kind, key),
            turn_id=self._turn_id,
            conversation_id=self._conversation_id,
            step=self._next_step,
            kind=kind,
            at=self._clock.now(),
            body=body,
        )
        self._next_step += 1
        return row

    async def write(self, *rows: JournalRow, also: tuple[Operation, ...] = ()) -> None:
        """Commits rows, and what else belongs to them, if the guard still holds. Raises FenceLost, EpochMoved."""
        unit = Unit(*also)
        unit.insert(*rows)
        await self._store.commit(self.guard(unit))
        self._rows.update((row.id, row) for row in rows)

    async def commit(self, unit: Unit, row: JournalRow) -> None:
        """Commits a unit of work together with the row that remembers it. Raises FenceLost, EpochMoved, Duplicate."""
        unit.insert(row)
        await self._store.commit(self.guard(unit))
        self._rows[row.id] = row

    def _id(self, kind: JournalKind, key: str) -> str:
        return f"{self._turn_id}:{kind}:{key}"
