"""What a record is, and how its collection and indexes are declared.

    @record("tickets", Index("ticket_id", unique=True), Index("customer_id", "-created_at"))
    class Ticket(Record): ...

Python names are snake_case; the stored names are the seeds' camelCase, by the alias generator.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, ClassVar, Self, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from bot.errors import DataTooNew, RecordError
from bot.records.wording import sentence


class Part(BaseModel):
    """A document inside a record."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", defer_build=True)


class PII:
    """Marks a field as personal: `name: Annotated[str, PII]`. Redaction, export and erasure read this mark."""


class Secret:
    """Marks a field as a secret: encrypted at rest, never in a log, a trace, a prompt or an error."""


_ARRIVAL: ContextVar[datetime | None] = ContextVar("arrival", default=None)


def _arrival() -> datetime | None:
    """The moment a document came from outside; None while records are made by our own code, which says every moment itself."""
    return _ARRIVAL.get()


NowByDefault = Annotated[datetime, Field(default_factory=_arrival, validate_default=True)]
"""A moment that code has to give, and that a document from outside may lack: it is then the moment it came (`Record.arrived`)."""


class Index:
    """One index over a collection: `Index("customer_id", "-created_at")`.

    A leading minus means descending; dots reach into parts ("last_message.timestamp"), also into each part of a list
    ("important_dates.date"): such a document is found by any of its parts.
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


@dataclass(frozen=True, slots=True)
class TextIndex:
    """The fields by whose words a record is found. Our own search reads this; a server with `$text` gets it too."""

    fields: tuple[str, ...]
    language: str = ""
    """Mongo's `default_language`; empty leaves the server's own."""
    newest: str = "created_at"
    """The moment by which what is found is ordered, the newest first."""


Upgrade = Callable[[dict[str, Any]], dict[str, Any]]
"""A stored document in one shape -> the same in the next."""


@dataclass(frozen=True)
class Shape:
    """How a record type is stored: its collection, its indexes and where each Python name lives in a document."""

    collection: str
    indexes: tuple[Index, ...]
    stored_names: Mapping[str, str] = field(default_factory=dict)
    text: TextIndex | None = None
    vector: str | None = None
    """The field that holds an embedding, where records are found by meaning."""
    upgrades: tuple[Upgrade, ...] = ()
    """From shape 1 to 2, from 2 to 3, ...: each takes a stored document and gives it back in the next shape."""
    append_only: bool = False
    """Whether a record, once written, is never changed and never deleted."""

    @property
    def number(self) -> int:
        """Today's shape; the first is 1."""
        return 1 + len(self.upgrades)

    def upgraded(self, document: dict[str, Any]) -> dict[str, Any]:
        """A stored document in today's shape. Raises DataTooNew for one that a newer version has written."""
        number = int(document.get("shapeNumber") or 1)
        if number > self.number:
            what = f"{self.collection} {document.get('_id')}: has shape {number}, and this version knows {self.number}"
            raise DataTooNew(f"{what}; upgrade Switchboard")
        for upgrade in self.upgrades[number - 1 :]:
            document = upgrade(document)
        return {**document, "shapeNumber": self.number}

    def stored_name(self, path: str) -> str:
        """`last_message.sender` -> `lastMessage.from`; `id` -> `_id`. The keys of a free mapping stay as they are."""
        known = self.stored_names.get(path)
        if known is not None:
            return known
        parent, dot, key = path.rpartition(".")
        return f"{self.stored_name(parent)}.{key}" if dot else to_camel(key)


class Record(BaseModel):
    """What every stored document has."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", defer_build=True)
    shape: ClassVar[Shape]

    id: str = Field(alias="_id")
    version: int = 0
    """Rises with every whole-record write; a write against an older one is a Conflict."""
    created_at: datetime | None = None
    """Stamped by the store at the first write."""
    updated_at: datetime | None = None
    """Stamped by the store at every write."""
    shape_number: int | None = None
    """The shape it was written in; absent is 1. Only kinds that have had another shape carry it."""

    @classmethod
    def new(cls, **values: Any) -> Self:
        """A validated new record.

        Raises RecordError with one line that names the record, the field, the rule and a valid example.
        """
        try:
            return cls(**values)
        except ValidationError as error:
            raise RecordError(sentence(cls.__name__, error, cls)) from None

    @classmethod
    def arrived(cls, document: Mapping[str, Any], now: datetime) -> Self:
        """The record in a document from outside, by its stored names; what defaults to the present moment gets `now`.

        Raises RecordError like `new`.
        """
        moment = _ARRIVAL.set(now)
        try:
            return cls.model_validate(document)
        except ValidationError as error:
            raise RecordError(sentence(cls.__name__, error, cls)) from None
        finally:
            _ARRIVAL.reset(moment)

    @classmethod
    def trusted(cls, values: dict[str, Any]) -> Self:
        """A new record of values that are right for certain, all its own fields among them: not looked at, so cheap to make."""
        made = cls.__new__(cls)
        _set(made, "__dict__", _UNWRITTEN | values)
        _set(made, "__pydantic_fields_set__", set(values))
        _set(made, "__pydantic_extra__", None)
        _set(made, "__pydantic_private__", None)
        return made


_set = object.__setattr__  # pydantic's own would look at the values
_UNWRITTEN = {"version": 0, "created_at": None, "updated_at": None, "shape_number": None}
"""What every record has before it is first written."""


def explain(name: str, error: ValidationError) -> str:
    """A validation error as one line: which record (by the name of its class), which field, which rule, a valid example."""
    return sentence(name, error, next((kind for kind in RECORDS.values() if kind.__name__ == name), None))


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


def record(
    collection: str,
    *indexes: Index,
    text: TextIndex | None = None,
    vector: str | None = None,
    upgrades: tuple[Upgrade, ...] = (),
    append_only: bool = False,
) -> Callable[[type[R]], type[R]]:
    """Declares a record type's collection and indexes, and how documents of its older shapes are brought up to date."""

    def declare(cls: type[R]) -> type[R]:
        if upgrades:
            cls.model_fields["shape_number"].default = 1 + len(upgrades)
            cls.model_rebuild(force=True)
        cls.shape = Shape(collection, indexes, dict(_stored_names(cls)), text, vector, upgrades, append_only)
        RECORDS[collection] = cls
        return cls

    return declare
