"""Where a field lies in a record type, what it is, and what the store tells a record about itself: the same for every store."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import PydanticUndefined

from bot.errors import StoreError
from bot.records.base import Record
from bot.store.base import Insert, Operation, Put

_LISTS = (list, tuple, set, frozenset)


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
    parts: str = ""
    """The stored name of the list of parts that it is a field of: a document then has many values of it."""

    @property
    def is_decimal(self) -> bool:
        return self.type is Decimal

    def restore(self, value: Any) -> Any:
        """A value out of the store, as the type it was declared with (None stays None)."""
        if value is None or self.type is Any or type(value) is self.type:
            return value
        try:
            return _reader_of(self.type).validate_python(value)
        except ValidationError:
            return value  # written under an older declaration: better shown as it is than hidden


@cache
def _reader_of(annotation: Any) -> TypeAdapter[Any]:
    """Made once for a type: making one takes forty times as long as reading a value with it."""
    return TypeAdapter(annotation)


F = TypeVar("F", bound=Field)


def field_of(kind: type[Record], path: str, make: type[F]) -> F:
    """Finds a field by its dotted Python path. Raises StoreError where the record has no such field."""
    annotation: Any = kind
    default: Any = PydanticUndefined
    is_list = False
    parts = so_far = ""
    for name in path.split("."):
        parts = parts or (kind.shape.stored_name(so_far) if is_list else "")
        so_far = f"{so_far}.{name}" if so_far else name
        if isinstance(annotation, type) and issubclass(annotation, BaseModel) and name in annotation.model_fields:
            info = annotation.model_fields[name]
            default = info.default
            annotation, is_list = bare(info.annotation)
        elif annotation is Any or annotation is dict or get_origin(annotation) is dict:
            inner = get_args(annotation)
            default = PydanticUndefined
            annotation, is_list = bare(inner[1]) if len(inner) == 2 else (Any, False)
        else:
            raise StoreError(f"{kind.shape.collection} has no field {path}")
    known = None if default is PydanticUndefined else default
    return make(path, kind.shape.stored_name(path), annotation, is_list or bool(parts), known, default is None, parts)


def bare(annotation: Any) -> tuple[Any, bool]:
    """An annotation without None and Annotated, and whether it is a list (then that of its elements)."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return bare(get_args(annotation)[0])
    if origin in (Union, UnionType):
        others = [inner for inner in get_args(annotation) if inner is not type(None)]
        return bare(others[0]) if len(others) == 1 else (Any, False)
    if origin in _LISTS:
        return bare(get_args(annotation)[0])[0], True
    return (Any, True) if annotation in _LISTS else (annotation, False)


def stamp_record(record: Record, now: datetime) -> None:
    """Tells a record when it was written."""
    fields = record.__dict__  # past pydantic's setattr: these two are the store's
    if fields["created_at"] is None:
        fields["created_at"] = now
    fields["updated_at"] = now


def tell_records(operations: Iterable[Operation], now: datetime) -> None:
    """Tells the records of a unit what the store made of them; one that is named twice was written by its first operation."""
    told: set[int] = set()
    for operation in operations:
        if isinstance(operation, Insert | Put) and id(operation.record) not in told:
            told.add(id(operation.record))
            stamp_record(operation.record, now)
            if isinstance(operation, Put):
                operation.record.__dict__["version"] += 1
