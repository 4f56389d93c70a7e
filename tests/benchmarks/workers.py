"""What sharing costs: CPU of the workers for each turn, one `bot work` and then two, by turns, on MongoDB (SecantusDB) and Redis.

    python -m tests.benchmarks.workers [--rounds 3] [--secs 8] [--people 16]

All are real processes: a web, the workers, a fake WhatsApp, a fake model. Each person writes again as soon as the answer is
there, so that both runs have the same load; what is counted is the CPU that the workers took for so many answers, not how many
there were in a second.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from bot.clock import SystemClock, new_id
from bot.testing.deployment import deployment
from bot.testing.processes import Program, Surroundings
from bot.testing.secantus import Secantus
from bot.testing.whatsapp.server import PHONE_ID, SECRET
from bot.testing.whatsapp.vendor import Vendor
from tests.benchmarks.common import judge, middle, spread

BAR = 1.15
_LOOK_SECONDS = 0.01
_ANSWERED_WITHIN = 60.0
_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(program: Program) -> float:
    """User and system time that it has taken until now."""
    fields = Path(f"/proc/{program.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


class People:
    """People who write, and write again when they are answered."""

    def __init__(self, around: Surroundings, vendor: Vendor, count: int) -> None:
        self._around = around
        self._vendor = vendor
        self._count = count
        self._waiting: dict[str, asyncio.Event] = {}
        self.answers = 0

    async def write(self, seconds: float) -> None:
        """For so long, each of them once at least; returns when all are answered."""
        stop = time.monotonic() + seconds
        watching = asyncio.create_task(self._watch())
        try:
            await asyncio.gather(*(self._write(f"1202555{number:04d}", stop) for number in range(self._count)))
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching

    async def _write(self, who: str, stop: float) -> None:
        while True:
            answered = self._waiting[who] = asyncio.Event()
            node = self._vendor.text_node(who, "How are you today?", f"wamid.{new_id()}")
            await self._vendor.batch([node], name=f"Person {who}")
            async with asyncio.timeout(_ANSWERED_WITHIN):
                await answered.wait()
            if time.monotonic() > stop:
                return

    async def _watch(self) -> None:
        seen = len(self._around.sends())
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            sends = self._around.sends()
            for send in sends[seen:]:
                self.answers += 1
                self._waiting[send.to].set()
            seen = len(sends)


async def measure(folder: Path, workers: int, people: int, seconds: float) -> tuple[float, float, list[float]]:
    """CPU ms of all workers for a turn, turns a second, and what part of the CPU each worker took."""
    mongo = Secantus(folder / "mongo").start()
    try:
        async with deployment(folder, mongo.uri, workers=workers, lease_ms=10_000, receipts=False) as running:
            target = running.around.webhook
            vendor = Vendor(target=target, secret=SECRET, phone_id=PHONE_ID, clock=SystemClock(), redelivers=True)
            crowd = People(running.around, vendor, people)
            await crowd.write(0.0)  # unmeasured: everybody gets to be known
            crowd.answers = 0
            before = [cpu_seconds(worker) for worker in running.workers]
            began = time.monotonic()
            await crowd.write(seconds)
            wall = time.monotonic() - began
            taken = [cpu_seconds(worker) - then for worker, then in zip(running.workers, before, strict=True)]
            await vendor.close()
    finally:
        mongo.stop()
    return sum(taken) / crowd.answers * 1e3, crowd.answers / wall, [each / sum(taken) for each in taken]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.workers")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--secs", type=float, default=8)
    parser.add_argument("--people", type=int, default=16)
    options = parser.parse_args()
    taken: dict[int, list[float]] = {1: [], 2: []}
    for number in range(options.rounds):
        for workers, figures in taken.items():
            with tempfile.TemporaryDirectory() as folder:
                cpu, per_second, parts = asyncio.run(measure(Path(folder), workers, options.people, options.secs))
            figures.append(cpu)
            shares = " and ".join(f"{part:.0%}" for part in parts)
            said = f"{cpu:.2f} ms a turn, {per_second:.1f} turns/s, CPU {shares}"
            print(f"round {number + 1}, {workers} at work: {said}", flush=True)
    print(f"CPU of the workers per turn, ms: one {spread(taken[1])}, two {spread(taken[2])}")
    sys.exit(0 if judge("two workers to one, medians", middle(taken[2]) / middle(taken[1]), BAR, "x") else 1)


if __name__ == "__main__":
    main()
