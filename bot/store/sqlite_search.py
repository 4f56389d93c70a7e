"""Searching by words in SQLite.

Every searchable table has a side table (value, newest, row): who has a token, the newest first. A search goes by the rarest of
its words, as far as the side table tells with little counting, and looks the others up in the tokens kept in the row itself. What
it looks at for one page is bounded, so a search for two common words that never meet takes no longer than others: its page is
short and says where to continue.
"""

# ruff: noqa: S608 - SQL is put together from declared names only; values are always bound
from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import islice
from typing import Any, NamedTuple

import orjson

from bot.errors import StoreError
from bot.records.tokens import Word
from bot.store.base import Where
from bot.store.sqlite_query import Shape, condition, gather
from bot.store.sqlite_schema import Table, quote_name
from bot.store.words import TOKENS

_LOOKED_AT = 1000
"""Documents that are looked at for one page."""
_COUNTED = 20_000
"""A word that more entries have is common: where it is a wide beginning, the newest documents themselves are gone through."""
_MERGED = 48
"""So many tokens are merged as they stand; more are a wide beginning."""
_FIRST_CHUNK = 32
_CHUNK = 256
_END = "\U0010ffff"
"""Comes behind every character that a word has."""

Place = tuple[int, int]
"""(newest, row): the order of what is found, upside down."""
_NEWEST_OF_ALL: Place = (2**62, 2**62)


class Range(NamedTuple):
    """Entries of the side table: of one token, or of all that begin alike."""

    low: str
    high: str = ""
    """Empty where it is one token."""

    @property
    def test(self) -> str:
        return "value >= ? AND value < ?" if self.high else "value = ?"

    @property
    def bounds(self) -> list[str]:
        return [self.low, self.high] if self.high else [self.low]


