"""How often somebody may do something, and who somebody is."""

from __future__ import annotations

import pytest
from aiohttp.test_utils import make_mocked_request

from bot.testing.clock import ManualClock
from bot.web.limits import Limiter, network_of

pytestmark = pytest.mark.unit


async def test_so_many_at_once_and_as_many_again_in_so_many_seconds() -> None:
    clock = ManualClock()
    limiter = Limiter(clock, 3, 60.0)
    assert [limiter.take("ana") for _ in range(3)] == [0, 0, 0]
    assert limiter.take("ana") == pytest.approx(20)
    assert limiter.take("luis") == 0
    await clock.advance(20)
    assert limiter.take("ana") == 0
    assert limiter.take("ana") == pytest.approx(20)
    await clock.advance(10_000)
    assert [limiter.take("ana") for _ in range(3)] == [0, 0, 0]
    assert limiter.take("ana") > 0


async def test_who_is_refused_does_not_wait_longer_for_asking() -> None:
    clock = ManualClock()
    limiter = Limiter(clock, 1, 10.0)
    limiter.take("ana")
    for _ in range(100):
        assert limiter.take("ana") == pytest.approx(10)


def test_whoever_comes_its_memory_is_bounded() -> None:
    limiter = Limiter(ManualClock(), 1, 60.0, keys=100)
    for number in range(1000):
        limiter.take(f"somebody {number}")
    assert len(limiter) == 100
    assert limiter.take("somebody 999") > 0


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
