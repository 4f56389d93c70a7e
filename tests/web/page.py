"""A page of the chat as our script speaks: hello first, then what is written, under ids of its own."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from aiohttp import ClientWebSocketResponse, WSMsgType

from tests.web.conftest import Client

Shown = dict[str, Any]
SOON = 20.0


class Page:
    """One open page."""

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self.socket = socket
        self.welcome: Shown = {}
        self.messages: dict[str, Shown] = {}
        """By id, as the page shows them."""
        self.accepted: list[str] = []
        self.refused: list[Shown] = []
        self.states: list[tuple[str, bool]] = []
        self.steps: list[dict[str, str]] = []
        """The way of the last message, on the front page."""

    @property
    def texts(self) -> list[str]:
        return [shown["text"] for _, shown in sorted(self.messages.items())]

    @property
    def answers(self) -> list[Shown]:
        return [shown for _, shown in sorted(self.messages.items()) if shown["from"] != "customer"]

    async def send(self, **frame: Any) -> None:
        await self.socket.send_str(msgspec.json.encode(frame).decode())

    async def say(self, text: str, key: str = "") -> str:
        key = key or str(uuid.uuid4())
        await self.send(type="say", key=key, text=text)
        return key

    async def tap(self, button: str, message: str = "") -> str:
        key = str(uuid.uuid4())
        await self.send(type="tap", key=key, button=button, message=message)
        return key

    async def until(self, come: Callable[[], object]) -> None:
        """Reads frames until this is so."""
        async with asyncio.timeout(SOON):
            while not come():
                await self._read()

    async def began(self) -> None:
        """Reads until the page has its history."""
        await self.until(lambda: self.has_history)

    async def decided(self) -> None:
        """Reads until something was accepted or refused."""
        await self.until(lambda: self.accepted or self.refused)

    async def answered(self, count: int = 1) -> None:
        """Reads until so many answers have come and nothing is being written any more."""
        await self.until(lambda: len(self.answers) >= count and self.states and not self.states[-1][1])

    async def closed(self) -> int:
        """Reads until the server closes; the code."""
        async with asyncio.timeout(SOON):
            while True:
                frame = await self.socket.receive()
                if frame.type in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED):
                    return self.socket.close_code or 0

    async def _read(self) -> None:
        frame = await self.socket.receive()
        assert frame.type is WSMsgType.TEXT, f"closed: {self.socket.close_code}"
        told = msgspec.json.decode(frame.data)
        match told["type"]:
            case "welcome":
                self.welcome = told
            case "messages":
                self.messages.update({shown["id"]: shown for shown in told["messages"]})
                self.has_history = True
            case "accepted":
                self.accepted.append(told["key"])
            case "refused":
                self.refused.append(told)
            case "path":
                self.steps = told["steps"]
            case "state":
                self.states.append((told["holder"], told["typing"]))

    has_history = False


@asynccontextmanager
async def opened(client: Client, *, origin: str | None = None, path: str = "/chat/live", **hello: str) -> AsyncIterator[Page]:
    """A page that is open and has its history."""
    own = str(client.make_url("/")).rstrip("/")
    async with client.ws_connect(path, origin=origin or own) as socket:
        page = Page(socket)
        await page.send(type="hello", **hello)
        await page.began()
        yield page
