"""Real processes on one database, killed, paused, stopped at random: the short version of `bot bench chaos`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bot.testing.redis import require_redis
from bot.testing.shared_chaos import Plan, shared_chaos

pytestmark = pytest.mark.end_to_end

SEED = int(os.environ.get("CHAOS_SEED", "7"))
"""What happens when. Printed with whatever goes wrong; another one: CHAOS_SEED=42 pytest tests/end_to_end/test_chaos.py."""


@pytest.mark.timeout(600)  # on a machine that does other things every restart takes its time
async def test_nothing_is_lost_repeated_out_of_order_or_said_after_a_take_over(mongo_uri: str, tmp_path: Path) -> None:
    require_redis()
    proof = await shared_chaos(tmp_path, mongo_uri, Plan(SEED, seconds=30.0, at_once=10, every=(0.5, 3.0)))
    print(proof.table())
    assert not proof.wrong, proof.table()
    assert proof.figures["messages accepted"] > 20, proof.table()
    assert sum(proof.faults.values()) >= 4, proof.table()
