"""How a program is run, and how what runs beside is ended: one cancel may be swallowed, and then the next one counts."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
from collections.abc import Iterator

import pytest

from bot.running import end_tasks, run, stop_signal

pytestmark = pytest.mark.unit


@pytest.fixture(autouse=True)
def collector_as_it_was() -> Iterator[None]:
    yield
    gc.unfreeze()
    gc.enable()


def test_the_garbage_collector_waits_for_the_imports_and_no_longer() -> None:
    seen: list[tuple[bool, int]] = []

    async def main() -> None:
        seen.append((gc.isenabled(), gc.get_freeze_count()))

    gc.disable()
    run(main())
    [(is_enabled, frozen)] = seen
    assert is_enabled
    assert frozen > 1000, "what was imported is not looked through again"


async def beat(swallowed: list[str]) -> None:
    """A loop in which a driver swallows the first cancel, as `asyncio.wait_for` does before Python 3.12."""
    while True:
        try:
            await asyncio.sleep(0.01)
        except asyncio.CancelledError:
            if swallowed:
                raise
            swallowed.append("one")


async def test_a_task_that_swallows_a_cancel_is_ended_all_the_same() -> None:
    swallowed: list[str] = []
    task = asyncio.create_task(beat(swallowed))
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        await end_tasks(task)
    assert task.cancelled()
    assert swallowed == ["one"]


async def test_a_task_that_fails_while_it_is_ended_disturbs_nobody() -> None:
    async def fails() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            raise RuntimeError("while it was cleaning up")

    task = asyncio.create_task(fails())
    await asyncio.sleep(0)
    await end_tasks(task)
    assert task.done()


async def test_nothing_to_end_is_no_error() -> None:
    await end_tasks()


async def test_a_signal_counts_from_the_moment_in_which_somebody_is_ready_for_it() -> None:
    stop = stop_signal()
    try:
        os.kill(os.getpid(), signal.SIGTERM)
        async with asyncio.timeout(10):
            await stop.wait()
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().remove_signal_handler(number)
