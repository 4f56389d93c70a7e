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
"""Documents that are looked at for one page, where the side table tells all."""
_READ = 250
"""Documents that are looked at for one page, where their rows have to be read."""
_COUNTED = 5_000
"""A word that more entries have is common: where it is a wide beginning, the newest documents themselves are gone through."""
_MERGED = 48
"""So many tokens are merged as they stand; more are a wide beginning."""
_PROBED = 8
"""So many tokens of a word are looked up one by one in the side table; those of a word with more in the rows themselves."""
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
    if connection.in_transaction:  # of a reader that answers several questions at once
        return _Search(connection, question).page()
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


class _Asked(NamedTuple):
    """A word, and where its entries are."""

    size: int
    """How many it has, as far as counting goes."""
    word: Word
    ranges: list[Range]

    @property
    def is_wide(self) -> bool:
        """Whether it is the beginning of so many tokens that they are not told apart."""
        return any(part.high for part in self.ranges)

    @property
    def gives_candidates(self) -> bool:
        """Whether its entries are gone through; else it is so common that all documents are."""
        return not self.is_wide or self.size < _COUNTED

    @property
    def is_read(self) -> bool:
        """Whether a document's own tokens are read to see if it has the word."""
        return self.is_wide or len(self.ranges) > _PROBED


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
        asked = sorted((self._asked(word) for word in question.words), key=lambda one: one.size)
        if not asked or not asked[0].size or question.limit <= 0:
            return Page([], None)
        candidates = self._candidates(asked[0])
        hits: list[Place] = []
        looked, last = 0, question.after
        chunk = _FIRST_CHUNK
        most = _READ if question.shape or any(one.is_read for one in asked) else _LOOKED_AT
        while places := list(islice(candidates, min(chunk, most - looked))):
            hits += self._hits(places, asked)
            looked, last = looked + len(places), places[-1]
            if len(hits) > question.limit:
                return self._found(hits[: question.limit], hits[question.limit - 1])
            chunk = _CHUNK
        return self._found(hits, last if looked >= most and next(candidates, None) else None)

    def _found(self, hits: list[Place], after: Place | None) -> Page:
        rows = [row for _, row in hits]
        sql = f"SELECT _row, _doc, _version FROM {self._table} WHERE _row IN (SELECT value FROM json_each(?))"
        read = {found[0]: found[1:] for found in self._execute(sql, (orjson.dumps(rows).decode(),))}
        return Page([read[row] for row in rows], None if after is None else f"{after[0]}:{after[1]}")

    def _asked(self, word: Word) -> _Asked:
        tokens = self._tokens(word)
        ranges = [Range(token) for token in tokens] if len(tokens) <= _MERGED else ranges_of(word)
        size = 0
        for part in ranges:
            sql = f"SELECT count(*) FROM (SELECT 1 FROM {self._side} WHERE {part.test} LIMIT ?)"
            size += self._execute(sql, (*part.bounds, _COUNTED - size)).fetchone()[0]
            if size >= _COUNTED:
                break
        return _Asked(size, word, ranges)

    def _candidates(self, asked: _Asked) -> Iterator[Place]:
        """Documents that may be found, the newest first, from where the page begins."""
        if not asked.gives_candidates:
            yield from self._newest()
            return
        # The entries of a beginning have to be sorted, so all that are needed are fetched at once.
        chunk = _READ if asked.is_wide else _FIRST_CHUNK
        last = None
        for place in merge(*(self._entries(part, chunk) for part in asked.ranges), reverse=True):
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
            behind, chunk = found[-1], _READ

    def _newest(self) -> Iterator[Place]:
        """All documents, the newest first."""
        behind = self._question.after
        sql = f"SELECT _newest, _row FROM {self._table} WHERE (_newest, _row) < (?, ?) ORDER BY _newest DESC, _row DESC LIMIT ?"
        while found := self._execute(sql, (*behind, _CHUNK)).fetchall():
            yield from found
            behind = found[-1]

    def _hits(self, places: list[Place], asked: list[_Asked]) -> list[Place]:
        """Those of the documents in which every word is found, and that are what is asked for besides."""
        rows = {row: (newest, row) for newest, row in places}
        rarest, *others = asked
        unsure = others if rarest.gives_candidates else asked
        for one in unsure:
            if rows and not one.is_read:
                rows = {row: rows[row] for row in self._having(list(rows.values()), one)}
        read = [one.word for one in unsure if one.is_read]
        if rows and (read or self._question.shape):
            rows = {row: rows[row] for row in self._read(list(rows), read)}
        return sorted(rows.values(), reverse=True)

    def _having(self, places: list[Place], one: _Asked) -> list[int]:
        """Those rows that have one of a word's tokens: by the side table, whose pages lie close together."""
        sql = (
            f"SELECT json_extract(c.value, '$[1]') FROM json_each(?) AS c WHERE EXISTS (SELECT 1 FROM {self._side} "
            f"WHERE value IN ({', '.join('?' * len(one.ranges))}) AND newest = json_extract(c.value, '$[0]') "
            "AND row = json_extract(c.value, '$[1]'))"
        )
        found = self._execute(sql, (orjson.dumps(places).decode(), *(part.low for part in one.ranges)))
        return [row for (row,) in found]

    def _read(self, rows: list[int], words: list[Word]) -> list[int]:
        """Those rows that are what is asked for besides, and in whose own tokens the words are found."""
        sql = f"SELECT _row, {TOKENS} FROM {self._table} AS t WHERE _row IN (SELECT value FROM json_each(?)) AND {self._where}"
        found = []
        for row, tokens in self._execute(sql, (orjson.dumps(rows).decode(), *self._question.values)):
            kept = orjson.loads(tokens) if words else []
            if all(word.is_in(kept) for word in words):
                found.append(row)
        return found
