"""Silero's voice detector, by onnxruntime: one model for all calls of the process, asked for all of them at once.

A model that is asked for one call at a time costs four times as much (measured: 88 us for 32 ms of sound alone, 21 to 33 among
others). So windows wait up to 16 ms for each other; there is a timer only while one waits, and no task. Loaded only where
BOT_VOICE_DETECTOR asks for it. Source of the model: https://github.com/snakers4/silero-vad (MIT), whose package declares torch,
which the file does not need: `pip download --no-deps silero-vad`, or the package installed with --no-deps.
"""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import onnxruntime

from bot.channels.voice import mulaw
from bot.channels.voice.noise_gate import NoiseGate
from bot.errors import SettingsError

WINDOW = 256
"""Samples that the model is asked about at 8 kHz: 32 ms."""
TOGETHER = 0.016
"""Seconds that a window waits for those of other calls."""
_CONTEXT = 32
"""Samples before the window that it hears, too."""
_VOICE = 0.8
"""Probability from which a window tells how loud this person is."""
_BEHIND = 32 * WINDOW
"""Bytes of one call that may wait at most (a second); older ones are not worth judging any more."""

Samples = npt.NDArray[np.float32]
Model = Callable[[Samples, Samples], tuple[Samples, Samples]]
"""Sound (calls x samples) and states (2 x calls x 128) to probabilities (calls) and states."""
Later = Callable[[float, Callable[[], None]], object]
"""Calls back after so many seconds."""

_LINEAR = np.frombuffer(mulaw.decode(bytes(range(256))), "<i2").astype(np.float32) / np.float32(32768)


class Feeds(Protocol):
    """What a detector needs of the whole."""

    def wait(self, detector: SileroDetector) -> None:
        """A window of this call is there."""


class SileroDetector:
    """One call's part: its sound that waits, and what the model remembers of it."""

    window = WINDOW

    def __init__(self, silero: Feeds) -> None:
        self.we_speak = False
        self.state: Samples = np.zeros((2, 128), np.float32)
        self.context: Samples = np.zeros(_CONTEXT, np.float32)
        self._silero = silero
        self._gate = NoiseGate()
        self._sound = bytearray()
        self._judged: list[float] = []

    def hear(self, sound: bytes) -> Sequence[float]:
        self._sound += sound
        if len(self._sound) >= WINDOW:
            if len(self._sound) > _BEHIND:
                self._skip()
            self._silero.wait(self)
        if not self._judged:
            return ()
        judged, self._judged = self._judged, []
        return judged

    def close(self) -> None:
        self._sound.clear()

    def take(self) -> bytes:
        """The next window; empty where there is none."""
        if len(self._sound) < WINDOW:
            return b""
        sound = bytes(self._sound[:WINDOW])
        del self._sound[:WINDOW]
        return sound

    def judged(self, probability: float, window: bytes) -> None:
        """The model's answer about this window."""
        level, gate = mulaw.level(window), self._gate
        if probability >= _VOICE and not self.we_speak:
            gate.learn_voice(level)
        is_theirs = gate.is_loud(level, self.we_speak) and gate.is_near(level, self.we_speak)
        self._judged.append(probability if is_theirs else 0.0)

    def _skip(self) -> None:
        while len(self._sound) > _BEHIND:
            del self._sound[:WINDOW]
            self._judged.append(0.0)


class Silero:
    """The model, and the calls that wait for its judgement."""

    def __init__(self, model: Model, later: Later | None = None) -> None:
        self._model = model
        self._later = later
        self._waiting: dict[SileroDetector, None] = {}

    def detector(self) -> SileroDetector:
        """For one more call."""
        return SileroDetector(self)

    def wait(self, detector: SileroDetector) -> None:
        if not self._waiting:
            (self._later or asyncio.get_running_loop().call_later)(TOGETHER, self.judge)
        self._waiting[detector] = None

    def judge(self) -> None:
        """Judges all that waits: one window of each call, then the next of those that have more."""
        waiting, self._waiting = list(self._waiting), {}
        while waiting:
            windows = [(detector, window) for detector in waiting if (window := detector.take())]
            if windows:
                self._ask(windows)
            waiting = [detector for detector, _ in windows]

    def _ask(self, windows: Sequence[tuple[SileroDetector, bytes]]) -> None:
        sound = _LINEAR[np.frombuffer(b"".join(window for _, window in windows), np.uint8)].reshape(-1, WINDOW)
        sound = np.concatenate((np.stack([detector.context for detector, _ in windows]), sound), axis=1)
        states = np.stack([detector.state for detector, _ in windows], axis=1)
        probabilities, states = self._model(sound, states)
        for i, (detector, window) in enumerate(windows):
            detector.state, detector.context = states[:, i].copy(), sound[i, -_CONTEXT:].copy()
            detector.judged(float(probabilities[i]), window)


def load(file: str, later: Later | None = None) -> Silero:
    """The detectors of this model; without a file, of the one in an installed `silero_vad`. Raises SettingsError."""
    path = Path(file) if file else _installed()
    if path is None or not path.is_file():
        found = f"there is no file {path}" if file else "is not set, and the package silero-vad is not installed"
        raise SettingsError(f"BOT_SILERO_FILE: {found}; name a silero_vad.onnx, or leave BOT_VOICE_DETECTOR at webrtc")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # calls are many and windows small: threads only cost
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its own errors are of no common class
        raise SettingsError(f"BOT_SILERO_FILE: {path} is no model that onnxruntime can read ({_line(error)})") from None
    if {each.name for each in session.get_inputs()} != {"input", "state", "sr"}:
        raise SettingsError(f"BOT_SILERO_FILE: {path} is no Silero model of version 5 or 6: use its silero_vad.onnx")
    rate = np.array(8000, np.int64)

    def model(sound: Samples, states: Samples) -> tuple[Samples, Samples]:
        probabilities, after = session.run(None, {"input": sound, "state": states, "sr": rate})
        return probabilities[:, 0], after

    return Silero(model, later)


def _installed() -> Path | None:
    """The file in the package, which is not imported: that would load torch."""
    package = importlib.util.find_spec("silero_vad")
    return Path(package.origin).parent / "data" / "silero_vad.onnx" if package is not None and package.origin else None


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:120]
