"""What processes share, in memory and on a real redis-server: each suite runs on both.

In memory time is moved by hand; on Redis it is Redis's own, so that the seconds of these suites are short.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from uuid import uuid4

import pytest

from bot.breakers import Breakers, Tolerance
from bot.clock import SystemClock
from bot.shared import Shared, alone
from bot.store.redis_shared import shared_on
from bot.testing.clock import ManualClock
from bot.testing.redis import RedisServer

TOLERANCE = Tolerance(failures=3, cool_down=0.8, longest=1.6)
SOON = 10.0
"""Bound on whatever another process or Redis has to do, on a machine that has other things to do as well."""


@dataclass
class Deployment:
    """Processes that share; in memory there is only one, however often it is joined."""

    clock: ManualClock | None
    url: str
    stack: AsyncExitStack
    name: str = field(default_factory=lambda: uuid4().hex)
    only: Shared | None = None

    async def join(self) -> Shared:
        """One more process."""
        if self.clock is None:
            return await self.stack.enter_async_context(shared_on(self.url, self.name, SystemClock(), TOLERANCE, SOON))
        if self.only is None:
            rest = alone(self.clock)
            self.only = Shared(Breakers(self.clock, None, TOLERANCE), rest.pacer, rest.limits, rest.cache, rest.live)
        return self.only

    async def passes(self, seconds: float) -> None:
        """So much time goes by."""
        if self.clock is not None:
            await self.clock.advance(seconds)
        else:
            await asyncio.sleep(seconds + 0.02)


@pytest.fixture(params=["memory", "redis"])
async def processes(request: pytest.FixtureRequest) -> AsyncIterator[Deployment]:
    async with AsyncExitStack() as stack:
        if request.param == "memory":
            yield Deployment(ManualClock(), "", stack)
        else:
            server: RedisServer = request.getfixturevalue("redis_server")
            yield Deployment(None, server.url, stack)
