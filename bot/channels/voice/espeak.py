"""The offline voice: espeak-ng, a process of its own for each clause. https://github.com/espeak-ng/espeak-ng"""

from __future__ import annotations

import asyncio
import shutil
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncGenerator
from contextlib import suppress

from bot.channels.voice.resampling import ToTelephone
from bot.channels.voice.wav import PcmReader
from bot.config import ESPEAK as PROGRAM
from bot.errors import SpeechError

VOICES = {"es": "es-419", "en": "en", "hi": "hi"}
"""Our languages -> its voices."""
RATE = 22050
"""Samples a second of its own, where its header should say nothing."""
PROCESSES = 4
"""So many speak at a time; a clause takes it some 10 ms."""
SECONDS = 10.0
"""The longest that it may take for a piece of a clause."""
_PIECE = 16 * 1024
_DRAIN_SECONDS = 1.0


def espeak_program() -> str:
    """Where espeak-ng is on this machine; empty where it is not."""
    return shutil.which(PROGRAM) or ""


class EspeakVoice:
    """A `Voice` that needs nobody else. Raises SpeechError where espeak-ng is not installed."""

    name = PROGRAM

    def __init__(self, program: str | None = None, *, processes: int = PROCESSES, seconds: float = SECONDS) -> None:
        self._program = espeak_program() if program is None else program
        if not self._program:
            raise SpeechError(f"{PROGRAM} is not installed: apt-get install {PROGRAM}, or set OPENAI_SPEECH_MODEL")
        self._room = asyncio.Semaphore(processes)
        self._seconds = seconds

    async def speak(self, text: str, language: str) -> AsyncGenerator[bytes, None]:
        """The sound of a clause, in pieces as they come. Raises SpeechError. Closing the generator ends the process."""
        if not text.strip():
            return
        async with self._room:
            process = await self._begin(text, VOICES.get(language, VOICES["en"]))
            try:
                reader, telephone = PcmReader(RATE), None
                while piece := await self._read(process):
                    pcm = reader.feed(piece)
                    if not pcm:
                        continue
                    telephone = telephone or ToTelephone(reader.rate)
                    if sound := telephone.feed(pcm):
                        yield sound
                if telephone is None or await process.wait():
                    raise SpeechError(f"{PROGRAM} said nothing (exit code {await process.wait()})")
                if rest := telephone.finish():
                    yield rest
            finally:
                await _end(process)

    async def close(self) -> None:
        """Nothing stays open between clauses."""

    async def _begin(self, text: str, voice: str) -> Process:
        """The process, with its words on the way: by stdin, since everybody can read arguments and some begin with a dash."""
        try:
            process = await asyncio.create_subprocess_exec(
                self._program, "-v", voice, "-b", "1", "--stdin", "--stdout", stdin=PIPE, stdout=PIPE, stderr=DEVNULL
            )
        except OSError as error:
            raise SpeechError(f"{PROGRAM} cannot be started: {error.strerror}") from None
        assert process.stdin is not None  # noqa: S101  it was asked for
        process.stdin.write(text.encode(errors="replace"))
        process.stdin.close()
        return process

    async def _read(self, process: Process) -> bytes:
        assert process.stdout is not None  # noqa: S101  it was asked for
        try:
            async with asyncio.timeout(self._seconds):
                return await process.stdout.read(_PIECE)
        except TimeoutError:
            raise SpeechError(f"{PROGRAM} took longer than {self._seconds:g} s") from None


async def _end(process: Process) -> None:
    """Ends it where it has not, and sees it off."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.kill()
    assert process.stdout is not None  # noqa: S101  it was asked for
    with suppress(TimeoutError):  # what it has written and nobody wanted: its pipe closes only when it was read
        async with asyncio.timeout(_DRAIN_SECONDS):
            await process.stdout.read()
    await process.wait()
