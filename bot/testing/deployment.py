"""Several `bot` processes on one MongoDB and one Redis, to be harmed.

    async with deployment(folder, mongo_uri) as running:
        ...                              # post webhooks to running.around.webhook
        running.workers[0].kill()
        running.redis.kill()

The MongoDB is given; the Redis is their own unless its address is given, too.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pymongo import AsyncMongoClient

from bot.clock import SystemClock, new_id
from bot.errors import SettingsError
from bot.store.mongo import MongoStore
from bot.store.redis_connection import Connection
from bot.testing.processes import Program, Surroundings, surroundings
from bot.testing.redis import RedisServer

_LOOK_SECONDS = 0.005
_START_SECONDS = 60.0
_DROP_SECONDS = 20.0


@dataclass
class Deployment:
    """Some webs, some workers, and what they share."""

    around: Surroundings
    webs: list[Program]
    workers: list[Program]
    own_redis: RedisServer | None
    """None where it was given."""
    lanes: Connection
    """A way to their Redis."""
    store: MongoStore
    """Their store, seen by another process."""
    database: str
    lease: float
    """Seconds."""

    @property
    def web(self) -> Program:
        """The only web, or the first."""
        return self.webs[0]

    @property
    def redis(self) -> RedisServer:
        assert self.own_redis is not None, "a Redis that was given is not ours to stop"
        return self.own_redis

    async def flush(self) -> None:
        """Redis forgets everything; one that was given, the whole database of its address."""
        await self.lanes.run(f"return redis.call('{'FLUSHALL' if self.own_redis else 'FLUSHDB'}')", (), ())

    async def held(self, kind: str) -> dict[str, str]:
        """The lanes of this kind that somebody holds -> the claim: host, pid, number."""
        tokens = f"switchboard:{{{self.database}:{kind}}}:tokens"
        held = await self.lanes.run("return redis.call('HGETALL', KEYS[1])", (tokens,), ())
        return dict(zip(held[::2], held[1::2], strict=True))

    async def holder_of(self, kind: str, beginning: str = "") -> str:
        """The claim of some lane of this kind whose name begins so; empty when nobody holds one."""
        held = await self.held(kind)
        return next((token for lane, token in held.items() if lane.startswith(beginning)), "")

    async def worker_of(self, kind: str, beginning: str = "", *, but: Sequence[Program] = (), within: float = 10.0) -> Program:
        """The worker that holds such a lane, as soon as one does that is none of `but`. Raises TimeoutError."""
        async with asyncio.timeout(within):
            while True:
                token = await self.holder_of(kind, beginning)
                for worker in self.workers:
                    if worker not in but and is_claim_of(worker.process.pid, token):
                        return worker
                await asyncio.sleep(_LOOK_SECONDS)


def is_claim_of(pid: int, token: str) -> bool:
    """Whether a claim, or the holder of a fence, is that process."""
    return f", pid {pid}, " in token


@asynccontextmanager
async def deployment(
    folder: Path,
    mongo_uri: str,
    *,
    redis_url: str = "",
    webs: int = 1,
    workers: int = 2,
    lease_ms: int = 2000,
    token_ms: float = 3.0,
    receipts: bool = True,
    **settings: str,
) -> AsyncIterator[Deployment]:
    """Started and ready; everything is ended with the block, the database dropped. `settings` are the environment of all.

    A Redis that is given has to be empty, as it will be emptied: raises SettingsError. Raises StoreUnavailable.
    """
    async with AsyncExitStack() as stack:
        own = None if redis_url else stack.enter_context(_redis(folder / "redis"))
        url = own.url if own else redis_url
        lanes = Connection(url)
        stack.push_async_callback(lanes.close)
        await _require_empty(lanes)
        store, database = await stack.enter_async_context(_database(mongo_uri))
        shared: dict[str, Any] = {
            "MONGODB_URI": mongo_uri,
            "MONGODB_DATABASE": database,
            "REDIS_URL": url,
            "BOT_LEASE_MS": lease_ms,
            **settings,
        }
        around = await stack.enter_async_context(surroundings(folder, webs=webs, receipts=receipts, token_ms=token_ms, **shared))
        servers = [around.bot("serve", "--no-worker", BOT_PORT=str(port)).start() for port in around.ports]
        programs = [around.bot("work").start() for _ in range(workers)]
        for program in (*servers, *programs):
            await program.ready(_START_SECONDS)
        yield Deployment(around, servers, programs, own, lanes, store, database, lease_ms / 1000)


@contextmanager
def _redis(folder: Path) -> Iterator[RedisServer]:
    server = RedisServer(folder).start()
    try:
        yield server
    finally:
        server.kill()


@asynccontextmanager
async def _database(uri: str) -> AsyncIterator[tuple[MongoStore, str]]:
    """A database of its own, which is gone afterwards, and its name."""
    name = f"switchboard_test_{new_id()[-12:]}"
    store = MongoStore(uri, name, SystemClock())
    await store.open()
    try:
        yield store, name
    finally:
        await store.close()
        # A process that was killed inside a transaction leaves its locks on some servers: what cannot be dropped is left.
        with suppress(TimeoutError):
            async with asyncio.timeout(_DROP_SECONDS), AsyncMongoClient[dict[str, Any]](uri) as mongo:
                await mongo.drop_database(name)


async def _require_empty(redis: Connection) -> None:
    await redis.check()
    keys = await redis.run("return redis.call('DBSIZE')", (), ())
    if keys:
        raise SettingsError(
            f"REDIS_URL: the database at {redis.place} holds {keys} keys and would be emptied: "
            "name an empty one, for example redis://host:6379/15"
        )
