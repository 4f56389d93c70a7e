"""Silero's detector: many calls judged together, by a stand-in for the model and, where its file is at hand, by the real one."""

from __future__ import annotations

import asyncio
import importlib
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bot import vendors
from bot.channels.voice import silero
from bot.channels.voice.detector import WebrtcDetector
from bot.channels.voice.ears import Ears
from bot.channels.voice.silero import WINDOW, Samples, Silero
from bot.channels.voice.turn_taking import Event, Kind
from bot.config import load_settings
from bot.errors import SettingsError
from bot.services.status import State
from tests.channels.voice import acoustics as sound

pytestmark = pytest.mark.unit

LOUD = sound.white(1, 3000)


class Loudness:
    """Takes what is loud for speech, counts in its state how many windows it had of a call, and notes how many came at once."""

    def __init__(self) -> None:
        self.together: list[int] = []
        self.counted: list[float] = []
        self.contexts: list[Samples] = []

    def __call__(self, windows: Samples, states: Samples) -> tuple[Samples, Samples]:
        assert windows.shape[1:] == (32 + WINDOW,)
        assert states.shape == (2, len(windows), 128)
        self.together.append(len(windows))
        self.counted.extend(float(each) for each in states[0, :, 0])
        self.contexts.extend(windows)
        return (np.abs(windows[:, 32:]).max(axis=1) > 0.05).astype(np.float32), states + 1


class Timer:
    """What would call back after 16 ms; rung by the test."""

    def __init__(self) -> None:
        self.due: list[tuple[float, Callable[[], None]]] = []

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        self.due.append((seconds, call))

    def ring(self) -> None:
        due, self.due = self.due, []
        for _, call in due:
            call()


def test_windows_of_all_calls_are_judged_at_once() -> None:
    model, timer = Loudness(), Timer()
    detectors = [(whole := Silero(model, timer.later)).detector()] + [whole.detector() for _ in range(9)]
    for detector in detectors:
        assert detector.hear(LOUD[:160]) == ()
        assert detector.hear(LOUD[160:320]) == ()
    assert [seconds for seconds, _ in timer.due] == [0.016]
    timer.ring()
    assert model.together == [10]
    assert [list(detector.hear(b"")) for detector in detectors] == [[1.0]] * 10
    assert [list(detector.hear(b"")) for detector in detectors] == [[]] * 10


def test_each_call_keeps_its_own_state_and_what_it_heard_last() -> None:
    model, timer = Loudness(), Timer()
    whole = Silero(model, timer.later)
    one, other = whole.detector(), whole.detector()
    one.hear(LOUD[: 2 * WINDOW])
    timer.ring()
    one.hear(LOUD[2 * WINDOW : 3 * WINDOW])
    other.hear(LOUD[:WINDOW])
    timer.ring()
    assert model.together == [1, 1, 2]
    assert model.counted == [0, 1, 2, 0]
    first, second, third, fourth = model.contexts
    assert list(second[:32]) == list(first[-32:])
    assert list(third[:32]) == list(second[-32:])
    assert list(fourth[:32]) == [0] * 32


def test_a_call_that_is_over_is_not_judged_any_more() -> None:
    model, timer = Loudness(), Timer()
    whole = Silero(model, timer.later)
    gone, there = whole.detector(), whole.detector()
    gone.hear(LOUD[:WINDOW])
    there.hear(LOUD[:WINDOW])
    gone.close()
    timer.ring()
    assert model.together == [1]
    assert timer.due == []


def test_nothing_waits_while_nobody_speaks_into_any_call() -> None:
    timer = Timer()
    whole = Silero(Loudness(), timer.later)
    whole.detector().hear(b"")
    whole.detector().hear(LOUD[:100])
    assert timer.due == []


def test_what_is_too_soft_is_no_speech_whatever_the_model_says_and_still_less_while_we_speak() -> None:
    def always(windows: Samples, states: Samples) -> tuple[Samples, Samples]:
        return np.ones(len(windows), np.float32), states

    def judged(level: float, *, we_speak: bool) -> list[float]:
        timer = Timer()
        detector = Silero(always, timer.later).detector()
        detector.we_speak = we_speak
        detector.hear(sound.white(0.032, level))
        timer.ring()
        return list(detector.hear(b""))

    assert judged(40, we_speak=False) == [0.0]
    assert judged(180, we_speak=False) == [1.0]
    assert judged(180, we_speak=True) == [0.0]
    assert judged(1000, we_speak=True) == [1.0]


def test_sound_that_piles_up_is_let_go_so_that_what_is_new_is_judged_in_time() -> None:
    model, timer = Loudness(), Timer()
    detector = Silero(model, timer.later).detector()
    old = list(detector.hear(sound.white(5, 3000)))
    timer.ring()
    new = list(detector.hear(b""))
    assert set(old) == {0.0}
    assert set(new) == {1.0}
    assert len(new) == len(model.together) <= 8000 / WINDOW + 1
    assert len(old) + len(new) == 5 * 8000 // WINDOW


async def test_in_a_running_program_the_timer_is_the_loops() -> None:
    model = Loudness()
    detector = Silero(model).detector()
    detector.hear(LOUD[:WINDOW])
    async with asyncio.timeout(5):
        while not model.together:
            await asyncio.sleep(0.001)
    assert list(detector.hear(b"")) == [1.0]


