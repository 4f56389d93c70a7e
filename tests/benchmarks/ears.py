"""What hearing costs: own CPU of a frame of 20 ms in Ears, with each voice detector, beside the bare loudness of the frame.

python -m tests.benchmarks.ears [--calls 200] [--seconds 30]

Each call says the anchors' sentence, listens as long, and so on, all of them at different points of it; every fourth one has
noise in the background. Silero needs its file: BOT_SILERO_FILE, or `pip install --no-deps silero-vad`.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Callable

from bot.channels.voice import mulaw, silero
from bot.channels.voice.detector import Detector, WebrtcDetector
from bot.channels.voice.ears import Ears
from bot.channels.voice.speech import BYTES_PER_SECOND, FRAME
from bot.config import load_settings
from bot.errors import SettingsError
from tests.benchmarks.common import ANCHORS, judge, needs
from tests.channels.voice.acoustics import mixed, quiet, white

BAR = 20.0
"""Per cent of a core for 200 calls."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--seconds", type=int, default=30)
    options = parser.parse_args()
    needs()
    frames = callers(options.calls, options.seconds)
    bare = cost(frames, [mulaw.level] * options.calls)
    print(f"loudness alone: {bare:.2f} us a frame")
    holds = shown("webrtc", measured(frames, WebrtcDetector), bare)
    try:
        timer = Timer()
        model = silero.load(load_settings().silero_file, timer.later)
    except SettingsError as error:
        print(f"silero: skipped: {error}")
    else:
        holds = shown("silero", measured(frames, model.detector, timer), bare) and holds
    sys.exit(0 if holds else 1)


class Timer:
    """Calls back once a round, of which one is 20 ms of all calls: as late as a timer of 16 ms would."""

    def __init__(self) -> None:
        self.due: list[Callable[[], None]] = []

    def later(self, _: float, call: Callable[[], None]) -> None:
        self.due.append(call)

    def ring(self) -> None:
        due, self.due = self.due, []
        for call in due:
            call()


def callers(calls: int, seconds: int) -> list[list[bytes]]:
    """Round after round, what each call hears."""
    random.seed(7)
    said = (ANCHORS / "speech8k.ulaw").read_bytes()
    turn = said + quiet(len(said) / BYTES_PER_SECOND)
    noisy = mixed(turn, white(len(turn) / BYTES_PER_SECOND, 120))
    lines = []
    for call in range(calls):
        sound = (noisy if call % 4 == 0 else turn) * (1 + seconds * BYTES_PER_SECOND // len(turn) + 1)
        begin = random.randrange(len(turn) // FRAME) * FRAME
        lines.append([sound[begin + i : begin + i + FRAME] for i in range(0, seconds * BYTES_PER_SECOND, FRAME)])
    return [list(each) for each in zip(*lines, strict=True)]


def cost(frames: list[list[bytes]], hear: list[Callable[[bytes], object]]) -> float:
    """Microseconds of CPU a frame."""
    begin = time.process_time()
    for each in frames:
        for take, frame in zip(hear, each, strict=True):
            take(frame)
    return (time.process_time() - begin) / (len(frames) * len(hear)) * 1e6


def measured(frames: list[list[bytes]], detector: Callable[[], Detector], timer: Timer | None = None) -> tuple[float, int]:
    """Microseconds of CPU a frame, and how many turns were heard."""
    ears = [Ears(detector(), "en") for _ in frames[0]]
    turns, at = 0, 0.0
    begin = time.process_time()
    for each in frames:
        at += 0.02
        for one, frame in zip(ears, each, strict=True):
            event = one.feed(frame, at)
            turns += event is not None and event.kind == "ended"
        if timer is not None:
            timer.ring()
    return (time.process_time() - begin) / (len(frames) * len(ears)) * 1e6, turns


def shown(name: str, figures: tuple[float, int], bare: float) -> bool:
    each, turns = figures
    print(f"{name}: {each:.2f} us a frame, {each / bare:.0f}x the loudness alone; {turns} turns heard")
    return judge(f"{name}, 200 calls", each * 200 * 50 / 1e4, BAR, " % of a core")


if __name__ == "__main__":
    main()
