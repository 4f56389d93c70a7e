"""Whose clock counts where several machines work together."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from bot.app import _follow_clock_of
from bot.clock import SystemClock, follow, new_id
from bot.store.base import Store

pytestmark = pytest.mark.unit


class Elsewhere:
    """A store whose clock is so far ahead of this machine's."""

    def __init__(self, ahead: timedelta) -> None:
        self._ahead = ahead

    async def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead


@pytest.fixture(autouse=True)
def _the_right_time(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    ids = new_id.__self__  # type: ignore[attr-defined]
    monkeypatch.setattr(ids, "_last", ids._last)
    yield
    follow(datetime.now(UTC))


def off_by() -> float:
    return (SystemClock().now() - datetime.now(UTC)).total_seconds()


@pytest.mark.parametrize("minutes", [7, -7])
async def test_a_machine_whose_clock_is_wrong_goes_by_the_stores(minutes: int) -> None:
    store: Store = Elsewhere(timedelta(minutes=minutes))  # type: ignore[assignment]
    for _ in range(2):
        await _follow_clock_of(store)
        assert off_by() == pytest.approx(60 * minutes, abs=0.5)


async def test_a_small_difference_is_left_alone() -> None:
    store: Store = Elsewhere(timedelta(seconds=0.3))  # type: ignore[assignment]
    await _follow_clock_of(store)
    assert abs(off_by()) < 0.1


def test_ids_go_by_the_clock_that_counts_and_still_only_rise() -> None:
    before = new_id()
    follow(datetime.now(UTC) + timedelta(minutes=7))
    ahead = new_id()
    assert int(ahead[:12], 16) - int(before[:12], 16) >= 419_000
    follow(datetime.now(UTC))
    assert before < ahead < new_id()
