"""How a page's websocket begins and ends."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import msgspec
from aiohttp import WSCloseCode, WSMsgType, web

from bot.web.chat.words import MAX_FRAME, Hello, read_frame

HELLO_SECONDS = 10.0
HEARTBEAT_SECONDS = 30.0
CLOSE_SECONDS = 1.0
"""How long a page has to agree that the connection ends."""


def live_socket() -> web.WebSocketResponse:
    """The websocket of a page, with our bounds."""
    return web.WebSocketResponse(heartbeat=HEARTBEAT_SECONDS, timeout=CLOSE_SECONDS, max_msg_size=MAX_FRAME, compress=False)


async def close_all(sockets: Iterable[web.WebSocketResponse]) -> None:
    """The server stops: pages connect again when it is back."""
    ends = (socket.close(code=WSCloseCode.GOING_AWAY, message=b"the server stops") for socket in list(sockets))
    await asyncio.gather(*ends, return_exceptions=True)


async def first_frame(socket: web.WebSocketResponse) -> Hello | None:
    """The first frame, if it is what it has to be and comes in time; else the connection is closed."""
    try:
        raw = await socket.receive(timeout=HELLO_SECONDS)
        frame = read_frame(raw.data) if raw.type is WSMsgType.TEXT else None
    except (TimeoutError, msgspec.DecodeError, UnicodeError):
        frame = None
    if isinstance(frame, Hello):
        return frame
    await socket.close(code=WSCloseCode.POLICY_VIOLATION, message=b"the first frame is hello")
    return None
