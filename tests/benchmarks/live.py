"""From an answer that worker A has sent to the page of web B: `python -m tests.benchmarks.live [--answers 20] [--pages 200]`.

Two joined programs in one process, which share nothing but a MongoDB (SecantusDB) and a redis-server; the page is a real
websocket. Other lanes are listened to meanwhile. Counted from the moment at which A tells that the answer is on the timeline.
Then what a model's step pays for its breaker, shared or not.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import uvloop
from aiohttp.test_utils import TestClient, TestServer

from bot.app import App, assemble
from bot.breakers import Breakers
from bot.clock import SystemClock
from bot.config import Settings
from bot.limits import Limit
from bot.store.redis_shared import shared_on
from bot.testing.redis import RedisServer
from bot.testing.secantus import Secantus
from bot.web.server import build_site
from tests.benchmarks.common import judge, middle
from tests.web.conftest import Client
from tests.web.page import Page, opened

BAR_MS = 150.0
_STEPS = 100_000


@asynccontextmanager
async def two(folder: Path) -> AsyncIterator[tuple[App, App, Client]]:
    """A worker, a web beside it, and a way to the web's site."""
    mongo, redis = Secantus(folder / "mongo").start(), RedisServer(folder / "redis").start()
    given: dict[str, Any] = {
        "MONGODB_URI": mongo.uri,
        "REDIS_URL": redis.url,
        "BOT_DATA_DIR": folder,
        "BOT_QUIET_MS": 0,
        "BOT_DEFAULT_LANGUAGE": "en",
    }
    settings = Settings(_env_file=None, **given)
    try:
        async with AsyncExitStack() as stack:
            worker = await stack.enter_async_context(assemble(settings))
            await worker.knowledge.ensure()
            await worker.worker.start()
            stack.push_async_callback(worker.worker.stop)
            web = await stack.enter_async_context(assemble(settings, work=False))
            client = await stack.enter_async_context(TestClient(TestServer(build_site([], web))))
            yield worker, web, client
    finally:
        redis.kill()
        mongo.stop()


async def latencies(folder: Path, answers: int, pages: int) -> list[float]:
    """Milliseconds from "it is sent", told in the worker, to the frame on the page."""
    async with two(folder) as (worker, web, client), opened(client) as page:
        for number in range(pages):
            web.live.listen(f"web:chat:{number}", lambda: None)
        told: list[float] = []
        found = []
        pass_on = worker.live._pass_on

        def note(topic: str) -> None:
            told.append(time.perf_counter())
            pass_on(topic)

        worker.live.on_told(note)
        for number in range(answers):
            found.append(await _answer(page, number + 1, told))
            await asyncio.sleep(3.1)  # a visitor may write 20 a minute
    return found


async def _answer(page: Page, number: int, told: list[float]) -> float:
    await page.say("When are you open?")
    await page.until(lambda: len(page.answers) >= number)
    came = time.perf_counter()
    return 1000 * (came - told[-1])


async def per_step(folder: Path) -> dict[str, float]:
    """Microseconds of one step each, one after the other."""
    clock, server = SystemClock(), RedisServer(folder / "steps").start()
    costs = {}
    try:
        async with shared_on(server.url, "benchmark", clock) as shared:
            await shared.limits.take(Limit("warm-up", 1), "")
            for name, breakers in (("breaker in memory", Breakers(clock)), ("breaker, shared", shared.breakers)):
                breaker = breakers.of("model:big")
                began = time.perf_counter()
                for _ in range(_STEPS):
                    entered = await breaker.enter()
                    await breaker.worked()
                    await breaker.leave(entered)
                costs[name] = 1e6 * (time.perf_counter() - began) / _STEPS
            began = time.perf_counter()
            for _ in range(1000):
                await shared.limits.take(Limit("chat", 10_000), "ana")
            costs["rate counter on Redis"] = 1e6 * (time.perf_counter() - began) / 1000
    finally:
        server.kill()
    return costs


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.live", description=__doc__)
    parser.add_argument("--answers", type=int, default=20)
    parser.add_argument("--pages", type=int, default=200)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = sorted(uvloop.run(latencies(Path(folder), options.answers, options.pages)))
        for name, cost in uvloop.run(per_step(Path(folder))).items():
            print(f"{name}: {cost:.2f} us a step")
    print(f"{len(found)} answers; fastest {found[0]:.1f} ms, slowest {found[-1]:.1f} ms")
    sys.exit(0 if judge("from worker A to the page of web B, median", middle(found), BAR_MS, " ms") else 1)


if __name__ == "__main__":
    main()
