"""The operators' desk, on one process: `python -m tests.benchmarks.desk [--desks 200] [--queued 5000] [--events 200]`.

1. From an event to the frame on each of 200 open desks: real websockets; the row is read, rendered once and sent.
   Counted from the moment at which it is told that something happened; their readers share this process, which makes it slower.
2. With 5,000 people queued: the page as the server makes it, and until Chromium has painted queue and conversation.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import uvloop
from aiohttp.test_utils import TestServer
from playwright.async_api import async_playwright

from bot.app import App, assemble
from bot.config import Settings
from bot.conversation import AssigneeKind, ConversationStatus
from bot.records.conversations import ChannelName, Conversation, Direction, LastMessage, Message, MessageSender
from bot.records.people import Customer
from bot.records.users import Role
from bot.running import settle
from bot.testing.web import added, cookie_of
from bot.web.server import build_site
from tests.benchmarks.common import judge

EVENT_MS, PAINT_MS = 150.0, 1000.0
_AT_ONCE = 500
_PAINTED = "() => performance.getEntriesByName('desk-painted')[0]?.startTime"


@asynccontextmanager
async def desk(folder: Path) -> AsyncIterator[tuple[App, str]]:
    """The program, without anybody who answers: what waits keeps waiting."""
    settings = Settings(_env_file=None, BOT_DATA_DIR=folder, BOT_DEFAULT_LANGUAGE="en")
    async with assemble(settings, channels={}) as app, TestServer(build_site([], app)) as server:
        yield app, str(server.make_url("/")).rstrip("/")


async def queue_up(app: App, count: int) -> None:
    """People who wait for a person, each with something that they said."""
    now = app.clock.now()
    for start in range(0, count, _AT_ONCE):
        numbers = range(start, min(count, start + _AT_ONCE))
        await app.store.insert([Customer(id=f"c{number}", first_name="Somebody", last_name=str(number)) for number in numbers])
        await app.store.insert([_waiting(number, now) for number in numbers])
        await app.store.insert([_said(number, now) for number in numbers])


def _waiting(number: int, now: Any) -> Conversation:
    return Conversation(
        id=f"v{number:05}",
        customer_id=f"c{number}",
        lane=f"web:chat:{number}",
        our_address="chat",
        their_address=str(number),
        channel=ChannelName.WEB,
        assignee_kind=AssigneeKind.QUEUE,
        assignee_name="general",
        status=ConversationStatus.WAITING,
        is_ai_enabled=False,
        waiting_since=now,
        last_message=LastMessage(content="I want to talk to a person", timestamp=now, sender=MessageSender.CUSTOMER),
    )


def _said(number: int, now: Any) -> Message:
    return Message(
        id=f"m{number:05}",
        timestamp=now,
        conversation_id=f"v{number:05}",
        customer_id=f"c{number}",
        content="I want to talk to a person",
        direction=Direction.INBOUND,
        sender=MessageSender.CUSTOMER,
    )


async def latencies(app: App, url: str, desks: int, events: int) -> list[float]:
    """Milliseconds from "something happened" to each desk's frame."""
    user = await added(app, "ana@example.org", Role.AGENT)
    cookies = await cookie_of(app, user)
    began: dict[int, float] = {}
    found: list[float] = []

    async def read(socket: aiohttp.ClientWebSocketResponse) -> None:
        async for raw in socket:
            if '"unread":' in raw.data:
                number = int(raw.data.partition('"unread":')[2].partition(",")[0])
                if number in began:
                    found.append(1000 * (time.perf_counter() - began[number]))

    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession(cookies=cookies, connector=aiohttp.TCPConnector(limit=0)))
        sockets = [await stack.enter_async_context(http.ws_connect(f"{url}/desk/live", origin=url)) for _ in range(desks)]
        readers = [asyncio.create_task(read(socket)) for socket in sockets]
        await asyncio.sleep(1.5)
        cpu = time.process_time()
        for number in range(1, events + 1):
            await app.store.change(Conversation, {"id": f"v{number % 50:05}"}, set={"unread_count": number})
            began[number] = time.perf_counter()
            app.live.tell(f"web:chat:{number % 50}")
            await asyncio.sleep(0.05)
        async with asyncio.timeout(10):
            while len(found) < desks * events:
                await asyncio.sleep(0.01)
        cpu = time.process_time() - cpu
        load = os.getloadavg()[0]
        print(f"CPU of an event, desks and their readers together: {1000 * cpu / events:.1f} ms; load of the machine {load:.1f}")
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)
    return sorted(found)


async def page_ms(app: App, url: str, times: int = 10) -> list[float]:
    """Milliseconds for the page alone, over HTTP."""
    cookies = await cookie_of(app, await added(app, "page@example.org", Role.AGENT))
    found = []
    async with aiohttp.ClientSession(cookies=cookies) as http:
        for _ in range(times):
            began = time.perf_counter()
            async with http.get(f"{url}/desk", headers={"Accept": "text/html"}) as answer:
                await answer.read()
            found.append(1000 * (time.perf_counter() - began))
    return sorted(found)


async def paints_ms(app: App, url: str, times: int = 5) -> list[float]:
    """Milliseconds from the navigation until queue and conversation are drawn, each time by a browser with an empty cache."""
    cookies = await cookie_of(app, await added(app, "paint@example.org", Role.AGENT))
    found = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for _ in range(times):
            context = await browser.new_context(viewport={"width": 1440, "height": 900})
            await context.add_cookies([{"name": name, "value": value, "url": url} for name, value in cookies.items()])
            page = await context.new_page()
            await page.goto(f"{url}/desk")
            await page.wait_for_function(_PAINTED)
            assert await page.locator(".rowitem").count() == 50
            assert await page.locator(".msg").count() >= 1
            found.append(float(await page.evaluate(_PAINTED)))
            await context.close()
        await browser.close()
    return sorted(found)


def at(found: Sequence[float], share: float) -> float:
    return found[min(len(found) - 1, int(share * len(found)))]


async def run(folder: Path, desks: int, queued: int, events: int) -> bool:
    async with desk(folder) as (app, url):
        await queue_up(app, queued)
        settle()  # the garbage collector as `bot serve` sets it
        told = await latencies(app, url, desks, events)
        print(f"{events} events to {desks} desks, {queued:,} queued: p50 {at(told, 0.5):.1f} ms, slowest {told[-1]:.1f} ms")
        is_fast = judge("event to desk, p99", at(told, 0.99), EVENT_MS, " ms")
        pages = await page_ms(app, url)
        print(f"the page over HTTP: p50 {at(pages, 0.5):.0f} ms, slowest {pages[-1]:.0f} ms")
        if not shutil.which("chromium"):
            print("no chromium: what is painted was not measured")
            return is_fast
        paints = await paints_ms(app, url)
        print(f"painted, empty cache: fastest {paints[0]:.0f} ms, slowest {paints[-1]:.0f} ms")
        return judge("first useful paint, median", at(paints, 0.5), PAINT_MS, " ms") and is_fast


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.desk", description=__doc__)
    parser.add_argument("--desks", type=int, default=200)
    parser.add_argument("--queued", type=int, default=5000)
    parser.add_argument("--events", type=int, default=200)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(KeyboardInterrupt):
        sys.exit(0 if uvloop.run(run(Path(folder), options.desks, options.queued, options.events)) else 1)


if __name__ == "__main__":
    main()
