"""How a record lies in MongoDB: the document as declared, by its stored names.

Moments are BSON dates, decimals Decimal128, enums their values. A None that is the field's default anyway is not written, so that
unique indexes can leave such documents out. What stands in a free mapping or list (`Any`) is kept as JSON would keep it, moments
and decimals as text, because the embedded store cannot tell them apart there either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, Inexact, InvalidOperation
from enum import Enum
from functools import cached_property, partial
from types import UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

import bson
from bson.codec_options import CodecOptions
from bson.decimal128 import Decimal128, create_decimal128_context
from bson.errors import BSONError
from bson.int64 import Int64
from bson.raw_bson import RawBSONDocument
from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticSerializationError, to_jsonable_python

from bot.errors import RecordError, StoreError
from bot.records.base import Record, explain
from bot.store.fields import Field, field_of
from bot.store.words import TOKENS, searched_of

HELD = "_held"
"""Counted up in a document that a unit requires, so that nobody changes it before the unit is committed. No part of a record."""

Pack = Callable[[Any], Any]
_DECIMALS = create_decimal128_context()
_DECIMALS.traps[Inexact] = True  # it would round without a word
_PLAIN = (str, int, float, bool, type(None), datetime)
_LISTS = (list, tuple, set, frozenset)


CODEC: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=True)
"""How documents are read: moments in UTC. With decoders of our own pymongo would take every answer apart in Python."""


def thaw(value: Any) -> Any:
    """BSON's own numbers as Python's, however deep they lie."""
    kind = type(value)
    if kind is Decimal128:
        return value.to_decimal()
    if kind is Int64:
        return int(value)
    if kind is dict:
        return {key: thaw(inner) for key, inner in value.items()}
    return [thaw(inner) for inner in value] if kind is list else value


def _is_plain(annotation: Any, inside: tuple[type[BaseModel], ...] = ()) -> bool:
    """Whether values of it are read right as they are: neither decimals nor what may be anything."""
    inner = get_args(annotation)
    origin = get_origin(annotation)
    if origin is Annotated:
        return _is_plain(inner[0], inside)
    if origin in (Union, UnionType) or origin in _LISTS:
        return all(_is_plain(one, inside) for one in inner if one is not Ellipsis)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation in inside or all(
            _is_plain(info.annotation, (*inside, annotation)) for info in annotation.model_fields.values()
        )
    return annotation in _PLAIN or origin is Literal or (isinstance(annotation, type) and issubclass(annotation, Enum))


def decimal128(value: Any) -> Decimal128:
    """A number as an exact decimal. Raises RecordError where 34 digits do not hold it."""
    try:
        return Decimal128(_DECIMALS.create_decimal(value if isinstance(value, Decimal) else str(value)))
    except (InvalidOperation, ArithmeticError, TypeError, ValueError):
        raise RecordError(f"this cannot be stored: {value!r} is no decimal of at most 34 digits") from None


def iso(moment: datetime) -> str:
    """A moment as text, in UTC with milliseconds."""
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def free(value: Any) -> Any:
    """Any value as JSON would keep it. Raises RecordError for what JSON cannot say."""
    kind = type(value)
    if kind is str or kind is int or kind is float or kind is bool or value is None:
        return value
    if isinstance(value, Mapping):
        return {key if type(key) is str else str(free(key)): free(inner) for key, inner in value.items()}
    if isinstance(value, BaseModel):
        return part(value)
    if isinstance(value, _LISTS):
        return [free(inner) for inner in value]
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, Enum):
        return free(value.value)
    try:
        return to_jsonable_python(value)
    except (PydanticSerializationError, ValueError) as error:
        raise RecordError(f"this cannot be stored: {error}") from None


class _Stored(NamedTuple):
    name: str
    alias: str
    keeps_none: bool
    pack: Pack | None


_layouts: dict[type[BaseModel], tuple[_Stored, ...]] = {}


def _layout(model: type[BaseModel]) -> tuple[_Stored, ...]:
    known = _layouts.get(model)
    if known is None:
        known = tuple(
            _Stored(name, info.alias or name, info.default is not None, packer(info.annotation))
            for name, info in model.model_fields.items()
        )
        _layouts[model] = known
    return known


def part(value: Any) -> Any:
    """A model's document; a mapping set in its place is kept as it is."""
    if not isinstance(value, BaseModel):
        return free(value)
    fields = value.__dict__
    document = {}
    for name, alias, keeps_none, pack in _layout(type(value)):
        inner = fields[name]
        if inner is not None:
            document[alias] = inner if pack is None else pack(inner)
        elif keeps_none:
            document[alias] = None
    if value.__pydantic_extra__:
        document.update(free(value.__pydantic_extra__))
    return document


