"""How a record type lies in SQLite: one table, real columns for what is indexed, the document beside them as JSON.

    _row | _id | _version | one column per field in an index | _doc

A list field in an index has its JSON in the column and a side table (value, row), kept up to date by triggers, so that
whatever statement writes the column keeps the side table true. So have the tokens of searchable fields (`sqlite_search`).
Datetimes are fixed-width text and so sort as they are; a decimal is exact in the document and a number in its column.
"""

# ruff: noqa: S608 - SQL is put together from declared names only; values are always bound
from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from functools import cached_property
from typing import Any

import orjson
from pydantic import BaseModel, ValidationError
from pydantic_core import to_jsonable_python

from bot.errors import RecordError, StoreError
from bot.records.base import Index, Record, explain
from bot.store import fields
from bot.store.words import TOKENS, searched_of

_JSON = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_NON_STR_KEYS
_MOMENT = orjson.OPT_NAIVE_UTC | orjson.OPT_UTC_Z
_WITH_MICROS = len('"2026-01-15T10:00:00.000000Z"')
_WITHOUT_MICROS = len('"2026-01-15T10:00:00Z"')
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
NEWEST = "_newest"
"""The column with the moment that orders what a search finds, in milliseconds."""


def iso(moment: datetime) -> str:
    """A moment as every document keeps it: `2026-01-15T10:00:00.000Z`. One without a zone counts as UTC."""
    text = orjson.dumps(moment, option=_MOMENT).decode()  # three times as fast as isoformat
    if len(text) == _WITH_MICROS and text[-2] == "Z":
        return text[1:24] + "Z"
    if len(text) == _WITHOUT_MICROS and text[-2] == "Z":
        return text[1:20] + ".000Z"
    return iso(moment.astimezone(UTC))


def scalar(value: Any) -> Any:
    """A value as SQLite compares it. Raises StoreError for what cannot be compared (a mapping, a part)."""
    kind = type(value)
    if kind is str or kind is int or kind is float or value is None:
        return value
    if kind is datetime:
        return iso(value)
    if kind is bool:
        return int(value)
    if isinstance(value, Enum):
        return scalar(value._value_)
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str):
        return str(value)
    raise StoreError(f"a {kind.__name__} cannot be compared in the store")


def as_json(value: Any) -> str:
    """Any value a record may hold, as the JSON text it is stored as. Raises RecordError for what JSON cannot say."""
    try:
        return orjson.dumps(value, default=_plain, option=_JSON).decode()
    except TypeError as error:
        raise RecordError(f"this cannot be stored: {error}") from None


def _plain(value: Any) -> Any:
    """What orjson does not know by itself."""
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, BaseModel):
        fields = value.__dict__
        return {alias: fields[name] for name, alias, keep in _layout(type(value)) if fields[name] is not None or keep}
    if isinstance(value, Decimal):
        return str(value)
    return to_jsonable_python(value)


_layouts: dict[type[BaseModel], tuple[tuple[str, str, bool], ...]] = {}


def _layout(model: type[BaseModel]) -> tuple[tuple[str, str, bool], ...]:
    """Per field: its name, its stored name, and whether a None is written (only where it is not the default anyway)."""
    known = _layouts.get(model)
    if known is None:
        known = tuple((name, info.alias or name, info.default is not None) for name, info in model.model_fields.items())
        _layouts[model] = known
    return known


class Field(fields.Field):
    """A field, and how SQL reads it."""

    __slots__ = ()

    @property
    def json_path(self) -> str:
        """The SQL literal of its place in the document."""
        return json_path(self.stored)

    @property
    def each(self) -> str:
        """SQL for the elements of a list, or for the parts of the list whose field it is."""
        return f"json_each(t._doc, {json_path(self.parts or self.stored)}) AS j"

    @property
    def element(self) -> str:
        """SQL for the value of one of those."""
        value = f"json_extract(j.value, {json_path(self.stored[len(self.parts) + 1 :])})" if self.parts else "j.value"
        return f"CAST({value} AS REAL)" if self.is_decimal else value

    @property
    def extract(self) -> str:
        """SQL that reads it out of the document."""
        if self.parts:
            return f"(SELECT json_group_array({self.element}) FROM {self.each})"
        value = f"json_extract(t._doc, {self.json_path})"
        return f"CAST({value} AS REAL)" if self.is_decimal and not self.is_list else value


