"""What was found out a moment ago, for a while: copies of what the Store says, which may be gone at any moment."""

from __future__ import annotations

from collections import OrderedDict
from typing import Protocol

from bot.clock import Clock

_MOST_KEYS = 10_000


class Cache(Protocol):
    """Texts by key, each with a time to live. Keys begin with what they are about: `session:{userId}` (S1-113)."""

    async def get(self, key: str) -> str | None:
        """What was put there; None where it is over, was forgotten, or cannot be asked for: then the Store is asked."""

    async def put(self, key: str, value: str, seconds: float) -> None:
        """Keeps it for so many seconds. Raises ValueError where they are not above 0; if all else fails, it is not kept."""

    async def forget(self, key: str) -> None:
        """Nobody gets it any more. Raises StoreUnavailable where others may still get it until its time is over."""


def milliseconds(seconds: float) -> int:
    """A time to live. Raises ValueError where it is none."""
    if not seconds > 0:
        raise ValueError(f"a cache keeps nothing for ever: seconds must be more than 0 (they are {seconds:g})")
    return max(1, round(seconds * 1000))


class LocalCache:
    """Keeps for one process."""

    def __init__(self, clock: Clock, keys: int = _MOST_KEYS) -> None:
        self._clock = clock
        self._keys = keys
        self._kept: OrderedDict[str, tuple[str, float]] = OrderedDict()

    async def get(self, key: str) -> str | None:
        value, until = self._kept.get(key, ("", 0.0))
        if self._clock.monotonic() < until:
            return value
        self._kept.pop(key, None)
        return None

    async def put(self, key: str, value: str, seconds: float) -> None:
        self._kept[key] = (value, self._clock.monotonic() + milliseconds(seconds) / 1000)
        self._kept.move_to_end(key)
        if len(self._kept) > self._keys:
            self._kept.popitem(last=False)

    async def forget(self, key: str) -> None:
        self._kept.pop(key, None)

    def __len__(self) -> int:
        """How many it keeps."""
        return len(self._kept)
