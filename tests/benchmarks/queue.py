"""The ordered queue, embedded: conversations with one waiting message each, turns that only finish it.

    python -m tests.benchmarks.queue [--conversations 50000] [--rounds 3]

Inbox, store, lanes and worker are the real ones; the engine is a stub that commits what every turn commits at least: the fence is
still ours, the messages are done.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

import uvloop

from bot.app import App, assemble
from bot.clock import SystemClock
from bot.config import Settings
from bot.conversation import Turn
from bot.engine import Engine
from bot.errors import FenceLost
from bot.message import Address, InboundMessage, Text
from bot.records.work import Fence, InboxRow, InboxState
from bot.running import settle
from bot.sending import Sending
from bot.store.base import Claim, Require, Unit
from bot.store.sqlite import SqliteStore
from bot.worker import Worker
from tests.benchmarks.common import judge, middle, spread

BAR = 12_000
_AT_ONCE = 500


class NoOpEngine(Engine):
    """Turns that hear and answer nothing."""

    def __init__(self, app: App, turns: int) -> None:
        self._app = app
        self._left = turns
        self.finished = asyncio.Event()

    async def turn(self, claim: Claim, turn: Turn) -> int:
        fence = Require(Fence, {"id": claim.fence_id, "value": claim.fence}, FenceLost)
        await self._app.store.commit(Unit(fence, self._app.inbox.done(turn.inbox_ids)))
        self._left -= 1
        if not self._left:
            self.finished.set()
        return len(turn.heard)


async def _fill(app: App, conversations: int) -> None:
    now = SystemClock().now()
    for start in range(0, conversations, _AT_ONCE):
        numbers = range(start, min(start + _AT_ONCE, conversations))
        addresses = (Address("whatsapp", "106540352242922", f"1202{number:08d}") for number in numbers)
        await app.inbox.accept([InboundMessage(f"wamid.{a.theirs}", a, Text("Hello there."), now) for a in addresses])


async def round_(folder: Path, conversations: int) -> tuple[float, float, float]:
    """One queue filled and worked off: conversations per second, own CPU in us for each, commits for each."""
    settings = Settings(_env_file=None, BOT_DATA_DIR=folder, BOT_QUIET_MS=0)
    async with assemble(settings) as app:
        assert isinstance(app.store, SqliteStore)
        await _fill(app, conversations)
        engine = NoOpEngine(app, conversations)
        sending = Sending(app.outbox, app.channels)
        worker = Worker(app.store, app.lanes, app.inbox, app.outbox, engine, sending, app.jobs)
        commits, cpu, began = app.store.commits, time.process_time(), time.perf_counter()
        await worker.start()
        settle()  # as `bot serve` does
        await engine.finished.wait()
        seconds, cpu, commits = time.perf_counter() - began, time.process_time() - cpu, app.store.commits - commits
        await worker.stop()
        assert not await app.store.distinct(InboxRow, "lane", {"state": InboxState.WAITING})
    return conversations / seconds, cpu / conversations * 1e6, commits / conversations


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.queue")
    parser.add_argument("--conversations", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    rounds = []
    for _ in range(options.rounds):
        with tempfile.TemporaryDirectory() as folder:
            rounds.append(uvloop.run(round_(Path(folder), options.conversations)))
    per_second, cpu, commits = ([figures[at] for figures in rounds] for at in range(3))
    print(f"{options.conversations} conversations, {options.rounds} rounds; recovery at the start is counted in")
    print(f"own CPU per conversation, us: {spread(cpu)}; commits per conversation: {middle(commits):.4f}")
    sys.exit(0 if judge("conversations per second, median", middle(per_second), BAR, at_least=True) else 1)


if __name__ == "__main__":
    main()