def json_path(stored: str) -> str:
    """The SQL literal of a place in the document."""
    return quote_text("$" + "".join(f'."{label}"' for label in stored.split(".")))


def quote_text(text: str) -> str:
    """An SQL text literal."""
    return "'" + text.replace("'", "''") + "'"


def quote_name(name: str) -> str:
    """An SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


class Table:
    """One collection: its columns, its indexes, and the way from a record to a row and back."""

    def __init__(self, kind: type[Record]) -> None:
        self.kind = kind
        self.collection = kind.shape.collection
        self.name = quote_name(self.collection)
        self.indexes = kind.shape.indexes
        self.fields: dict[str, Field] = {}
        self.columns = tuple(self.field(path) for path in _indexed_paths(self.indexes))
        self._column_paths = {field.path for field in self.columns}
        self.searched = searched_of(kind)
        """Its searchable fields; their tokens and the moment that orders them have columns of their own."""
        self.literals: dict[str, set[str]] = _literals(self.indexes)
        """The values that partial indexes name: a query has to spell them out for SQLite to see that the index serves."""
        self.sql: dict[Any, Any] = {}
        """Statements made so far, by their shape."""
        self._layout = tuple(entry for entry in _layout(kind) if entry[0] not in ("version", "id"))
        self._moments = tuple(
            name for name in kind.model_fields if name not in ("created_at", "updated_at") and self.field(name).type is datetime
        )
        self._flat = tuple(f.path for f in self.columns if "." not in f.path and not f.is_list)
        self._deep = tuple(f for f in self.columns if "." in f.path or f.is_list)
        self._write_statements()

    @cached_property
    def _validate(self) -> Callable[[str], Any]:
        """pydantic's own reader, which is made when the first record is read: many a type is never read in a short run."""
        return self.kind.__pydantic_validator__.validate_json

    def field(self, path: str) -> Field:
        known = self.fields.get(path)
        if known is None:
            known = self.fields[path] = fields.field_of(self.kind, path, Field)
        return known

    def has_column(self, path: str) -> bool:
        return path in self._column_paths

    def value_of(self, path: str) -> str:
        """SQL for the field's value: its column where it has one."""
        if path == "id":
            return "t._id"
        if path == "version":
            return "t._version"
        field = self.field(path)
        return f"t.{quote_name(field.stored)}" if self.has_column(path) else field.extract

    @property
    def search_columns(self) -> tuple[str, ...]:
        """The quoted names of the columns that searching needs."""
        return (quote_name(TOKENS), quote_name(NEWEST)) if self.searched else ()

    def _write_statements(self) -> None:
        by_path = {field.path: field for field in self.columns}
        ordered = [by_path[path] for path in self._flat] + list(self._deep)
        names = ["_id", "_version", *(quote_name(field.stored) for field in ordered), *self.search_columns, "_doc"]
        insert = f"INSERT INTO {self.name} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
        replaced = ", ".join(f"{name} = excluded.{name}" for name in names[2:])
        again = f"ON CONFLICT (_id) DO UPDATE SET _version = {self.name}._version + 1, {replaced}"
        self.insert_new = insert
        self.insert_or_skip = f"{insert} ON CONFLICT DO NOTHING"
        self.upsert = f"{insert} {again}"
        self.load = f"{insert} ON CONFLICT (_id) DO UPDATE SET _version = excluded._version, {replaced}"
        self.upsert_keeping_birth = self._keeping_birth(self.upsert)
        self.put = f"UPDATE {self.name} SET {', '.join(f'{name} = ?' for name in names)} WHERE _id = ? AND _version = ?"
        self.get = f"SELECT _doc, _version FROM {self.name} WHERE _id = ?"

    def _keeping_birth(self, upsert: str) -> str:
        """The same upsert for a record that does not know when it was first written: the stored moment stays."""
        born = f"coalesce(json_extract({self.name}._doc, '$.createdAt'), json_extract(excluded._doc, '$.createdAt'))"
        upsert = upsert.replace("_doc = excluded._doc", f"_doc = json_set(excluded._doc, '$.createdAt', {born})")
        if self.searched and self.searched.newest == "created_at":
            upsert = upsert.replace(f'"{NEWEST}" = excluded."{NEWEST}"', f'"{NEWEST}" = {self.name}."{NEWEST}"')
        return upsert.replace('"createdAt" = excluded."createdAt"', f'"createdAt" = {born}')

    def row(self, record: Record, created: str, updated: str, version: int) -> list[Any]:
        """The record as the values of one row, in the order of the statements above."""
        values = record.__dict__.copy()
        values["created_at"] = created
        values["updated_at"] = updated
        for name in self._moments:  # once for column and document both
            moment = values[name]
            if type(moment) is datetime:
                values[name] = iso(moment)
        document = {alias: value for name, alias, keep in self._layout if (value := values[name]) is not None or keep}
        key = values["id"]
        document["_id"] = key
        row = [key, version]
        row += [scalar(values[name]) for name in self._flat]
        if self._deep:
            row += [column_value(field, reach(values, field.path)) for field in self._deep]
        if self.searched:
            row.append(orjson.dumps(self.searched.tokens(values)).decode())
            row.append(milliseconds(values[self.searched.newest]))
        row.append(as_json(document))
        return row

    def record(self, row: Sequence[Any]) -> Any:
        """The record in a row of (_doc, _version). Raises RecordError where the document breaks today's rules."""
        try:
            found = self._validate(self._up_to_date(row[0]) if self.kind.shape.upgrades else row[0])
        except ValidationError as error:
            raise RecordError(explain(self.kind.__name__, error)) from None
        found.__dict__["version"] = row[1]
        return found

    def _up_to_date(self, document: str) -> str:
        """The document in today's shape; most are in it already."""
        read = orjson.loads(document)
        return document if read.get("shapeNumber") == self.kind.shape.number else as_json(self.kind.shape.upgraded(read))

    def records(self, rows: Iterable[Sequence[Any]]) -> list[Any]:
        record = self.record
        return [record(row) for row in rows]


