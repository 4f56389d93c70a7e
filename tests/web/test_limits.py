"""How often somebody may do something, and who somebody is."""

from __future__ import annotations

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from bot.limits import Limit, LocalLimits
from bot.testing.clock import ManualClock
from bot.web.limits import network_of, refuse_too_many

pytestmark = pytest.mark.unit


async def test_one_too_many_within_a_minute_is_a_429_that_says_when_to_come_again() -> None:
    clock, limit = ManualClock(), Limit("sign-in", 5)
    limits = LocalLimits(clock)
    for _ in range(5):
        await refuse_too_many(limits, limit, "198.51.100.7")
    await clock.advance(59.5)
    with pytest.raises(web.HTTPTooManyRequests) as refused:
        await refuse_too_many(limits, limit, "198.51.100.7")
    assert (refused.value.status, refused.value.headers["Retry-After"]) == (429, "1")
    await refuse_too_many(limits, limit, "203.0.113.9")
    await clock.advance(0.5)
    await refuse_too_many(limits, limit, "198.51.100.7")


@pytest.mark.parametrize(
    ("peer", "forwarded", "is_behind_proxy", "network"),
    [
        ("198.51.100.7", "", False, "198.51.100.7"),
        ("9.9.9.9", "203.0.113.9", True, "9.9.9.9"),  # no proxy of ours: it says what it likes
        ("127.0.0.1", "203.0.113.9", False, "127.0.0.1"),
        ("127.0.0.1", "203.0.113.9", True, "203.0.113.9"),
        ("10.0.0.2", "6.6.6.6, 203.0.113.9", True, "203.0.113.9"),
        ("10.0.0.2", "nonsense", True, "10.0.0.2"),
        ("2001:db8:1:2:3:4:5:6", "", False, "2001:db8:1:2::/64"),
        ("::ffff:198.51.100.7", "", False, "198.51.100.7"),
        ("", "", False, "unknown"),
    ],
)
def test_who_asks_is_their_address_or_household(peer: str, forwarded: str, is_behind_proxy: bool, network: str) -> None:
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    request = make_mocked_request("GET", "/", headers=headers).clone(remote=peer)
    assert network_of(request, is_behind_proxy) == network
