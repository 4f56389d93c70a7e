"""Copies that are gone after a while, kept by one process or for all of them."""

from __future__ import annotations

import pytest

from bot.cache import LocalCache
from bot.testing.clock import ManualClock
from tests.sharing import Deployment, processes

pytestmark = pytest.mark.contract

__all__ = ["processes"]

KEY = "session:0190"


async def test_what_one_process_puts_there_another_gets_until_its_time_is_over(processes: Deployment) -> None:
    one, two = (await processes.join()).cache, (await processes.join()).cache
    assert await two.get(KEY) is None
    await one.put(KEY, "Ana, ñ, आ", 0.3)
    assert await two.get(KEY) == "Ana, ñ, आ"
    await processes.passes(0.3)
    assert await two.get(KEY) is None


async def test_the_last_one_to_put_wins_with_its_time(processes: Deployment) -> None:
    cache = (await processes.join()).cache
    await cache.put(KEY, "first", 60)
    await cache.put(KEY, "second", 0.3)
    assert await cache.get(KEY) == "second"
    await processes.passes(0.3)
    assert await cache.get(KEY) is None


async def test_what_is_forgotten_nobody_gets_any_more(processes: Deployment) -> None:
    one, two = (await processes.join()).cache, (await processes.join()).cache
    await one.put(KEY, "signed in", 60)
    await one.put("session:other", "kept", 60)
    await two.forget(KEY)
    await two.forget(KEY)
    assert (await one.get(KEY), await one.get("session:other")) == (None, "kept")


@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
async def test_nothing_is_kept_for_ever(processes: Deployment, seconds: float) -> None:
    cache = (await processes.join()).cache
    with pytest.raises(ValueError, match="seconds must be more than 0"):
        await cache.put(KEY, "value", seconds)
    assert await cache.get(KEY) is None


async def test_however_much_is_put_there_its_memory_is_bounded() -> None:
    cache = LocalCache(ManualClock(), keys=100)
    for number in range(1000):
        await cache.put(f"session:{number}", "value", 60)
    assert len(cache) == 100
    assert await cache.get("session:999") == "value"
