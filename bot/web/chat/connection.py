"""One open page: hears what the visitor writes, shows what is new. It keeps nothing that the store does not have."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import msgspec
import structlog
from aiohttp import WSCloseCode, WSMsgType, web

from bot.errors import Overloaded, StoreUnavailable
from bot.message import Address, Choice, Content, InboundMessage, Media, Text
from bot.records.media import MediaFile
from bot.running import end_tasks
from bot.services.media import content_of
from bot.web.chat.allowance import Allowance
from bot.web.chat.timeline import Timeline, View
from bot.web.chat.words import MAX_TEXT, Hello, Say, Tap, Types, cleaned, has_something, read_frame
from bot.web.site import Parts

log = structlog.get_logger()

_LOOK_SECONDS = 0.5
"""How often to look, told or not, while something is going on: it may be another process that writes the answer."""
_IDLE_SECONDS = 15.0
"""How often when nothing has happened for a while; in between, each look waits twice as long as the one before."""
_PAUSE_SECONDS = 0.02
"""Between two looks, however much happens."""
_STORE_WAIT = 2.0
_TYPES_SECONDS = 1.0
"""More often a page does not say that something is being written."""
_PERSON = "person"
_BUSY_WAIT = 5.0
"""Seconds until a page tries again what was refused because too much waits."""

_encode = msgspec.json.Encoder().encode


class Connection:
    """A websocket of one visitor, from its first frame on."""

    tells_typing = True
    """Whether this channel tells either side that the other one writes."""

    def __init__(self, parts: Parts, socket: web.WebSocketResponse, address: Address, network: str, allowance: Allowance) -> None:
        self._parts = parts
        self._timeline = Timeline(parts.store, parts.media.links)
        self._socket = socket
        self._address = address
        self._network = network
        self._allowance = allowance
        self._is_known = False
        self._news = asyncio.Event()
        self._shown: dict[str, Mapping[str, Any]] = {}
        self._state: tuple[str, bool] | None = None
        self._typed_at = float("-inf")

    async def run(self, hello: Hello, welcome: Mapping[str, Any]) -> None:
        """Until the page goes away, or sends something that no page of ours does."""
        await self._send({"type": "welcome", "most": MAX_TEXT, **welcome})
        end = self._parts.live.listen(self._address.lane, self._news.set)
        showing = asyncio.create_task(self._show(hello.after))
        showing.add_done_callback(_report)
        try:
            await self._hear()
        finally:
            end()
            await end_tasks(showing)

    # What is new

    async def _show(self, after: str) -> None:
        since, is_first, wait = None, True, _LOOK_SECONDS
        while True:
            self._news.clear()
            try:
                since = since or await self._timeline.moment(self._address, after)
                view = await self._timeline.view(self._address, since)
            except StoreUnavailable:
                await asyncio.sleep(_STORE_WAIT)
                continue
            is_busy = await self._tell(view, is_first=is_first) or view.is_typing or self._is_written_to()
            is_first, since = False, view.newest
            wait = _LOOK_SECONDS if is_busy else min(2 * wait, _IDLE_SECONDS)
            await asyncio.sleep(_PAUSE_SECONDS)
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._news.wait()

    async def _tell(self, view: View, *, is_first: bool) -> bool:
        """What of this view the page does not have, and whether there was any.

        The first time also if there is none: the page then knows that this is all.
        """
        news = [shown for shown in view.messages if self._shown.get(shown["id"]) != shown]
        self._shown = {shown["id"]: shown for shown in view.messages}
        if news or is_first:
            await self._send({"type": "messages", "messages": news})
        state = (view.holder, view.is_typing or self._is_written_to())
        if state != self._state:
            self._state = state
            await self._send({"type": "state", "holder": view.holder, "typing": state[1]})
        return bool(news)

    def _is_written_to(self) -> bool:
        """Whether somebody of ours types at this moment."""
        there = self._parts.desk.typing.who(self._address.lane) if self.tells_typing else {}
        return any(who != _PERSON for who in there)

    # What they write

    async def _hear(self) -> None:
        async for raw in self._socket:
            if raw.type is not WSMsgType.TEXT:
                break
            try:
                frame = read_frame(raw.data)
            except (msgspec.DecodeError, UnicodeError):
                await self._socket.close(code=WSCloseCode.UNSUPPORTED_DATA, message=b"not a frame of the chat")
                return
            if isinstance(frame, Say):
                await self._say(frame)
            elif isinstance(frame, Tap):
                await self._tap(frame)
            elif isinstance(frame, Types) and self.tells_typing:
                self._types()

    def _types(self) -> None:
        """Whoever looks at the conversation on a desk sees it."""
        now = self._parts.clock.monotonic()
        if now - self._typed_at >= _TYPES_SECONDS:
            self._typed_at = now
            self._parts.desk.typing.types(self._address.lane, _PERSON)

    async def _say(self, say: Say) -> None:
        if not say.media:
            await self._accept(say.key, _said(say))
            return
        try:
            file = await self._parts.media.of_visitor(say.media, self._address.theirs)
        except StoreUnavailable:
            await self._refuse(say.key, "unavailable", _STORE_WAIT)
            return
        await self._accept(say.key, _attached(file, say))

    async def _tap(self, tap: Tap) -> None:
        try:
            button = await self._timeline.button(self._address, tap.button, tap.message)
        except StoreUnavailable:
            await self._refuse(tap.key, "unavailable", _STORE_WAIT)
            return
        await self._accept(tap.key, Choice(button.id, button.title) if button else "gone")

    async def _accept(self, key: str, content: Content | str) -> None:
        """Durable when the page is told so; the reason why not, where it cannot be."""
        if isinstance(content, str):
            await self._refuse(key, content)
            return
        try:
            self._is_known = self._is_known or await self._timeline.is_known(self._address)
            wait = await self._allowance.wait(self._address.theirs, self._network, is_newcomer=not self._is_known)
            if wait > 0:
                await self._refuse(key, "too_fast", wait)
                return
            await self._receive(key, content)
        except StoreUnavailable:
            await self._refuse(key, "unavailable", _STORE_WAIT)
            return
        except Overloaded:
            await self._refuse(key, "busy", _BUSY_WAIT)
            return
        self._is_known = True
        if self.tells_typing:
            self._parts.desk.typing.stops(self._address.lane, _PERSON)
        await self._send({"type": "accepted", "key": key, "at": self._parts.clock.now()})
        self._parts.live.tell(self._address.lane)

    async def _receive(self, key: str, content: Content) -> None:
        """Makes it durable. Raises StoreUnavailable, Overloaded."""
        if isinstance(content, Media):
            await self._parts.media.claim(content.media_id)
        now = self._parts.clock.now()
        message = InboundMessage(id=f"{self._address.theirs}.{key}", address=self._address, content=content, sent_at=now)
        await self._parts.inbox.accept([message])

    async def _refuse(self, key: str, why: str, wait: float = 0.0) -> None:
        """With a `wait` the page sends it again by itself, after so many seconds."""
        await self._send({"type": "refused", "key": key, "why": why, "wait": round(wait, 2)})

    async def _send(self, frame: Mapping[str, Any]) -> None:
        with suppress(ConnectionError):  # the page is gone, which the reader will notice
            await self._socket.send_str(_encode(frame).decode())


def _said(say: Say) -> Content | str:
    """What was written, or why it cannot be taken."""
    text = cleaned(say.text)
    if not has_something(text):
        return "empty"
    return Text(text) if len(text) <= MAX_TEXT else "too_long"


def _attached(file: MediaFile | None, say: Say) -> Content | str:
    """A file of the visitor's own with what was written under it, or why it cannot be taken."""
    text = cleaned(say.text)
    if file is None:
        return "file_gone"
    return content_of(file, text) if len(text) <= MAX_TEXT else "too_long"


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        log.error("a page of the chat shows nothing any more", exc_info=task.exception())
