"""The speech half of `FakeOpenAI`: /v1/audio/speech and /v1/audio/transcriptions, over real HTTP, with faults on demand.

async with FakeOpenAI() as server:
    server.audio.will_speak(Sound(pcm), AudioFault.status(429)).will_hear("quiero un ticket")
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import orjson
from aiohttp import BodyPartReader, web

RATE = 24_000


@dataclass(frozen=True, slots=True)
class Sound:
    """What the server says: 16 bit samples."""

    pcm: bytes
    type: str = "audio/pcm"
    head: bytes = b""
    """Goes before the samples: a WAV header."""
    piece: int = 9600
    """Bytes of one write; 200 ms."""
    seconds: float = 0.0
    """Before each piece but the first."""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AudioFault:
    """Something that goes wrong. Made by its functions: `AudioFault.status(429)`."""

    name: str
    serve: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

    @staticmethod
    def status(code: int, message: str = "", headers: Mapping[str, str] | None = None) -> AudioFault:
        """An error status."""

        async def serve(request: web.BaseRequest) -> web.StreamResponse:
            return _error(code, message or f"a make-believe {code}", headers)

        return AudioFault(f"status {code}", serve)

    @staticmethod
    def hang(body: bytes = b"", type: str = "audio/pcm") -> AudioFault:
        """So much of an answer, then nothing, until the client goes away. Without a body not even the headers come."""

        async def serve(request: web.BaseRequest) -> web.StreamResponse:
            response = await _begin(request, body, type) if body else web.Response()
            await asyncio.Event().wait()
            return response

        return AudioFault("hang in the middle" if body else "hang", serve)

    @staticmethod
    def dropped(body: bytes = b"", type: str = "audio/pcm") -> AudioFault:
        """The connection is reset, after so much of an answer. Without a body before the headers."""

        async def serve(request: web.BaseRequest) -> web.StreamResponse:
            response = await _begin(request, body, type) if body else web.Response()
            if body:
                await asyncio.sleep(0.05)  # a reset throws away what was not read
            reset(request)
            return response

        return AudioFault("dropped in the middle" if body else "dropped", serve)

    @staticmethod
    def answer(body: bytes, type: str) -> AudioFault:
        """Any answer, as it stands."""

        async def serve(request: web.BaseRequest) -> web.StreamResponse:
            return web.Response(body=body, headers={"Content-Type": type})

        return AudioFault(f"answer of {type}", serve)


@dataclass(frozen=True, slots=True)
class Spoken:
    """A request for speech, as it came."""

    text: str
    voice: str
    body: Mapping[str, object]
    connection: int
    """The client's port: the same for requests on one connection."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A request for a transcript, as it came."""

    fields: Mapping[str, str]
    wav: bytes = field(repr=False)
    connection: int


