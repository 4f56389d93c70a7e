"""Inserts that wait together go in one round trip: a hundred webhooks acknowledged at once are one command, journaled once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, NamedTuple

from bson.raw_bson import RawBSONDocument
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import BulkWriteError, DuplicateKeyError

from bot.store.mongo_connection import Translated, refused

_TOGETHER = 1000
"""Documents in one command at most."""
_DUPLICATE, _INVALID = 11000, 121

Documents = Sequence[RawBSONDocument]


class _Waiting(NamedTuple):
    documents: Documents
    answer: asyncio.Future[list[bool]]


class Inserts:
    """The inserts of one collection, one command under way at a time; what comes meanwhile goes together in the next."""

    def __init__(self, collection: AsyncCollection[Any], translated: Translated) -> None:
        self._collection = collection
        self._translated = translated
        self._waiting: list[_Waiting] = []
        self._task: asyncio.Task[None] | None = None

    async def insert(self, documents: Documents) -> list[bool]:
        """Which of them were new. Raises StoreUnavailable, RecordError; the good ones are written all the same."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[list[bool]] = loop.create_future()
        self._waiting.append(_Waiting(documents, answer))
        if self._task is None:
            self._task = loop.create_task(self._work())
        return await answer

    async def finish(self) -> None:
        """Waits for what is under way."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def _work(self) -> None:
        try:
            while self._waiting:
                together: list[_Waiting] = []
                size = 0
                while self._waiting and (not together or size + len(self._waiting[0].documents) <= _TOGETHER):
                    together.append(self._waiting.pop(0))
                    size += len(together[-1].documents)
                await self._write(together)
        finally:
            self._task = None

    async def _write(self, together: list[_Waiting]) -> None:
        documents = [document for waiting in together for document in waiting.documents]
        try:
            errors = await self._send(documents)
        except Exception as error:  # it belongs to all who waited
            for waiting in together:
                if not waiting.answer.done():
                    waiting.answer.set_exception(error)
            return
        at = 0
        for waiting in together:
            ours = [errors.get(number) for number in range(at, at + len(waiting.documents))]
            at += len(waiting.documents)
            if waiting.answer.done():  # given up
                continue
            bad = next((error for error in ours if error is not None and error["code"] != _DUPLICATE), None)
            if bad is None:
                waiting.answer.set_result([error is None for error in ours])
            elif bad["code"] == _INVALID:
                waiting.answer.set_exception(refused(bad))
            else:
                waiting.answer.set_exception(self._translated.said(BulkWriteError({"writeErrors": [bad]})))

    async def _send(self, documents: Documents) -> dict[int, dict[str, Any]]:
        """What went wrong, by the place of the document."""
        with self._translated:
            try:
                if len(documents) == 1:
                    await self._collection.insert_one(documents[0])
                else:
                    await self._collection.insert_many(documents, ordered=False)
            except DuplicateKeyError:
                return {0: {"code": _DUPLICATE}}
            except BulkWriteError as error:
                if error.details.get("writeConcernErrors"):
                    raise
                return {failed["index"]: failed for failed in error.details["writeErrors"]}
        return {}
