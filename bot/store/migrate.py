"""Moving data: out to files, in from files, from one store to another. Files are `<collection>.jsonl`, a document per line.

Everything goes in pages, so a million records take no more memory than a thousand. What is written is whole or absent: a file
gets its name when it is complete, a page of records is one unit.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from pydantic import ValidationError

from bot.errors import Duplicate, RecordError, StoreError
from bot.records.base import Record, explain
from bot.records.conversations import Message
from bot.records.work import Counter, Fence
from bot.store.base import Store
from bot.store.catalog import every_kind
from bot.store.sqlite_schema import as_json

PAGE = 1000
"""Records that are read and written together."""

Progress = Callable[[str, int, int], None]
"""Told a collection, how many of its records are done, and how many there are."""


def _moving() -> list[type[Record]]:
    """What moves. A fence belongs to the processes at one place, and must only ever grow there."""
    return [kind for kind in every_kind() if kind is not Fence]


async def _load(store: Store, page: Sequence[Record]) -> None:
    """Loads a page. A counter is never set back: numbers that were given out there must not be given out again."""
    counters = [record for record in page if isinstance(record, Counter)]
    for counter in counters:
        known = await store.get(Counter, counter.id)
        counter.value = max(counter.value, known.value if known else 0)
    await store.load(page)


async def pages_of(store: Store, kind: type[Record]) -> AsyncIterator[list[Record]]:
    """All records of a kind, by id, a page at a time."""
    after: str | None = None
    while True:
        page: list[Record] = list(await store.find(kind, {}, sort=("id",), limit=PAGE, after=after))
        if page:
            yield page
        if len(page) < PAGE:
            return
        after = page[-1].id


async def export_to(store: Store, folder: Path, progress: Progress, kinds: Iterable[type[Record]] | None = None) -> int:
    """Writes every collection into the folder; how many records. Raises StoreError where a file cannot be written."""
    total = 0
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for kind in _moving() if kinds is None else kinds:
            total += await _export(store, kind, folder, progress)
    except OSError as error:
        raise StoreError(f"{error.filename or folder}: cannot be written ({error.strerror})") from None
    return total


async def _export(store: Store, kind: type[Record], folder: Path, progress: Progress) -> int:
    name = kind.shape.collection
    count, done = await store.count(kind, {}), 0
    part = folder / f"{name}.jsonl.part"
    with part.open("w", encoding="utf-8") as file:
        async for page in pages_of(store, kind):
            file.writelines(as_json(record) + "\n" for record in page)
            done += len(page)
            progress(name, done, max(count, done))
    part.replace(folder / f"{name}.jsonl")
    return done


async def import_from(store: Store, folder: Path, progress: Progress) -> int:
    """Loads every `<collection>.jsonl` of the folder; how many records. What has the same id is replaced.

    Raises StoreError for a file that is no collection of ours, RecordError naming file, line, field and rule; the pages before
    that line are loaded then, and loading again after mending it is safe.
    """
    kinds = {kind.shape.collection: kind for kind in _moving()}
    files = sorted(folder.glob("*.jsonl"))
    if not files:
        raise StoreError(f"{folder}: there is no <collection>.jsonl in it")
    unknown = [file.name for file in files if file.stem not in kinds]
    if unknown:
        raise StoreError(f"{folder / unknown[0]}: there is no collection of that name; move the file away")
    return sum([await _import(store, kinds[file.stem], file, progress) for file in files])


async def _import(store: Store, kind: type[Record], file: Path, progress: Progress) -> int:
    with file.open("rb") as lines:
        count = sum(1 for _ in lines)
    done = 0
    with file.open("rb") as lines:
        records = _read(kind, file, lines)
        while page := list(islice(records, PAGE)):
            try:
                await _load(store, page)
            except Duplicate as error:
                raise RecordError(f"{file.name}: between lines {done + 1} and {done + len(page)}: {error}") from None
            done += len(page)
            progress(kind.shape.collection, done, count)
    return done


def _read(kind: type[Record], file: Path, lines: Iterable[bytes]) -> Iterator[Record]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield kind.model_validate_json(line)
        except ValidationError as error:
            raise RecordError(f"{file.name}, line {number}: {explain(kind.__name__, error)}") from None


async def copy(source: Store, target: Store, progress: Progress, *, replace: bool = False) -> int:
    """Loads everything of one store into another; how many records.

    Raises StoreError when the target holds messages already, unless `replace`: then what has the same id is replaced, whatever
    happened to it there meanwhile.
    """
    if not replace and await target.count(Message, {}):
        raise StoreError("the database holds conversations already, and this would set them back; --replace does it all the same")
    total = 0
    for kind in _moving():
        count, done = await source.count(kind, {}), 0
        async for page in pages_of(source, kind):
            await _load(target, page)
            done += len(page)
            progress(kind.shape.collection, done, max(count, done))
        total += done
    return total


async def upgrade(store: Store, progress: Progress) -> int:
    """Writes every record of a kind that has had another shape in today's; how many. Reading has done the work already."""
    total = 0
    for kind in every_kind():
        if not kind.shape.upgrades:
            continue
        count, done = await store.count(kind, {}), 0
        async for page in pages_of(store, kind):
            await store.load(page)
            done += len(page)
            progress(kind.shape.collection, done, max(count, done))
        total += done
    return total