class FakeAudio:
    """What a `FakeOpenAI` says and hears. Beyond its script it says a tone as long as the words, and hears `hears`."""

    def __init__(self) -> None:
        self.spoken: deque[Spoken] = deque(maxlen=1000)
        """The latest requests for speech."""
        self.heard: deque[Heard] = deque(maxlen=100)
        """The latest requests for transcripts."""
        self.asked = 0
        """How many there were of both in all."""
        self.hears = ""
        self.refuses: set[str] = set()
        """Fields of a request for a transcript that are answered by a 400: `stream`, `include[]`."""
        self.ignores_stream = False
        """Answers in plain JSON even where a stream was asked for, as OpenAI's whisper-1 does."""
        self.logprob = -0.1
        """Of every token, where it is asked for."""
        self.word_seconds = 0.0
        """Before each word of a streamed transcript."""
        self._to_speak: deque[Sound | AudioFault] = deque()
        self._to_hear: deque[str | AudioFault] = deque()
        self._came = asyncio.Condition()

    def will_speak(self, *steps: Sound | AudioFault) -> FakeAudio:
        """Adds answers to requests for speech; returns itself."""
        self._to_speak.extend(steps)
        return self

    def will_hear(self, *steps: str | AudioFault) -> FakeAudio:
        """Adds answers to requests for transcripts; returns itself."""
        self._to_hear.extend(steps)
        return self

    async def until_asked(self, count: int, seconds: float = 5.0) -> None:
        """Waits until so many requests have come in all. Raises TimeoutError."""
        async with asyncio.timeout(seconds), self._came:
            await self._came.wait_for(lambda: self.asked >= count)

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Serves one request to a path of /v1/audio."""
        if request.method == "POST" and request.path == "/v1/audio/speech":
            return await self._speak(request)
        if request.method == "POST" and request.path == "/v1/audio/transcriptions":
            return await self._hear(request)
        return _error(404, f"there is no {request.method} {request.path} here")

    async def _speak(self, request: web.BaseRequest) -> web.StreamResponse:
        body = orjson.loads(await request.read())
        self.spoken.append(Spoken(body["input"], body["voice"], body, _port(request)))
        await self._tell()
        step = self._to_speak.popleft() if self._to_speak else Sound(tone(len(body["input"]) / 15))
        if isinstance(step, AudioFault):
            return await step.serve(request)
        response = await _begin(request, b"", step.type, step.headers)
        sound = step.head + step.pcm
        for at in range(0, len(sound), step.piece):
            if at and step.seconds:
                await asyncio.sleep(step.seconds)
            await response.write(sound[at : at + step.piece])
        return response

    async def _hear(self, request: web.BaseRequest) -> web.StreamResponse:
        fields, wav = await _form(request)
        self.heard.append(Heard(fields, wav, _port(request)))
        await self._tell()
        if refused := sorted(self.refuses & set(fields)):
            return _error(400, f"{refused[0]} is not known here")
        step = self._to_hear.popleft() if self._to_hear else self.hears
        if isinstance(step, AudioFault):
            return await step.serve(request)
        words = step.split(" ") if step else []
        logprobs = [{"token": word, "logprob": self.logprob} for word in words]
        told = {"logprobs": logprobs} if fields.get("include[]") == "logprobs" else {}
        if fields.get("stream") == "true" and not self.ignores_stream:
            return await self._stream(request, words, {"type": "transcript.text.done", "text": step, **told})
        return web.Response(body=orjson.dumps({"text": step, **told}), content_type="application/json")

    async def _stream(self, request: web.BaseRequest, words: list[str], done: Mapping[str, object]) -> web.StreamResponse:
        response = await _begin(request, b"", "text/event-stream")
        for number, word in enumerate(words):
            if self.word_seconds:
                await asyncio.sleep(self.word_seconds)
            await response.write(_event({"type": "transcript.text.delta", "delta": f" {word}" if number else word}))
        await response.write(_event(done))
        return response

    async def _tell(self) -> None:
        async with self._came:
            self.asked += 1
            self._came.notify_all()


def tone(seconds: float, rate: int = RATE, hertz: float = 440.0) -> bytes:
    """A sine as 16 bit samples."""
    samples: bytes = (8000 * np.sin(np.arange(round(seconds * rate)) * (2 * np.pi * hertz / rate))).astype("<i2").tobytes()
    return samples


def reset(request: web.BaseRequest) -> None:
    """Resets the connection, as a crashed server or a firewall does."""
    transport = request.transport
    if transport is None:
        return
    # Lingering for 0 seconds makes the kernel send RST instead of FIN; set on a copy, as uvloop's handle does not take it.
    with socket.socket(fileno=os.dup(transport.get_extra_info("socket").fileno())) as handle:
        handle.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


async def _form(request: web.BaseRequest) -> tuple[dict[str, str], bytes]:
    """The fields, and the file. Read part by part: a long utterance is over what aiohttp takes of a form."""
    fields, wav = {}, b""
    reader = await request.multipart()
    while isinstance(part := await reader.next(), BodyPartReader):
        content = b"".join([chunk async for chunk in _chunks_of(part)])
        if part.name == "file":
            wav = content
        else:
            fields[str(part.name)] = content.decode()
    return fields, wav


async def _chunks_of(part: BodyPartReader) -> AsyncIterator[bytes]:
    while chunk := await part.read_chunk(64 * 1024):
        yield chunk


async def _begin(
    request: web.BaseRequest, body: bytes, type: str, headers: Mapping[str, str] | None = None
) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": type, **(headers or {})})
    await response.prepare(request)
    if body:
        await response.write(body)
    return response


def _event(event: Mapping[str, object]) -> bytes:
    return b"data: " + orjson.dumps(event) + b"\n\n"


def _error(status: int, message: str, headers: Mapping[str, str] | None = None) -> web.Response:
    body = orjson.dumps({"error": {"message": message, "type": "make_believe"}})
    return web.Response(status=status, body=body, content_type="application/json", headers=headers)


def _port(request: web.BaseRequest) -> int:
    peer = request.transport.get_extra_info("peername") if request.transport is not None else None
    return int(peer[1]) if peer else 0
