"""Several `bot` processes on one MongoDB and one Redis, and what may happen to them.

    async with deployment(folder, mongo_uri) as running:
        ...                              # post webhooks to running.around.webhook
        running.workers[0].kill()
        running.redis.kill()

One web and so many workers; the MongoDB is given, the Redis is their own.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pymongo import AsyncMongoClient

from bot.clock import SystemClock, new_id
from bot.store.mongo import MongoStore
from bot.store.redis_connection import Connection
from bot.testing.chaos import Account, Audit, come_to_rest, crowd
from bot.testing.processes import Program, Surroundings, surroundings
from bot.testing.redis import RedisServer

_LOOK_SECONDS = 0.005


@dataclass
class Deployment:
    """One web, some workers, and what they share."""

    around: Surroundings
    web: Program
    workers: list[Program]
    redis: RedisServer
    lanes: Connection
    """A way to their Redis."""
    store: MongoStore
    """Their store, seen by another process."""
    database: str

    async def flush(self) -> None:
        """Redis forgets everything."""
        await self.lanes.run("return redis.call('FLUSHALL')", (), ())

    async def holder_of(self, kind: str, beginning: str = "") -> str:
        """The claim of some lane of this kind whose name begins so: host, pid, number; empty when nobody holds one."""
        tokens = f"switchboard:{{{self.database}:{kind}}}:tokens"
        held = await self.lanes.run("return redis.call('HGETALL', KEYS[1])", (tokens,), ())
        return next((token for lane, token in zip(held[::2], held[1::2], strict=True) if lane.startswith(beginning)), "")

    async def worker_of(self, kind: str, beginning: str = "", *, but: Sequence[Program] = (), within: float = 10.0) -> Program:
        """The worker that holds such a lane, as soon as one does that is none of `but`. Raises TimeoutError."""
        async with asyncio.timeout(within):
            while True:
                token = await self.holder_of(kind, beginning)
                for worker in self.workers:
                    if worker not in but and f", pid {worker.process.pid}, " in token:
                        return worker
                await asyncio.sleep(_LOOK_SECONDS)


@asynccontextmanager
async def deployment(
    folder: Path,
    mongo_uri: str,
    *,
    workers: int = 2,
    lease_ms: int = 2000,
    token_ms: float = 3.0,
    receipts: bool = True,
    **settings: str,
) -> AsyncIterator[Deployment]:
    """Started and ready; everything is ended with the block, the database dropped. `settings` are the environment of all."""
    database = f"switchboard_test_{new_id()[-12:]}"
    redis = RedisServer(folder / "redis").start()
    shared: dict[str, Any] = {
        "MONGODB_URI": mongo_uri,
        "MONGODB_DATABASE": database,
        "REDIS_URL": redis.url,
        "BOT_LEASE_MS": lease_ms,
        **settings,
    }
    client = Connection(redis.url)
    store = MongoStore(mongo_uri, database, SystemClock())
    try:
        async with surroundings(folder, receipts=receipts, token_ms=token_ms, **shared) as around:
            web = around.bot("serve", "--no-worker").start()
            programs = [around.bot("work").start() for _ in range(workers)]
            for program in (web, *programs):
                await program.ready(40.0)
            await store.open()
            yield Deployment(around, web, programs, redis, client, store, database)
    finally:
        await store.close()
        await client.close()
        redis.kill()
        async with AsyncMongoClient[dict[str, Any]](mongo_uri) as mongo:
            await mongo.drop_database(database)


Fault = Callable[[Deployment], Awaitable[None]]


async def shared_chaos(
    folder: Path,
    mongo_uri: str,
    faults: Sequence[Fault],
    *,
    seed: int,
    people: int = 20,
    lives: tuple[float, float] = (0.3, 1.5),
    workers: int = 2,
) -> Account:
    """Lets these things happen under the load of so many people; then everything comes to rest and is checked."""
    account = Account(seed)
    dice = random.Random(seed)
    began = time.monotonic()
    async with deployment(folder, mongo_uri, workers=workers) as running:
        async with crowd(running.around.webhook, people, dice.random()) as writers:
            for fault in faults:
                await asyncio.sleep(dice.uniform(*lives))
                await fault(running)
            await asyncio.sleep(dice.uniform(*lives))
            written = await writers.fall_silent()
        await come_to_rest(running.store)
        for program in (running.web, *running.workers):
            code = await program.stop()
            if code != 0:
                account.problems.append(f"the exit code after SIGTERM was {code}: {program.output()[-500:]}")
        await Audit(account, running.around.sends(), written).check(running.store)
    account.seconds = time.monotonic() - began
    return account
