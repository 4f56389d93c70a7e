"""From a where, a sort and a change to SQL. Statements are made once per shape; after that only the values are gathered."""

# ruff: noqa: S608 - SQL is put together from declared names only; values are always bound
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any, NamedTuple, TypeVar

import orjson

from bot.errors import StoreError
from bot.store import indexes
from bot.store.base import Between, In, Not, StartsWith, Where
from bot.store.indexes import Asked
from bot.store.sqlite_schema import Field, Table, as_json, column_value, iso, quote_name, quote_text, reach, scalar, side_name
from bot.store.words import TOKENS

_FEW = 16
"""Up to so many values an In is spelled out; more travel as one JSON array, so that the shapes stay few."""
_SHAPES_KEPT = 2000
_LAST_CHARACTER = "\U0010ffff"

Shape = tuple[Any, ...]


def gather(table: Table, where: Where) -> tuple[Shape, list[Any]]:
    """The shape of a where (what its SQL depends on) and the values it is run with."""
    shape: list[Any] = []
    values: list[Any] = []
    literals = table.literals
    for path, test in where.items():
        kind = type(test)
        if path in literals and kind not in (In, Not, Between, StartsWith) and str(test) in literals[path]:
            shape += (path, "literal", str(test))
        elif kind is str or kind is int:
            shape += (path, "=", None)
            values.append(test)
        elif kind is In:
            _gather_in(path, test, shape, values)
        elif kind is Not:
            shape += (path, "not null" if test.value is None else "not", None)
            if test.value is not None:
                values.append(scalar(test.value))
        elif kind is Between:
            shape += (path, "between", (test.low is not None, test.high is not None))
            values += [scalar(bound) for bound in (test.low, test.high) if bound is not None]
        elif kind is StartsWith:
            shape += (path, "between", (True, True))
            values += [test.beginning, test.beginning + _LAST_CHARACTER]
        elif test is None:
            shape += (path, "null", None)
        else:
            shape += (path, "=", None)
            values.append(scalar(test))
    return tuple(shape), values


def _gather_in(path: str, test: In, shape: list[Any], values: list[Any]) -> None:
    wanted = [scalar(value) for value in test.values]
    present = [value for value in wanted if value is not None]
    has_none = len(present) < len(wanted)
    if len(present) <= _FEW:
        shape += (path, "in", (len(present), has_none))
        values += present
    else:
        shape += (path, "in", (None, has_none))
        values.append(orjson.dumps(present).decode())


def _triples(shape: Shape) -> list[tuple[str, str, Any]]:
    return [(shape[at], shape[at + 1], shape[at + 2]) for at in range(0, len(shape), 3)]


def condition(table: Table, shape: Shape) -> str:
    """The SQL condition of a where's shape; placeholders stand in the order in which `gather` lists the values."""
    tests = [_test(table, path, how, detail) for path, how, detail in _triples(shape)]
    return " AND ".join(tests) or "1"


def _test(table: Table, path: str, how: str, detail: Any) -> str:
    if path in ("id", "version") or not table.field(path).is_list:
        return _compare(table.value_of(path), how, detail)
    if table.field(path).parts and how in ("null", "not null"):
        raise StoreError(f"{table.collection}.{path}: of many parts it cannot be asked whether the field is absent")
    if how == "null":
        return f"{table.value_of(path)} IS NULL"
    if how == "not null":
        return f"{table.value_of(path)} IS NOT NULL"
    if how == "not":
        return f"NOT {_contains(table, table.field(path), '=', None)}"
    return _contains(table, table.field(path), how, detail)


def _contains(table: Table, field: Field, how: str, detail: Any) -> str:
    """Whether an element of a list passes the test."""
    if how == "in" and detail[1]:
        raise StoreError(f"{table.collection}.{field.path}: In on a list cannot ask for None too")
    if table.has_column(field.path):
        side = side_name(table, field)
        return f"t._row IN (SELECT row FROM {side} WHERE {_compare('value', how, detail)})"
    return f"EXISTS (SELECT 1 FROM {field.each} WHERE {_compare(field.element, how, detail)})"


def _compare(value: str, how: str, detail: Any) -> str:
    if how == "in":
        return _compare_in(value, *detail)
    if how == "between":
        low, high = detail
        bounds = ([f"{value} >= ?"] if low else []) + ([f"{value} < ?"] if high else [])
        return " AND ".join(bounds) or f"{value} IS NOT NULL"
    return {
        "=": f"{value} = ?",
        "literal": f"{value} = {quote_text(str(detail))}",
        "null": f"{value} IS NULL",
        "not null": f"{value} IS NOT NULL",
        "not": f"{value} IS NOT ?",
    }[how]


