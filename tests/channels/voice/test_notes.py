"""What is written behind: in order, tried again, and never for ever."""

from __future__ import annotations

import asyncio

import pytest

from bot.channels.voice.alarms import Alarm
from bot.channels.voice.notes import MAX_ATTEMPTS, Notes
from bot.errors import StoreUnavailable
from bot.testing.clock import ManualClock

pytestmark = pytest.mark.unit


class Paper:
    """Takes what is written, unless the store is away."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.written: list[int] = []
        self.told = 0
        self.failures: list[Exception] = []
        self.notes = Notes(self.clock, self._tell)

    def _tell(self) -> None:
        self.told += 1

    def add(self, number: int) -> None:
        async def write() -> None:
            if self.failures:
                raise self.failures.pop()
            self.written.append(number)

        self.notes.add(write)


async def test_notes_are_written_in_order_and_leave_no_task() -> None:
    paper = Paper()
    for number in range(5):
        paper.add(number)
    assert paper.written == []
    await paper.notes.settled()
    assert (paper.written, paper.told) == ([0, 1, 2, 3, 4], 1)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_store_that_is_away_is_waited_for() -> None:
    paper = Paper()
    paper.failures = [StoreUnavailable(), StoreUnavailable()]
    paper.add(1)
    paper.add(2)
    await paper.clock.advance(4)
    assert paper.written == [1, 2]


async def test_what_cannot_be_written_holds_up_nothing() -> None:
    paper = Paper()
    paper.failures = [ValueError("broken")]
    paper.add(1)
    paper.add(2)
    await paper.notes.settled()
    assert paper.written == [2]


async def test_after_so_many_tries_a_note_is_lost() -> None:
    paper = Paper()
    paper.failures = [StoreUnavailable() for _ in range(MAX_ATTEMPTS)]
    paper.add(1)
    paper.add(2)
    await paper.clock.advance(100)
    assert paper.written == [2]


async def test_the_end_waits_for_them_but_not_for_ever() -> None:
    paper = Paper()
    paper.failures = [StoreUnavailable() for _ in range(99)]
    paper.add(1)
    closing = asyncio.create_task(paper.notes.close(3))
    await paper.clock.advance(4)
    await closing
    assert asyncio.all_tasks() == {asyncio.current_task()}
    await Paper().notes.close(3)


async def test_an_alarm_rings_once_after_the_last_time_it_was_set() -> None:
    clock, rings = ManualClock(), list[float]()
    alarm = Alarm(clock, lambda: rings.append(clock.monotonic()))
    alarm.set(2)
    await clock.advance(1)
    alarm.set(2)
    await clock.advance(5)
    assert rings == [3.0]
    alarm.set(5)
    alarm.set(1)
    await clock.advance(1)
    assert rings == [3.0, 7.0]
    alarm.set(1)
    alarm.clear()
    await clock.advance(3)
    assert rings == [3.0, 7.0]
    assert not alarm.is_set
