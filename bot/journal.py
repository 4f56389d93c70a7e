"""What a turn heard, decided, called and said, step by step, so that a turn that is run again after a crash repeats no effect.

Each row's id names its step: the same step written twice is a duplicate key, whoever writes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bot.clock import Clock
from bot.conversation import Turn
from bot.meter import KEEPS_NOTHING, Meter, Stage
from bot.records.conversations import FlowState
from bot.records.work import JournalKind, JournalRow
from bot.store.base import In, Require, Store, Unit


@dataclass(frozen=True, slots=True)
class Guard:
    """What must still be true for a write of this turn to count: the lane is ours, the conversation has not changed hands."""

    conditions: tuple[Require, ...]

    def __call__(self, unit: Unit) -> Unit:
        unit.first(*self.conditions)
        return unit


async def steps_of(store: Store, turn: Turn) -> list[JournalRow]:
    """What an earlier, interrupted run of this turn has left behind.

    It is found by any of the turn's messages, as one that was written late may have come to stand before its first.
    """
    return await store.find(JournalRow, {"turn_id": In(turn.message_ids)})


class Journal:
    """The journal of one turn, with the steps of an earlier run of it."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        turn: Turn,
        conversation_id: str,
        guard: Guard,
        steps: Sequence[JournalRow] = (),
        meter: Meter = KEEPS_NOTHING,
    ) -> None:
        self._store = store
        self._meter = meter
        self._clock = clock
        self._turn_id = steps[0].turn_id if steps else turn.id
        self._conversation_id = conversation_id
        self.guard = guard
        self._rows = {row.id: row for row in steps}
        self._pending: list[JournalRow] = []
        self._next_step = max((row.step + 1 for row in steps), default=0)

    def heard(self) -> tuple[str, ...] | None:
        """The inbox rows that the interrupted run had frozen into this turn; None when this is the first run."""
        row = self._rows.get(self._id(JournalKind.HEARD, ""))
        return tuple(row.body["inbox"]) if row else None

    def flow(self) -> FlowState | None:
        """What the conversation was waiting for when the interrupted run heard this turn."""
        row = self._rows.get(self._id(JournalKind.HEARD, ""))
        state = row.body.get("flow") if row else None
        return FlowState.model_validate(state) if state else None

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

    def later(self, row: JournalRow) -> None:
        """A step that changed nothing: it is written along with the next thing that does.

        A crash before that costs asking the model again, and no more: whatever had an effect has all steps before it on record.
        """
        self._rows[row.id] = row
        self._pending.append(row)

    def flush(self, unit: Unit) -> None:
        """Puts what is to be written along into the turn's last unit."""
        unit.insert(*self._pending)

    async def commit(self, unit: Unit, row: JournalRow) -> None:
        """Commits a unit of work together with the row that remembers it, if the guard still holds.

        Raises FenceLost, EpochMoved, Duplicate.
        """
        pending = list(self._pending)
        unit.insert(*pending, row)
        with self._meter.stage(Stage.COMMIT):
            await self._store.commit(self.guard(unit))
        self._pending = self._pending[len(pending) :]
        self._rows[row.id] = row

    def _id(self, kind: JournalKind, key: str) -> str:
        return f"{self._turn_id}:{kind}:{key}"
