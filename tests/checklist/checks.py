"""How each kind of line is checked. A check takes the bench and the line, and fails by an assertion."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

from bot.memory.vectors import nearest
from bot.records.base import RECORDS, Record
from bot.records.dialects import dialect_of, stored_path
from bot.records.tokens import query_words
from tests.checklist import lines, samples
from tests.checklist.bench import Bench, plain
from tests.checklist.decisions import OPEN_SETS
from tests.checklist.formats import CUSTOM_TYPES, FORMATS, LIMITS
from tests.checklist.lines import Line
from tests.checklist.samples import Document, drop, look, put, sample

NO_SUCH = "no-such-value"
_LATE = timedelta(minutes=5)

Check = Callable[[Bench, Line], Awaitable[None]]


async def keep(bench: Bench, line: Line, document: Document) -> Document:
    """The document, moved through the store."""
    return await bench.moved(line.seed, line.collection, document)


async def check_fields(bench: Bench, line: Line) -> None:
    """A document with exactly these fields comes back as it went in."""
    prefix = f"{line.path}." if line.path else ""
    demanded = {prefix + path for path in lines.fields(line.demand)}
    document = sample(line.seed, line.collection)
    present = {path for path in samples.paths(document) if path.startswith(prefix)}
    known = {path for path in samples.declared(line.seed, line.collection) if path.startswith(prefix)}
    assert demanded <= present, f"no example has {demanded - present}"
    spelled_out = {path.rpartition(".")[0] for path in demanded}  # what is inside the others is another line's
    more = {path for path in known - demanded if path.rpartition(".")[0] in spelled_out}
    assert not more, f"the seed has no {more}"
    assert plain(await keep(bench, line, document)) == plain(document)


_HAVE_DEFAULTS = {"S4-005": ("dailyNewConversationsLimit", "dailyTotalMessagesLimit")}


async def check_required(bench: Bench, line: Line) -> None:
    """With all of them it is kept, without any one it is refused by name."""
    await keep(bench, line, sample(line.seed, line.collection))
    for path in lines.required(line.demand):
        document = sample(line.seed, line.collection)
        drop(document, path)
        if path in _HAVE_DEFAULTS.get(line.id, ()):
            assert look(await keep(bench, line, document), path) != [None]
            continue
        message = bench.refusal(line.seed, line.collection, document)
        _names(line, path, message)
        assert "require" in message or "must be one of" in message, message


async def check_enum(bench: Bench, line: Line) -> None:
    """Each value is kept verbatim, any other refused unless the set is open."""
    if line.id in CUSTOM_TYPES:
        return await check_custom_types(bench, line)
    for value in lines.values(line.demand):
        document = sample(line.seed, line.collection)
        put(document, line.path, value)
        assert set(look(await keep(bench, line, document), line.path)) == {value}, value
    document = sample(line.seed, line.collection)
    put(document, line.path, NO_SUCH)
    if line.is_open_set or line.id in OPEN_SETS:
        assert look(await keep(bench, line, document), line.path) == [NO_SUCH]
    else:
        assert "must be" in bench.refusal(line.seed, line.collection, document)
    return None


async def check_custom_types(bench: Bench, line: Line) -> None:
    """Each type of value keeps its type; what is none of them is refused."""
    accepted, refused = CUSTOM_TYPES[line.id]
    for value in accepted:
        document = sample(line.seed, line.collection)
        document[line.path] = {"Some field": value}
        [kept] = (await keep(bench, line, document))[line.path].values()
        assert (kept, type(kept)) == (value, type(value))
    for value in refused:
        document = sample(line.seed, line.collection)
        document[line.path] = {"Some field": value}
        assert line.path in bench.refusal(line.seed, line.collection, document)


async def check_default(bench: Bench, line: Line) -> None:
    """Absent on insert, it is this value after."""
    first, *others = line.path.split("/")
    parent = first.rpartition(".")[0]
    shares_parent = bool(parent) and all("." not in other for other in others)
    paths = [first, *(f"{parent}.{other}" if shares_parent else other for other in others)]
    if first.endswith(".*"):
        paths = [path for path in samples.declared(line.seed, line.collection) if path.startswith(first[:-1])]
    document = sample(line.seed, line.collection)
    for path in paths:
        drop(document, path)
    kept = await keep(bench, line, document)
    for path in paths:
        for value in look(kept, path):
            if lines.default(line.demand) == "now":
                assert isinstance(value, datetime), path
                assert abs(value - bench.clock.now()) < _LATE
            elif line.id == "S2-075":
                assert value is None
            else:
                assert value == lines.default(line.demand), path
    given = sample(line.seed, line.collection)
    assert plain(look(await keep(bench, line, given), paths[0])) == plain(look(given, paths[0])), "what is given stays"


async def check_range(bench: Bench, line: Line) -> None:
    """Both ends are kept, what is beyond either is refused."""
    low, high = lines.bounds(line)
    for value in (low, high):
        document = sample(line.seed, line.collection)
        put(document, line.path, value)
        assert look(await keep(bench, line, document), line.path) == [value]
    for value, rule in ((low - 1, f"at least {low}"), (high + 1, f"at most {high}")):
        document = sample(line.seed, line.collection)
        put(document, line.path, value)
        assert rule in bench.refusal(line.seed, line.collection, document)


_OF_LENGTH: dict[str, Callable[[int], str]] = {
    "email": lambda length: "a" * (length - len("@example.org")) + "@example.org",
    "password_hash": lambda length: "$2b$12$".ljust(length, "x"),
    "phone_number": lambda length: "9" * length,
}


async def check_length(bench: Bench, line: Line) -> None:
    """The longest is kept, one character more is refused; where only certain words are taken, none of them is longer."""
    for path, length in lines.lengths(line).items():
        make = _OF_LENGTH.get(path, "x".__mul__)
        too_long = sample(line.seed, line.collection)
        put(too_long, path, make(length + 1))
        message = bench.refusal(line.seed, line.collection, too_long)
        fits = sample(line.seed, line.collection)
        if "must be one of" in message:
            words = message.partition("must be one of ")[2].partition(";")[0].split(", ")
            assert all(len(word) <= length for word in words), message
            await keep(bench, line, fits)
            continue
        put(fits, path, make(length))
        assert look(await keep(bench, line, fits), path) == [make(length)]
        assert f"at most {length} char" in message or path == "phone_number", message


async def check_format(bench: Bench, line: Line) -> None:
    """Values of the form are kept (in the spelling that is asked for), others refused."""
    for given, kept in FORMATS[line.id].accepted:
        document = sample(line.seed, line.collection)
        put(document, line.path, given)
        assert plain(look(await keep(bench, line, document), line.path)) == plain(kept if isinstance(kept, list) else [kept])
    for value in FORMATS[line.id].refused:
        document = sample(line.seed, line.collection)
        put(document, line.path, value)
        _names(line, line.path, bench.refusal(line.seed, line.collection, document))


def _names(line: Line, path: str, message: str) -> None:
    """An error names the field: as the seed calls it, or as we do."""
    stored = stored_path(line.seed, line.collection, path)
    assert any(name.rpartition(".")[2] in message for name in (path, stored)), message


async def check_limit(bench: Bench, line: Line) -> None:
    """As many entries as allowed are kept, one more is refused."""
    most = LIMITS[line.id]
    document = sample(line.seed, line.collection)
    document[line.path] = {f"Field {number}": number for number in range(most)}
    assert len((await keep(bench, line, document))[line.path]) == most
    document[line.path]["one more"] = 1
    assert f"at most {most} entries" in bench.refusal(line.seed, line.collection, document)


async def check_index(bench: Bench, line: Line) -> None:
    """The database has built it; what is unique refuses a second one; words are found."""
    kind = RECORDS[dialect_of(line.seed, line.collection).collection]
    if line.parts[1].startswith("vector("):
        return await check_vector(bench, line, kind)
    wanted = {stored_path(line.seed, line.collection, path): way for path, way in lines.keys(line).items()}
    if "text" in wanted.values():
        return await check_text(bench, line, kind, set(wanted))
    is_unique = line.note.startswith("unique")
    found = await bench.indexes(kind)
    serving = [index for index in found if _serves(index.keys, tuple(wanted.items())) and (index.is_unique or not is_unique)]
    assert serving, f"{wanted} is not served by any of {found}"
    if is_unique:
        assert any(len(index.keys) == len(wanted) for index in serving)
        first = bench.records(line.seed, line.collection, sample(line.seed, line.collection))[0]
        twin = _twin(first, set(wanted))
        try:
            assert await bench.store.insert([first]) == [True]
            assert await bench.store.insert([twin]) == [False], "a second one was taken"
        finally:
            await bench.clear(first, twin)
    return None


def _twin(record: Record, shared: set[str]) -> Record:
    """Another record, which shares only this unique key with the first."""
    document = {**record.model_dump(by_alias=True), "_id": "twin"}
    for index in record.shape.indexes:
        for path in map(record.shape.stored_name, index.fields if index.unique else ()):
            if path not in shared:
                put(document, path, "twin@example.org")  # a good name for everything that is unique
    return type(record).model_validate(document)


def _serves(built: tuple[tuple[str, int], ...], wanted: tuple[tuple[str, int], ...]) -> bool:
    """Whether an index leads with these keys. It is read both ways: all directions may be turned round."""
    leading = built[: len(wanted)]
    return leading == wanted or leading == tuple((name, -way) for name, way in wanted)


async def check_text(bench: Bench, line: Line, kind: Any, wanted: set[str]) -> None:
    """Our own search finds a document by a word in each of the fields."""
    text = kind.shape.text
    assert text is not None
    assert wanted <= {kind.shape.stored_name(path) for path in text.fields}
    if "default_language" in line.note:
        assert text.language == line.note.rpartition("=")[2]
    for path in lines.keys(line):
        document = sample(line.seed, line.collection)
        word = _WORDS.get(path, "facturas")
        put(document, path, word)
        [record, *_] = bench.records(line.seed, line.collection, document)
        await bench.store.insert([record])
        try:
            found = await bench.store.search(kind, query_words(_ASKED.get(path, "factura")))
            assert [one.id for one in found.records] == [record.id], path
        finally:
            await bench.clear(record)


async def check_vector(bench: Bench, line: Line, kind: Any) -> None:
    """Our own search by meaning finds the nearest of several, in the scope it was asked for and nowhere else."""
    assert kind.shape.vector == line.parts[1].removeprefix("vector(").removesuffix(")")
    scope = kind.shape.indexes[0].fields[0]
    [near] = bench.records(line.seed, line.collection, {**sample(line.seed, line.collection), "embedding": [0.9, 0.1, 0.0]})
    far = near.model_copy(update={"id": "far", "embedding": [0.0, 1.0, 0.0]})
    other = "pattern" if getattr(near, scope) != "pattern" else "insight"
    elsewhere = near.model_copy(update={"id": "elsewhere", "embedding": [1.0, 0.0, 0.0], scope: other})
    without = near.model_copy(update={"id": "without", "embedding": []})
    await bench.store.insert([near, far, elsewhere, without])
    try:
        found = await nearest(bench.store, kind, [1.0, 0.0, 0.0], {scope: getattr(near, scope)})
        assert [one.record.id for one in found] == [near.id, "far"]
    finally:
        await bench.clear(near, far, elsewhere, without)


_WORDS = {"phoneNumber": "+52 55 1234 9876", "email": "facturas@example.org"}
_ASKED = {"phoneNumber": "1234 98", "email": "facturas"}

CHECKS: dict[str, Check] = {
    "FIELDS": check_fields,
    "REQUIRED": check_required,
    "ENUM": check_enum,
    "DEFAULT": check_default,
    "RANGE": check_range,
    "MAXLEN": check_length,
    "FORMAT": check_format,
    "LIMIT": check_limit,
    "INDEX": check_index,
}
