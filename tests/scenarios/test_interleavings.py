"""However turns, operators, senders and crashes interleave: after a take-over no reply of the AI is claimed for sending.

300 interleavings here; `python -m tests.benchmarks.takeover` plays 10,000, or as many as one likes.
"""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import structlog

from bot.clock import SystemClock
from bot.store.base import Require, Unit
from bot.store.sqlite import SqliteStore
from tests.scenarios.interleavings import Seen, play

pytestmark = pytest.mark.scenario

EXAMPLES = 300


@pytest.fixture(autouse=True)
def quiet() -> None:
    """A line for each reply that is refused would be tens of thousands; `conftest` puts the logs back as they were."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


async def played(folder: Path, seeds: range) -> list[tuple[int, Seen]]:
    store = SqliteStore(folder / "bot.db", SystemClock())
    await store.open()
    try:
        return await play(store, seeds)
    finally:
        await store.close()


async def test_no_reply_of_the_ai_is_claimed_after_a_take_over_however_things_interleave(tmp_path: Path) -> None:
    seen = await played(tmp_path, range(EXAMPLES))
    assert [(seed, one.wrong) for seed, one in seen if one.wrong] == []


async def test_the_interleavings_reach_what_they_are_about(tmp_path: Path) -> None:
    seen = [one for _, one in await played(tmp_path, range(120))]
    assert sum(bool(one.crossed) for one in seen) >= 5, "a take-over meets a reply that is being posted"
    told = [sentence for one in seen for sentence in one.told]
    assert any("holds this conversation since" in sentence for sentence in told), "who is second is told by whom"
    assert sum(one.epoch for one in seen) > 120


async def test_a_sender_that_looks_at_no_epoch_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(self: object, unit: Unit, *operations: object) -> None:
        kept = [one for one in operations if not (isinstance(one, Require) and "epoch" in one.where and len(one.where) == 2)]
        unit.operations.extend(kept)  # type: ignore[arg-type]

    monkeypatch.setattr(Unit, "add", lambda unit, *operations: careless(None, unit, *operations))
    seen = await played(tmp_path, range(60))
    assert any("was claimed in epoch" in wrong for _, one in seen for wrong in one.wrong)
