"""Sounds for tests of hearing: noise, tones, hum, clicks, tunes and voices, all 8 kHz mu-law.

Made anew from a seed each time; nothing is kept in files. Voices are espeak-ng's where it is installed, and the recorded sentence
of the benchmarks' anchors where these lie beside the project.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from functools import cache

import numpy as np
import numpy.typing as npt
import pytest
import soxr

from bot.channels.voice import mulaw
from bot.channels.voice.ears import Ears
from bot.channels.voice.speech import BYTES_PER_SECOND as RATE
from bot.channels.voice.speech import FRAME
from bot.channels.voice.turn_taking import Event
from tests.benchmarks.common import ANCHORS

Wave = npt.NDArray[np.float64]


def line(wave: Wave) -> bytes:
    """As the telephone has it."""
    return mulaw.encode(np.clip(wave, -32768, 32767).astype("<i2").tobytes())


def wave(sound: bytes) -> Wave:
    return np.frombuffer(mulaw.decode(sound), "<i2").astype(np.float64)


def quiet(seconds: float) -> bytes:
    return mulaw.SILENCE * round(seconds * RATE)


def mixed(one: bytes, other: bytes) -> bytes:
    """Both at once, as long as the first."""
    return line(wave(one) + np.resize(wave(other), len(one)))


def at_level(shape: Wave, level: float) -> bytes:
    return line(shape / (shape.std() or 1.0) * level)


def _times(seconds: float) -> Wave:
    return np.arange(round(seconds * RATE)) / RATE


def white(seconds: float, level: float, seed: int = 1) -> bytes:
    return at_level(np.random.default_rng(seed).standard_normal(round(seconds * RATE)), level)


def pink(seconds: float, level: float, seed: int = 1, *, telephone: bool = False) -> bytes:
    """Noise that falls by 3 dB an octave; in the telephone's band, or from the lowest rumble on."""
    size = round(seconds * RATE)
    hertz = np.fft.rfftfreq(size, 1 / RATE)
    hertz[0] = hertz[1]
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(size)) / np.sqrt(hertz)
    if telephone:
        spectrum[(hertz < 250) | (hertz > 3450)] = 0
    return at_level(np.fft.irfft(spectrum, size), level)


def hum(seconds: float, hertz: float, level: float) -> bytes:
    """Of the mains, with its overtones."""
    times = _times(seconds)
    return at_level(np.sum([np.sin(2 * np.pi * hertz * k * times + k) / k for k in range(1, 20)], axis=0), level)


def tone(seconds: float, level: float, *hertz: float) -> bytes:
    times = _times(seconds)
    return at_level(np.sum([np.sin(2 * np.pi * each * times) for each in hertz], axis=0), level)


KEYS = {
    "1": (697, 1209),
    "2": (697, 1336),
    "5": (770, 1336),
    "9": (852, 1477),
    "0": (941, 1336),
    "*": (941, 1209),
    "#": (941, 1477),
}


def keys(pressed: str, seconds: float = 0.1) -> bytes:
    """DTMF, as a telephone sends it."""
    return b"".join(tone(seconds, 3000, *KEYS[key]) + quiet(0.1) for key in pressed)


def clicks(seconds: float, per_second: float, seed: int = 1) -> bytes:
    """A keyboard beside the telephone."""
    random = np.random.default_rng(seed)
    sound = random.standard_normal(round(seconds * RATE)) * 20
    for _ in range(round(seconds * per_second)):
        size = int(random.integers(40, 240))
        begin = int(random.integers(0, len(sound) - size))
        sound[begin : begin + size] += random.standard_normal(size) * 8000 * np.exp(-np.arange(size) / (size / 4))
    return line(sound)


def cough(seconds: float = 0.25, seed: int = 1) -> bytes:
    return line(wave(pink(seconds, 5000, seed, telephone=True)) * np.exp(-_times(seconds) / (seconds / 3)))


def tune(seconds: float, note: float = 0.3, seed: int = 1) -> bytes:
    """Chords that fade, one after another."""
    random = np.random.default_rng(seed)
    times, notes = _times(note), []
    for _ in range(round(seconds / note)):
        base = 220 * 2 ** (int(random.integers(0, 18)) / 12)
        chord = [np.sin(2 * np.pi * base * each * k * times) / k**1.5 for each in (1, 1.26, 1.5) for k in range(1, 6)]
        notes.append(np.sum(chord, axis=0) * np.exp(-times / random.uniform(0.1, 0.6)))
    return at_level(np.concatenate(notes), 2500)


def sentence() -> bytes:
    """A real voice, 5.9 s without a long pause, from the benchmarks' anchors."""
    file = ANCHORS / "speech8k.ulaw"
    if not file.is_file():
        pytest.skip(f"there is no recorded voice at {file}; set ANCHORS")
    return file.read_bytes()


@cache
def said(words: str, voice: str = "en", level: float = 2000) -> bytes:
    """These words by espeak-ng, in the telephone's band, without silence around them."""
    if shutil.which("espeak-ng") is None:
        pytest.skip("espeak-ng is not installed")
    spoken = subprocess.run(["espeak-ng", "-v", voice, "-s", "160", "--stdout", words], capture_output=True, check=True).stdout
    samples = spoken[spoken.index(b"data") + 8 :]
    sound = np.frombuffer(samples[: len(samples) // 2 * 2], "<i2").astype(np.float64)
    sound = soxr.resample(sound, 22050, RATE)
    spectrum, hertz = np.fft.rfft(sound), np.fft.rfftfreq(len(sound), 1 / RATE)
    spectrum[(hertz < 250) | (hertz > 3450)] = 0
    sound = np.fft.irfft(spectrum, len(sound))
    loud = np.abs(sound) > np.abs(sound).max() * 0.05
    sound = sound / np.sqrt((sound[loud] ** 2).mean()) * level
    heard = np.flatnonzero(np.abs(sound) > 60)
    return line(sound[heard[0] : heard[-1]])


def in_noise(sound: bytes, noise: bytes, decibels: float) -> bytes:
    """The sound in noise that is so many decibels weaker; the noise begins 1.5 s before it and lasts 1.5 s longer."""
    voice = wave(sound)
    loud = np.abs(voice) > np.abs(voice).max() * 0.05
    level = np.sqrt((voice[loud] ** 2).mean()) / 10 ** (decibels / 20)
    whole = quiet(1.5) + sound + quiet(1.5)
    behind = np.resize(wave(noise), len(whole))
    return line(wave(whole) + behind / behind.std() * level)


def frames(sound: bytes, size: int = FRAME) -> Iterator[bytes]:
    return (sound[i : i + size] for i in range(0, len(sound), size))


def heard(ears: Ears, sound: bytes, *, size: int = FRAME, begin: float = 0.0) -> list[Event]:
    """What happens while the ears hear this; like a line, our voice falls silent where it is interrupted."""
    events, at = [], begin
    for frame in frames(sound, size):
        at += len(frame) / RATE
        event = ears.feed(frame, at)
        if event is not None:
            events.append(event)
            if event.kind == "interrupted":
                ears.we_speak = False
    return events
