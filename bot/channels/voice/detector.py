"""Is this speech? The port of a voice detector, and the one that needs no model.

WebRTC's detector takes any loud sound for speech, however steady. Ours asks it first (it is cheap, and sure of silence), and then
listens for what noise has not: a level well above this call's own noise, the pitch of a voice, and change.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import webrtcvad

from bot.channels.voice import mulaw
from bot.channels.voice.noise_gate import NoiseGate
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


class Pitch:
    """Whether there is a voice in a sound: a pitch, and change. Noise has no pitch; a tone, a hum and a held note do not change.

    Looks for the period at which the last 20 ms repeat themselves (normalised cross-correlation, at 4 kHz: 80 to 500 Hz).
    """

    VOICED = 0.45
    """Correlation at the period, from which there is a pitch; white noise stays under 0.4."""
    STANDS_OUT = 0.8
    """By how much it stands out of what lies before it; low rumble is alike at any distance."""
    ALIKE = 0.98
    """Correlation of two sounds 20 ms apart of which the second is no change; twice in a row, and it is a tone."""
    STILL = 0.88
    """The same of sounds 60 ms apart: of speech nine tenths are below, of tones and held notes above."""
    CHANGING = 0.6
    """Share of the sounds lately that have changed within 60 ms, at least; speech has 0.9, a tune some 0.3."""

    _SHORTEST, _LONGEST = 8, 50

    def __init__(self) -> None:
        self._shapes: deque[np.ndarray] = deque(maxlen=_LATER)
        self._alike = 0
        self._changing = _UNKNOWN

    def forget(self) -> None:
        """There was silence: what comes next is compared with nothing."""
        self._changing += (_UNKNOWN - self._changing) * 0.01
        self._alike = 0
        self._shapes.clear()

    def is_voice(self, samples: bytes) -> bool:
        """Whether the second half of these samples (16 bits, 40 ms at 8 kHz) is a voice's."""
        whole = np.frombuffer(samples, "<i2").astype(np.float32)
        sound = (whole[0::2] + whole[1::2])[-80 - self._LONGEST :]
        power = np.cumsum(sound * sound)
        loud = power[79:].copy()
        loud[1:] -= power[:-80]
        shape = (np.correlate(sound, sound[self._LONGEST :], "valid") / np.sqrt(loud * loud[-1] + 1.0))[::-1]
        period = self._SHORTEST + int(shape[self._SHORTEST :].argmax())
        pitch = float(shape[period])
        has_pitch = pitch >= self.VOICED and pitch - float(shape[1:period].min()) >= self.STANDS_OUT
        return self._changes(shape) and has_pitch

    def _changes(self, shape: np.ndarray) -> bool:
        """Whether sound of this shape is one of those that change, as speech does."""
        shapes = self._shapes
        shape = shape / (math.sqrt(np.dot(shape, shape)) + 1e-9)
        if not shapes:
            shapes.append(shape)
            return self._changing >= self.CHANGING
        self._alike = self._alike + 1 if np.dot(shapes[-1], shape) >= self.ALIKE else 0
        still = self._alike > 1
        if len(shapes) == _LATER:
            still = still or bool(np.dot(shapes[0], shape) >= self.STILL)
            self._changing += ((0.0 if still else 1.0) - self._changing) * 0.12
        shapes.append(shape)
        return not still and self._changing >= self.CHANGING


_LATER = 3
"""Frames of 20 ms."""
_UNKNOWN = 0.75
"""Share of changes that is believed of somebody who has not been heard yet."""

_NOTHING = (0.0,)
_NO_VOICE = (0.2,)
_SOFT = (0.4,)
_SPEECH = (0.9,)

_SURE = 4
"""Frames with a voice in a row, after which not each one is listened to so closely."""
_TRUSTED = 3
"""So many are then believed to be speech."""
_VOICELESS = 12
"""Frames without a voice within a word: the longest "sss"."""


class WebrtcDetector:
    """WebRTC's detector, behind a noise gate and an ear for voices. Costs some microseconds for 20 ms, and needs no model."""

    window = FRAME

    def __init__(self, mode: int = 1) -> None:
        """`mode` is WebRTC's: 0 takes most for speech, 3 least. The gate and the pitch are strict, so that it need not be."""
        self.we_speak = False
        self._vad = webrtcvad.Vad(mode)
        self._gate = NoiseGate()
        self._pitch = Pitch()
        self._rest = b""
        self._before = bytes(2 * FRAME)
        self._since_voice = _VOICELESS
        self._voiced = 0

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
            self._voiced = 0
            self._pitch.forget()
            return _NOTHING
        if gate.begins(level, self.we_speak):
            if self._voiced >= _SURE and self._since_voice <= _TRUSTED:
                return _SPEECH
            if self._pitch.is_voice(before + samples):
                if not self.we_speak:
                    gate.learn_voice(level)
                if gate.is_near(level, self.we_speak):
                    self._voiced += 1
                    self._since_voice = 0
                    return _SPEECH
            self._voiced = 0
        return _SOFT if self._since_voice <= _VOICELESS else _NO_VOICE