def test_ears_hear_a_turn_through_it_with_the_times_of_the_sound() -> None:
    timer = Timer()
    events = heard(Silero(Loudness(), timer.later), timer, sound.quiet(1) + LOUD + sound.quiet(1))
    assert [event.kind for event in events] == [Kind.BEGAN, Kind.ENDED]
    assert events[0].start == pytest.approx(1, abs=0.04)
    assert events[1].end == pytest.approx(2, abs=0.04)


def test_unset_the_detector_is_the_one_that_needs_no_model() -> None:
    assert isinstance(vendors.detectors_of(load_settings(BOT_VOICE_DETECTOR="webrtc"))(), WebrtcDetector)


def test_a_file_that_is_not_there_is_one_line_that_names_the_setting_and_the_fix(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"^BOT_SILERO_FILE: there is no file .*nowhere\.onnx; name a silero_vad\.onnx, or "):
        vendors.detectors_of(load_settings(BOT_VOICE_DETECTOR="silero", BOT_SILERO_FILE=str(tmp_path / "nowhere.onnx")))


def test_a_file_of_something_else_is_one_line_that_names_the_setting(tmp_path: Path) -> None:
    (tmp_path / "other.onnx").write_bytes(b"not a model")
    with pytest.raises(SettingsError, match=r"^BOT_SILERO_FILE: .*other\.onnx is no model that onnxruntime can read"):
        vendors.detectors_of(load_settings(BOT_VOICE_DETECTOR="silero", BOT_SILERO_FILE=str(tmp_path / "other.onnx")))


def test_without_a_file_and_a_package_the_fix_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(SettingsError, match=r"^BOT_SILERO_FILE: is not set, and the package silero-vad is not installed"):
        vendors.detectors_of(load_settings(BOT_VOICE_DETECTOR="silero", BOT_SILERO_FILE=""))


def test_the_file_of_an_installed_package_is_found_without_importing_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "silero_vad" / "data").mkdir(parents=True)
    (tmp_path / "silero_vad" / "__init__.py").write_text("import torch_that_nobody_has")
    (tmp_path / "silero_vad" / "data" / "silero_vad.onnx").write_bytes(b"not a model")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "silero_vad", raising=False)
    with pytest.raises(SettingsError, match=r"^BOT_SILERO_FILE: .*silero_vad\.onnx is no model that onnxruntime can read"):
        vendors.detectors_of(load_settings(BOT_VOICE_DETECTOR="silero", BOT_SILERO_FILE=""))
    assert "silero_vad" not in sys.modules


def test_onnxruntime_that_is_not_installed_is_one_line_that_names_the_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "bot.channels.voice.silero", raising=False)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(
        SettingsError, match=r"^BOT_VOICE_DETECTOR=silero needs onnxruntime: .*pip install 'switchboard\[silero\]'"
    ):
        vendors.detectors_of(load_settings(BOT_VOICE_DETECTOR="silero"))


def test_bot_check_says_that_the_detector_cannot_be_made(tmp_path: Path) -> None:
    settings = load_settings(BOT_VOICE_DETECTOR="silero", BOT_SILERO_FILE=str(tmp_path / "nowhere.onnx"))
    assert [(found.name, found.state) for found in vendors.unmakeable(settings)] == [("voice detector", State.WRONG)]
    assert vendors.unmakeable(load_settings(BOT_VOICE_DETECTOR="webrtc")) == []


@pytest.fixture
def real() -> tuple[Silero, Timer]:
    timer = Timer()
    try:
        return silero.load(load_settings().silero_file, timer.later), timer
    except SettingsError as error:
        pytest.skip(f"{error}: pip install --no-deps silero-vad")


def heard(whole: Silero, timer: Timer, line: bytes, *, over_us: bool = False) -> list[Event]:
    ears, at, events = Ears(whole.detector(), "en"), 0.0, []
    ears.we_speak = over_us
    for frame in sound.frames(line):
        at += len(frame) / 8000
        event = ears.feed(frame, at)
        timer.ring()
        if event is not None:
            events.append(event)
    return events


def test_the_real_model_hears_a_recorded_sentence_also_in_noise(real: tuple[Silero, Timer]) -> None:
    for line in (
        sound.quiet(1.5) + sound.sentence() + sound.quiet(1.5),
        sound.in_noise(sound.sentence(), sound.white(5, 1000), 10),
    ):
        events = heard(*real, line)
        assert [event.kind for event in events] == [Kind.BEGAN, Kind.ENDED]
        assert events[0].start == pytest.approx(1.5, abs=0.2)
        assert events[1].end == pytest.approx(1.5 + len(sound.sentence()) / 8000, abs=0.4)


@pytest.mark.parametrize(
    "noise", [sound.white(20, 3000), sound.pink(20, 3000), sound.hum(20, 60, 2000), sound.clicks(20, 8), sound.quiet(20)]
)
def test_the_real_model_hears_nothing_in_noise(real: tuple[Silero, Timer], noise: bytes) -> None:
    assert heard(*real, noise) == []
    assert heard(*real, noise, over_us=True) == []
