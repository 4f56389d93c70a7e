"""What processes share on Redis beside their lanes: breakers, paces, limits, copies, and the word that something is new.

All of it has a substitute: while Redis is away each process goes by its own memory, and nobody waits for it for long. Every key
has a time to live.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import msgspec

from bot.breakers import Breakers, Standing, Tolerance
from bot.cache import milliseconds
from bot.clock import Clock, new_id
from bot.errors import StoreUnavailable
from bot.limits import Limit, LocalLimits
from bot.live import Live
from bot.pacing import QUEUED, LocalPacer, Pace
from bot.running import end_tasks
from bot.shared import Shared
from bot.store.redis_connection import Connection
from bot.store.redis_shared_scripts import (
    FAILED,
    FORGET,
    GET,
    GIVEN_UP,
    LIMIT,
    MAY_TRY,
    PACE,
    PAUSE,
    PUT,
    STANDINGS,
    TELL,
    WORKED,
)

_ANSWER_SECONDS = 0.5
"""Longer than any answer takes, and short enough for somebody who waits for a reply."""
_LEFT_ALONE_SECONDS = 1.0
"""So long nobody asks Redis again after it did not answer."""
_TRY_SECONDS = 60.0
"""A try of which nothing is heard for so long is over: its process is gone."""
_BREAKER_TTL = 600.0
"""Longer than the longest cool-down."""
_MOST_UNTOLD = 10_000
"""Topics that are kept until they can be told; whoever listens looks by themselves after a while."""


class Quick:
    """A connection for what has a substitute: it answers soon, or raises StoreUnavailable at once for a while."""

    def __init__(self, url: str, answer_seconds: float) -> None:
        self.connection = Connection(url, answer_seconds)
        self._away_until = 0.0

    async def run(self, script: str, keys: Sequence[str], arguments: Sequence[str | int]) -> Any:
        """One step. Raises StoreUnavailable."""
        if time.monotonic() < self._away_until:
            raise StoreUnavailable(f"REDIS_URL: no Redis answers at {self.connection.place}")
        try:
            return await self.connection.run(script, keys, arguments)
        except StoreUnavailable:
            self._away_until = time.monotonic() + _LEFT_ALONE_SECONDS
            raise


class RedisBoard:
    """Where processes tell each other how vendors do (`bot.breakers.Board`): one hash, a field a vendor."""

    def __init__(self, redis: Quick, name: str) -> None:
        self._redis = redis
        self._key = f"switchboard:{{{name}:breakers}}:standings"
        self._channel = f"switchboard:{{{name}:breakers}}:news"
        self._me = new_id()
        self._looking: asyncio.Task[None] | None = None

    def tell(self, breakers: Breakers) -> None:
        """From now on these learn what other processes find out."""

        def heard(words: str) -> None:
            if words:
                failures, cool_down, left, name = words.split(" ", 3)
                breakers.learn(name, _standing(failures, cool_down, left))
            elif self._looking is None or self._looking.done():
                self._looking = asyncio.get_running_loop().create_task(breakers.look())

        self._redis.connection.hear(heard, self._channel)

    async def failed(self, name: str, tolerance: Tolerance, *, was_a_try: bool) -> Standing | None:
        bounds = (tolerance.failures, _ms(tolerance.cool_down), _ms(tolerance.longest))
        answer = await self._run(FAILED, name, *bounds, self._me if was_a_try else "")
        return None if answer is None else _standing(*answer)

    async def worked(self, name: str) -> None:
        await self._run(WORKED, name)

    async def may_try(self, name: str) -> tuple[bool, Standing] | None:
        answer = await self._run(MAY_TRY, name, self._me, _ms(_TRY_SECONDS))
        return None if answer is None else (bool(answer[0]), _standing(*answer[1:]))

    async def given_up(self, name: str) -> None:
        await self._run(GIVEN_UP, name, self._me)

    async def standings(self) -> Mapping[str, Standing] | None:
        try:
            told = await self._redis.run(STANDINGS, (self._key,), ())
        except StoreUnavailable:
            return None
        return {name: _standing(*numbers) for name, *numbers in told}

    async def _run(self, script: str, name: str, *more: str | int) -> Any:
        try:
            return await self._redis.run(script, (self._key,), (_ms(_BREAKER_TTL), self._channel, name, *more))
        except StoreUnavailable:
            return None

    async def close(self) -> None:
        if self._looking is not None:
            await end_tasks(self._looking)


class RedisPacer:
    """Counts what all processes send (`bot.pacing.Pacer`): the keys of one of our ends lie together."""

    def __init__(self, redis: Quick, name: str, clock: Clock) -> None:
        self._redis = redis
        self._name = name
        self._clock = clock
        self._local = LocalPacer(clock)

    async def take(self, sender: str, person: str, pace: Pace) -> float:
        keys = (self._key(sender), self._key(sender, person))
        rates = [part for rate in (pace.sender, pace.person) for part in (f"{rate.most:g}", f"{rate.per_second:.9g}")]
        try:
            wait = int(await self._redis.run(PACE, keys, (round(QUEUED * 1e6), *rates))) / 1e6
        except StoreUnavailable:
            return await self._local.take(sender, person, pace)
        if 0 < wait <= QUEUED:
            await self._clock.sleep(wait)
            return 0.0
        return wait

    async def pause(self, sender: str, seconds: float, person: str = "") -> None:
        await self._local.pause(sender, seconds, person)
        with suppress(StoreUnavailable):
            await self._redis.run(PAUSE, (self._key(sender, person),), (round(seconds * 1e6),))

    def _key(self, sender: str, person: str = "") -> str:
        return f"switchboard:{{{self._name}:pace:{sender}}}:{person}"


class RedisLimits:
    """Counts for all processes (`bot.limits.Limits`): `ratelimit:{endpoint}:{ip}` (S1-123)."""

    def __init__(self, redis: Quick, name: str, clock: Clock) -> None:
        self._redis = redis
        self._name = name
        self._local = LocalLimits(clock)

    async def take(self, limit: Limit, who: str) -> float:
        key = f"switchboard:{self._name}:{{ratelimit:{limit.endpoint}:{who}}}"
        try:
            return int(await self._redis.run(LIMIT, (key,), (limit.most, _ms(limit.seconds)))) / 1000
        except StoreUnavailable:
            return await self._local.take(limit, who)


class RedisCache:
    """Copies for all processes (`bot.cache.Cache`). While Redis is away it has nothing."""

    def __init__(self, redis: Quick, name: str) -> None:
        self._redis = redis
        self._name = name

    async def get(self, key: str) -> str | None:
        try:
            kept: str | None = await self._redis.run(GET, (self._key(key),), ())
        except StoreUnavailable:
            return None
        return kept

    async def put(self, key: str, value: str, seconds: float) -> None:
        ttl = milliseconds(seconds)
        with suppress(StoreUnavailable):
            await self._redis.run(PUT, (self._key(key),), (value, ttl))

    async def forget(self, key: str) -> None:
        await self._redis.run(FORGET, (self._key(key),), ())

    def _key(self, key: str) -> str:
        return f"switchboard:{self._name}:{{{key}}}"


class RedisNews:
    """Passes on what is told in one process to those who listen in others: one channel and one subscription for all lanes."""

    def __init__(self, redis: Quick, name: str, live: Live) -> None:
        self._redis = redis
        self._channel = f"switchboard:{name}:live"
        self._me = new_id()
        self._live = live
        self._untold: dict[str, None] = {}
        self._telling: asyncio.Task[None] | None = None
        live.on_told(self._pass_on)
        redis.connection.hear(self._heard, self._channel)

    def _pass_on(self, topic: str) -> None:
        """Told behind the caller's back: what is told while another word is under way goes together in the next."""
        if len(self._untold) < _MOST_UNTOLD:
            self._untold[topic] = None
        if self._telling is None:
            self._telling = asyncio.get_running_loop().create_task(self._tell())

    async def _tell(self) -> None:
        try:
            while self._untold:
                words, self._untold = msgspec.json.encode([self._me, *self._untold]).decode(), {}
                with suppress(StoreUnavailable):  # whoever listens looks by themselves after a while
                    await self._redis.run(TELL, (), (self._channel, words))
        finally:
            self._telling = None

    def _heard(self, words: str) -> None:
        # Nothing may have been missed, or everything: whoever waits for something looks by themselves twice a second.
        who, *topics = msgspec.json.decode(words, type=list[str]) if words else [self._me]
        if who != self._me:
            for topic in topics:
                self._live.heard(topic)

    async def close(self) -> None:
        """Tells what it has not told yet."""
        if self._telling is not None:
            await self._telling


@asynccontextmanager
async def shared_on(
    url: str, name: str, clock: Clock, tolerance: Tolerance | None = None, answer_seconds: float = _ANSWER_SECONDS
) -> AsyncIterator[Shared]:
    """What a deployment of this name shares. Needs no Redis to answer. Raises SettingsError for what is no address of one."""
    redis = Quick(url, answer_seconds)
    board = RedisBoard(redis, name)
    breakers = Breakers(clock, board, tolerance)
    live = Live()
    news = RedisNews(redis, name, live)
    board.tell(breakers)
    try:
        yield Shared(breakers, RedisPacer(redis, name, clock), RedisLimits(redis, name, clock), RedisCache(redis, name), live)
    finally:
        await news.close()
        await board.close()
        await redis.connection.close()


def _standing(failures: str | int, cool_down: str | int, left: str | int) -> Standing:
    """Of times in milliseconds."""
    return Standing(int(failures), int(cool_down) / 1000, int(left) / 1000)


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
