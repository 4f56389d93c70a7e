"""Time and ids: the only file that asks the machine for either."""

from __future__ import annotations

import asyncio
import os
import time
from datetime import UTC, datetime
from typing import Protocol

_RANDOM_BITS = 80

_ahead_ns = 0
"""How far the clock that counts is ahead of this machine's."""


def follow(there: datetime) -> float:
    """From here on this process's time and ids go by the clock that shows this now; seconds by which it was ahead of ours."""
    global _ahead_ns
    ahead = round(there.timestamp() * 1e9) - _now_ns()
    _ahead_ns += ahead
    return ahead / 1e9


def _now_ns() -> int:
    return time.time_ns() + _ahead_ns


class Clock(Protocol):
    """Where every part of the program gets the time from; tests put their own in."""

    def now(self) -> datetime:
        """The time now, in UTC, cut to whole milliseconds (what the stores keep)."""

    def monotonic(self) -> float:
        """Seconds that never go back, for measuring how long something took."""

    async def sleep(self, seconds: float) -> None:
        """Wait that long on this clock."""


class SystemClock:
    """The machine's clock, or the one that it follows."""

    def now(self) -> datetime:
        micros = _now_ns() // 1_000_000 * 1_000
        return datetime.fromtimestamp(micros / 1_000_000, UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class _Ids:
    """Ids that sort by the moment they were made, also within one millisecond of one process."""

    def __init__(self) -> None:
        self._last = 0

    def next(self) -> str:
        stamp = (_now_ns() // 1_000_000) << _RANDOM_BITS
        # The same millisecond (or a clock set back): count on from the last one instead.
        self._last = stamp | int.from_bytes(os.urandom(10), "big") if stamp > self._last else self._last + 1
        return f"{self._last:032x}"


new_id = _Ids().next
"""A new id: 32 hexadecimal digits, ordered by time (48 bits of milliseconds, 80 random ones)."""