def _compare_in(value: str, count: int | None, has_none: bool) -> str:
    if count is None:
        listed = f"{value} IN (SELECT value FROM json_each(?))"
    else:
        listed = f"{value} IN ({', '.join('?' * count)})" if count else "0"
    return f"({listed} OR {value} IS NULL)" if has_none else listed


def require_index(table: Table, shape: Shape, sort: Sequence[str] = ()) -> None:
    """Raises UnindexedQuery unless a declared index serves a query of this shape."""
    tests = [
        Asked(path, how not in ("not", "not null"), detail if how == "literal" else None) for path, how, detail in _triples(shape)
    ]
    indexes.require_index(table.collection, table.indexes, tests, sort)


def select(table: Table, shape: Shape, sort: Sequence[str], *, limited: bool, after: str = "") -> str:
    """The statement of a find: `after` is the extra condition of a page that continues."""
    require_index(table, shape, sort)
    where = condition(table, shape) + (f" AND ({after})" if after else "")
    ordered = order(table, sort, searched=bool(shape))
    limit = " LIMIT ?" if limited else ""
    return f"SELECT t._doc, t._version FROM {table.name} AS t WHERE {where} ORDER BY {ordered}{limit}"


def order(table: Table, sort: Sequence[str], *, searched: bool) -> str:
    """The order of a find; the id breaks ties, in the direction of the last field.

    The plus keeps SQLite, which has no statistics, from walking all ids for their order instead of searching first.
    """
    if any("." in path and table.field(path.lstrip("-")).parts for path in sort):
        raise StoreError(f"{table.collection}: cannot be sorted by a field of many parts")
    parts = [f"{table.value_of(path.lstrip('-'))}{' DESC' if path.startswith('-') else ''}" for path in sort]
    if not any(path.lstrip("-") == "id" for path in sort):
        key = "+t._id" if searched else "t._id"
        parts.append(f"{key} DESC" if sort and sort[-1].startswith("-") else key)
    return ", ".join(parts)


def continues(table: Table, sort: Sequence[str], pivot: Any, after: str) -> tuple[str, list[Any]]:
    """The condition that a document comes behind the one with id `after`, whose sort field holds `pivot`. Null sorts lowest."""
    down = bool(sort) and sort[0].startswith("-")
    path = sort[0].lstrip("-") if sort else "id"
    behind = "<" if down else ">"
    if path == "id":
        return f"t._id {behind} ?", [after]
    value = table.value_of(path)
    if pivot is None:
        tie = f"{value} IS NULL AND t._id {behind} ?"
        return (tie if down else f"({tie}) OR {value} IS NOT NULL"), [after]
    nulls = f" OR {value} IS NULL" if down else ""
    return f"{value} {behind} ? OR ({value} = ? AND t._id {behind} ?){nulls}", [pivot, pivot, after]


T = TypeVar("T")


def remember(table: Table, key: Any, sql: T) -> T:
    """Keeps a statement for its shape; a program that makes up shapes without end starts over."""
    if len(table.sql) >= _SHAPES_KEPT:
        table.sql.clear()
    table.sql[key] = sql
    return sql


class _Prepared(NamedTuple):
    """An UPDATE of one shape, and where each of its column values comes from."""

    sql: str
    columns: tuple[tuple[str, str, Field], ...]
    """(`set`, `inc`, `push` or `now`; the path that is changed; the column), in the order of the placeholders."""


def update(
    table: Table, where: Where, sets: Mapping[str, Any], incs: Mapping[str, Any], pushes: Mapping[str, Any], now: str
) -> tuple[str, list[Any]]:
    """One UPDATE that changes single fields, in the document and in the columns, and the values it is run with."""
    tokens = table.searched and table.searched.tokens_after(sets, (*incs, *pushes))
    shape, found = gather(table, where)
    forms: list[str] = []
    values: list[Any] = []
    for value in sets.values():
        form, bound = _form(value)
        forms.append(form)
        if form:
            values.append(bound)
    for amount in incs.values():
        forms.append("?" if type(amount) is int else "plus")
        values.append(amount if type(amount) is int else str(amount))
    for value in pushes.values():
        form, bound = _form(value)
        forms.append(form or "json('null')")
        if form:
            values.append(bound)
    values.append(now)
    key = ("update", shape, tuple(sets), tuple(incs), tuple(pushes), tuple(forms))
    prepared: _Prepared | None = table.sql.get(key)
    if prepared is None:
        prepared = remember(table, key, _prepare(table, shape, sets, incs, pushes, forms))
    for source, path, field in prepared.columns:
        values.append(_column(source, path, field, sets, incs, pushes, now))
    if tokens is not None:
        values.append(orjson.dumps(tokens).decode())
    values += found
    return prepared.sql, values


