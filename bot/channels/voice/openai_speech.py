"""Text to speech by any server with OpenAI's API. https://platform.openai.com/docs/api-reference/audio/createSpeech"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from functools import partial
from typing import Any

import aiohttp

from bot.channels.voice.resampling import ToTelephone
from bot.channels.voice.speech import BYTES_PER_SECOND
from bot.channels.voice.speech_server import SpeechServer, pieces_of
from bot.channels.voice.wav import RATES, PcmReader
from bot.errors import SpeechError

RATE = 24_000
"""Samples a second of the format `pcm`, where the server does not say otherwise."""
FIRST_SECONDS = 5.0
"""The longest to wait for the first byte."""
IDLE_SECONDS = 3.0
"""The longest silence in mid-answer."""
TOTAL_SECONDS = 20.0
"""The longest that a clause may make us wait in all."""
LONGEST = 120 * BYTES_PER_SECOND
"""Bytes of the telephone's sound that one clause may come to."""

_SETTING = "OPENAI_SPEECH_MODEL"


class OpenAIVoice:
    """A `Voice`. `voices`: by language, under "" the one for all others."""

    def __init__(
        self,
        server: SpeechServer,
        model: str,
        voices: Mapping[str, str],
        *,
        first: float = FIRST_SECONDS,
        idle: float = IDLE_SECONDS,
        total: float = TOTAL_SECONDS,
        longest: int = LONGEST,
    ) -> None:
        """`first`, `idle` and `total` in seconds, `longest` in bytes."""
        spoken = ", ".join(f"{language}={voice}" if language else voice for language, voice in sorted(voices.items()))
        self.name = f"{model} ({spoken}) at {server.host}"
        self._server = server
        self._model = model
        self._voices = voices
        self._first, self._idle, self._total, self._longest = first, idle, total, longest

    async def speak(self, text: str, language: str) -> AsyncGenerator[bytes, None]:
        """The sound of a clause, in pieces as they come. Raises SpeechError. Closing the generator ends the request."""
        if not any(character.isalnum() for character in text):
            return  # nothing in it has a sound, and servers refuse it or breathe
        body = partial(self._body, text, language)
        async with self._server.post("/audio/speech", body, seconds=self._first, setting=_SETTING) as response:
            reader, telephone, size = PcmReader(_rate_of(response)), None, 0
            async with aclosing(pieces_of(response, idle=self._idle, total=self._total)) as pieces:
                async for piece in pieces:
                    pcm = reader.feed(piece)
                    if not pcm:
                        continue
                    telephone = telephone or ToTelephone(reader.rate)
                    if sound := telephone.feed(pcm):
                        size = self._counted(size + len(sound))
                        yield sound
            reader.finish()
            if telephone is None:
                raise SpeechError("the speech server sent no sound")
            if rest := telephone.finish():
                yield rest

    async def check(self) -> str:
        """Whether the server speaks, in a line. Raises SpeechError."""
        size = 0
        async with aclosing(self.speak("ok", "en")) as pieces:
            async for piece in pieces:
                size += len(piece)
        return f"{self._model} spoke for {size / BYTES_PER_SECOND:.1f} s"

    async def close(self) -> None:
        """Closes its connections."""
        await self._server.close()

    def _body(self, text: str, language: str) -> dict[str, Any]:
        voice = self._voices.get(language) or self._voices[""]
        return {"model": self._model, "input": text, "voice": voice, "response_format": "pcm"}

    def _counted(self, size: int) -> int:
        if size > self._longest:
            raise SpeechError(f"the speech server sent over {self._longest // BYTES_PER_SECOND} s of sound for one clause")
        return size


def _rate_of(response: aiohttp.ClientResponse) -> int:
    """The rate that the answer's head tells, else the format's own. Raises SpeechError for a page.

    As a part of the type (`audio/L16; rate=16000`, RFC 2586), or as SGLang does.
    """
    kind = response.headers.get("Content-Type", "").lower()
    if kind.startswith("text/") or "json" in kind:
        raise SpeechError("the speech server sent words instead of sound: check OPENAI_BASE_URL")
    told = re.search(r"rate=\"?(\d{4,6})\b", kind)
    rate = told[1] if told else response.headers.get("X-Sample-Rate", "")
    return int(rate) if rate.isdecimal() and int(rate) in RATES else RATE
