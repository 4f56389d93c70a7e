"""Questions that are asked one by one and answered many at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

_MOST = 500
"""Questions that go together: an answer to more would hold everybody else up."""

T = TypeVar("T")
A = TypeVar("A")


class Together(Generic[T, A]):
    """What is asked while others are being answered goes together in the next round trip, so it waits for no clock."""

    def __init__(self, answer: Callable[[Sequence[T]], Awaitable[Sequence[A]]]) -> None:
        """`answer` gives one answer for each question, in their order."""
        self._answer = answer
        self._asked: list[tuple[T, asyncio.Future[A]]] = []
        self._task: asyncio.Task[None] | None = None

    async def ask(self, question: T) -> A:
        """The answer to this one. Raises what answering raised."""
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[A] = loop.create_future()
        self._asked.append((question, answered))
        if self._task is None:
            self._task = loop.create_task(self._work())
        return await answered

    async def _work(self) -> None:
        try:
            while self._asked:
                batch, self._asked = self._asked[:_MOST], self._asked[_MOST:]
                await self._settle(batch)
        finally:
            self._task = None

    async def _settle(self, batch: Sequence[tuple[T, asyncio.Future[A]]]) -> None:
        try:
            answers = await self._answer([question for question, _ in batch])
        except Exception as error:  # it belongs to all who asked
            for _, answered in batch:
                if not answered.done():
                    answered.set_exception(error)
            return
        for (_, answered), answer in zip(batch, answers, strict=True):
            if not answered.done():  # given up
                answered.set_result(answer)