def _form(value: Any) -> tuple[str, Any]:
    """How a value goes into a document: `?` as it is, `json(?)` as JSON, `` for None, which needs no value."""
    kind = type(value)
    if kind is str or kind is int:
        return "?", value
    if value is None:
        return "", None
    if kind is datetime:
        return "?", iso(value)
    if isinstance(value, Enum):
        return _form(value._value_)
    if isinstance(value, Decimal):
        return "?", str(value)
    return "json(?)", as_json(value)


def _column(
    source: str, path: str, field: Field, sets: Mapping[str, Any], incs: Mapping[str, Any], pushes: Mapping[str, Any], now: str
) -> Any:
    if source == "now":
        return now
    if source == "inc":
        return scalar(incs[path])
    if source == "push":
        return scalar(_inside(field, path, pushes[path]))
    value = sets[path]
    return column_value(field, _inside(field, path, value))


def _inside(field: Field, path: str, value: Any) -> Any:
    """The field's value inside what a change gives the field or the part at `path`."""
    if path == field.path:
        return value
    steps = path.count(".") + 1
    return reach(value, field.path.split(".", steps)[-1], field.stored.split(".", steps)[-1])


def _prepare(
    table: Table,
    shape: Shape,
    sets: Mapping[str, Any],
    incs: Mapping[str, Any],
    pushes: Mapping[str, Any],
    forms: Sequence[str],
) -> _Prepared:
    require_index(table, shape)
    for path in (*sets, *incs, *pushes):
        if path in ("id", "version"):
            raise StoreError(f"{table.collection}: {path} cannot be changed")
        if table.field(path).parts:
            raise StoreError(f"{table.collection}.{path}: of many parts none can be changed alone; set the whole list")
    how = iter(forms)
    placed = [_set(table.field(path), next(how)) for path in sets]
    placed += [_inc(table.field(path), next(how)) for path in incs]
    placed += [_push(table.field(path), next(how)) for path in pushes]
    document = f"json_set(t._doc, {', '.join(part for part in placed if part)}{', ' if any(placed) else ''}'$.updatedAt', ?)"
    removed = [table.field(path).json_path for path, part in zip(sets, placed, strict=False) if not part]
    if removed:
        document = f"json_remove({document}, {', '.join(removed)})"
    columns = tuple(_touched(table, sets, incs, pushes))
    assigned = "".join(f", {quote_name(field.stored)} = {_assign(source, field)}" for source, _, field in columns)
    if table.searched and any(path in sets for path in table.searched.paths):
        assigned += f", {quote_name(TOKENS)} = ?"
    sql = f"UPDATE {table.name} AS t SET _doc = {document}{assigned} WHERE {condition(table, shape)}"
    return _Prepared(sql, columns)


def _set(field: Field, form: str) -> str:
    """The part of a json_set for one field; empty where the field goes away instead."""
    if form:
        return f"{field.json_path}, {form}"
    return "" if field.none_is_default else f"{field.json_path}, json('null')"


def _inc(field: Field, form: str) -> str:
    """Whole numbers are added by SQLite; the rest in Python, since SQLite 3.40 writes floats into JSON with 15 digits only."""
    now = f"json_extract(t._doc, {field.json_path})"
    if field.is_decimal:
        return f"{field.json_path}, plus_decimal({now}, ?)"
    if field.type is int and form == "?":
        return f"{field.json_path}, coalesce({now}, 0) + ?"
    return f"{field.json_path}, json(plus_number({now}, ?))"


def _push(field: Field, form: str) -> str:
    now = f"coalesce(json_extract(t._doc, {field.json_path}), '[]')"
    return f"{field.json_path}, json_insert({now}, '$[#]', {form})"


def _touched(
    table: Table, sets: Mapping[str, Any], incs: Mapping[str, Any], pushes: Mapping[str, Any]
) -> Iterator[tuple[str, str, Field]]:
    """The columns that a change reaches: setting a part reaches the columns of the fields inside."""
    for field in table.columns:
        for path in sets:
            if field.path == path or field.path.startswith(path + "."):
                yield "set", path, field
        if field.path in incs:
            yield "inc", field.path, field
        for path in pushes:
            if field.path == path or field.path.startswith(path + "."):
                yield "push", path, field
        if field.path == "updated_at":
            yield "now", field.path, field


def _assign(source: str, field: Field) -> str:
    column = f"t.{quote_name(field.stored)}"
    if source == "inc":
        return f"coalesce({column}, 0) + ?"
    if source == "push":
        return f"json_insert(coalesce({column}, '[]'), '$[#]', ?)"
    return "?"


def plus_decimal(now: str | int | float | None, amount: str | int) -> str:
    """Exact addition for a decimal in a document (an SQL function)."""
    return str(Decimal(str(now or 0)) + Decimal(amount))


def plus_number(now: str | int | float | None, amount: str | int) -> str:
    """Addition for a number in a document, as JSON (an SQL function)."""
    return orjson.dumps((now or 0) + (float(amount) if isinstance(amount, str) else amount)).decode()  # type: ignore[operator]
