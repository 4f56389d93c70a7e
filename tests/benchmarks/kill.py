"""kill -9 of `bot serve`, 20 times under load: `python -m tests.benchmarks.kill [--kills 20] [--seed N] [--no-receipts]`."""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import sys
import tempfile
from pathlib import Path

from bot.testing.chaos import SERVES_WITHIN, chaos


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.kill", description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--people", type=int, default=40)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    parser.add_argument("--no-receipts", action="store_true", help="the vendor does not tell what it took, so it is sent again")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run = asyncio.run(
            chaos(Path(folder), kills=options.kills, seed=options.seed, people=options.people, receipts=not options.no_receipts)
        )
    print(run.table())
    firsts = [kill.first for kill in run.kills if kill.first is not None]
    print(f"nothing lost, repeated or out of order: {'pass' if not run.problems else 'FAIL'}")
    if firsts:
        worst, middle = max(firsts), statistics.median(firsts)
        verdict = "pass" if worst <= SERVES_WITHIN else "FAIL"
        print(f"a waiting turn was served {middle:.3f} s (median) and {worst:.3f} s (worst) after listening: {verdict}")
    sys.exit(1 if run.problems else 0)


if __name__ == "__main__":
    main()
