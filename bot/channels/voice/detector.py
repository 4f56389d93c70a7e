"""Is this speech? The port of a voice detector, and the one that needs no model.

WebRTC's detector takes any loud sound for speech, however steady. Ours asks it first (it is cheap, and sure of silence), and then
listens for what noise has not: a level well above this call's own noise, the pitch of a voice, and change.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import webrtcvad

from bot.channels.voice import mulaw
from bot.channels.voice.speech import FRAME


class Detector(Protocol):
    """Tells speech from everything else, on one call. It is fed all that the call hears, in pieces of any length."""

    window: int
    """Bytes of sound that one judgement is about."""
    we_speak: bool
    """Whether our own voice is being played: its echo is no speech of theirs."""

    def hear(self, sound: bytes) -> Sequence[float]:
        """How probable speech is, 0 to 1, in each window that has been judged since, the oldest first; often there is none."""

    def close(self) -> None:
        """The call is over."""


class NoiseGate:
    """How loud a call's noise is, and what stands out of it.

    The noise is the quietest 20 ms of the last two seconds: who speaks pauses between words, noise does not. What lasts becomes
    noise by itself, and one quiet moment takes that back.
    """

    BEGINS = 2.8
    """Times the noise: speech."""
    GOES_ON = 1.6
    """Times the noise: the soft parts of it."""
    LEAST = 90
    """Quieter than this (-51 dBFS) is a voice in another room."""
    LEAST_OVER_US = 260
    """The same while we speak: what a telephone gives back of our voice is 30 dB and more below it."""
    QUIETEST = 25
    """Noise is taken to be this loud at least; lines that are cut to nothing in pauses would make everything loud."""

    def goes_on(self, level: int, we_speak: bool) -> bool:
        """Whether this may be a soft part of speech."""
        return level >= self.noise * self.GOES_ON and level >= (self.LEAST_OVER_US if we_speak else self.LEAST)

    def begins(self, level: int) -> bool:
        """Whether it stands out of the noise."""
        return level >= self.noise * self.BEGINS

    _BLOCK = 20
    _BLOCKS = 5

    def __init__(self) -> None:
        self.noise = float(self.QUIETEST)
        self._blocks = [self.QUIETEST] * self._BLOCKS
        self._lowest = 1 << 16
        self._left = self._BLOCK

    def hear(self, level: int) -> None:
        """The level of the next 20 ms."""
        if level < self._lowest:
            self._lowest = level
            if level < self.noise:
                self.noise = max(level, self.QUIETEST)
        self._left -= 1
        if not self._left:
            del self._blocks[0]
            self._blocks.append(self._lowest)
            self._lowest, self._left = 1 << 16, self._BLOCK
            self.noise = max(min(self._blocks), self.QUIETEST)


class Pitch:
    """Whether there is a voice in a sound: a pitch, and change. Noise has no pitch; a tone, a hum and a held note do not change.

    Looks for the period at which the last 20 ms repeat themselves (normalised cross-correlation, at 4 kHz: 80 to 500 Hz).
    """

    VOICED = 0.5
    """Correlation at the period, from which there is a pitch; white noise stays under 0.4."""
    STANDS_OUT = 0.85
    """By how much it stands out of what lies before it; low rumble is alike at any distance."""
    ALIKE = 0.96
    """Correlation of two sounds 20 ms apart from which nothing has changed."""
    STEADY = 2
    """After so many in a row it is a tone."""

    _SHORTEST, _LONGEST = 8, 50

    def __init__(self) -> None:
        self._shape: np.ndarray | None = None
        self._period = 0
        self._alike = 0

    def forget(self) -> None:
        """There was silence: what comes next is compared with nothing."""
        self._shape, self._alike = None, 0

    def is_voice(self, samples: bytes) -> bool:
        """Whether the second half of these samples (16 bits, 40 ms at 8 kHz) is a voice's."""
        whole = np.frombuffer(samples, "<i2").astype(np.float32)
        sound = (whole[0::2] + whole[1::2])[-80 - self._LONGEST :]
        now = sound[self._LONGEST :]
        power = np.cumsum(sound * sound)
        loud = power[79:].copy()
        loud[1:] -= power[:-80]
        shape = (np.correlate(sound, now, "valid") / np.sqrt(loud * loud[-1] + 1.0))[::-1]
        period = self._SHORTEST + int(shape[self._SHORTEST :].argmax())
        pitch = float(shape[period])
        has_pitch = pitch >= self.VOICED and pitch - float(shape[1:period].min()) >= self.STANDS_OUT
        before, self._shape = self._shape, shape
        same = before is not None and period == self._period and _cosine(before, shape) >= self.ALIKE
        self._period = period
        self._alike = self._alike + 1 if same else 0
        return has_pitch and self._alike < self.STEADY


def _cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.dot(a, b)) / float(np.sqrt(np.dot(a, a) * np.dot(b, b)) + 1e-9)


_NOTHING = (0.0,)
_NO_VOICE = (0.2,)
_SOFT = (0.4,)
_SPEECH = (0.9,)

_TRUSTED = 3
"""Frames after a voice was heard in one that are believed to be speech, too."""
_VOICELESS = 12
"""Frames without a voice within a word: the longest "sss"."""


class WebrtcDetector:
    """WebRTC's detector, behind a noise gate and an ear for voices. Costs some microseconds for 20 ms, and needs no model."""

    window = FRAME

    def __init__(self, mode: int = 2) -> None:
        self.we_speak = False
        self._vad = webrtcvad.Vad(mode)
        self._gate = NoiseGate()
        self._pitch = Pitch()
        self._rest = b""
        self._before = bytes(2 * FRAME)
        self._since_voice = _VOICELESS

    def hear(self, sound: bytes) -> Sequence[float]:
        if len(sound) == FRAME and not self._rest:
            return self._judge(sound)
        sound = self._rest + sound
        whole = len(sound) - len(sound) % FRAME
        self._rest = sound[whole:]
        return [self._judge(sound[i : i + FRAME])[0] for i in range(0, whole, FRAME)]

    def close(self) -> None:
        pass

    def _judge(self, frame: bytes) -> tuple[float]:
        samples = mulaw.decode(frame)
        before, self._before = self._before, samples
        level, gate = mulaw.level_of(samples), self._gate
        gate.hear(level)
        is_speech = self._vad.is_speech(samples, 8000)
        self._since_voice += 1
        if not is_speech or not gate.goes_on(level, self.we_speak):
            self._pitch.forget()
            return _NOTHING
        if self._since_voice > _TRUSTED:
            if gate.begins(level) and self._pitch.is_voice(before + samples):
                self._since_voice = 0
            elif self._since_voice > _VOICELESS:
                return _NO_VOICE
            else:
                return _SOFT
        return _SPEECH if gate.begins(level) else _SOFT
