"""How a page's websocket begins."""

from __future__ import annotations

import msgspec
from aiohttp import WSCloseCode, WSMsgType, web

from bot.web.chat.words import Hello, read_frame

HELLO_SECONDS = 10.0
HEARTBEAT_SECONDS = 30.0


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
