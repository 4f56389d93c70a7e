"""The ordered queue: conversations with one waiting message each, turns that only finish it.

    python -m tests.benchmarks.queue [--conversations 50000] [--rounds 3]      # embedded
    python -m tests.benchmarks.queue --on redis                                # lanes on Redis alone: claim and release
    python -m tests.benchmarks.queue --on shared [--conversations 5000]        # durable, on MongoDB (SecantusDB) and Redis

Inbox, store, lanes and worker are the real ones; the engine is a stub that commits what every turn commits at least: the fence is
still ours, the messages are done. On Redis alone there is no store: 256 claims in hand at a time, as a worker has, each released
as soon as it is there.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import uvloop

from bot.app import App, assemble
from bot.clock import SystemClock
from bot.config import Settings
from bot.conversation import Turn
from bot.dialogs.speaking import Speaker
from bot.engine import Engine
from bot.errors import FenceLost
from bot.message import Address, InboundMessage, Text
from bot.records.work import Fence, InboxRow, InboxState
from bot.running import settle
from bot.sending import Sending
from bot.store.base import Claim, Require, Unit
from bot.store.redis import RedisLanes
from bot.store.redis_connection import Connection
from bot.store.sqlite import SqliteStore
from bot.testing.redis import RedisServer
from bot.testing.secantus import Secantus
from bot.worker import MAX_TURNS, Worker
from tests.benchmarks.common import judge, middle, spread

BARS = {"sqlite": 12_000, "redis": 8_000, "shared": 600}
CONVERSATIONS = {"sqlite": 50_000, "redis": 50_000, "shared": 5_000}
_AT_ONCE = 500


class NoOpEngine(Engine):
    """Turns that hear and answer nothing."""

    def __init__(self, app: App, turns: int) -> None:
        self._app = app
        self._left = turns
        self.finished = asyncio.Event()

    async def turn(self, claim: Claim, turn: Turn, speaker: Speaker | None = None) -> int:
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


async def queue(settings: Settings, conversations: int) -> tuple[float, float, float]:
    """One queue filled and worked off: conversations per second, own CPU in us for each, commits for each (embedded only)."""
    async with assemble(settings) as app:
        await _fill(app, conversations)
        engine = NoOpEngine(app, conversations)
        sending = Sending(app.outbox, app.channels, app.shared)
        worker = Worker(app.store, app.lanes, app.inbox, app.outbox, engine, sending, app.jobs)
        commits, cpu, began = _commits(app), time.process_time(), time.perf_counter()
        await worker.start()
        settle()  # as `bot serve` does
        await engine.finished.wait()
        seconds, cpu, commits = time.perf_counter() - began, time.process_time() - cpu, _commits(app) - commits
        await worker.stop()
        assert not await app.store.distinct(InboxRow, "lane", {"state": InboxState.WAITING})
    return conversations / seconds, cpu / conversations * 1e6, commits / conversations


def _commits(app: App) -> int:
    return app.store.commits if isinstance(app.store, SqliteStore) else 0


async def embedded(folder: Path, conversations: int) -> tuple[float, float, float]:
    return await queue(Settings(_env_file=None, BOT_DATA_DIR=folder, BOT_QUIET_MS=0), conversations)


async def shared(folder: Path, conversations: int) -> tuple[float, float, float]:
    mongo, redis = Secantus(folder / "mongo").start(), RedisServer(folder / "redis").start()
    given: dict[str, Any] = {"MONGODB_URI": mongo.uri, "REDIS_URL": redis.url, "BOT_DATA_DIR": folder, "BOT_QUIET_MS": 0}
    try:
        return await queue(Settings(_env_file=None, **given), conversations)
    finally:
        redis.kill()
        mongo.stop()


async def lanes_alone(folder: Path, conversations: int) -> tuple[float, float, float]:
    """Lanes woken, and then each claimed and released once."""
    server = RedisServer(folder).start()
    connection = Connection(server.url)
    lanes = RedisLanes(connection, "benchmark", "turns", 60.0, None)
    for number in range(conversations):
        await lanes.wake(f"whatsapp:106540352242922:1202{number:08d}")
    cpu, began, left = time.process_time(), time.perf_counter(), conversations
    in_hand: set[asyncio.Task[None]] = set()
    while left:
        if len(in_hand) >= MAX_TURNS:
            await asyncio.wait(in_hand, return_when=asyncio.FIRST_COMPLETED)
        claims = await lanes.claim_some(MAX_TURNS - len(in_hand))
        left -= len(claims)
        for claim in claims:
            task = asyncio.create_task(lanes.release(claim))
            in_hand.add(task)
            task.add_done_callback(in_hand.discard)
    await asyncio.gather(*in_hand)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    await lanes.close()
    await connection.close()
    server.kill()
    return conversations / seconds, cpu / conversations * 1e6, 0.0


ROUNDS = {"sqlite": embedded, "redis": lanes_alone, "shared": shared}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.queue")
    parser.add_argument("--on", choices=list(ROUNDS), default="sqlite")
    parser.add_argument("--conversations", type=int)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    conversations = options.conversations or CONVERSATIONS[options.on]
    rounds = []
    for _ in range(options.rounds):
        with tempfile.TemporaryDirectory() as folder:
            rounds.append(uvloop.run(ROUNDS[options.on](Path(folder), conversations)))
    per_second, cpu, commits = ([figures[at] for figures in rounds] for at in range(3))
    print(f"{conversations} conversations, {options.rounds} rounds; recovery at the start is counted in")
    print(f"own CPU per conversation, us: {spread(cpu)}; commits per conversation: {middle(commits):.4f}")
    sys.exit(0 if judge("conversations per second, median", middle(per_second), BARS[options.on], at_least=True) else 1)


if __name__ == "__main__":
    main()
