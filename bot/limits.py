"""How often somebody may do something that comes in from outside: so often in a window of time (S1-123, S1-126)."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Protocol

from bot.clock import Clock

_MOST_KEYS = 30_000
"""Who did something longest ago is forgotten first: memory is bounded whoever comes."""


@dataclass(frozen=True, slots=True)
class Limit:
    """So often in so many seconds, counted from the first time."""

    endpoint: str
    """What is limited; a word of its own."""
    most: int
    seconds: float = 60.0


class Limits(Protocol):
    """Counts, by endpoint and by who: an address, a network, a visitor."""

    async def take(self, limit: Limit, who: str) -> float:
        """Counts one; 0 when it is allowed, else the seconds until the next one may be."""


@dataclass(slots=True)
class _Window:
    until: float
    count: int = 0


class LocalLimits:
    """Counts for one process."""

    def __init__(self, clock: Clock, keys: int = _MOST_KEYS) -> None:
        self._clock = clock
        self._keys = keys
        self._windows: OrderedDict[tuple[str, str], _Window] = OrderedDict()

    async def take(self, limit: Limit, who: str) -> float:
        now, key = self._clock.monotonic(), (limit.endpoint, who)
        window = self._windows.get(key)
        if window is None or now >= window.until:
            window = self._windows[key] = _Window(now + limit.seconds)
        self._windows.move_to_end(key)
        if len(self._windows) > self._keys:
            self._windows.popitem(last=False)
        window.count += 1
        return 0.0 if window.count <= limit.most else window.until - now

    def __len__(self) -> int:
        """How many it remembers."""
        return len(self._windows)
