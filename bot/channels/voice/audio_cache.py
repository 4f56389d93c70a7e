"""Keeps the sound of sentences that are always the same: made once, in memory while there is room, and on disk."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections import OrderedDict
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from pathlib import Path
from threading import Lock

import structlog

from bot.channels.voice.speech import Voice
from bot.clock import new_id
from bot.errors import SpeechError

IN_MEMORY = 16 * 1024 * 1024
"""Bytes: half an hour of speech."""
ON_DISK = 128 * 1024 * 1024
"""Bytes; over it the files that were made first go."""
_DIGEST = hashlib.sha256().digest_size

log = structlog.get_logger()


class CachedVoice:
    """A `Voice` that `Keeps` what it is asked to.

    A file is named by the checksum of voice, language and text, and begins with the checksum of its sound: one that is damaged is
    made anew. Who asks for a sentence that is being made shares it, also where the one who asked first goes away.
    """

    def __init__(self, voice: Voice, directory: Path, *, in_memory: int = IN_MEMORY, on_disk: int = ON_DISK) -> None:
        """`directory` is made when there is something to keep; where it cannot be written to, memory is all there is."""
        self.name = voice.name
        self._voice = voice
        self._files = _Files(directory, on_disk)
        self._bound = in_memory
        self._bytes = 0
        self._known: OrderedDict[str, bytes] = OrderedDict()
        self._making: dict[str, _Making] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def speak(self, text: str, language: str) -> AsyncGenerator[bytes, None]:
        """As the voice does; nothing is kept."""
        return self._voice.speak(text, language)

    async def kept(self, text: str, language: str) -> AsyncGenerator[bytes, None]:
        """The sound of a sentence of ours. Raises SpeechError where it has to be made and cannot be."""
        name = hashlib.sha256("\0".join((self.name, language, text)).encode(errors="replace")).hexdigest()
        if known := self._recall(name):
            yield known
            return
        making = self._making.get(name)
        if making is None:
            making = self._making[name] = _Making()
            making.task = asyncio.create_task(self._make(name, text, language, making), name="speech to keep")
            self._tasks.add(making.task)
            making.task.add_done_callback(self._tasks.discard)
        async for piece in making.pieces():
            yield piece

    async def close(self) -> None:
        """Ends what is being made, lets what was made get to the disk, and closes the voice."""
        for making in self._making.values():
            if making.task is not None:
                making.task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for making in self._making.values():  # tasks that were ended before they began
            making.end(SpeechError("the voice was closed"))
        self._making.clear()
        await self._voice.close()

    async def _make(self, name: str, text: str, language: str, making: _Making) -> None:
        error: SpeechError | None = SpeechError("the sentence was not finished")
        try:
            if stored := await asyncio.to_thread(self._files.read, name):
                making.add(stored)
            else:
                async with aclosing(self._voice.speak(text, language)) as pieces:
                    async for piece in pieces:
                        making.add(piece)
            error = None
        except SpeechError as failure:
            error = failure
        finally:
            del self._making[name]
            making.end(error)
        if error is None and (sound := making.sound()):
            self._keep(name, sound)
            if not stored:
                await asyncio.to_thread(self._files.write, name, sound)

    def _recall(self, name: str) -> bytes:
        sound = self._known.get(name, b"")
        if sound:
            self._known.move_to_end(name)
        return sound

    def _keep(self, name: str, sound: bytes) -> None:
        self._known[name] = sound
        self._bytes += len(sound)
        while self._bytes > self._bound:
            _, oldest = self._known.popitem(last=False)
            self._bytes -= len(oldest)


class _Making:
    """A sentence that is being made, and whoever waits for it."""

    def __init__(self) -> None:
        self.task: asyncio.Task[None] | None = None
        self._pieces: list[bytes] = []
        self._error: SpeechError | None = None
        self._is_over = False
        self._more = asyncio.Event()

    def add(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self._tell()

    def end(self, error: SpeechError | None) -> None:
        self._error, self._is_over = error, True
        self._tell()

    def sound(self) -> bytes:
        return b"".join(self._pieces)

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """All from the first, as they come. Raises SpeechError."""
        at = 0
        while True:
            while at < len(self._pieces):
                at += 1
                yield self._pieces[at - 1]
            if self._is_over:
                break
            await self._more.wait()
        if self._error is not None:
            raise SpeechError(str(self._error))

    def _tell(self) -> None:
        """Wakes who waits now; who comes later waits for the next one."""
        told, self._more = self._more, asyncio.Event()
        told.set()


class _Files:
    """What is on disk. Trouble with it costs making a sentence once more, never a call."""

    def __init__(self, directory: Path, bound: int) -> None:
        self._directory = directory
        self._bound = bound
        self._one = Lock()
        """One thread at a time makes room."""

    def read(self, name: str) -> bytes:
        """The sound; empty where there is none that is whole."""
        try:
            held = self._path(name).read_bytes()
        except OSError:
            return b""
        sound = held[_DIGEST:]
        return sound if hashlib.sha256(sound).digest() == held[:_DIGEST] else b""

    def write(self, name: str, sound: bytes) -> None:
        """Keeps it, whole or not at all."""
        try:
            with self._one:
                self._directory.mkdir(parents=True, exist_ok=True)
                self._make_room(_DIGEST + len(sound))
                self._put(name, hashlib.sha256(sound).digest() + sound)
        except OSError as error:
            log.warning("speech cannot be kept", directory=str(self._directory), reason=error.strerror)

    def _put(self, name: str, held: bytes) -> None:
        beside = self._directory / f"{new_id()}.part"
        try:
            beside.write_bytes(held)
            os.replace(beside, self._path(name))
        except OSError:
            beside.unlink(missing_ok=True)
            raise

    def _path(self, name: str) -> Path:
        return self._directory / f"{name}.ulaw"

    def _make_room(self, needed: int) -> None:
        files = []
        for path in self._directory.iterdir():
            with suppress(FileNotFoundError):  # another process makes room, too
                files.append((path.stat(), path))
        excess = sum(stat.st_size for stat, _ in files) + needed - self._bound
        for stat, path in sorted(files, key=lambda file: file[0].st_mtime):
            if excess <= 0:
                return
            path.unlink(missing_ok=True)
            excess -= stat.st_size
