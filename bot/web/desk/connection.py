"""One open desk: what it looks at and types. It changes no record but that its user is there."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import msgspec
from aiohttp import WSCloseCode, WSMsgType, web

from bot.errors import NotFound, StoreUnavailable
from bot.records.conversations import Conversation, ConversationKind
from bot.records.permissions import allows
from bot.services.presence import BEAT_SECONDS
from bot.web.access import Access
from bot.web.desk.feed import PRESENCE, Feed, frame_of
from bot.web.desk.frames import Beat, Changed, Open, Types, read_frame
from bot.web.desk.seats import Seat
from bot.web.gate import Asking, Gate
from bot.web.site import Parts

EXPIRED = 4401
"""Close code (4000 to 4999 are a program's own): the session is over, or no longer allowed to be here."""
_CHECK_SECONDS = 15.0
_PRESENCE_SECONDS = 1.0
_DRAFT = 120
"""So much of what somebody writes is shown to who is about to write there as well."""


class Connection:
    """A websocket of one desk."""

    def __init__(self, parts: Parts, gate: Gate, feed: Feed, who: Asking, access: Access, socket: web.WebSocketResponse) -> None:
        self._parts = parts
        self._gate = gate
        self._feed = feed
        self._who = who
        self._access = access
        self._socket = socket
        self._seat = Seat(socket, who.user)
        self._lane = ""
        self._beaten_at = float("-inf")
        self._changed_at = float("-inf")

    async def run(self) -> None:
        """Until the desk is closed, its session is over, or it sends what no desk of ours does."""
        with suppress(StoreUnavailable, NotFound):
            await self._arrive()
        self._seat.put(frame_of(type="hello", now=self._parts.clock.now()))
        self._feed.sit(self._seat)
        tasks = [asyncio.create_task(self._seat.send_all()), asyncio.create_task(self._check())]
        try:
            await self._hear()
        finally:
            self._stop_typing()
            self._feed.leave(self._seat)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _arrive(self) -> None:
        """Who may write is there from now on; who may only look is not offered anybody."""
        if allows(self._who.principal.permissions, "messages", "write"):
            self._beaten_at = self._parts.clock.monotonic()
            await self._parts.desk.presence.arrive(self._who.user.id)

    async def _check(self) -> None:
        while True:
            await asyncio.sleep(_CHECK_SECONDS)
            with suppress(StoreUnavailable):
                if not await self._gate.is_current(self._who, self._access):
                    await self._socket.close(code=EXPIRED, message=b"sign in again")
                    return

    async def _hear(self) -> None:
        async for raw in self._socket:
            if raw.type is not WSMsgType.TEXT:
                return
            try:
                frame = read_frame(raw.data)
            except (msgspec.DecodeError, UnicodeError):
                await self._socket.close(code=WSCloseCode.UNSUPPORTED_DATA, message=b"not a frame of the desk")
                return
            with suppress(StoreUnavailable):
                await self._do(frame)

    async def _do(self, frame: Open | Types | Beat | Changed) -> None:
        now = self._parts.clock.monotonic()
        if isinstance(frame, Open):
            await self._open(frame.id)
        elif isinstance(frame, Types):
            self._types(frame)
        elif isinstance(frame, Changed):
            if now - self._changed_at >= _PRESENCE_SECONDS:
                self._changed_at = now
                self._parts.live.tell(PRESENCE)
        elif self._beaten_at != float("-inf") and now - self._beaten_at >= BEAT_SECONDS / 2:
            self._beaten_at = now
            await self._parts.desk.presence.beat(self._who.user.id)

    async def _open(self, conversation_id: str) -> None:
        self._stop_typing()
        found = await self._parts.store.get(Conversation, conversation_id) if conversation_id else None
        if found is None or found.kind is ConversationKind.ASSISTANT:
            self._seat.conversation_id, self._lane = "", ""
        else:
            self._seat.conversation_id, self._lane = found.id, found.lane

    def _types(self, frame: Types) -> None:
        """The person sees that somebody types, the others who have it open also what."""
        if not self._lane or frame.id != self._seat.conversation_id:
            return
        if not allows(self._who.principal.permissions, "messages", "write"):
            return
        if frame.text:
            self._parts.desk.typing.types(self._lane, self._seat.user.id, self._seat.name)
        else:
            self._parts.desk.typing.stops(self._lane, self._seat.user.id)
        self._tell_beside(frame.text)

    def _stop_typing(self) -> None:
        if self._lane:
            self._parts.desk.typing.stops(self._lane, self._seat.user.id)
            self._tell_beside("")

    def _tell_beside(self, text: str) -> None:
        seat = self._seat
        told = frame_of(type="typing", id=seat.conversation_id, who=seat.user.id, name=seat.name, draft=text[:_DRAFT])
        for other in self._feed.beside(seat):
            other.put(told)
