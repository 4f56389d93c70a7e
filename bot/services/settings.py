"""Settings that can be changed while the program runs (S2-182 to S2-199)."""

from __future__ import annotations

from typing import Any

from bot.clock import Clock
from bot.records.settings import MONEY_BOUNDS, SystemSetting, default_settings
from bot.store.base import In, Store

DEFAULTS: dict[str, Any] = {**{setting.key: setting.value for setting in default_settings()}, **MONEY_BOUNDS}
"""What counts where a row is missing."""

MAX_AGE = 2.0
"""Seconds for which a value read is used again; a change is seen by every process within that time (S2-199 allows 5)."""


class SystemSettings:
    """Reads system settings, remembering each for two seconds."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._known: dict[str, tuple[float, Any]] = {}

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
        read_at, value = self._known.get(key, (-MAX_AGE, None))
        if now - read_at < MAX_AGE:
            return value
        found = await self._store.find(SystemSetting, {"key": key}, limit=1)
        value = found[0].value if found else DEFAULTS.get(key)
        self._known[key] = (now, value)
        return value
