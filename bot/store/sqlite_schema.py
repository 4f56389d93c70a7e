"""How a record type lies in SQLite: one table, real columns for what is indexed, the document beside them as JSON.

    _row | _id | _version | one column per field in an index | _doc

A list field in an index has its JSON in the column and a side table (value, row), kept up to date by triggers, so that
whatever statement writes the column keeps the side table true.
Datetimes are fixed-width text and so sort as they are; a decimal is exact in the document and a number in its column.
"""

# ruff: noqa: S608 - SQL is put together from declared names only; values are always bound
from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import orjson
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import PydanticUndefined, to_jsonable_python

from bot.errors import RecordError, StoreError
from bot.records.base import Index, Record, explain

_JSON = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_NON_STR_KEYS
_MOMENT = orjson.OPT_NAIVE_UTC | orjson.OPT_UTC_Z
_WITH_MICROS = len('"2026-01-15T10:00:00.000000Z"')
_WITHOUT_MICROS = len('"2026-01-15T10:00:00Z"')
_LISTS = (list, tuple, set, frozenset)


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


@dataclass(frozen=True, slots=True)
class Field:
    """One field, or a field of a part, of a record type."""

    path: str
    stored: str
    type: Any
    """Its annotation without None and Annotated; of a list, that of its elements."""
    is_list: bool = False
    default: Any = None
    none_is_default: bool = False
    """Then a None need not be written."""

    @property
    def is_decimal(self) -> bool:
        return self.type is Decimal

    @property
    def json_path(self) -> str:
        """The SQL literal of its place in the document."""
        return quote_text("$" + "".join(f'."{label}"' for label in self.stored.split(".")))

    @property
    def extract(self) -> str:
        """SQL that reads it out of the document."""
        value = f"json_extract(t._doc, {self.json_path})"
        return f"CAST({value} AS REAL)" if self.is_decimal and not self.is_list else value

    def restore(self, value: Any) -> Any:
        """A value out of SQL, as the type it was declared with (None stays None)."""
        if value is None or self.type is Any:
            return value
        try:
            return TypeAdapter(self.type).validate_python(value)
        except ValidationError:
            return value  # written under an older declaration: better shown as it is than hidden


def quote_text(text: str) -> str:
    """An SQL text literal."""
    return "'" + text.replace("'", "''") + "'"


def quote_name(name: str) -> str:
    """An SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def field_of(kind: type[Record], path: str) -> Field:
    """Finds a field by its dotted Python path. Raises StoreError where the record has no such field."""
    annotation: Any = kind
    default: Any = PydanticUndefined
    is_list = False
    for name in path.split("."):
        if is_list:
            raise StoreError(f"{kind.shape.collection}.{path}: fields of the parts in a list cannot be searched")
        if isinstance(annotation, type) and issubclass(annotation, BaseModel) and name in annotation.model_fields:
            info = annotation.model_fields[name]
            default = info.default
            annotation, is_list = _bare(info.annotation)
        elif annotation is Any or annotation is dict or get_origin(annotation) is dict:
            inner = get_args(annotation)
            default = PydanticUndefined
            annotation, is_list = _bare(inner[1]) if len(inner) == 2 else (Any, False)
        else:
            raise StoreError(f"{kind.shape.collection} has no field {path}")
    known = None if default is PydanticUndefined else default
    return Field(path, kind.shape.stored_name(path), annotation, is_list, known, default is None)


def _bare(annotation: Any) -> tuple[Any, bool]:
    """An annotation without None and Annotated, and whether it is a list (then that of its elements)."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _bare(get_args(annotation)[0])
    if origin in (Union, UnionType):
        others = [inner for inner in get_args(annotation) if inner is not type(None)]
        return _bare(others[0]) if len(others) == 1 else (Any, False)
    if origin in _LISTS:
        return _bare(get_args(annotation)[0])[0], True
    return (Any, True) if annotation in _LISTS else (annotation, False)


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
        self._validate: Callable[[str], Any] = kind.__pydantic_validator__.validate_json
        self._write_statements()

    def field(self, path: str) -> Field:
        known = self.fields.get(path)
        if known is None:
            known = self.fields[path] = field_of(self.kind, path)
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

    def _write_statements(self) -> None:
        by_path = {field.path: field for field in self.columns}
        ordered = [by_path[path] for path in self._flat] + list(self._deep)
        names = ["_id", "_version", *(quote_name(field.stored) for field in ordered), "_doc"]
        insert = f"INSERT INTO {self.name} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
        replaced = ", ".join(f"{name} = excluded.{name}" for name in names[2:])
        again = f"ON CONFLICT (_id) DO UPDATE SET _version = {self.name}._version + 1, {replaced}"
        self.insert_new = insert
        self.insert_or_skip = f"{insert} ON CONFLICT DO NOTHING"
        self.upsert = f"{insert} {again}"
        self.upsert_keeping_birth = self._keeping_birth(self.upsert)
        self.put = f"UPDATE {self.name} SET {', '.join(f'{name} = ?' for name in names)} WHERE _id = ? AND _version = ?"
        self.get = f"SELECT _doc, _version FROM {self.name} WHERE _id = ?"

    def _keeping_birth(self, upsert: str) -> str:
        """The same upsert for a record that does not know when it was first written: the stored moment stays."""
        born = f"coalesce(json_extract({self.name}._doc, '$.createdAt'), json_extract(excluded._doc, '$.createdAt'))"
        upsert = upsert.replace("_doc = excluded._doc", f"_doc = json_set(excluded._doc, '$.createdAt', {born})")
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
        row.append(as_json(document))
        return row

    def record(self, row: Sequence[Any]) -> Any:
        """The record in a row of (_doc, _version). Raises RecordError where the document breaks today's rules."""
        try:
            found = self._validate(row[0])
        except ValidationError as error:
            raise RecordError(explain(self.kind.__name__, error)) from None
        found.__dict__["version"] = row[1]
        return found

    def records(self, rows: Iterable[Sequence[Any]]) -> list[Any]:
        record = self.record
        return [record(row) for row in rows]


def column_value(field: Field, value: Any) -> Any:
    """What the field's column holds for a value of it."""
    if not field.is_list:
        return scalar(value)
    return None if value is None else as_json([scalar(element) for element in value])


def reach(value: Any, path: str) -> Any:
    """What lies at a path inside a mapping or a part; None where the way there ends early."""
    for name in path.split("."):
        if value is None:
            return None
        value = value.get(name) if isinstance(value, dict) else getattr(value, name)
    return value


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
