"""How often somebody may do something, in memory that is bounded whoever comes."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from aiohttp import web

from bot.clock import Clock

MOST_KEYS = 10_000
"""Who did something longest ago is forgotten first."""


@dataclass(slots=True)
class _Bucket:
    left: float
    at: float


class Limiter:
    """So many at once, and as many again in so many seconds: a token bucket for each key."""

    def __init__(self, clock: Clock, most: int, seconds: float, keys: int = MOST_KEYS) -> None:
        self._clock = clock
        self._most = float(most)
        self._rate = most / seconds
        self._keys = keys
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, key: str) -> float:
        """Counts one; 0 when it is allowed, else the seconds until it will be (it is not counted then)."""
        now = self._clock.monotonic()
        bucket = self._buckets.setdefault(key, _Bucket(self._most, now))
        self._buckets.move_to_end(key)
        if len(self._buckets) > self._keys:
            self._buckets.popitem(last=False)
        bucket.left = min(self._most, bucket.left + (now - bucket.at) * self._rate)
        bucket.at = now
        if bucket.left < 1:
            return (1 - bucket.left) / self._rate
        bucket.left -= 1
        return 0.0

    def __len__(self) -> int:
        """How many keys it remembers."""
        return len(self._buckets)


def network_of(request: web.Request, is_behind_proxy: bool) -> str:
    """Who asks, for counting: an IPv4 address, or the /64 of an IPv6 one, which is one household's.

    Behind a proxy of ours, which is on this machine or in its network, the last address that it has put into X-Forwarded-For;
    those before it were written by whoever asked.
    """
    peer = address_of(request.remote or "")
    if is_behind_proxy and peer is not None and peer.is_private:
        peer = address_of(request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()) or peer
    if isinstance(peer, IPv6Address):
        return f"{IPv6Address(int(peer) >> 64 << 64)}/64"
    return str(peer or "unknown")


def address_of(text: str) -> IPv4Address | IPv6Address | None:
    """The address that this is, IPv4 where it is one in the dress of the other; None for what is none."""
    try:
        found = ip_address(text)
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found
