"""Time and ids: the only file that asks the machine for either."""

from __future__ import annotations

import asyncio
import os
import time
from datetime import UTC, datetime
from typing import Protocol

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32, sorts as its value does
_RANDOM_BITS = 80


class Clock(Protocol):
    """Where every part of the program gets the time from; tests put their own in."""

    def now(self) -> datetime:
        """The time now, in UTC, cut to whole milliseconds (what the stores keep)."""

    def monotonic(self) -> float:
        """Seconds that never go back, for measuring how long something took."""

    async def sleep(self, seconds: float) -> None:
        """Wait that long on this clock."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        micros = time.time_ns() // 1_000_000 * 1_000
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
        stamp = (time.time_ns() // 1_000_000) << _RANDOM_BITS
        fresh = stamp | int.from_bytes(os.urandom(10), "big")
        # The same millisecond (or a clock set back): count on from the last one instead.
        self._last = fresh if (fresh >> _RANDOM_BITS) > (self._last >> _RANDOM_BITS) else self._last + 1
        return _base32(self._last)


def _base32(number: int) -> str:
    digits = []
    for _ in range(26):
        number, rest = divmod(number, 32)
        digits.append(_ALPHABET[rest])
    return "".join(reversed(digits))


new_id = _Ids().next
"""A new id: 26 characters, ordered by time (the ULID layout)."""
