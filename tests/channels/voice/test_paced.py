"""A line without sound: at the pace of speech, to be interrupted."""

from __future__ import annotations

import asyncio

import pytest

from bot.channels.voice.base import Clause, Played
from bot.channels.voice.paced import PacedLine
from bot.channels.voice.tapping import Tap
from bot.clock import SystemClock

pytestmark = pytest.mark.unit

FAST = 100_000.0
"""Characters a second: at once."""


class Heard:
    """Notes what a line tells."""

    def __init__(self) -> None:
        self.told: list[tuple[object, ...]] = []
        self.is_silent = asyncio.Event()

    def heard(self, text: str, *, start: float, end: float, confidence: float | None = None, language: str = "") -> None:
        self.told.append(("heard", text))

    def hearing(self, text: str) -> None:
        self.told.append(("hearing", text))

    def interrupted(self, played: Played | None, words: str | None = None) -> None:
        self.told.append(("interrupted", played.clause if played else None))

    def played(self, clause: int) -> None:
        self.told.append(("played", clause))

    def silent(self) -> None:
        self.told.append(("silent",))
        self.is_silent.set()

    def pressed(self, digit: str) -> None:
        self.told.append(("pressed", digit))

    def failed(self, stage: str, clause: int | None = None) -> None:
        self.told.append(("failed", stage))

    def took(self, stage: str, seconds: float) -> None:
        self.told.append(("took", stage))

    def over(self, reason: str) -> None:
        self.told.append(("over", reason))


def line_to(hears: Heard, *, pace: float = FAST) -> PacedLine:
    clock = SystemClock()
    line = PacedLine(clock, clock.monotonic(), pace=pace)
    line.open(hears)
    return line


async def test_clauses_are_spoken_one_after_the_other_and_then_it_is_silent() -> None:
    hears = Heard()
    line = line_to(hears)
    line.speak(Clause(1, "Hello.", "en"))
    line.speak(Clause(2, "How are you?", "en"))
    await asyncio.wait_for(hears.is_silent.wait(), 5)
    assert hears.told == [("played", 1), ("played", 2), ("silent",)]


async def test_who_speaks_over_it_interrupts_and_what_waits_is_forgotten() -> None:
    hears = Heard()
    line = line_to(hears, pace=0.01)
    line.speak(Clause(1, "A long story", "en"))
    line.speak(Clause(2, "and its end", "en"))
    line.said("wait")
    assert hears.told == [("interrupted", 1), ("heard", "wait")]
    assert not line.is_speaking
    line.said("again")
    assert hears.told[-1] == ("heard", "again")


async def test_it_hangs_up_once_all_is_spoken_and_tells_nothing_after() -> None:
    hears = Heard()
    line = line_to(hears)
    line.speak(Clause(1, "Goodbye.", "en"))
    line.hang_up()
    await asyncio.wait_for(hears.is_silent.wait(), 5)
    assert hears.told == [("played", 1), ("silent",), ("over", "hung_up")]
    line.said("hello?")
    line.pressed("1")
    line.speak(Clause(2, "nobody hears this", "en"))
    assert (len(hears.told), line.is_over) == (3, True)


async def test_a_tap_passes_everything_on_and_tells_what_it_hears() -> None:
    hears, frames = Heard(), list[dict[str, object]]()
    line = line_to(hears, pace=0.01)
    tap = Tap(line, frames.append)
    tap.join(hears)
    tap.speak(Clause(1, "A long story", "en"))
    played = tap.stop()
    tap.heard("", start=0, end=1)
    tap.took("first_audio", 0.25)
    tap.pressed("5")
    tap.over("hung_up")
    assert played is not None
    assert [frame["event"] for frame in frames] == ["clause", "stopped", "unheard", "took"]
    assert (frames[1]["by_person"], frames[3]["ms"]) == (False, 250.0)
    assert hears.told == [("heard", ""), ("took", "first_audio"), ("pressed", "5"), ("over", "hung_up")]
