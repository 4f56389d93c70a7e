"""The offline ear and the voice of last resort, for demos and tests: one is told what it hears, the other is silent.

Typed words travel in the sound of a simulated phone, in the lowest bit of its samples, as a watermark does: they come to the
recogniser of their own call, cut where the call was cut, in whichever process it is, and no side channel can mix up two calls.
A frame of 20 ms holds 20 bytes: a mark, the number of the piece, and the piece; each piece is in as many frames as there are.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator

import numpy as np

from bot.channels.voice.mulaw import SILENCE
from bot.channels.voice.speech import BYTES_PER_SECOND, FRAME
from bot.message import Text

_MARK = b"\xb5w\x9d\x1c"
_MARK_BITS = np.unpackbits(np.frombuffer(_MARK, np.uint8)).tobytes()
_ROOM = FRAME // 8 - len(_MARK) - 1
"""Bytes of words in a frame."""
_MOST = 255
"""Pieces that can be counted in a byte."""
_NONE = 255
"""A number that no piece has."""
CHARACTERS_PER_SECOND = 15.0
"""About as fast as people speak."""


class SilentVoice:
    """A `Voice` that says nothing for as long as the words would take, so that the pace of a call stays right."""

    name = "silence"

    async def speak(self, text: str, language: str) -> AsyncGenerator[bytes, None]:
        """Silence, a second at a time."""
        left = round(len(text.strip()) / CHARACTERS_PER_SECOND * BYTES_PER_SECOND)
        while left > 0:
            yield SILENCE * min(left, BYTES_PER_SECOND)
            left -= BYTES_PER_SECOND

    async def close(self) -> None:
        """There is nothing to close."""


class ScriptedRecogniser:
    """A `Recogniser` that understands what was written into the sound (`with_words`), else the next words of its script.

    It hears nothing in any other sound.
    """

    name = "scripted"

    def __init__(self, *words: str) -> None:
        self._script = deque(words)
        self.languages: list[str] = []
        """What was expected of each utterance, in their order."""

    def will(self, *words: str) -> ScriptedRecogniser:
        """Adds utterances to the end of the script; returns the recogniser itself."""
        self._script.extend(words)
        return self

    def listen(self, language: str) -> ScriptedListening:
        self.languages.append(language)
        return ScriptedListening(self._script)

    async def close(self) -> None:
        """There is nothing to close."""


class ScriptedListening:
    """One utterance."""

    def __init__(self, script: deque[str]) -> None:
        self._script = script
        self._words = _Words()

    def feed(self, sound: bytes) -> None:
        self._words.take(sound)

    def partial(self) -> str:
        """The words whose sound has come."""
        return self._words.text()

    async def finish(self) -> Text:
        words = self.partial()
        if not words and self._script:
            words = self._script.popleft()
        return Text(words, confidence=1.0) if words else Text("")

    def cancel(self) -> None:
        self._words = _Words()


def with_words(sound: bytes, words: str) -> bytes:
    """Mu-law with these words spread over it, in whole frames; longer by silence where it has no room. Nobody hears them.

    Raises ValueError for more than 3,825 bytes of words.
    """
    written = words.encode()
    pieces = [written[at : at + _ROOM] for at in range(0, len(written), _ROOM)]
    if len(pieces) > _MOST:
        raise ValueError(f"at most {_MOST * _ROOM} bytes of words can be written into a sound")
    frames = max(-(-len(sound) // FRAME), len(pieces))
    samples = np.frombuffer(sound.ljust(frames * FRAME, SILENCE), np.uint8).reshape(frames, FRAME)
    if not pieces:
        return samples.tobytes()
    numbers = [frame * len(pieces) // frames for frame in range(frames)]
    held = [_MARK + bytes([number]) + pieces[number].ljust(_ROOM, b"\0") for number in numbers]
    bits = np.unpackbits(np.frombuffer(b"".join(held), np.uint8)).reshape(frames, FRAME)
    return ((samples & 0xFE) | bits).tobytes()


def words_in(sound: bytes | bytearray) -> str:
    """The words that were written into this sound; where it was cut, those that are left of them."""
    words = _Words()
    words.take(sound)
    return words.text()


class _Words:
    """What is read out of a sound, wherever it was cut: pieces are found by their mark."""

    def __init__(self) -> None:
        self._bits = b""  # a byte for each; what is not read yet
        self._pieces: list[bytes] = []
        self._number = _NONE  # of the piece before
        self._text = ""

    def take(self, sound: bytes | bytearray) -> None:
        bits = self._bits + (np.frombuffer(sound, np.uint8) & 1).tobytes()
        at = 0
        while (found := bits.find(_MARK_BITS, at)) >= 0:
            if found > at:
                self._number = _NONE
            if found + FRAME > len(bits):
                break
            self._read(np.packbits(np.frombuffer(bits, np.uint8, FRAME, found)).tobytes()[len(_MARK) :])
            at = found + FRAME
        rest = found if found >= 0 else max(at, len(bits) - len(_MARK_BITS) + 1)
        if rest > at:
            self._number = _NONE
        self._bits = bits[rest:]

    def text(self) -> str:
        return self._text

    def _read(self, held: bytes) -> None:
        number = held[0]
        if number == self._number:
            return
        if number < self._number and self._pieces:
            self._pieces.append(b" ")  # other words begin
        self._pieces.append(held[1:].rstrip(b"\0"))
        self._number = number
        self._text = " ".join(b"".join(self._pieces).decode(errors="ignore").split())
