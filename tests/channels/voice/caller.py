"""The other end of a Media Stream, on a real websocket: sends what a test says, and keeps what comes back."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any

from aiohttp import ClientWebSocketResponse, WSMsgType, web
from aiohttp.test_utils import TestClient, TestServer

from bot.channels.voice.base import CallInfo, Clause, Line, Played
from bot.channels.voice.frames import Start
from bot.channels.voice.scripted import ScriptedRecogniser
from bot.channels.voice.speech import FRAME, Recogniser
from bot.channels.voice.stream import Answering, Streams
from bot.channels.voice.stream_line import StreamLine
from bot.clock import SystemClock
from bot.errors import SpeechError
from bot.records.calls import CallDirection

ACCOUNT = "AC" + "1" * 32
SID = "MZ" + "1" * 32
CALL = "CA" + "1" * 32
LOUD = b"\x10" * FRAME
QUIET = b"\xff" * FRAME


class Loudness:
    """A detector that takes all for speech that is not the quiet of this test."""

    window = FRAME
    we_speak = False

    def hear(self, sound: bytes) -> Sequence[float]:
        return [0.0 if sound[place] == QUIET[0] else 1.0 for place in range(0, len(sound) - FRAME + 1, FRAME)]

    def close(self) -> None:
        return


class Humming:
    """A voice: so much sound for each word of a clause, of the byte that is its number; "down" fails, "slow" never ends."""

    name = "humming"

    def __init__(self, size: int = 800) -> None:
        """Bytes of sound of a word."""
        self.size = size

    async def speak(self, text: str, language: str) -> AsyncGenerator[bytes, None]:
        for place, word in enumerate(text.split()):
            if word == "down":
                raise SpeechError("the server is down")
            if word == "slow":
                await asyncio.sleep(3600)
            yield bytes([place % 255 + 1]) * self.size

    async def close(self) -> None:
        return


class Call:
    """The call of a line: writes down what it is told."""

    def __init__(self, line: Line) -> None:
        assert isinstance(line, StreamLine)
        self.line = line
        self.told: list[tuple[Any, ...]] = []
        self.answers: Callable[[str], None] = lambda text: None
        self.ends: Callable[[], object] = lambda: None
        self._news = asyncio.Event()

    def _tell(self, *what: Any) -> None:
        self.told.append(what)
        self._news.set()

    async def until(self, *what: Any) -> tuple[Any, ...]:
        """Waits until it was told this, or something that begins so."""
        async with asyncio.timeout(10):
            while True:
                for told in self.told:
                    if told[: len(what)] == what:
                        return told
                self._news.clear()
                await self._news.wait()

    def heard(self, text: str, *, start: float, end: float, confidence: float | None = None, language: str = "") -> None:
        self._tell("heard", text, start, end)
        self.answers(text)

    def hearing(self, text: str) -> None:
        self._tell("hearing", text)

    def interrupted(self, played: Played | None, words: str | None = None) -> None:
        self._tell("interrupted", played)

    def played(self, clause: int) -> None:
        self._tell("played", clause)

    def silent(self) -> None:
        self._tell("silent")

    def pressed(self, digit: str) -> None:
        self._tell("pressed", digit)

    def failed(self, stage: str, clause: int | None = None) -> None:
        self._tell("failed", stage, clause)

    def took(self, stage: str, seconds: float) -> None:
        self._tell("took", stage, seconds)

    def over(self, reason: str) -> None:
        self.ends()
        self._tell("over", reason)


class Caller:
    """One websocket."""

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self.socket = socket
        self.sound = bytearray()
        self.marks: list[str] = []
        self.clears = 0
        self._chunk = 0

    async def start(self, **changes: Any) -> None:
        await self.socket.send_json({"event": "connected", "protocol": "Call", "version": "1.0.0"})
        start = {
            "accountSid": ACCOUNT,
            "streamSid": SID,
            "callSid": CALL,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": {"call": "c1"},
        }
        await self.socket.send_json({"event": "start", "sequenceNumber": "1", "start": start | changes, "streamSid": SID})

    async def speak(self, seconds: float, sound: bytes = LOUD) -> None:
        """So much sound, as fast as it goes: the ears tell time by the sound itself."""
        for _ in range(round(seconds * 50)):
            self._chunk += 1
            media = {"track": "inbound", "chunk": str(self._chunk), "payload": base64.b64encode(sound).decode()}
            await self.socket.send_json({"event": "media", "media": media, "streamSid": SID})

    async def be_quiet(self, seconds: float) -> None:
        await self.speak(seconds, QUIET)

    async def say(self) -> None:
        """A second of speech and the silence that ends it."""
        await self.speak(1.0)
        await self.be_quiet(1.5)

    async def press(self, digit: str) -> None:
        await self.socket.send_json({"event": "dtmf", "streamSid": SID, "dtmf": {"track": "inbound_track", "digit": digit}})

    async def mark(self, name: str) -> None:
        """It has been played."""
        await self.socket.send_json({"event": "mark", "streamSid": SID, "mark": {"name": name}})

    async def stop(self) -> None:
        await self.socket.send_json({"event": "stop", "streamSid": SID, "stop": {"callSid": CALL}})

    def break_off(self) -> None:
        """The network is gone, without a word."""
        connection = self.socket._response.connection
        assert connection is not None
        assert connection.transport is not None
        connection.transport.abort()

    async def until(self, event: str) -> None:
        """Takes what comes, up to one of these."""
        async with asyncio.timeout(10):
            while True:
                message = await self.socket.receive_json()
                assert message["streamSid"] == SID
                if message["event"] == "media":
                    self.sound += base64.b64decode(message["media"]["payload"])
                elif message["event"] == "mark":
                    self.marks.append(message["mark"]["name"])
                else:
                    self.clears += 1
                if message["event"] == event:
                    return

    async def hear(self, clauses: int) -> None:
        """Takes so many clauses, and gives their marks back at once."""
        for _ in range(clauses):
            await self.until("mark")
            await self.mark(self.marks[-1])

    async def closed(self, *, marks: bool = False) -> int:
        """With which code the websocket is closed; until then, marks are given back if asked for."""
        async with asyncio.timeout(10):
            while (message := await self.socket.receive()).type is WSMsgType.TEXT:
                frame = message.json()
                if marks and frame["event"] == "mark":
                    await self.mark(frame["mark"]["name"])
        return self.socket.close_code or 0


class Exchange:
    """A server of streams, and callers to it."""

    def __init__(self, recogniser: Recogniser | None = None) -> None:
        self.recogniser = ScriptedRecogniser()
        self.begins: Callable[[Start], CallInfo | None] = _info
        self.takes = True
        self.calls: list[Call] = []
        self.left: list[str] = []
        answering = Answering(self._begin, self._answer, self._over)
        self.streams = Streams(Humming(), recogniser or self.recogniser, Loudness, SystemClock(), answering)

    async def __aenter__(self) -> Exchange:
        site = web.Application()
        site.add_routes([web.get("/stream", self.streams.serve)])
        self._client = TestClient(TestServer(site))
        await self._client.start_server()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.streams.close()
        await self._client.close()

    async def ring(self) -> Caller:
        return Caller(await self._client.ws_connect("/stream"))

    async def call(self) -> tuple[Caller, Call]:
        """One that has begun."""
        caller = await self.ring()
        await caller.start()
        async with asyncio.timeout(10):
            while not self.calls:
                await asyncio.sleep(0.001)
        return caller, self.calls[-1]

    async def _begin(self, start: Start) -> CallInfo | None:
        return self.begins(start)

    async def _answer(self, info: CallInfo, line: Line) -> Call | None:
        if not self.takes:
            return None
        self.calls.append(Call(line))
        return self.calls[-1]

    async def _over(self, info: CallInfo, left: str) -> None:
        self.left.append(left)


def _info(start: Start) -> CallInfo:
    begun = SystemClock().monotonic()
    return CallInfo("c1", start.call_sid, "v1", "+12025550100", "+12025550101", CallDirection.INBOUND, "en", begun)


def clause(number: int, words: str = "one two three") -> Clause:
    return Clause(number, words, "en")
