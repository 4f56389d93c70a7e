"""A telephone network in virtual time: plays what a stream is sent, gives marks back, and knows what was really heard."""

from __future__ import annotations

import asyncio
import base64
import json
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any

from bot.channels.voice.base import Clause
from bot.channels.voice.speech import BYTES_PER_SECOND
from bot.errors import SpeechError

RATE = BYTES_PER_SECOND


class Telephone:
    """The provider's end: a buffer that is played in real time."""

    def __init__(self, *, there: float = 0.0, back: float = 0.0, loses_marks: bool = False) -> None:
        """`there` and `back` are seconds of the way."""
        self.there = there
        self.back = back
        self.loses_marks = loses_marks
        self.marked: Callable[[str], None] = lambda name: None
        self.sound = bytearray()
        """All that came."""
        self.most_ahead = 0.0
        """Seconds of sound that were in the buffer at most."""
        self.gaps: list[float] = []
        """Silences between two pieces of sound, but the first."""
        self.clears = 0
        self.messages = 0
        self._way: deque[bytes] = deque()
        self._way_back: deque[str] = deque()
        self._until = 0.0
        self._pieces: list[tuple[float, int]] = []
        self._played = 0
        self._marks: dict[str, asyncio.TimerHandle] = {}

    def send(self, message: bytes) -> None:
        """Ours goes to them."""
        self.messages += 1
        self._way.append(message)  # timers of one moment have no order of their own
        self._loop.call_later(self.there, lambda: self._arrive(json.loads(self._way.popleft())))

    @property
    def _loop(self) -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    def _arrive(self, message: dict[str, Any]) -> None:
        now, event = self._loop.time(), message["event"]
        if event == "media":
            self._media(base64.b64decode(message["media"]["payload"]), now)
        elif event == "mark":
            name = message["mark"]["name"]
            self._marks[name] = self._loop.call_at(max(self._until, now), self._echo, name)
        else:
            self.clears += 1
            self._played = self.heard_bytes()
            self._until, self._pieces = now, []
            for name, handle in list(self._marks.items()):
                handle.cancel()
                self._echo(name)

    def _media(self, sound: bytes, now: float) -> None:
        if self._until < now - 1e-6:
            if self.sound:
                self.gaps.append(now - self._until)
            self._until = now
        self.sound += sound
        self._pieces.append((self._until, len(sound)))
        self._until += len(sound) / RATE
        self.most_ahead = max(self.most_ahead, self._until - now)

    def _echo(self, name: str) -> None:
        self._marks.pop(name, None)
        if not self.loses_marks:
            self._way_back.append(name)
            self._loop.call_later(self.back, lambda: self.marked(self._way_back.popleft()))

    def heard_bytes(self) -> int:
        """What has really been played until now."""
        now = self._loop.time()
        return self._played + sum(min(size, max(0, round((now - begins) * RATE))) for begins, size in self._pieces)


class Script:
    """A voice: each clause comes in pieces of (seconds of waiting, bytes). Its bytes count up, so that order shows."""

    def __init__(self, *clauses: Sequence[tuple[float, int]]) -> None:
        self._clauses = clauses
        self.sounds: list[bytes] = []
        self.begun: list[float] = []
        """When each was asked for."""
        self.open = 0
        self.most_open = 0
        place = 0
        for pieces in clauses:
            size = sum(length for _, length in pieces)
            self.sounds.append(bytes((place + offset) % 251 for offset in range(size)))
            place += size

    async def speak(self, clause: Clause) -> AsyncGenerator[bytes, None]:
        sound, place = self.sounds[clause.number - 1], 0
        self.begun.append(asyncio.get_running_loop().time())
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            for seconds, length in self._clauses[clause.number - 1]:
                if seconds < 0:
                    raise SpeechError("the server is down")
                if seconds:
                    await asyncio.sleep(seconds)
                yield sound[place : place + length]
                place += length
        finally:
            self.open -= 1


class Notes:
    """Whoever is told how the playing goes writes it down."""

    def __init__(self) -> None:
        self.said: list[tuple[str, object]] = []

    def sounding(self, value: bool) -> None:
        self.said.append(("sounding", value))

    def played(self, clause: int) -> None:
        self.said.append(("played", clause))

    def silent(self) -> None:
        self.said.append(("silent", None))

    def failed(self, clause: int) -> None:
        self.said.append(("failed", clause))

    def of(self, kind: str) -> list[object]:
        return [value for name, value in self.said if name == kind]
