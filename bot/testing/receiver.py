"""A server that takes webhooks, and does everything wrong that servers do.

async with receiver() as crm:
    ...                              # posts to crm.url
    crm.will(500, 503, HANGS)        # the next three answers; after them 200
    [post] = crm.posts
    assert post.is_signed_with(secret)
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

HANGS, BREAKS = -1, -2
"""It takes the post and never answers; it ends the connection in the middle."""


@dataclass(frozen=True)
class Post:
    """One post as it arrived."""

    headers: Mapping[str, str]
    body: bytes
    status: int
    """What it was answered with."""

    @property
    def event(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def type(self) -> str:
        return str(self.event["type"])

    def is_signed_with(self, secret: str) -> bool:
        """As a receiver would look, on its own."""
        signed = self.headers["X-Switchboard-Timestamp"].encode() + b"." + self.body
        expected = "sha256=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
        return hmac.compare_digest(expected, self.headers["X-Switchboard-Signature"])


@dataclass
class Receiver:
    """The server."""

    url: str = ""
    posts: list[Post] = field(default_factory=list)
    answers: deque[int] = field(default_factory=deque)
    headers: dict[str, str] = field(default_factory=dict)
    """Go out with every answer: Retry-After, Location."""
    always: int = 200
    refuses: str = ""
    """Events of this type get 500, whatever else is said."""
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def will(self, *answers: int) -> None:
        """The next answers."""
        self.answers.extend(answers)

    @property
    def types(self) -> list[str]:
        return [post.type for post in self.posts]

    async def take(self, request: web.Request) -> web.Response:
        """One post."""
        body = await request.read()
        status = self.answers.popleft() if self.answers else self.always
        if self.refuses and json.loads(body)["type"] == self.refuses:
            status = 500
        self.posts.append(Post(dict(request.headers), body, status))
        if status == HANGS:
            await self.ended.wait()
        if status in (HANGS, BREAKS):
            assert request.transport is not None
            request.transport.close()
            return web.Response()
        return web.Response(status=status, headers=self.headers, text="what it says is nobody's business")


@asynccontextmanager
async def receiver(port: int = 0) -> AsyncIterator[Receiver]:
    """One on the loopback address, on a free port by default."""
    made = Receiver()
    app = web.Application()
    app.router.add_post("/{rest:.*}", made.take)
    runner = web.AppRunner(app, shutdown_timeout=1.0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hooks"
    try:
        yield made
    finally:
        made.ended.set()
        await runner.cleanup()
