"""A sound that a detector takes for somebody speaking, where nothing can speak: a voice without words."""

from __future__ import annotations

import numpy as np

from bot.channels.voice.mulaw import encode
from bot.channels.voice.speech import BYTES_PER_SECOND

_PITCH = 140.0
"""Hertz; between a man's and a woman's."""
_OVERTONES = {1: 0.5, 2: 0.6, 3: 0.8, 4: 0.7, 5: 0.5, 8: 0.25, 10: 0.2, 17: 0.1}
"""Of the pitch, and how loud: about a vowel's."""
_SYLLABLES = 4.0
"""A second."""
_LOUDNESS = 9000


def hum(seconds: float) -> bytes:
    """Mu-law."""
    at = np.arange(round(BYTES_PER_SECOND * seconds)) / BYTES_PER_SECOND
    phase = 2 * np.pi * np.cumsum(_PITCH * (1 + 0.1 * np.sin(2 * np.pi * 3 * at))) / BYTES_PER_SECOND
    sound = sum((loud * np.sin(number * phase) for number, loud in _OVERTONES.items()), np.zeros_like(at))
    sound *= 0.6 + 0.4 * np.sin(2 * np.pi * _SYLLABLES * at)
    return encode((sound / (np.abs(sound).max(initial=1.0)) * _LOUDNESS).astype("<i2").tobytes())
