"""Real processes on one database, killed, paused, stopped at random: the short version of `bot bench chaos`."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from bot.testing.processes import Program
from bot.testing.redis import require_redis
from bot.testing.secantus import INSTALL, program
from bot.testing.shared_chaos import Plan, shared_chaos

pytestmark = pytest.mark.end_to_end

SEED = int(os.environ.get("CHAOS_SEED", "7"))
"""What happens when. Printed with whatever goes wrong; another one: CHAOS_SEED=42 pytest tests/end_to_end/test_chaos.py."""


@pytest.fixture(autouse=True)
def _with_redis() -> None:
    require_redis()


@pytest.mark.timeout(600)  # on a machine that does other things every restart takes its time
async def test_nothing_is_lost_repeated_out_of_order_or_said_after_a_take_over(mongo_uri: str, tmp_path: Path) -> None:
    proof = await shared_chaos(tmp_path, mongo_uri, Plan(SEED, seconds=30.0, at_once=10, every=(0.5, 3.0)))
    print(proof.table())
    assert not proof.wrong, proof.table()
    assert proof.figures["messages accepted"] > 20, proof.table()
    assert sum(proof.faults.values()) >= 4, proof.table()


def living_in(folder: Path) -> list[str]:
    """The processes whose folder is in that one."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if Path(os.readlink(process / "cwd")).is_relative_to(folder):
                found.append((process / "cmdline").read_text())
        except OSError:  # it has ended, or is somebody else's
            continue
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
async def test_whoever_is_interrupted_leaves_no_process_and_no_file_behind(number: signal.Signals, tmp_path: Path) -> None:
    if program() is None:
        pytest.skip(INSTALL)
    theirs = tmp_path / "tmp"
    theirs.mkdir()
    arguments = ["-m", "bot", "bench", "chaos", "--minutes", "2"]
    bench = Program(arguments, log=tmp_path / "log", environment={"TMPDIR": str(theirs)}, before=hears_ctrl_c)
    bench.start()
    try:
        async with asyncio.timeout(60):
            while len(living_in(theirs)) < 6:  # SecantusDB, fakes, webs, workers
                await asyncio.sleep(0.1)
        bench.process.send_signal(number)
        assert await bench.ended(60) == 130
    finally:
        bench.close()
    assert living_in(theirs) == []
    assert list(theirs.iterdir()) == []
    assert "Traceback" not in bench.output()


def hears_ctrl_c() -> None:
    """What runs in the background of a shell ignores Ctrl-C, and so does all that it starts."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
