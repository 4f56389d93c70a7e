"""Reaching Redis, and its errors in our words. No message shows the password in REDIS_URL. The only file that knows redis-py."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    ConnectionError,
    NoPermissionError,
    RedisError,
    ResponseError,
)

from bot.errors import SettingsError, StoreUnavailable
from bot.running import end_tasks

log = structlog.get_logger()

_SCHEMES = ("redis", "rediss", "unix")
_ANSWER_SECONDS = 2.0
"""How long an answer may take; every step is a fraction of a millisecond of Redis's work."""
_AGAIN_SECONDS = 0.5
_KEEPS_ALL = "noeviction"
_OLDEST = (6, 2)
"""The version that knows ZADD LT."""


class Connection:
    """One process's way to Redis. Raises StoreUnavailable, with one line, whatever goes wrong."""

    def __init__(self, url: str, answer_seconds: float = _ANSWER_SECONDS) -> None:
        self.place = place_of(url)
        # Once more: a connection that the server has closed meanwhile is found out by its first use.
        retry = Retry(NoBackoff(), 1, supported_errors=(ConnectionError,))
        try:
            if urlsplit(url).scheme not in _SCHEMES:
                raise ValueError
            self._client: Redis = Redis.from_url(
                url,
                decode_responses=True,
                retry=retry,
                socket_timeout=answer_seconds,
                socket_connect_timeout=answer_seconds,
                client_name="switchboard",
            )
        except ValueError:  # its words may hold a piece of the password
            raise SettingsError(
                "REDIS_URL: this is no address of a Redis; for example redis://user:password@host:6379/0 "
                "(in user and password, @ is written %40, : %3A and / %2F)"
            ) from None
        self._scripts: dict[str, Any] = {}
        self._ear: asyncio.Task[None] | None = None
        self._told: dict[str, Callable[[str], None]] = {}

    async def check(self) -> None:
        """Raises SettingsError (not let in, too old) and StoreUnavailable (nobody answers)."""
        try:
            info = await self._client.info("server")
        except (AuthenticationError, AuthorizationError, NoPermissionError):
            raise SettingsError(f"REDIS_URL: {self.place} does not know this user or password") from None
        except ResponseError as error:
            raise SettingsError(f"REDIS_URL: {self.place} refuses us: {_first_line(error)}") from None
        except (RedisError, OSError) as error:
            raise self._unreachable(error) from None
        version = str(info.get("redis_version", "0"))
        if tuple(int(part) for part in version.split(".")[:2]) < _OLDEST:
            raise SettingsError(f"REDIS_URL: {self.place} runs Redis {version}; 6.2 or newer is needed")

    async def eviction(self) -> str:
        """By which policy keys go when its memory is full; empty where none goes. Raises StoreUnavailable."""
        try:
            memory = await self._client.info("memory")
        except (RedisError, OSError) as error:
            raise self._unreachable(error) from None
        policy = str(memory.get("maxmemory_policy", _KEEPS_ALL))
        return policy if policy != _KEEPS_ALL and memory.get("maxmemory") else ""

    async def run(self, script: str, keys: Sequence[str], arguments: Sequence[str | int]) -> Any:
        """One step. Raises StoreUnavailable; then nobody knows whether it was done."""
        known = self._scripts.get(script)
        if known is None:
            known = self._scripts[script] = self._client.register_script(script)
        try:
            return await known(keys=keys, args=arguments)
        except (RedisError, OSError) as error:
            raise self._unreachable(error) from None

    async def forget(self, key: str, member: str) -> None:
        """Takes a member out of a sorted set."""
        try:
            await self._client.zrem(key, member)
        except (RedisError, OSError) as error:
            raise self._unreachable(error) from None

    def hear(self, told: Callable[[str], None], *channels: str) -> None:
        """Calls `told` with whatever is published there; with nothing ("") when something may have been missed."""
        self._told.update(dict.fromkeys(channels, told))
        if self._ear is not None:
            self._ear.cancel()
        self._ear = asyncio.get_running_loop().create_task(self._listen())

    async def _listen(self) -> None:
        channels = list(self._told)
        while True:
            with suppress(RedisError, OSError):
                async with self._client.pubsub(ignore_subscribe_messages=True) as ear:
                    await ear.subscribe(*channels)
                    self._tell_all()
                    async for message in ear.listen():
                        told = self._told.get(message["channel"])
                        if told is not None:
                            told(message["data"])
            await asyncio.sleep(_AGAIN_SECONDS)

    def _tell_all(self) -> None:
        for told in self._told.values():
            told("")

    async def close(self) -> None:
        if self._ear is not None:
            await end_tasks(self._ear)
        with suppress(RedisError, OSError):
            await self._client.aclose()

    def _unreachable(self, error: Exception) -> StoreUnavailable:
        if isinstance(error, ResponseError):
            return StoreUnavailable(f"REDIS_URL: {self.place}: {_first_line(error)}")
        return StoreUnavailable(f"REDIS_URL: no Redis answers at {self.place}; is it running, is the address right?")


def place_of(url: str) -> str:
    """The address without user and password."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2].partition('?')[0]}"


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or ["it failed"])[0][:200]
