"""Sound is the same however it was cut, as long as it was, and has nothing in it that was not there."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.channels.voice import mulaw
from bot.channels.voice.resampling import FromTelephone, ToTelephone
from bot.testing.openai_audio import tone

pytestmark = pytest.mark.unit

NOISE = np.random.default_rng(7).integers(-9000, 9000, 6000).astype("<i2").tobytes()


def in_pieces(sound: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(min(cut, len(sound)) for cut in cuts), len(sound)]
    return [sound[begin:end] for begin, end in pairwise(edges)]


def through(resampler: ToTelephone | FromTelephone, pieces: list[bytes]) -> bytes:
    return b"".join(resampler.feed(piece) for piece in pieces) + resampler.finish()


@given(st.lists(st.integers(0, len(NOISE)), max_size=40), st.sampled_from([8_000, 16_000, 22_050, 24_000, 44_100]))
@settings(deadline=None, max_examples=60)
def test_sound_is_the_same_wherever_it_was_cut_also_within_a_sample(cuts: list[int], rate: int) -> None:
    assert through(ToTelephone(rate), in_pieces(NOISE, cuts)) == through(ToTelephone(rate), [NOISE])


@given(st.lists(st.integers(0, 1000), max_size=20))
@settings(deadline=None, max_examples=30)
def test_the_telephones_sound_is_the_same_wherever_it_was_cut(cuts: list[int]) -> None:
    sound = mulaw.encode(NOISE)[:1000]
    assert through(FromTelephone(16_000), in_pieces(sound, cuts)) == through(FromTelephone(16_000), [sound])


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 24_000, 44_100, 48_000])
def test_a_second_stays_a_second(rate: int) -> None:
    assert len(through(ToTelephone(rate), [tone(1.0, rate)])) == 8000
    assert len(through(FromTelephone(rate), [mulaw.encode(tone(1.0, 8000))])) == 2 * rate


def test_a_tone_keeps_its_pitch_and_its_loudness() -> None:
    sound = through(ToTelephone(24_000), [tone(1.0, 24_000, 1000.0)])
    samples = np.frombuffer(mulaw.decode(sound), "<i2").astype(float)
    assert int(np.argmax(np.abs(np.fft.rfft(samples)))) == 1000
    assert mulaw.level(sound) == pytest.approx(8000 / 2**0.5, rel=0.02)


def test_what_the_telephone_cannot_carry_is_taken_out_and_not_folded_back() -> None:
    assert mulaw.level(through(ToTelephone(24_000), [tone(1.0, 24_000, 5500.0)])) < 80


def test_the_first_sound_comes_long_before_the_end() -> None:
    telephone = ToTelephone(24_000)
    assert telephone.feed(tone(0.03, 24_000))
    assert ToTelephone(8_000).feed(b"\0\0") == b"\xff"


def test_half_a_sample_at_the_end_is_dropped() -> None:
    assert through(ToTelephone(8_000), [b"\0\0\0"]) == b"\xff"


def test_loud_sound_is_cut_off_instead_of_turning_over() -> None:
    square = np.where(np.arange(24_000) // 12 % 2, 32767, -32768).astype("<i2").tobytes()
    samples = np.frombuffer(mulaw.decode(through(ToTelephone(24_000), [square])), "<i2").astype(int)
    assert np.abs(samples).max() > 30_000
    assert np.abs(np.diff(samples)).max() < 64_000
    crossings = np.count_nonzero(np.diff(np.sign(samples[100:-100])))
    assert crossings == pytest.approx(2000, rel=0.05)
