"""The sessions in which units are written, and an end to those of processes that died in the middle of one.

A transaction outlives the process that began it: MongoDB keeps what it holds for a minute (SecantusDB for ever), and a killed
worker's lanes would wait for that. So processes that share a database write down their sessions, keep that note fresh, and end
the sessions of whoever is silent. Whoever was only slow begins its transaction again, as after any other conflict.

The same note tells which version a process runs and what it does (`versions`), for `bot check`.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from typing import Any

import structlog
from pymongo import WriteConcern
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import PyMongoError

from bot.clock import new_id
from bot.store.mongo_connection import Client, time_of
from bot.store.versions import NAME, Doing, Process

log = structlog.get_logger()

_FORGOTTEN = timedelta(hours=1)
"""After so long a silence the note goes, too, when the next process begins."""


class Sessions:
    """This process's sessions, each used by one unit after the other."""

    def __init__(
        self, client: Client, notes: AsyncCollection[dict[str, Any]], version: str = "", shapes: Mapping[str, int] | None = None
    ) -> None:
        self._client = client
        self._about = {"name": NAME, "version": version, "shapes": dict(shapes or {})}
        self._doing: Doing = dict
        self._silent = 0.0
        self._slow = 0.0
        """Seconds that keeping clear takes of late."""
        self._notes = notes.with_options(write_concern=WriteConcern(w=1))
        self._id = new_id()
        self._idle: list[AsyncClientSession] = []
        self._known: list[Any] = []
        self._is_noted = False

    @asynccontextmanager
    async def one(self) -> AsyncIterator[AsyncClientSession]:
        """A session that nobody else uses meanwhile. Raises PyMongoError."""
        session = self._idle.pop() if self._idle else await self._another()
        try:
            yield session
        finally:
            if session.in_transaction:  # torn: not to be used again
                self._known.remove(session.session_id)
                await session.end_session()
            else:
                self._idle.append(session)

    async def _another(self) -> AsyncClientSession:
        # Nothing is read but what is written, and w=majority confirms that along with all before it: neither a read concern nor a
        # cluster time is needed, which SecantusDB 0.7.0b3 would not take with a `bulkWrite`.
        session = self._client.start_session(causal_consistency=False)
        self._known.append(session.session_id)
        if self._is_noted:  # before it holds anything
            await self._note()
        return session

    async def _note(self) -> None:
        told = {**self._about, "doing": dict(self._doing()), "silent": self._silent}
        note = {"$set": {"sessions": self._known, "ended": False, **told}, "$currentDate": {"at": True}}
        await self._notes.update_one({"_id": self._id}, note, upsert=True)

    def announce(self, doing: Doing) -> None:
        """From now on the note tells what this process does."""
        self._doing = doing

    async def others(self) -> list[Process]:
        """Whose note is fresh. Raises PyMongoError."""
        fresh = await fresh_notes(self._notes, await time_of(self._client))
        return [_process(note) for note in fresh if note["_id"] != self._id]

    async def keep_clear(self, silent: float) -> None:
        """Keeps this process's note fresh, and ends the sessions of those that have been silent for so many seconds.

        As long as it takes itself, it waits for others more: on a slow server those who live would end what the others write, for
        ever. Raises PyMongoError.
        """
        began = time.monotonic()
        try:
            await self._keep_clear(silent)
        finally:
            self._slow = max(time.monotonic() - began, self._slow / 2)

    async def _keep_clear(self, silent: float) -> None:
        is_first, self._is_noted, self._silent = not self._is_noted, True, silent
        began = time.monotonic()
        await self._note()
        self._slow = max(time.monotonic() - began, self._slow)
        mine = await self._notes.find_one({"_id": self._id})
        if mine is None:
            return
        before = mine["at"] - timedelta(seconds=silent + self._slow)  # by the server's clock, both of them
        async for note in self._notes.find({"at": {"$lt": before}, "ended": False}):
            if note["sessions"]:
                log.warning("a process is silent; what it had begun to write is undone", sessions=len(note["sessions"]))
                await self._client.admin.command("killSessions", note["sessions"])
            await self._notes.update_one({"_id": note["_id"], "at": note["at"]}, {"$set": {"ended": True}})
        if is_first:
            await self._notes.delete_many({"at": {"$lt": mine["at"] - _FORGOTTEN}})

    async def close(self) -> None:
        """Ends them."""
        for session in self._idle:
            await session.end_session()
        if self._is_noted:
            with suppress(PyMongoError):
                await self._notes.delete_one({"_id": self._id})


async def fresh_notes(notes: AsyncCollection[dict[str, Any]], now: datetime) -> list[dict[str, Any]]:
    """The notes of those who have been heard from within the time that they themselves gave. Raises PyMongoError."""
    found = await notes.find({"at": {"$gt": now - _FORGOTTEN}}).to_list()
    return [note for note in found if note["at"] > now - timedelta(seconds=note.get("silent", 0))]


def _process(note: Mapping[str, Any]) -> Process:
    return Process(note.get("name", ""), note.get("version", ""), note.get("shapes", {}), note.get("doing", {}))
