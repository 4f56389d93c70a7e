"""Telling other processes that there is something new.

A change stream does not say who wrote, so each process counts up a document of its own after it has committed (its pulse,
four times a second at most, whatever it writes), and watches those of the others: a stream over one small collection instead of
one over all that is written. A pulse is late by up to a quarter of a second, and missing when its process was killed right after
a commit; what is due is found again by whoever asks for it, as after a restart. Programs that are not Switchboard have no pulse.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from datetime import datetime
from typing import Any

from pymongo import WriteConcern
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import OperationFailure, PyMongoError

from bot.clock import new_id
from bot.running import end_tasks

_PULSE_SECONDS = 0.25
_POLL_SECONDS = 0.25
_AGAIN_SECONDS = 1.0
_NO_STREAMS = frozenset((59, 115, 303, 40324, 40573))
"""The server does not know change streams, or has none where it stands."""


class Pulses:
    """This process's pulse, and its ear for those of others."""

    def __init__(self, documents: AsyncCollection[dict[str, Any]], now: Callable[[], datetime]) -> None:
        self._documents = documents.with_options(write_concern=WriteConcern(w=1))  # nothing is lost with it
        self._now = now
        self._id = new_id()
        self._due = False
        self._has_ceased = False
        self._beating: asyncio.Task[None] | None = None
        self._watchers: dict[object, Callable[[], None]] = {}
        self._listening: asyncio.Task[None] | None = None

    def beat(self) -> None:
        """Something was committed."""
        if self._has_ceased:
            return
        self._due = True
        if self._beating is None:
            self._beating = asyncio.get_running_loop().create_task(self._beat())

    def cease(self) -> None:
        """From here on commits are told to nobody."""
        self._has_ceased = True

    async def _beat(self) -> None:
        try:
            while self._due:
                await self._send()
                await asyncio.sleep(_PULSE_SECONDS)
        finally:
            self._beating = None

    async def _send(self) -> None:
        self._due = False
        with contextlib.suppress(PyMongoError):  # the next one tells as much
            await self._documents.update_one({"_id": self._id}, {"$inc": {"beats": 1}, "$set": {"at": self._now()}}, upsert=True)

    def watch(self, told: Callable[[], None]) -> Callable[[], None]:
        ticket = object()
        self._watchers[ticket] = told
        if self._listening is None:
            self._listening = asyncio.get_running_loop().create_task(self._listen())

        def end() -> None:
            self._watchers.pop(ticket, None)
            if not self._watchers and self._listening is not None:
                self._listening.cancel()
                self._listening = None

        return end

    async def close(self) -> None:
        """Ends the watch; a last pulse tells of what was just committed."""
        self._watchers.clear()
        await end_tasks(*(task for task in (self._listening, self._beating) if task is not None))
        self._listening = None
        if self._due:
            await self._send()

    def _tell(self) -> None:
        for told in list(self._watchers.values()):
            told()

    async def _listen(self) -> None:
        others: list[dict[str, Any]] = [
            {"$match": {"operationType": {"$in": ["insert", "update", "replace"]}, "documentKey._id": {"$ne": self._id}}},
            {"$project": {"_id": 1}},
        ]
        while True:
            try:
                async with await self._documents.watch(others) as stream:
                    async for _ in stream:
                        self._tell()
            except OperationFailure as error:
                if error.code in _NO_STREAMS:
                    await self._poll()
            except PyMongoError:
                pass
            await asyncio.sleep(_AGAIN_SECONDS)
            self._tell()  # something may have been missed

    async def _poll(self) -> None:
        """Looks again and again, for a server without change streams."""
        seen = None
        while True:
            with contextlib.suppress(PyMongoError):
                found = [(doc["_id"], doc["beats"]) async for doc in self._documents.find({"_id": {"$ne": self._id}}).sort("_id")]
                if seen is not None and set(found) - set(seen):
                    self._tell()
                seen = found
            await asyncio.sleep(_POLL_SECONDS)
