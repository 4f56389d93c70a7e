"""Posts to addresses that others have chosen, and cannot be made to post into our own network.

A name is resolved when the connection is made, and what was looked at is what is connected to: a name that changes in between
(DNS rebinding) leads nowhere. https://cheatsheetseries.owasp.org/cheatsheets/Server_Side_Request_Forgery_Prevention_Cheat_Sheet.html
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from bot.errors import PostFailed

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said."""

    status: int
    wait: float | None = None
    """Seconds that it asks us to wait (Retry-After)."""


class Poster:
    """Posts JSON, one connection for each: nothing is shared between servers."""

    def __init__(self) -> None:
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    async def post(
        self, url: str, body: bytes, headers: Mapping[str, str], *, seconds: float, allow_private: bool, now: datetime
    ) -> Answer:
        """One post; redirects are not followed, what the server writes is not read. Raises PostFailed."""
        if not allow_private:
            refuse_private_literal(url)
        try:
            async with self._session(allow_private).post(
                url, data=body, headers=headers, allow_redirects=False, timeout=aiohttp.ClientTimeout(total=seconds)
            ) as response:
                return Answer(response.status, _wait(response.headers.get("Retry-After", ""), now))
        except TimeoutError:
            raise PostFailed(f"no answer within {seconds:g} s") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise PostFailed(_told(error)) from None

    async def close(self) -> None:
        """Connections that are open end."""
        for session in self._sessions.values():
            await session.close()

    def _session(self, allow_private: bool) -> aiohttp.ClientSession:
        if allow_private not in self._sessions:
            resolver = aiohttp.ThreadedResolver() if allow_private else PublicResolver(aiohttp.ThreadedResolver())
            connector = aiohttp.TCPConnector(resolver=resolver, use_dns_cache=False, force_close=True, limit=0)
            self._sessions[allow_private] = aiohttp.ClientSession(
                connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False
            )
        return self._sessions[allow_private]


class PublicResolver(AbstractResolver):
    """Resolves names, and refuses those of which any address is not public."""

    def __init__(self, inner: AbstractResolver) -> None:
        self._inner = inner

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[ResolveResult]:
        """Raises PostFailed."""
        found = await self._inner.resolve(host, port, family)
        for each in found:
            if not is_public(each["host"]):
                raise PostFailed(f"{host} is an address of a private network; webhook_rules.allow_private allows those")
        return found

    async def close(self) -> None:
        await self._inner.close()


def refuse_private_literal(url: str) -> None:
    """An address that is written as numbers is never resolved. Raises PostFailed."""
    host = (URL(url).host or "").rstrip(".")
    try:
        ipaddress.ip_address(host)
    except ValueError:
        is_ours = host == "localhost" or host.endswith(".localhost")
    else:
        is_ours = not is_public(host)
    if is_ours:
        raise PostFailed(f"{host} is an address of a private network; webhook_rules.allow_private allows those")


def is_public(address: str) -> bool:
    """Whether an address is one of the whole internet, whatever it is wrapped in."""
    try:
        found: _Address = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    return all(each.is_global and not each.is_multicast and not each.is_reserved for each in _layers(found))


def _layers(address: _Address) -> list[_Address]:
    """An address, and the IPv4 address that it leads to."""
    if isinstance(address, ipaddress.IPv4Address):
        return [address]
    if address.ipv4_mapped is not None:
        return [address.ipv4_mapped]
    inner = [address.sixtofour, *(address.teredo or ())]
    if address in _NAT64:
        return [ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)]
    return [address, *(each for each in inner if each is not None)]


def _wait(text: str, now: datetime) -> float | None:
    """Retry-After in seconds: a number of them, or a date (RFC 9110, 10.2.3)."""
    text = text.strip()
    if text.isascii() and text.isdigit() and len(text) < 10:
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())


def _told(error: Exception) -> str:
    """Which kind of failure it was: nothing of what a server wrote."""
    match error:
        case aiohttp.ClientSSLError():
            return "its certificate is not in order"
        case aiohttp.ClientConnectorDNSError():
            return "there is no server of this name"
        case aiohttp.ClientConnectorError():
            return "no connection"
        case aiohttp.InvalidURL() | ValueError():
            return "its address cannot be used"
        case _:
            return "the connection broke off"
