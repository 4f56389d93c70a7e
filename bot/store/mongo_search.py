"""Searching by words in MongoDB: each document holds its tokens, in one index with the moment that orders what is found."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.errors import StoreError
from bot.records.tokens import Word
from bot.store.base import Where
from bot.store.mongo_documents import Collection
from bot.store.mongo_query import Filter, beginning, behind, filter_of
from bot.store.words import TOKENS, Searched

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def searched_for(
    collection: Collection, words: Sequence[Word], where: Where, after: str | None
) -> tuple[Filter, list[tuple[str, int]]]:
    """What a page of a search asks for, and in which order.

    Raises StoreError for a record that is not searched, and for an `after` that no page gave.
    """
    searched = collection.searched or Searched(collection.kind)
    tests = [_has(word) for word in words]
    besides = filter_of(collection, where)[0]
    if besides:
        tests.append(besides)
    if after is not None:
        newest, id = _place(collection.name, after)
        tests.append(behind(searched.newest_stored, True, newest, id))
    return {"$and": tests}, [(searched.newest_stored, -1), ("_id", -1)]


def _has(word: Word) -> Filter:
    """That a word is found in a document: by one of its tokens, or by one that begins so."""
    begins: list[Filter] = [{TOKENS: {"$elemMatch": beginning(text)}} for text in word.beginnings]
    tokens = [token for token in sorted(word.tokens) if not token.startswith(word.beginnings)]
    return {"$or": [*begins, *([{TOKENS: {"$in": tokens}}] if tokens else [])]}


def place_in(collection: Collection, document: dict[str, Any]) -> str:
    """Where the page behind this document begins."""
    searched = collection.searched or Searched(collection.kind)
    newest = document.get(searched.newest_stored)
    return f"{'' if newest is None else (newest - _EPOCH) // _MILLISECOND}:{document['_id']}"


def _place(collection: str, after: str) -> tuple[datetime | None, str]:
    newest, colon, id = after.partition(":")
    try:
        if colon:
            return (_EPOCH + int(newest) * _MILLISECOND if newest else None), id
    except (ValueError, OverflowError):
        pass
    raise StoreError(f"{collection}: {after!r} is no place to continue at; give what a page of this search gave")
