"""Settings that can be changed while the program runs (S2-182 to S2-199)."""

from __future__ import annotations

from typing import Any

from bot.clock import Clock
from bot.records.settings import (
    CALL_RULES,
    CALLING_RULES,
    DESK_RULES,
    MONEY_BOUNDS,
    TICKET_RULES,
    WEBHOOK_RULES,
    SystemSetting,
    default_settings,
)
from bot.store.base import In, Store

DEFAULTS: dict[str, Any] = {
    **{setting.key: setting.value for setting in default_settings()},
    **MONEY_BOUNDS,
    **DESK_RULES,
    **TICKET_RULES,
    **WEBHOOK_RULES,
    **CALLING_RULES,
    **CALL_RULES,
}
"""What counts where a row is missing."""

MAX_AGE = 2.0
"""Seconds for which a value read is used again; a change is seen by every process within that time (S2-199 allows 5)."""


class SystemSettings:
    """Reads system settings, all that were ever asked for at once, and remembers them for two seconds."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._asked = set(DEFAULTS)
        self._known: dict[str, Any] = {}
        self._read_at = 0.0

    async def ensure_defaults(self) -> None:
        """Writes the rows that every workspace begins with; those that are there stay as they are (S2-193)."""
        rows = default_settings()
        found = await self._store.find(SystemSetting, {"key": In([row.key for row in rows])})
        there = {row.key for row in found}
        missing = [row for row in rows if row.key not in there]
        if missing:
            await self._store.insert(missing)

    async def value(self, key: str) -> Any:
        """The setting's value, or its default."""
        now = self._clock.monotonic()
        if key not in self._known or now - self._read_at >= MAX_AGE:
            self._asked.add(key)
            found = await self._store.find(SystemSetting, {"key": In(sorted(self._asked))})
            self._known = dict.fromkeys(self._asked) | DEFAULTS | {row.key: row.value for row in found}
            self._read_at = now
        return self._known[key]
