"""What a record is, and how its collection and indexes are declared.

    @record("tickets", Index("ticket_id", unique=True), Index("customer_id", "-created_at"))
    class Ticket(Record): ...

Python names are snake_case; the stored names are the seeds' camelCase, by the alias generator.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Self, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from bot.errors import RecordError


class Part(BaseModel):
    """A document inside a record."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")


class PII:
    """Marks a field as personal: `name: Annotated[str, PII]`. Redaction, export and erasure read this mark."""


class Index:
    """One index over a collection: `Index("customer_id", "-created_at")`.

    A leading minus means descending; dots reach into parts ("last_message.timestamp").
    `where` keeps only documents with these values in the index (a partial index). A unique index never counts
    documents that lack the field. With `ttl` the documents go that many seconds after the moment in the field.
    """

    def __init__(
        self, *fields: str, unique: bool = False, where: Mapping[str, str] | None = None, ttl: int | None = None
    ) -> None:
        self.fields = tuple(name.lstrip("-") for name in fields)
        self.descending = tuple(name.startswith("-") for name in fields)
        self.unique = unique
        self.where = dict(where or {})
        self.ttl = ttl

    def __repr__(self) -> str:
        return f"Index({', '.join(self.fields)})"


@dataclass(frozen=True)
class Shape:
    """How a record type is stored: its collection, its indexes and where each Python name lives in a document."""

    collection: str
    indexes: tuple[Index, ...]
    stored_names: Mapping[str, str] = field(default_factory=dict)

    def stored_name(self, path: str) -> str:
        """`last_message.sender` -> `lastMessage.from`; `id` -> `_id`. The keys of a free mapping stay as they are."""
        known = self.stored_names.get(path)
        if known is not None:
            return known
        parent, dot, key = path.rpartition(".")
        return f"{self.stored_name(parent)}.{key}" if dot else to_camel(key)


class Record(BaseModel):
    """What every stored document has."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")
    shape: ClassVar[Shape]

    id: str = Field(alias="_id")
    version: int = 0
    """Rises with every whole-record write; a write against an older one is a Conflict."""
    created_at: datetime | None = None
    """Stamped by the store at the first write."""
    updated_at: datetime | None = None
    """Stamped by the store at every write."""

    @classmethod
    def new(cls, **values: Any) -> Self:
        """A validated new record.

        Raises RecordError with one line that names the record, the field and the rule.
        """
        try:
            return cls(**values)
        except ValidationError as error:
            raise RecordError(explain(cls.__name__, error)) from None

    @classmethod
    def trusted(cls, values: dict[str, Any]) -> Self:
        """A record of values that are right for certain, every field among them: not looked at, so it is cheap to make."""
        made = cls.__new__(cls)
        _set(made, "__dict__", values)
        _set(made, "__pydantic_fields_set__", set(values))
        _set(made, "__pydantic_extra__", None)
        _set(made, "__pydantic_private__", None)
        return made


_set = object.__setattr__  # pydantic's own would look at the values


def explain(name: str, error: ValidationError) -> str:
    """A validation error as one line: which record, which field, which rule."""
    first = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or "record"
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return f"{name}.{where}: {first['msg']}{more}"


R = TypeVar("R", bound=Record)

RECORDS: dict[str, type[Record]] = {}
"""Collection name -> its record type: everything that `@record` has declared."""


def _stored_names(model: type[BaseModel], inside: tuple[type[BaseModel], ...] = ()) -> Iterator[tuple[str, str]]:
    """Where every field lives, those of the parts inside included."""
    for name, info in model.model_fields.items():
        alias = info.alias or name
        yield name, alias
        for part in _parts_of(info.annotation):
            if part not in inside:  # a part that holds its own kind ends here
                for path, stored in _stored_names(part, (*inside, part)):
                    yield f"{name}.{path}", f"{alias}.{stored}"


def _parts_of(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _parts_of(inner)


def record(collection: str, *indexes: Index) -> Callable[[type[R]], type[R]]:
    """Declares a record type's collection and indexes."""

    def declare(cls: type[R]) -> type[R]:
        cls.shape = Shape(collection, indexes, dict(_stored_names(cls)))
        RECORDS[collection] = cls
        return cls

    return declare
