"""Searching in SQLite: every way of going about it finds the same, and databases made before are brought up to it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.records.base import RECORDS, Record, TextIndex, record
from bot.records.tokens import document_tokens, query_words
from bot.store import sqlite_search
from bot.store.sqlite import SqliteStore
from bot.testing.clock import ManualClock
from bot.testing.contracts import MOMENT, Note

pytestmark = pytest.mark.unit

_VOCABULARY = "casa casas cosa caso cama camino el la de factura facturas fact uno dos tres raj rajesh".split()  # noqa: SIM905
_BOUNDS = ("_LOOKED_AT", "_READ", "_COUNTED", "_MERGED", "_PROBED", "_FIRST_CHUNK", "_CHUNK")


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    "bounds",
    [
        (1000, 250, 5000, 48, 8, 32, 256),
        (7, 7, 5000, 48, 8, 2, 3),
        (7, 5, 5000, 1, 0, 2, 3),
        (9, 4, 3, 1, 1, 1, 2),
        (9, 4, 3, 48, 0, 3, 4),
        (5, 5, 1, 0, 0, 2, 2),
    ],
    ids=["as shipped", "few at a time", "beginnings sorted", "the newest gone through", "common words read", "all bounds tight"],
)
async def test_whatever_way_it_takes_a_search_finds_what_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bounds: tuple[int, ...], seed: int
) -> None:
    for name, bound in zip(_BOUNDS, bounds, strict=True):
        monkeypatch.setattr(sqlite_search, name, bound)
    luck = random.Random(seed)
    store = SqliteStore(tmp_path / "bot.db", ManualClock(), [Note])
    await store.open()
    try:
        notes = [
            Note(
                id=f"n{number:03}",
                title=luck.choice([None, *_VOCABULARY]),
                body=" ".join(luck.choices(_VOCABULARY, k=luck.randint(0, 6))),
                owner=luck.choice(["ana", "bo"]),
                at=MOMENT + timedelta(seconds=luck.randrange(40)),
            )
            for number in range(120)
        ]
        await store.insert(notes)
        newest = sorted(notes, key=lambda note: (note.at, note.id), reverse=True)
        for _ in range(25):
            query = " ".join(luck.choice(_VOCABULARY)[: luck.randint(1, 8)] for _ in range(luck.randint(1, 3)))
            where: dict[str, Any] = luck.choice([{}, {"owner": "ana"}])
            words = query_words(query)
            expected = [
                note.id
                for note in newest
                if all(word.is_in(document_tokens([note.title, note.body])) for word in words)
                and where.get("owner") in (None, note.owner)
            ]
            found: list[str] = []
            after: str | None = None
            for _ in range(1000):
                page = await store.search(Note, words, where, limit=luck.randint(1, 9), after=after)
                found += [note.id for note in page.records]
                if (after := page.after) is None:
                    break
            assert found == expected, (query, where)
    finally:
        await store.close()


@pytest.fixture
def collection() -> Iterator[str]:
    yield "searched_later"
    RECORDS.pop("searched_later", None)


async def _found(path: Path, kind: type[Record], query: str) -> list[str]:
    store = SqliteStore(path, ManualClock(), [kind])
    await store.open()
    try:
        return [one.id for one in (await store.search(kind, query_words(query))).records]
    finally:
        await store.close()


async def test_what_was_written_before_it_was_searched_is_found(tmp_path: Path, collection: str) -> None:
    """Also when other fields are declared later: tokens are made anew when the store is opened."""

    @record(collection)
    class Plain(Record):
        title: str
        body: str

    path = tmp_path / "bot.db"
    store = SqliteStore(path, ManualClock(), [Plain])
    await store.open()
    await store.insert([Plain(id="1", title="Factura", body="de marzo"), Plain(id="2", title="Casa", body="facturas")])
    await store.close()

    @record(collection, text=TextIndex(("title",)))
    class ByTitle(Record):
        title: str
        body: str

    assert await _found(path, ByTitle, "facturas") == ["1"]
    assert await _found(path, ByTitle, "facturas") == ["1"]  # opened again, nothing is made twice

    @record(collection, text=TextIndex(("title", "body")))
    class ByBoth(Record):
        title: str
        body: str

    assert await _found(path, ByBoth, "facturas") == ["2", "1"]
    assert await _found(path, ByBoth, "marzo") == ["1"]
