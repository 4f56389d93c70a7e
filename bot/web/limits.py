"""Who asks, for counting, and what whoever asks too often is told."""

from __future__ import annotations

import math
from ipaddress import IPv4Address, IPv6Address, ip_address

from aiohttp import web

from bot.limits import Limit, Limits


async def refuse_too_many(limits: Limits, limit: Limit, who: str) -> None:
    """Counts one request. Raises HTTPTooManyRequests, with Retry-After, for one too many (S1-126)."""
    wait = await limits.take(limit, who)
    if wait > 0:
        seconds = math.ceil(wait)
        raise web.HTTPTooManyRequests(text=f"too many requests; try again in {seconds} s", headers={"Retry-After": str(seconds)})


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
