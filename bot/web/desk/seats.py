"""A seat: one open desk, and what is on its way to it."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from aiohttp import WSCloseCode, web

from bot.records.users import User
from bot.web.rows import called, sees_whole

_MOST_WAITING = 500
"""Frames; a desk that takes none for so long is let go of, and reads its lists anew when it is back."""


class Seat:
    """Sends in order, and never makes anybody wait for a slow browser."""

    def __init__(self, socket: web.WebSocketResponse, user: User) -> None:
        self.user = user
        self.name = called(user)
        self.sees_whole = sees_whole(user)
        self.conversation_id = ""
        """Which conversation is open there."""
        self._socket = socket
        self._waiting: asyncio.Queue[str] = asyncio.Queue(_MOST_WAITING)
        self._is_slow = False

    def put(self, frame: str) -> None:
        """Sends it as soon as what came before is sent."""
        try:
            self._waiting.put_nowait(frame)
        except asyncio.QueueFull:
            self._is_slow = True

    async def send_all(self) -> None:
        """Until the browser is gone, or too slow."""
        with suppress(ConnectionError):
            while not self._is_slow:
                await self._socket.send_str(await self._waiting.get())
            await self._socket.close(code=WSCloseCode.TRY_AGAIN_LATER, message=b"this desk does not keep up")
