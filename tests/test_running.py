"""Ending what runs beside: one cancel may be swallowed, and then the next one counts."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from bot.running import end_tasks, stop_signal

pytestmark = pytest.mark.unit


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
