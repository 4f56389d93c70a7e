"""A bound on how long one step of a model may take."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from typing import Any, TypeVar, cast

T = TypeVar("T")


class Deadline:
    """Bounds the waiting of one step, from its making on.

    Not asyncio.timeout: held open across a generator's yields it would cancel the consumer's own awaits, and made anew for each
    token it costs as much as parsing one.
    """

    def __init__(self, seconds: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, self._strike)
        self._waiting: asyncio.Task[Any] | None = None
        self._passed = False

    def stop(self) -> None:
        """Lets it pass unnoticed."""
        self._timer.cancel()

    async def run(self, work: Awaitable[T]) -> T:
        """Waits for this. Raises TimeoutError when the deadline passes."""
        if self._passed:
            raise TimeoutError
        self._waiting = task = cast("asyncio.Task[Any]", asyncio.current_task())
        others = task.cancelling()
        try:
            return await work
        except asyncio.CancelledError:
            # Somebody else may have cancelled the task in the same moment; that one wins.
            if self._passed and task.uncancel() <= others:
                raise TimeoutError from None
            raise
        finally:
            self._waiting = None

    async def next(self, items: AsyncIterator[T]) -> T | None:
        """The next item; None at the end. Raises TimeoutError when the deadline passes."""
        try:
            return await self.run(items.__anext__())
        except StopAsyncIteration:
            return None

    def _strike(self) -> None:
        self._passed = True
        if self._waiting is not None:
            self._waiting.cancel()
