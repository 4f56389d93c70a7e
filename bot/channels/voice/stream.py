"""The websocket of Twilio's Media Streams (CHANNELS 2.6): one call, from its handshake to its close.

The sound of a call is handled where it is received, in the loop that reads its websocket, and sent by timers. Tasks are only for
what is being made into sound, what is being recognised, and the close.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

import structlog
from aiohttp import WSCloseCode, WSMsgType, web

from bot.channels.voice import frames
from bot.channels.voice.base import CallInfo, Clause, Hears, Line
from bot.channels.voice.detector import Detector
from bot.channels.voice.ears import Ears
from bot.channels.voice.pieces import Speak
from bot.channels.voice.speech import Keeps, Recogniser, Voice
from bot.channels.voice.stream_line import LOST, StreamLine
from bot.clock import Clock
from bot.running import end_tasks

log = structlog.get_logger()

START_SECONDS = 10.0
"""In which a websocket has to say which call it is of."""
EARLY = 50
"""Messages before that."""
QUIET_SECONDS = 10.0
"""Without any message, after which a line is lost: sound comes fifty times a second, also of silence."""
CLOSE_SECONDS = 2.0
"""For the other side to agree to a close."""
MAX_UNSENT = 256 * 1024
"""Bytes that may wait to be sent: more is half a minute of sound that nobody takes."""

Socket = web.WebSocketResponse[Literal[False]]


@dataclass(frozen=True, slots=True)
class Answering:
    """Who answers the calls."""

    begin: Callable[[frames.Start], Awaitable[CallInfo | None]]
    """Which call a stream is of; None where it is of none that may talk to us."""
    answer: Callable[[CallInfo, Line], Awaitable[Hears | None]]
    """Who leads the talk; None where there is no room, or somebody leads it already."""
    over: Callable[[CallInfo, str], Awaitable[None]]
    """Told why the line has ended (`StreamLine.left`), once the call knows and before the provider can ask what comes next."""


class Streams:
    """The lines of a process."""

    def __init__(
        self, voice: Voice, recogniser: Recogniser, detector: Callable[[], Detector], clock: Clock, answering: Answering
    ) -> None:
        """`detector` makes one for each call."""
        self._voice = voice
        self._recogniser = recogniser
        self._detector = detector
        self._clock = clock
        self._answering = answering
        self._connections: set[_Connection] = set()
        self._ending: set[asyncio.Task[None]] = set()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """A websocket whose handshake is authorised, from then on to its end."""
        socket: Socket = web.WebSocketResponse(
            timeout=CLOSE_SECONDS, compress=False, max_msg_size=frames.MAX_MESSAGE, decode_text=False
        )
        await socket.prepare(request)
        if (transport := request.transport) is None:
            return socket
        connection = _Connection(socket, transport)
        self._connections.add(connection)
        try:
            await self._carry(connection)
        finally:
            self._connections.discard(connection)
        return socket

    async def _carry(self, connection: _Connection) -> None:
        start = await connection.started()
        info = await self._info(start) if start is not None else None
        if start is None or info is None:
            await connection.refuse("no such call")
            return
        speak = _speaking(self._voice)
        ears = Ears(self._detector(), info.language)
        line = StreamLine(info, start, connection.send, speak, ears, self._clock, connection.end)
        hears = await self._answering.answer(info, line)
        if hears is None:
            await connection.close_line(line, LOST)
            await connection.refuse("not now")
            return
        line.join(hears, self._recogniser)
        try:
            await connection.hear(line)
        except Exception:
            log.exception("a call's line broke", call=info.call_id)
        finally:
            ending = asyncio.create_task(self._end(connection, line))
            self._ending.add(ending)
            ending.add_done_callback(self._ending.discard)
            await asyncio.shield(ending)  # whoever cancels us does not mean the end of the call

    async def _info(self, start: frames.Start) -> CallInfo | None:
        try:
            return await self._answering.begin(start)
        except Exception:
            log.exception("a call's line could not be opened")  # the provider goes on by the action URL
            return None

    async def _end(self, connection: _Connection, line: StreamLine) -> None:
        await connection.close_line(line, LOST)
        try:
            await self._answering.over(line.info, line.left)
        except Exception:
            log.exception("the end of a call's line could not be noted", call=line.info.call_id)
        await connection.close(line.left)

    async def close(self) -> None:
        """Ends all lines; the calls go on as the provider is told by the action URL."""
        for connection in self._connections:
            connection.end()


def _speaking(voice: Voice) -> Speak:
    """Fixed sentences are asked of what is kept, where the voice keeps any."""
    kept = voice.kept if isinstance(voice, Keeps) else voice.speak

    def speak(clause: Clause) -> AsyncGenerator[bytes, None]:
        return (kept if clause.fixed else voice.speak)(clause.text, clause.language)

    return speak


class _Connection:
    """A websocket: what is sent on it, and how it ends."""

    def __init__(self, socket: Socket, transport: asyncio.Transport) -> None:
        self._socket = socket
        self._transport = transport
        self._heard = 0
        """Messages."""
        self._ends = False
        self._wake: asyncio.Timeout | None = None
        self._watch: asyncio.TimerHandle | None = None

    # What goes out

    def send(self, message: bytes) -> None:
        """Written as it is: `send_str` would be a coroutine for each of fifty a second and call."""
        transport = self._transport
        if transport.is_closing():
            return
        transport.write(frames.text_frame(message))
        if transport.get_write_buffer_size() > MAX_UNSENT:
            log.warning("a stream takes no sound any more")
            transport.abort()

    # What comes in

    async def started(self) -> frames.Start | None:
        """The message that says which call it is; None where there was none, or its sound is none of a telephone."""
        with suppress(TimeoutError):
            async with asyncio.timeout(START_SECONDS):
                for _ in range(EARLY):
                    message = await self._socket.receive()
                    if message.type is not WSMsgType.TEXT:
                        return None
                    event = frames.read(message.data)
                    if isinstance(event, frames.Start):
                        return event if event.is_telephone else None
        return None

    async def hear(self, line: StreamLine) -> None:
        """Until either side ends."""
        loop = asyncio.get_running_loop()
        self._watch = loop.call_later(QUIET_SECONDS, self._look, self._heard)
        receive, hear = self._socket.receive, line.receive
        try:
            async with asyncio.timeout(None) as self._wake:
                while not self._ends:
                    message = await receive()
                    self._heard += 1
                    if message.type is WSMsgType.TEXT:
                        hear(message.data)
                    elif message.type is not WSMsgType.BINARY:
                        return
        except TimeoutError:
            pass  # `end`
        finally:
            self._wake = None

    def _look(self, heard: int) -> None:
        """Whether anything has come in since: one timer for that, and not one for each message."""
        if heard == self._heard:
            log.warning("a stream has fallen silent")
            self.end()
        else:
            self._watch = asyncio.get_running_loop().call_later(QUIET_SECONDS, self._look, self._heard)

    # The end

    def end(self) -> None:
        """Has `hear` come back."""
        self._ends = True
        if self._wake is not None:
            self._wake.reschedule(asyncio.get_running_loop().time())

    async def close_line(self, line: StreamLine, reason: str) -> None:
        """Nothing is left of it but the websocket."""
        if self._watch is not None:
            self._watch.cancel()
        line.close(reason)
        await end_tasks(*line.tasks)

    async def refuse(self, why: str) -> None:
        """Of no call that we know."""
        log.warning("a stream was refused", reason=why)
        await self._socket.close(code=WSCloseCode.POLICY_VIOLATION, message=why.encode())

    async def close(self, why: str) -> None:
        """Of a call whose line has ended. The provider asks the action URL what comes next."""
        code = WSCloseCode.INTERNAL_ERROR if why == LOST else WSCloseCode.OK
        await self._socket.close(code=code, message=why.encode()[:100])