def milliseconds(moment: str | None) -> int:
    """A moment as documents keep it, as a number; what lacks one is the oldest."""
    return 0 if moment is None else (datetime.fromisoformat(moment) - _EPOCH) // _MILLISECOND


def column_value(field: Field, value: Any) -> Any:
    """What the field's column holds for a value of it."""
    if not field.is_list:
        return scalar(value)
    return None if value is None else as_json([scalar(element) for element in value])


def reach(value: Any, path: str, stored: str = "") -> Any:
    """What lies at a path inside a mapping or a part; None where the way there ends early.

    Behind a list of parts lie the values in all of them. A mapping may use Python's names or, by the path `stored`, stored ones.
    """
    for at, name in enumerate(path.split(".")):
        if value is None:
            return None
        if isinstance(value, list | tuple):
            rest = (_behind(path, at), _behind(stored, at))
            return [found for part in value if (found := reach(part, *rest)) is not None]
        if isinstance(value, dict):
            value = value[name] if name in value or not stored else value.get(stored.split(".")[at])
        else:
            value = getattr(value, name)
    return value


def _behind(path: str, steps: int) -> str:
    return path.split(".", steps)[-1] if path else ""


def _indexed_paths(indexes: Iterable[Index]) -> list[str]:
    paths: dict[str, None] = {}
    for index in indexes:
        paths.update(dict.fromkeys([*index.fields, *index.where]))
    return [path for path in paths if path not in ("id", "version")]


def _literals(indexes: Iterable[Index]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for index in indexes:
        for path, value in index.where.items():
            found.setdefault(path, set()).add(str(value))
    return found


def side_name(table: Table, field: Field) -> str:
    """The quoted name of the table that holds a list field's elements."""
    return quote_name(f"{table.collection}.{field.stored}")