def packer(annotation: Any) -> Pack | None:
    """What makes values of this annotation storable; None where they are stored as they are."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return packer(inner[0])
    if origin in (Union, UnionType):
        others = [one for one in inner if one is not type(None)]
        return packer(others[0]) if len(others) == 1 else free
    if origin is Literal:
        return None if all(type(one) in _PLAIN for one in inner) else free
    if origin in _LISTS:
        return _listed(packer(inner[0]))
    if origin is dict:
        return _mapped(packer(inner[1]))
    if annotation in _PLAIN:
        return None
    if annotation is Decimal:
        return decimal128
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return None if issubclass(annotation, str) else free
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return part
    return free


def _listed(pack: Pack | None) -> Pack:
    if pack is None:
        return list
    if pack is free:
        return free
    return lambda values: [None if value is None else pack(value) for value in values]


def _mapped(pack: Pack | None) -> Pack:
    if pack is None or pack is free:
        return free
    return lambda values: {str(key): None if value is None else pack(value) for key, value in values.items()}


def comparable(value: Any) -> Any:
    """A value as it is compared. Raises StoreError for what cannot be compared (a mapping, a part)."""
    kind = type(value)
    if kind in _PLAIN:
        return value
    if isinstance(value, Enum):
        return comparable(value.value)
    if isinstance(value, Decimal):
        return decimal128(value)
    if isinstance(value, datetime | str):
        return value
    if isinstance(value, date):
        return value.isoformat()
    raise StoreError(f"a {kind.__name__} cannot be compared in the store")


def encoded(document: Mapping[str, Any]) -> RawBSONDocument:
    """The document as the bytes it is sent as. Raises RecordError for what BSON cannot say."""
    try:
        return RawBSONDocument(bson.encode(document))
    except (BSONError, OverflowError, TypeError, ValueError) as error:
        raise RecordError(f"this cannot be stored: {error}") from None


class Collection:
    """One record type's collection: its fields, and the way from a record to a document and back."""

    def __init__(self, kind: type[Record]) -> None:
        self.kind = kind
        self.name = kind.shape.collection
        self.indexes = kind.shape.indexes
        self.searched = searched_of(kind)
        """Its searchable fields; their tokens lie in the document itself."""
        self.projection = {TOKENS: 0} if self.searched else None
        """What of a document is not read."""
        self.served: set[Any] = set()
        """Shapes of queries that an index was found for."""
        self.literals: dict[str, set[str]] = {}
        """The values that partial indexes name."""
        for index in self.indexes:
            for path, value in index.where.items():
                self.literals.setdefault(path, set()).add(str(value))
        self._fields: dict[str, Field] = {}
        own = ("id", "version", "created_at", "updated_at")
        self._layout = tuple(stored for stored in _layout(kind) if stored.name not in own)
        self._thawed = tuple(
            info.alias or name for name, info in kind.model_fields.items() if not _is_plain(info.annotation) and name != "id"
        )

    @cached_property
    def _validate(self) -> Callable[[Any], Any]:
        """pydantic's own reader, made when first used. What a newer version has added is kept, and written again."""
        return partial(self.kind.__pydantic_validator__.validate_python, extra="allow")

    def field(self, path: str) -> Field:
        """Raises StoreError where the record has no such field."""
        known = self._fields.get(path)
        if known is None:
            known = self._fields[path] = field_of(self.kind, path, Field)
        return known

    def stored(self, path: str) -> str:
        return "_id" if path == "id" else self.field(path).stored

    def path_of(self, stored: str) -> str:
        """A stored name in Python's words."""
        return next((path for path, name in self.kind.shape.stored_names.items() if name == stored), stored)

    def document(self, record: Record, created: datetime, updated: datetime, version: int) -> RawBSONDocument:
        """Raises RecordError for what cannot be stored."""
        fields = record.__dict__
        document: dict[str, Any] = {"_id": fields["id"], "version": version, "createdAt": created, "updatedAt": updated}
        for name, alias, keeps_none, pack in self._layout:
            value = fields[name]
            if value is not None:
                document[alias] = value if pack is None else pack(value)
            elif keeps_none:
                document[alias] = None
        if record.__pydantic_extra__:
            document.update(free(record.__pydantic_extra__))
        if self.searched:
            document[TOKENS] = self.searched.tokens(fields)
        return encoded(document)

    def record(self, document: dict[str, Any]) -> Any:
        """The record in a document. Raises RecordError where it breaks today's rules, DataTooNew where it is of a later shape."""
        document.pop(HELD, None)
        for name in self._thawed:
            if name in document:
                document[name] = thaw(document[name])
        shape = self.kind.shape
        try:
            if (document.get("shapeNumber") or 1) != shape.number:
                document = shape.upgraded(document)
            return self._validate(document)
        except ValidationError as error:
            raise RecordError(explain(self.kind.__name__, error)) from None

    def records(self, documents: Iterable[dict[str, Any]]) -> list[Any]:
        record = self.record
        return [record(document) for document in documents]

    def value(self, path: str, value: Any) -> Any:
        """A value that a field is set to, as it is stored."""
        field = self.field(path)
        pack = packer(field.type)
        if field.is_list:
            pack = _listed(pack)
        return value if pack is None or value is None else pack(value)

    def element(self, path: str, value: Any) -> Any:
        """A value that is pushed onto a list, as it is stored."""
        pack = packer(self.field(path).type)
        return value if pack is None or value is None else pack(value)
