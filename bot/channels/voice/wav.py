"""Uncompressed sound with or without a WAV header, read while it comes, and written whole.

http://soundfile.sapp.org/doc/WaveFormat/
A header that is written before the sound is known (a stream) tells any length; only what comes counts.
"""

from __future__ import annotations

import struct

import numpy as np

from bot.errors import SpeechError

_LONGEST_HEADER = 64 * 1024
_PCM, _EXTENSIBLE = 1, 0xFFFE
RATES = range(4_000, 192_001)
"""Samples a second that are believed."""
_OTHERS = {b"ID3": "MP3", b"OggS": "Ogg", b"fLaC": "FLAC"}
_MP3_FRAMES = {bytes([0xFF, second]) for second in (0xFB, 0xFA, 0xF3, 0xF2, 0xE3, 0xE2)}
"""As bare samples: -1,025 and beyond, where speech begins near 0."""


class PcmReader:
    """16 bit little-endian mono of a stream that is bare samples, or a WAV file whose header then tells the rate.

    Two channels become one. Raises SpeechError for anything else.
    """

    def __init__(self, rate: int) -> None:
        """`rate` counts where no header comes."""
        self.rate = rate
        self._head: bytearray | None = bytearray()  # until the header is over; None afterwards
        self._channels = 1
        self._odd = b""
        self._left: int | None = None  # bytes of the data chunk still to come, where that can be believed

    def feed(self, piece: bytes) -> bytes:
        """The samples of this piece; empty while the header lasts. `rate` is right as soon as there are any."""
        if self._head is not None:
            self._head += piece
            if not self._is_past_header(self._head):
                return b""
            piece, self._head = bytes(self._head), None
        if self._left is not None:
            piece = piece[: self._left]
            self._left -= len(piece)
        return piece if self._channels == 1 else self._mixed(piece)

    def finish(self) -> None:
        """The stream is over. Raises SpeechError where that is within a header."""
        if self._head:
            raise SpeechError("the speech server's sound ends before it begins")

    def _is_past_header(self, head: bytearray) -> bool:
        """Whether the sound has begun; the header is then gone from `head`."""
        if len(head) < 4:
            return False
        if not head.startswith(b"RIFF"):
            _refuse_compressed(bytes(head[:4]))
            return True
        at = 12
        while len(head) >= at + 8:
            name, size = struct.unpack_from("<4sI", head, at)
            if name == b"data":
                self._left = size if 0 < size < 0x7FFF_0000 else None  # espeak-ng and ffmpeg say something huge, others 0
                del head[: at + 8]
                return True
            if name == b"fmt " and len(head) >= at + 8 + 16:
                self._read_format(head, at + 8)
            at += 8 + size + (size & 1)
        if len(head) > _LONGEST_HEADER:
            raise SpeechError("the speech server's sound has a WAV header without an end")
        return False

    def _read_format(self, head: bytearray, at: int) -> None:
        kind, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", head, at)
        if kind not in (_PCM, _EXTENSIBLE) or bits != 16 or channels not in (1, 2) or rate not in RATES:
            raise SpeechError(
                f"the speech server's WAV is no 16 bit PCM (format {kind}, {bits} bit, {channels} channels, {rate} Hz)"
            )
        self.rate, self._channels = rate, channels

    def _mixed(self, piece: bytes) -> bytes:
        piece = self._odd + piece
        whole = len(piece) & ~3
        self._odd = piece[whole:]
        both = np.frombuffer(piece[:whole], "<i2").reshape(-1, 2).astype(np.int32)
        mixed: bytes = (both.sum(axis=1) // 2).astype("<i2").tobytes()
        return mixed


def _refuse_compressed(beginning: bytes) -> None:
    kind = next((kind for sign, kind in _OTHERS.items() if beginning.startswith(sign)), "")
    if kind or beginning[:2] in _MP3_FRAMES:
        raise SpeechError(
            f"the speech server sent {kind or 'MP3'} where PCM was asked for: it has to know response_format=pcm or wav"
        )


def wav_of(pcm: bytes, rate: int) -> bytes:
    """A WAV file of 16 bit little-endian mono."""
    sound = struct.pack("<4sIHHIIHH", b"fmt ", 16, _PCM, 1, rate, rate * 2, 2, 16) + struct.pack("<4sI", b"data", len(pcm)) + pcm
    return struct.pack("<4sI4s", b"RIFF", 4 + len(sound), b"WAVE") + sound
