"""The sessions in which units are written, and an end to those of processes that died in the middle of one.

A transaction outlives the process that began it: MongoDB keeps what it holds for a minute (SecantusDB for ever), and a killed
worker's lanes would wait for that. So processes that share a database write down their sessions, keep that note fresh, and end
the sessions of whoever is silent. Whoever was only slow begins its transaction again, as after any other conflict.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any

import structlog
from pymongo import WriteConcern
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import PyMongoError

from bot.clock import new_id
from bot.store.mongo_connection import Client

log = structlog.get_logger()

_FORGOTTEN = timedelta(hours=1)
"""After so long a silence the note goes, too, when the next process begins."""


class Sessions:
    """This process's sessions, each used by one unit after the other."""

    def __init__(self, client: Client, notes: AsyncCollection[dict[str, Any]]) -> None:
        self._client = client
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
        note = {"$set": {"sessions": self._known, "ended": False}, "$currentDate": {"at": True}}
        await self._notes.update_one({"_id": self._id}, note, upsert=True)

    async def keep_clear(self, silent: float) -> None:
        """Keeps this process's note fresh, and ends the sessions of those that have been silent for so many seconds.

        Raises PyMongoError.
        """
        is_first, self._is_noted = not self._is_noted, True
        await self._note()
        mine = await self._notes.find_one({"_id": self._id})
        if mine is None:
            return
        before = mine["at"] - timedelta(seconds=silent)  # by the server's clock, both of them
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
