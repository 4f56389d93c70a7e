"""Posts go to servers of the whole internet, and never into our own network, however its address is dressed up."""

from __future__ import annotations

import socket
from datetime import UTC, datetime

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from bot.errors import PostFailed
from bot.posting import Answer, Poster, PublicResolver, is_public
from bot.testing.receiver import BREAKS, HANGS, receiver

pytestmark = pytest.mark.unit

NOW = datetime(2026, 1, 15, 10, 0, tzinfo=UTC)
PRIVATE = [
    "127.0.0.1",
    "127.8.9.10",
    "0.0.0.0",
    "10.0.0.1",
    "172.16.3.4",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "ff02::1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::a00:1",
    "2002:7f00:1::",
    "not an address",
]


async def post(poster: Poster, url: str, *, seconds: float = 5.0, allow_private: bool = False) -> Answer:
    return await poster.post(url, b"{}", {}, seconds=seconds, allow_private=allow_private, now=NOW)


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_of_a_network_of_ones_own_is_none_of_the_internet(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.215.14", "2606:4700:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8"])
def test_an_address_of_the_internet_is_one(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "localhost.", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "127.1", "0177.0.0.1"],
)
async def test_no_spelling_of_this_machine_is_posted_to(host: str) -> None:
    """S3-143."""
    async with receiver() as crm:
        port = crm.url.rpartition(":")[2]
        poster = Poster()
        with pytest.raises(PostFailed):
            await post(poster, f"http://{host}:{port}")
        await poster.close()
        assert crm.posts == []


class Rebinding(AbstractResolver):
    """A name server that answers with another address each time."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = list(addresses)

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[ResolveResult]:
        address = self.addresses.pop(0)
        return [ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=0)]

    async def close(self) -> None:
        """Nothing is open."""


async def test_what_was_looked_at_is_what_is_connected_to() -> None:
    """One question for each connection: there is no second answer that could differ."""
    names = Rebinding("8.8.8.8", "127.0.0.1")
    resolver = PublicResolver(names)
    assert [found["host"] for found in await resolver.resolve("crm.example.com", 443)] == ["8.8.8.8"]
    with pytest.raises(PostFailed, match="private network"):
        await resolver.resolve("crm.example.com", 443)
    await resolver.close()


async def test_an_answer_is_a_status_and_how_long_to_wait() -> None:
    async with receiver() as crm:
        poster = Poster()
        crm.headers = {"Retry-After": "7"}
        crm.will(503)
        assert await post(poster, crm.url, allow_private=True) == Answer(503, 7.0)
        crm.headers = {"Retry-After": "Thu, 15 Jan 2026 10:01:00 GMT"}
        assert await post(poster, crm.url, allow_private=True) == Answer(200, 60.0)
        crm.headers = {"Retry-After": "soon"}
        assert await post(poster, crm.url, allow_private=True) == Answer(200, None)
        await poster.close()


async def test_a_redirect_is_not_followed() -> None:
    async with receiver() as inside, receiver() as crm:
        poster = Poster()
        crm.headers = {"Location": inside.url}
        crm.will(307)
        assert (await post(poster, crm.url, allow_private=True)).status == 307
        assert inside.posts == []
        await poster.close()


async def test_who_does_not_answer_is_left_after_the_time_and_every_failure_is_one_line() -> None:
    async with receiver() as crm:
        poster = Poster()
        crm.will(HANGS, BREAKS)
        with pytest.raises(PostFailed, match=r"^no answer within 0\.2 s$"):
            await post(poster, crm.url, seconds=0.2, allow_private=True)
        with pytest.raises(PostFailed, match=r"^the connection broke off$"):
            await post(poster, crm.url, allow_private=True)
        gone = crm.url
    with pytest.raises(PostFailed, match=r"^no connection$"):
        await post(poster, gone, allow_private=True)
    with pytest.raises(PostFailed, match=r"^there is no server of this name$"):
        await post(poster, "https://crm.invalid/hooks", allow_private=True)
    await poster.close()
