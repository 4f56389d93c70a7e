"""10,000 random interleavings of turns, operators, senders and crashes: is a reply of the AI claimed after a take-over?"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import structlog

from bot.clock import SystemClock
from bot.store.sqlite import SqliteStore
from tests.benchmarks.common import judge
from tests.scenarios.interleavings import Seen, play

_AT_A_TIME = 1_000


async def _played(first: int, count: int) -> list[tuple[int, Seen]]:
    with tempfile.TemporaryDirectory() as folder:
        store = SqliteStore(Path(folder) / "bot.db", SystemClock())
        await store.open()
        try:
            return await play(store, range(first, first + count))
        finally:
            await store.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0, help="the first of the seeds")
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    found: Counter[str] = Counter()
    began = time.process_time()
    for first in range(given.seed, given.seed + given.examples, _AT_A_TIME):
        for seed, seen in asyncio.run(_played(first, min(_AT_A_TIME, given.seed + given.examples - first))):
            found.update(changes=seen.epoch, crossed=len(seen.crossed), told=len(seen.told), wrong=bool(seen.wrong))
            if seen.wrong:
                print(f"seed {seed}: {seen.wrong[0]}")
    print(f"{given.examples:,} interleavings, {found['changes']:,} changes of hands, {time.process_time() - began:,.0f} s of CPU")
    print(
        f"replies met by a take-over while they were posted, and marked so: {found['crossed']:,}; losers told: {found['told']:,}"
    )
    sys.exit(0 if judge("interleavings with an AI reply claimed after a take-over", found["wrong"], 0) else 1)


if __name__ == "__main__":
    main()
