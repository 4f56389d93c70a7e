"""An end to what processes that died had begun to write, for as long as this one works."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from bot.errors import StoreError
from bot.running import end_tasks
from bot.store.base import Fences

log = structlog.get_logger()

SILENT = 0.75
"""Of a lease: after such a silence a process counts as dead, though its lanes are still its own."""


@asynccontextmanager
async def cleared(fences: Fences, lease: float) -> AsyncIterator[None]:
    """Meanwhile nobody waits for what a dead process had begun to write, longer than for its lanes."""
    await fences.keep_clear(SILENT * lease)
    clearing = asyncio.create_task(_clear(fences, lease))
    try:
        yield
    finally:
        await end_tasks(clearing)


async def _clear(fences: Fences, lease: float) -> None:
    while True:
        await asyncio.sleep(lease / 5)
        try:
            await fences.keep_clear(SILENT * lease)
        except StoreError as error:
            log.warning("could not look for what dead processes left", error=str(error))
