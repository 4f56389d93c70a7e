"""kill -9 under load. The long run with its table is `python -m tests.benchmarks.kill`."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from bot.testing.audit import Invariant
from bot.testing.chaos import chaos

pytestmark = pytest.mark.end_to_end


@pytest.mark.parametrize(("receipts", "kills"), [(True, 3), (False, 2)], ids=["with receipts", "without receipts"])
async def test_nothing_is_lost_repeated_or_mixed_up_when_the_server_is_killed_under_load(
    tmp_path: Path, receipts: bool, kills: int
) -> None:
    seed = random.randrange(1_000_000)
    run = await chaos(tmp_path, kills=kills, seed=seed, people=25, receipts=receipts)
    print(run.table())
    # How soon is a matter of the machine, and measured by the benchmark.
    assert not [problem for problem in run.problems if problem.invariant is not Invariant.SLOW], run.table()
    assert len(run.kills) == kills
    assert run.figures["messages accepted"] > 50, "there was hardly any load"
    assert run.figures["tickets"] > 0
