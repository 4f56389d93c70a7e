"""Media Streams' end of a call: 20 ms of sound after the other both ways, marks, `clear`, and how well it was played.

What the caller says is a hum in which the words are written, as the offline recogniser reads them
(`bot.channels.voice.scripted`); what is said to them by `WordsVoice` is the same the other way round, so it is known to the word
what they have heard.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections import deque
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any

import aiohttp

from bot.channels.voice.humming import hum
from bot.channels.voice.mulaw import SILENCE
from bot.channels.voice.scripted import with_words, words_in
from bot.channels.voice.speech import FRAME
from bot.clock import new_id
from bot.running import end_tasks
from bot.testing.twilio.documents import BadDocument, Verb
from bot.testing.twilio.relay import Plan

if TYPE_CHECKING:
    from bot.testing.twilio.caller import FakeCaller

FRAME_SECONDS = 0.02
_SPEECH_SECONDS = 0.8
"""How long a caller hums at least for what they say."""
_LEAST_SECONDS_A_LETTER = 0.02


class WordsVoice:
    """A `Voice` whose sound holds the words: fast, so that a test does not last."""

    name = "words"

    def __init__(self, letters_per_second: float = 60.0) -> None:
        self._pace = letters_per_second

    async def speak(self, text: str, language: str) -> AsyncGenerator[bytes, None]:
        """The sound of a clause, 100 ms at a time."""
        sound = with_words(hum(max(0.3, len(text) / self._pace)), text)
        for at in range(0, len(sound), 5 * FRAME):
            yield sound[at : at + 5 * FRAME]

    async def close(self) -> None:
        """There is nothing to close."""


class StreamEnd:
    """One stream, in real time."""

    def __init__(self, caller: FakeCaller, noun: Verb) -> None:
        url = noun.attributes.get("url", "")
        if not url.startswith("ws") or "?" in url:
            raise BadDocument(f"<Stream> with {url}: has to be wss://, without a query (error 31920)")
        self._caller = caller
        self._noun = noun
        self._sid = f"MZ{new_id()}"
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._sequence = 0
        self._chunk = 0
        self._to_say: deque[bytes] = deque()
        """Frames of what the caller says."""
        self._to_play: deque[bytes | str] = deque()
        """What is to be played: frames, and the names of marks between them."""
        self._rest = b""
        self._heard = bytearray()
        """Played since the last pause: what words are read from."""
        self._is_over = asyncio.Event()
        self.plan: Plan | None = None
        self.underruns = 0
        """Gaps of a frame in the middle of what was said."""
        self.clears = 0
        self.jitter: deque[float] = deque()
        """Seconds by which the next frames of the caller come late."""
        self._is_dry = False
        """Whether what was played last has no mark behind it: there is more to come, and it is late."""

    def outcome(self) -> dict[str, str]:
        return {"StreamSid": self._sid}

    async def run(self) -> None:
        """Until either side ends it."""
        try:
            async with self._caller.vendor.socket(self._noun.attributes["url"]) as socket:
                self._socket = socket
                await self._begin()
                tasks = asyncio.create_task(self._talk()), asyncio.create_task(self._listen(socket))
                try:
                    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    await end_tasks(*tasks)
        except (aiohttp.ClientError, ConnectionError):
            return
        finally:
            self._tell_heard()

    async def says(self, text: str) -> None:
        """The hum of these words, and the silence behind it that tells that they have ended."""
        sound = with_words(hum(max(_SPEECH_SECONDS, len(text) * _LEAST_SECONDS_A_LETTER)), text)
        self._to_say.extend(sound[at : at + FRAME] for at in range(0, len(sound), FRAME))

    async def presses(self, digits: str) -> None:
        for digit in digits:
            await self._send("dtmf", dtmf={"track": "inbound_track", "digit": digit})

    async def hangs_up(self) -> None:
        fields = self._caller.fields()
        await self._send("stop", stop={"accountSid": fields["AccountSid"], "callSid": fields["CallSid"]})
        if self._socket is not None:
            await self._socket.close()

    async def breaks(self) -> None:
        """The connection is lost in the middle of the call."""
        if self._socket is not None and (transport := self._socket.get_extra_info("socket")) is not None:
            transport.shutdown(2)

    async def _begin(self) -> None:
        fields = self._caller.fields()
        assert self._socket is not None
        await self._socket.send_str(json.dumps({"event": "connected", "protocol": "Call", "version": "1.0.0"}))
        parameters = {one.attributes["name"]: one.attributes["value"] for one in self._noun.all("Parameter")}
        start = {
            "accountSid": fields["AccountSid"],
            "streamSid": self._sid,
            "callSid": fields["CallSid"],
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": parameters,
        }
        await self._send("start", start=start)

    async def _talk(self) -> None:
        """Every 20 ms a frame of the caller's goes out and one of ours is played."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            frame = self._to_say.popleft() if self._to_say else SILENCE * FRAME
            self._chunk += 1
            media = {
                "track": "inbound",
                "chunk": str(self._chunk),
                "timestamp": str(20 * self._chunk),
                "payload": base64.b64encode(frame).decode(),
            }
            await self._send("media", media=media)
            await self._play()
            due += FRAME_SECONDS
            late = self.jitter.popleft() if self.jitter else 0.0
            await asyncio.sleep(max(0.0, due + late - loop.time()))

    async def _play(self) -> None:
        while self._to_play and isinstance(self._to_play[0], str):
            await self._mark(str(self._to_play.popleft()))
        if not self._to_play:
            self._tell_heard()
            return
        frame = self._to_play.popleft()
        assert isinstance(frame, bytes)
        self._heard += frame
        self._is_dry = not self._to_play
        plan = self.plan
        if plan is not None and len(words_in(bytes(self._heard)).split()) >= plan.after:
            self.plan = None
            await self.says(plan.words)
        while self._to_play and isinstance(self._to_play[0], str):
            await self._mark(str(self._to_play.popleft()))

    def _tell_heard(self) -> None:
        if words := words_in(bytes(self._heard)):
            self._caller.spoken(words)
        self._heard.clear()

    async def _listen(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            if message.type is not aiohttp.WSMsgType.TEXT:
                return
            match json.loads(message.data):
                case {"event": "media", "streamSid": self._sid, "media": {"payload": str(payload)}}:
                    sound = self._rest + base64.b64decode(payload, validate=True)
                    self.underruns += self._is_dry
                    self._is_dry = False
                    whole = len(sound) // FRAME * FRAME
                    self._to_play.extend(sound[at : at + FRAME] for at in range(0, whole, FRAME))
                    self._rest = sound[whole:]
                case {"event": "mark", "streamSid": self._sid, "mark": {"name": str(name)}}:
                    self._is_dry = False
                    self._to_play.append(name)
                case {"event": "clear", "streamSid": self._sid}:
                    self.clears += 1
                    marks = [name for name in self._to_play if isinstance(name, str)]
                    self._to_play.clear()
                    self._rest, self._is_dry = b"", False
                    for name in marks:
                        await self._mark(name)
                case odd:
                    raise BadDocument(f"a message that Twilio does not know: {str(odd)[:200]}")

    async def _mark(self, name: str) -> None:
        await self._send("mark", mark={"name": name})

    async def _send(self, event: str, **values: Any) -> None:
        if self._socket is None or self._socket.closed:
            return
        self._sequence += 1
        message = {"event": event, "sequenceNumber": str(self._sequence), "streamSid": self._sid, **values}
        await self._socket.send_str(json.dumps(message))
