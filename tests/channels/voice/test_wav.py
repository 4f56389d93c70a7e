"""Bare samples and WAV files, as servers send them."""

from __future__ import annotations

import io
import struct
import wave
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.channels.voice.wav import PcmReader, wav_of
from bot.errors import SpeechError
from bot.testing.openai_audio import tone

pytestmark = pytest.mark.unit

PCM = tone(0.05, 16_000)


def read(pieces: list[bytes]) -> tuple[bytes, int]:
    reader = PcmReader(24_000)
    pcm = b"".join(reader.feed(piece) for piece in pieces)
    reader.finish()
    return pcm, reader.rate


def written(pcm: bytes, rate: int, channels: int = 1, width: int = 2) -> bytes:
    """By the standard library."""
    file = io.BytesIO()
    with wave.open(file, "wb") as wav:
        wav.setnchannels(channels)
        wav.setsampwidth(width)
        wav.setframerate(rate)
        wav.writeframes(pcm)
    return file.getvalue()


def test_bare_samples_are_taken_at_the_rate_that_was_said() -> None:
    assert read([PCM]) == (PCM, 24_000)


@given(st.lists(st.integers(1, 120), max_size=12))
@settings(deadline=None, max_examples=50)
def test_a_wav_file_tells_its_rate_wherever_it_was_cut(cuts: list[int]) -> None:
    file = written(PCM, 16_000)
    edges = [0, *sorted(cuts), len(file)]
    assert read([file[begin:end] for begin, end in pairwise(edges)]) == (PCM, 16_000)


def test_chunks_between_the_format_and_the_sound_are_passed_over_and_those_behind_it_are_no_sound() -> None:
    file = written(PCM, 16_000)
    at = file.index(b"data")
    remark = b"LIST" + struct.pack("<I", 5) + b"words\0"
    assert read([file[:at] + remark + file[at:] + remark]) == (PCM, 16_000)


@pytest.mark.parametrize("size", [0, 0xFFFF_FFFF, 0x7FFF_F000])
def test_a_length_that_was_written_before_it_was_known_is_not_believed(size: int) -> None:
    file = bytearray(written(PCM, 16_000))
    struct.pack_into("<I", file, file.index(b"data") + 4, size)
    assert read([bytes(file)]) == (PCM, 16_000)


def test_two_channels_become_one() -> None:
    both = b"".join(struct.pack("<hh", value, value + 200) for value in range(0, 1000, 10))
    pcm, _ = read([written(both, 16_000, channels=2)[:47], written(both, 16_000, channels=2)[47:]])
    assert pcm == b"".join(struct.pack("<h", value + 100) for value in range(0, 1000, 10))


@pytest.mark.parametrize(
    ("sound", "words"),
    [
        (written(bytes(100), 8_000, width=1), "no 16 bit PCM .format 1, 8 bit, 1 channels, 8000 Hz"),
        (b"ID3\x04" + bytes(50), "sent MP3 where PCM was asked for"),
        (b"\xff\xfb\x90\x64" + bytes(50), "sent MP3"),
        (b"OggS" + bytes(50), "sent Ogg"),
        (b"RIFF" + bytes(70_000), "WAV header without an end"),
        (b"RIFF", "ends before it begins"),
        (b"ab", "ends before it begins"),
    ],
)
def test_other_sound_is_refused_in_a_line(sound: bytes, words: str) -> None:
    with pytest.raises(SpeechError, match=words):
        read([sound])


def test_what_we_write_the_standard_library_reads() -> None:
    with wave.open(io.BytesIO(wav_of(PCM, 16_000))) as wav:
        assert (wav.getframerate(), wav.getnchannels(), wav.getsampwidth()) == (16_000, 1, 2)
        assert wav.readframes(wav.getnframes()) == PCM
