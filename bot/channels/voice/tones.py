"""The tones of a telephone's keys (DTMF, ITU-T Q.23), as sound: a media stream has no other way to press one."""

from __future__ import annotations

from functools import cache

import numpy as np

from bot.channels.voice import mulaw
from bot.channels.voice.speech import BYTES_PER_SECOND

ON = 0.12
"""Seconds of a tone; exchanges ask for 0.04 and more."""
OFF = 0.08
"""Seconds of silence behind it."""
WAIT = 0.5
"""Seconds of a `w`, as Twilio has it."""

_LOUD = 6000.0
"""Of 32767, for each of the two waves: -9 dBm0 together, below what clips."""
_ROWS = (697, 770, 852, 941)
_COLUMNS = (1209, 1336, 1477)
_KEYS = ("123", "456", "789", "*0#")
_FREQUENCIES = {key: (_ROWS[row], _COLUMNS[column]) for row, keys in enumerate(_KEYS) for column, key in enumerate(keys)}


def tones(digits: str) -> bytes:
    """The sound of these keys, mu-law; `w` waits, and what is no key is left out."""
    return b"".join(_tone(digit) for digit in digits)


@cache
def _tone(digit: str) -> bytes:
    if digit in ("w", "W"):
        return mulaw.SILENCE * int(WAIT * BYTES_PER_SECOND)
    if digit not in _FREQUENCIES:
        return b""
    times = np.arange(int(ON * BYTES_PER_SECOND)) / BYTES_PER_SECOND
    wave = sum(np.sin(2 * np.pi * frequency * times) for frequency in _FREQUENCIES[digit]) * _LOUD
    return mulaw.encode(np.asarray(wave, "<i2").tobytes()) + mulaw.SILENCE * int(OFF * BYTES_PER_SECOND)
