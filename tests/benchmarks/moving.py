"""Exporting and importing a large store: how long it takes, and how much memory each command needs.

Builds a store with so many messages, then runs the real `bot migrate export` and `bot migrate import` as processes of their own.
Bar (step 2): at most 200 MB each, whatever the number of records.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.clock import SystemClock
from bot.records.conversations import Direction, Message, MessageSender
from bot.store.sqlite import SqliteStore
from tests.benchmarks.common import judge

BAR = 200.0
BATCH = 2000
START = datetime(2025, 1, 1, tzinfo=UTC)


def message(number: int) -> Message:
    return Message(
        id=f"m{number:09d}",
        conversation_id=f"c{number % 20_000:06d}",
        customer_id=f"p{number % 20_000:06d}",
        content=f"Hi, can you tell me the status of ticket {number}? It has been two days.",
        direction=Direction.INBOUND,
        sender=MessageSender.CUSTOMER,
        timestamp=START + timedelta(seconds=number),
    )


async def build(folder: Path, count: int) -> None:
    store = SqliteStore(folder / "bot.db", SystemClock())
    await store.open()
    for first in range(0, count, BATCH):
        await store.load([message(number) for number in range(first, min(first + BATCH, count))])
        print(f"\rbuilding: {min(first + BATCH, count):,} of {count:,}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    await store.close()


def measure(data: Path, *arguments: str) -> tuple[float, float]:
    """Seconds and peak MB of one `bot` command."""
    began = time.perf_counter()
    environment = {**os.environ, "BOT_DATA_DIR": str(data), "MONGODB_URI": ""}
    process = os.posix_spawn(sys.executable, [sys.executable, "-m", "bot", *arguments], environment)
    _, status, usage = os.wait4(process, 0)
    if status:
        raise SystemExit(f"bot {' '.join(arguments)} ended with {os.waitstatus_to_exitcode(status)}")
    return time.perf_counter() - began, usage.ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.moving")
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--build", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.build is not None:
        asyncio.run(build(options.build, options.records))
        return
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        # In a process of its own: what this one has ever held would count as its children's peak (Linux, exec).
        subprocess.run(
            [sys.executable, "-m", __spec__.name, "--records", str(options.records), "--build", place / "one"], check=True
        )
        worst = 0.0
        for data, verb in ((place / "one", "export"), (place / "two", "import")):
            seconds, megabytes = measure(data, "migrate", verb, str(place / "out"))
            worst = max(worst, megabytes)
            print(
                f"{verb}: {options.records:,} records in {seconds:.0f} s, {options.records / seconds:,.0f}/s, {megabytes:.0f} MB"
            )
    sys.exit(0 if judge("peak memory of the larger one", worst, BAR, " MB") else 1)


if __name__ == "__main__":
    main()