def ranges_of(word: Word) -> list[Range]:
    """Where the entries of a word are, each once."""
    begun = [Range(beginning, beginning + _END) for beginning in word.beginnings]
    return begun + [Range(token) for token in sorted(word.tokens) if not token.startswith(word.beginnings)]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of one page."""

    table: Table
    words: tuple[Word, ...]
    shape: Shape
    values: list[Any]
    limit: int
    after: Place

    @classmethod
    def of(cls, table: Table, words: Sequence[Word], where: Where, limit: int, after: str | None) -> Question:
        """Raises StoreError for a record that is not searched, and for an `after` that no page gave."""
        if table.searched is None:
            raise StoreError(f"{table.collection}: declares no fields by whose words it is searched")
        shape, values = gather(table, where)
        return cls(table, tuple(words), shape, values, limit, _NEWEST_OF_ALL if after is None else _place(table, after))


class Page(NamedTuple):
    """The rows that were found, as (_doc, _version), and where the next page continues."""

    rows: list[tuple[Any, ...]]
    after: str | None


def search(connection: sqlite3.Connection, question: Question) -> Page:
    """One page, from one moment of the database."""
    connection.execute("BEGIN")
    try:
        return _Search(connection, question).page()
    finally:
        connection.execute("COMMIT")


def _place(table: Table, after: str) -> Place:
    newest, _, row = after.partition(":")
    try:
        return int(newest), int(row)
    except ValueError:
        raise StoreError(
            f"{table.collection}: {after!r} is no place to continue at; give what a page of this search gave"
        ) from None


class _Search:
    def __init__(self, connection: sqlite3.Connection, question: Question) -> None:
        self._execute = connection.execute
        self._question = question
        table = question.table
        self._table = table.name
        self._side = quote_name(f"{table.collection}.{TOKENS}")
        self._where = condition(table, question.shape)

    def page(self) -> Page:
        question = self._question
        sized = sorted(((self._size(word), word) for word in question.words), key=lambda entry: entry[0])
        if not sized or not sized[0][0] or question.limit <= 0:
            return Page([], None)
        candidates = self._candidates(*sized[0])
        hits: list[Place] = []
        looked, last = 0, question.after
        chunk = _FIRST_CHUNK
        while places := list(islice(candidates, min(chunk, _LOOKED_AT - looked))):
            hits += self._hits(places)
            looked, last = looked + len(places), places[-1]
            if len(hits) > question.limit:
                return self._found(hits[: question.limit], hits[question.limit - 1])
            chunk = _CHUNK
        return self._found(hits, last if looked >= _LOOKED_AT and next(candidates, None) else None)

    def _found(self, hits: list[Place], after: Place | None) -> Page:
        rows = [row for _, row in hits]
        sql = f"SELECT _row, _doc, _version FROM {self._table} WHERE _row IN (SELECT value FROM json_each(?))"
        read = {found[0]: found[1:] for found in self._execute(sql, (orjson.dumps(rows).decode(),))}
        return Page([read[row] for row in rows], None if after is None else f"{after[0]}:{after[1]}")

    def _size(self, word: Word) -> int:
        """How many entries a word has, as far as counting goes."""
        size = 0
        for part in ranges_of(word):
            sql = f"SELECT count(*) FROM (SELECT 1 FROM {self._side} WHERE {part.test} LIMIT ?)"
            size += self._execute(sql, (*part.bounds, _COUNTED - size)).fetchone()[0]
            if size >= _COUNTED:
                break
        return size

    def _candidates(self, size: int, word: Word) -> Iterator[Place]:
        """Documents that may be found, the newest first, from where the page begins."""
        tokens = self._tokens(word)
        if len(tokens) <= _MERGED:
            streams = [self._entries(Range(token), _FIRST_CHUNK) for token in tokens]
        elif size < _COUNTED:
            streams = [self._entries(part, _CHUNK) for part in ranges_of(word)]
        else:
            yield from self._newest()
            return
        last = None
        for place in merge(*streams, reverse=True):
            if place != last:
                last = place
                yield place

    def _tokens(self, word: Word) -> list[str]:
        """The tokens in which a word is found; one more than are merged where there are too many."""
        found = []
        for part in ranges_of(word):
            if not part.high:
                found.append(part.low)
                continue
            sql = f"SELECT min(value) FROM {self._side} WHERE value {{}} ? AND value < ?"
            token = self._execute(sql.format(">="), (part.low, part.high)).fetchone()[0]
            while token is not None and len(found) <= _MERGED:
                found.append(token)
                token = self._execute(sql.format(">"), (token, part.high)).fetchone()[0]
        return found

    def _entries(self, part: Range, chunk: int) -> Iterator[Place]:
        """The entries of a range, the newest first, a chunk at a time."""
        behind = self._question.after
        sql = (
            f"SELECT newest, row FROM {self._side} WHERE {part.test} AND (newest, row) < (?, ?) "
            "ORDER BY newest DESC, row DESC LIMIT ?"
        )
        while True:
            found: list[Place] = self._execute(sql, (*part.bounds, *behind, chunk)).fetchall()
            yield from found
            if len(found) < chunk:
                return
            behind, chunk = found[-1], _LOOKED_AT

    def _newest(self) -> Iterator[Place]:
        """All documents, the newest first."""
        behind = self._question.after
        sql = f"SELECT _newest, _row FROM {self._table} WHERE (_newest, _row) < (?, ?) ORDER BY _newest DESC, _row DESC LIMIT ?"
        while found := self._execute(sql, (*behind, _CHUNK)).fetchall():
            yield from found
            behind = found[-1]

    def _hits(self, places: list[Place]) -> list[Place]:
        """Those of the documents in which every word is found, and that are what is asked for besides."""
        question = self._question
        sql = f"SELECT _row, {TOKENS} FROM {self._table} AS t WHERE _row IN (SELECT value FROM json_each(?)) AND {self._where}"
        rows = orjson.dumps([row for _, row in places]).decode()
        found = set()
        for row, tokens in self._execute(sql, (rows, *question.values)):
            kept = orjson.loads(tokens)
            if all(word.is_in(kept) for word in question.words):
                found.add(row)
        return [place for place in places if place[1] in found]
