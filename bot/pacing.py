"""How fast a vendor may be sent to: so much from one of our ends, so much to one person, and not at all while it says so.

Sends wait for their turn here before they are tried, so that the vendor need not refuse them.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Protocol

from bot.clock import Clock

_MOST_KEYS = 10_000
"""Who was sent to longest ago is forgotten first; they may be sent to at once by then."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A token bucket: so many at once, and as many again as time goes by."""

    most: float
    per_second: float

    @property
    def seconds(self) -> float:
        """Until it is full again, however empty it is."""
        return self.most / self.per_second


@dataclass(frozen=True, slots=True)
class Pace:
    """What a vendor takes."""

    sender: Rate
    """From one of our ends to everybody."""
    person: Rate
    """From there to one person."""


QUEUED = 1.0
"""Seconds that a send waits in its place for its turn; what would wait longer gives its place up."""


class Pacer(Protocol):
    """Counts what is sent."""

    async def take(self, sender: str, person: str, pace: Pace) -> float:
        """Counts one send and returns 0 when it may go, which may be up to QUEUED seconds later: each in its turn.

        Where it would be later still, it is not counted, and the answer is how many seconds that is.
        """

    async def pause(self, sender: str, seconds: float, person: str = "") -> None:
        """The vendor wants nothing from this end of ours for so long; with `person`, nothing to them."""


@dataclass(slots=True)
class _Bucket:
    left: float
    at: float
    paused_until: float = 0.0


class LocalPacer:
    """Counts for one process."""

    def __init__(self, clock: Clock, keys: int = _MOST_KEYS) -> None:
        self._clock = clock
        self._keys = keys
        self._buckets: OrderedDict[tuple[str, str], _Bucket] = OrderedDict()

    async def take(self, sender: str, person: str, pace: Pace) -> float:
        both = [(self._bucket(sender, ""), pace.sender), (self._bucket(sender, person), pace.person)]
        wait = max(self._wait(bucket, rate) for bucket, rate in both)
        if wait > QUEUED:
            return wait
        for bucket, _ in both:
            bucket.left -= 1
        if wait:
            await self._clock.sleep(wait)
        return 0.0

    async def pause(self, sender: str, seconds: float, person: str = "") -> None:
        bucket = self._bucket(sender, person)
        bucket.paused_until = max(bucket.paused_until, self._clock.monotonic() + seconds)

    def _bucket(self, sender: str, person: str) -> _Bucket:
        key = (sender, person)
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = _Bucket(float("inf"), self._clock.monotonic())
            if len(self._buckets) > self._keys:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(key)
        return bucket

    def _wait(self, bucket: _Bucket, rate: Rate) -> float:
        now = self._clock.monotonic()
        bucket.left = min(rate.most, bucket.left + (now - bucket.at) * rate.per_second)
        bucket.at = now
        lacks = (1 - bucket.left) / rate.per_second if bucket.left < 1 - 1e-9 else 0.0
        return max(lacks, bucket.paused_until - now, 0.0)

    def __len__(self) -> int:
        """How many buckets it remembers."""
        return len(self._buckets)
