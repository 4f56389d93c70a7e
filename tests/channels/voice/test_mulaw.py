"""G.711 mu-law against the formula of its standard."""

from __future__ import annotations

import subprocess
import sys
from array import array

import pytest

from bot.channels.voice import mulaw

pytestmark = pytest.mark.unit


def expanded(code: int) -> int:
    """ITU-T G.711, table 2, in 16 bits: sign, three bits of exponent, four of mantissa, all inverted on the line."""
    code = ~code & 0xFF
    magnitude = ((((code & 0x0F) << 3) + 0x84) << (code >> 4 & 7)) - 0x84
    return -magnitude if code & 0x80 else magnitude


TABLE = [expanded(code) for code in range(256)]


def test_every_code_is_the_sample_that_the_standard_says() -> None:
    assert list(array("h", mulaw.decode(bytes(range(256))))) == TABLE


def test_every_sample_becomes_a_code_next_to_it() -> None:
    samples = array("h", range(-32768, 32768))
    codes = mulaw.encode(samples.tobytes())
    levels = sorted(set(TABLE))
    for sample, code in zip(samples[::7], codes[::7], strict=True):
        nearest = min(abs(sample - level) for level in levels)
        step = 8 << (~code >> 4 & 7)
        assert abs(sample - TABLE[code]) <= max(nearest, step // 2 + 4), sample


def test_what_was_decoded_is_encoded_as_it_was() -> None:
    codes = bytes(code for code in range(256) if code != 0x7F)  # 0x7F is zero, too, with a minus
    assert mulaw.encode(mulaw.decode(codes)) == codes


def test_loudness_is_the_root_mean_square_and_silence_has_none() -> None:
    assert mulaw.level(mulaw.SILENCE * 160) == 0
    assert mulaw.level(b"") == 0
    loud, soft = mulaw.encode(array("h", [8031, -8031] * 80).tobytes()), mulaw.encode(array("h", [100, -100] * 80).tobytes())
    assert mulaw.level(loud) == abs(TABLE[loud[0]])
    assert mulaw.level(loud + loud) == mulaw.level(loud) > mulaw.level(soft) > 0


def test_half_a_sample_at_the_end_is_dropped() -> None:
    assert mulaw.encode(b"\x00\x01\x02") == mulaw.encode(b"\x00\x01")


def test_importing_it_warns_of_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", "import bot.channels.voice.mulaw"], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
