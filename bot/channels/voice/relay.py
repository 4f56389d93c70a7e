"""Twilio's ConversationRelay: Twilio hears and speaks, and sends us text over a websocket (CHANNELS 2.5).

https://www.twilio.com/docs/voice/conversationrelay/websocket-messages
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from aiohttp import WSCloseCode, WSMsgType, web

from bot.channels.voice.base import CallInfo
from bot.channels.voice.call import LiveCall
from bot.channels.voice.live_calls import LiveCalls
from bot.channels.voice.relay_line import RelayLine
from bot.channels.voice.relay_messages import Setup, read
from bot.clock import Clock
from bot.errors import BadPayload

log = structlog.get_logger()

SETUP_SECONDS = 10.0
"""From the handshake until Twilio has said whose call it is."""
MAX_BYTES = 64 * 1024
"""Of one message. What somebody says until they draw breath is a few hundred."""
_HEARTBEAT = 30.0
_CLOSE_SECONDS = 2.0

Begin = Callable[[Setup], Awaitable[CallInfo | None]]
"""Whose call it is; None where it is none of ours, or over."""


class Relay:
    """The route of ConversationRelay's websockets."""

    def __init__(self, calls: LiveCalls, begin: Begin, clock: Clock) -> None:
        self._calls = calls
        self._begin = begin
        self._clock = clock

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        """Carries one call, to its end. Whether the request is Twilio's has been checked already."""
        socket = web.WebSocketResponse(max_msg_size=MAX_BYTES, heartbeat=_HEARTBEAT, timeout=_CLOSE_SECONDS)
        await socket.prepare(request)
        try:
            await self._carry(socket)
        except BadPayload as error:
            log.warning("a relay of a call is closed", why=str(error))
            await socket.close(code=WSCloseCode.POLICY_VIOLATION, message=str(error)[:120].encode())
        finally:
            if not socket.closed:
                await socket.close()
        return socket

    async def _carry(self, socket: web.WebSocketResponse) -> None:
        setup = await self._setup(socket)
        if setup is None:
            return
        info = await self._begin(setup)
        if info is None:
            raise BadPayload("no such call")
        line = RelayLine(socket, self._clock, info.answered_at)
        call = await self._calls.open(info, line)
        if call is None:
            await line.close()
            raise BadPayload("this call has a line already, or there is no room for it")
        line.call = call
        reason = "lost"
        try:
            reason = await self._listen(socket, line, call)
        finally:
            call.over(reason)
            try:
                await call.ended()
            finally:
                await line.close()  # also where the server ends this request at once

    async def _setup(self, socket: web.WebSocketResponse) -> Setup | None:
        """The first message; None where the socket ends before it. Raises BadPayload."""
        first = asyncio.ensure_future(socket.receive())
        limit = asyncio.ensure_future(self._clock.sleep(SETUP_SECONDS))
        try:
            await asyncio.wait({first, limit}, return_when=asyncio.FIRST_COMPLETED)
            if not first.done():
                raise BadPayload(f"no setup within {SETUP_SECONDS:g} s")
            message = first.result()
        finally:
            limit.cancel()
            first.cancel()
        if message.type is not WSMsgType.TEXT:
            _refuse_oversized(socket, message)
            return None
        setup = read(message.data)
        if not isinstance(setup, Setup):
            raise BadPayload("setup has to come first")
        return setup

    async def _listen(self, socket: web.WebSocketResponse, line: RelayLine, call: LiveCall) -> str:
        """Until the socket ends; why it did: `hung_up` or `lost`, and `left` where we ended it. Raises BadPayload."""
        while True:
            message = await socket.receive()
            if message.type is not WSMsgType.TEXT:
                _refuse_oversized(socket, message)
                if line.is_ended:
                    return "left"
                return "hung_up" if socket.close_code in (WSCloseCode.OK, WSCloseCode.GOING_AWAY) else "lost"
            item = read(message.data)
            if isinstance(item, Setup):
                raise BadPayload("a second setup")
            if item is not None:
                line.hears(item)


def _refuse_oversized(socket: web.WebSocketResponse, message: Any) -> None:
    if socket.close_code == WSCloseCode.MESSAGE_TOO_BIG or message.type is WSMsgType.BINARY:
        raise BadPayload(f"a message that is no text of at most {MAX_BYTES} bytes")
