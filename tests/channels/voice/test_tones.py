"""The tones of keys, as an exchange would tell them apart."""

from __future__ import annotations

import numpy as np
import pytest

from bot.channels.voice import mulaw
from bot.channels.voice.speech import BYTES_PER_SECOND
from bot.channels.voice.tones import OFF, ON, WAIT, tones

pytestmark = pytest.mark.unit

KEYS = {
    "1": (697, 1209),
    "5": (770, 1336),
    "9": (852, 1477),
    "*": (941, 1209),
    "0": (941, 1336),
    "#": (941, 1477),
}


@pytest.mark.parametrize(("key", "frequencies"), KEYS.items())
def test_a_key_is_the_two_tones_of_its_row_and_column(key: str, frequencies: tuple[int, int]) -> None:
    sound = tones(key)
    samples = np.frombuffer(mulaw.decode(sound), "<i2")[: int(ON * BYTES_PER_SECOND)].astype(float)
    spectrum = np.abs(np.fft.rfft(samples, BYTES_PER_SECOND))
    low, high = int(np.argmax(spectrum[:1075])), 1075 + int(np.argmax(spectrum[1075:]))
    assert low == pytest.approx(frequencies[0], abs=8)
    assert high == pytest.approx(frequencies[1], abs=8)


def test_keys_follow_each_other_with_a_pause_and_w_waits() -> None:
    key = int((ON + OFF) * BYTES_PER_SECOND)
    wait = int(WAIT * BYTES_PER_SECOND)
    sound = tones("1w2")
    assert len(sound) == 2 * key + wait
    assert sound[key : key + wait] == mulaw.SILENCE * wait


def test_what_is_no_key_makes_no_sound() -> None:
    assert tones("a +") == b""
