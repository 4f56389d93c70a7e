"""What MongoDB is told of a record type: the `$jsonSchema` that its documents must keep to, and its indexes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, JsonSchemaWarningKind
from pydantic_core import core_schema

from bot.errors import StoreError
from bot.records.base import Index, Record
from bot.records.tokens import RULES
from bot.store.fields import Field, field_of
from bot.store.mongo_documents import HELD, decimal128
from bot.store.words import TOKENS, searched_of

PREFIX = "sb:"
"""Begins the names of our indexes: others are left alone."""

_BSON: dict[str, Any] = {
    "string": "string",
    "integer": ["int", "long"],
    "number": ["int", "long", "double"],
    "boolean": "bool",
    "null": "null",
    "array": "array",
    "object": "object",
}
_KEPT = ("bsonType", "enum", "minLength", "maxLength", "pattern", "minimum", "maximum", "minItems", "maxItems", "uniqueItems")
"""What MongoDB's dialect (draft 4) shares with ours; the rest is converted or left out."""


class _BsonSchema(GenerateJsonSchema):
    """pydantic's own generator, with the types of documents in place of those of JSON."""

    def datetime_schema(self, schema: core_schema.DatetimeSchema) -> JsonSchemaValue:
        return {"bsonType": "date"}

    def decimal_schema(self, schema: core_schema.DecimalSchema) -> JsonSchemaValue:
        bounds = {
            word: schema[rule]  # type: ignore[literal-required]
            for rule, word in (("ge", "minimum"), ("le", "maximum"), ("gt", "exclusiveMinimum"), ("lt", "exclusiveMaximum"))
            if schema.get(rule) is not None
        }
        return {"bsonType": "decimal", **bounds}

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def handle_invalid_for_json_schema(self, schema: Any, error_info: str) -> JsonSchemaValue:
        return {}  # only pydantic can check it

    def emit_warning(self, kind: JsonSchemaWarningKind, detail: str) -> None:
        """Whatever is looser in the schema is still checked where records are made."""


def validator_of(kind: type[Record]) -> dict[str, Any]:
    """The validator of a collection. It refuses what no record could be read from; finer rules are pydantic's."""
    made = kind.model_json_schema(by_alias=True, schema_generator=_BsonSchema)
    schema = _bson(made, made.get("$defs", {}), ())
    schema["properties"][HELD] = {"bsonType": _BSON["integer"]}
    if kind.shape.text is not None:
        schema["properties"][TOKENS] = {"bsonType": "array", "items": {"bsonType": "string"}}
    # An older version goes on to write its own shape.
    of_another = {"shapeNumber": {"$ne": kind.shape.number}}
    return {"$or": [{"$jsonSchema": schema}, of_another]} if kind.shape.upgrades else {"$jsonSchema": schema}


def _bson(schema: Any, parts: dict[str, Any], inside: tuple[str, ...]) -> dict[str, Any]:
    """A schema in MongoDB's dialect: no references, BSON's types, no keyword it does not know."""
    if not isinstance(schema, dict):
        return {}
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        # A part that holds its own kind ends here: the dialect has no references.
        return {"bsonType": "object"} if name in inside else _bson(parts[name], parts, (*inside, name))
    made = {word: schema[word] for word in _KEPT if word in schema}
    if "type" in schema:
        made["bsonType"] = _BSON[schema["type"]]
    if "const" in schema:
        made["enum"] = [schema["const"]]
    for word, limit in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if word in schema:
            made[limit], made[word] = schema[word], True
    for word in ("minimum", "maximum"):
        if isinstance(made.get(word), Decimal):
            made[word] = decimal128(made[word])
    for word in ("anyOf", "allOf"):
        if word in schema:
            made[word] = [_bson(inner, parts, inside) for inner in schema[word]]
    if "oneOf" in schema:  # pydantic means the first that fits
        made["anyOf"] = [_bson(inner, parts, inside) for inner in schema["oneOf"]]
    if isinstance(schema.get("items"), dict):
        made["items"] = _bson(schema["items"], parts, inside)
    if "properties" in schema:
        made["properties"] = {name: _bson(inner, parts, inside) for name, inner in schema["properties"].items()}
    if schema.get("required"):
        made["required"] = sorted(schema["required"])
    if "additionalProperties" in schema:
        extra = schema["additionalProperties"]
        made["additionalProperties"] = extra if isinstance(extra, bool) else _bson(extra, parts, inside)
    return made


@dataclass(frozen=True)
class MongoIndex:
    """One index as the server lists it."""

    name: str
    keys: tuple[tuple[str, Any], ...]
    options: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def listed(cls, description: dict[str, Any]) -> MongoIndex:
        """From a line of `listIndexes`, without what the server adds of its own."""
        known = ("unique", "partialFilterExpression", "expireAfterSeconds", "weights", "default_language")
        options = {
            name: _plain(description[name])
            for name in known
            if description.get(name) is not None and description[name] is not False
        }
        keys = tuple((path, way if isinstance(way, str) else int(way)) for path, way in description["key"].items())
        if "weights" in options:  # the server lists a text index by its own inner keys
            keys = tuple((path, "text") for path in sorted(options.pop("weights")))
            if options.get("default_language") == "english":
                del options["default_language"]
        return cls(description["name"], keys, options)

    def made(self) -> dict[str, Any]:
        """For `createIndexes`."""
        return {"name": self.name, "key": dict(self.keys), **self.options}


def _plain(value: Any) -> Any:
    return {name: _plain(inner) for name, inner in value.items()} if isinstance(value, dict) else value


def indexes_of(kind: type[Record]) -> Iterator[MongoIndex]:
    """What MongoDB is to build for the declaration. The name says all of it, so a changed one is another index.

    - The id ends the keys of what is not unique: an order by `-timestamp`, which ties by id, is then read off the index.
    - A unique one leaves out documents that lack a field. Where that is one of several fields, a plain one stands beside it for
      who asks by the first fields alone.
    """
    for index in kind.shape.indexes:
        yield from _built(kind, index)
    search = search_index_of(kind)
    if search is not None:
        yield search


def search_index_of(kind: type[Record]) -> MongoIndex | None:
    """The index of our own search. Its name says how tokens are made: other fields or rules, and they are made anew."""
    searched = searched_of(kind)
    if searched is None:
        return None
    keys = ((TOKENS, 1), (searched.newest_stored, -1), ("_id", -1))
    return MongoIndex(f"{_name(keys, {})}_words_of_{'_'.join(searched.stored)}_rules_{RULES}", keys)


def text_index_of(kind: type[Record]) -> MongoIndex | None:
    """The seeds' `$text` index, for servers that have it; our own search does not need it."""
    text = kind.shape.text
    if text is None:
        return None
    names = sorted(kind.shape.stored_name(path) for path in text.fields)
    language = {"default_language": text.language} if text.language and text.language != "english" else {}
    name = f"{PREFIX}{'_'.join(names)}_text{text.language and '_' + text.language}"
    return MongoIndex(name, tuple((path, "text") for path in names), language)


def _built(kind: type[Record], index: Index) -> Iterator[MongoIndex]:
    name = kind.shape.stored_name
    keys = tuple((name(path), -1 if down else 1) for path, down in zip(index.fields, index.descending, strict=True))
    part: dict[str, Any] = {name(path): value for path, value in index.where.items()}
    lacking = {path: _present(kind, path) for path in index.fields if index.unique and _may_lack(kind, path)}
    options: dict[str, Any] = {"unique": True} if index.unique else {}
    if index.ttl is not None:
        options["expireAfterSeconds"] = index.ttl
    elif not index.unique and all(path != "_id" for path, _ in keys):
        keys = (*keys, ("_id", keys[-1][1]))
    counted = {**part, **{name(path): present for path, present in lacking.items() if path not in index.where}}
    if counted:
        options["partialFilterExpression"] = counted
    yield MongoIndex(_name(keys, options), keys, options)
    if lacking and len(keys) > 1:
        yield from _built(kind, Index(*_signed(index), where=index.where))


def _signed(index: Index) -> list[str]:
    return [f"-{path}" if down else path for path, down in zip(index.fields, index.descending, strict=True)]


def _may_lack(kind: type[Record], path: str) -> bool:
    """Whether a document may be without the field."""
    if "." in path:
        return True
    return type(None) in getattr(kind.model_fields[path].annotation, "__args__", ())


def _present(kind: type[Record], path: str) -> dict[str, Any]:
    """The condition that the field is there. Raises StoreError where a null could stand in it, which would count as a value."""
    field = field_of(kind, path, Field)
    if isinstance(field.type, type) and issubclass(field.type, str):
        return {"$gte": ""}  # any text: servers see at once that a query for one is served, and a null is none
    if not field.none_is_default:
        raise StoreError(f"{kind.shape.collection}.{path}: a unique field that may be None needs None as its default")
    return {"$exists": True}


def _name(keys: tuple[tuple[str, Any], ...], options: dict[str, Any]) -> str:
    words = [f"{path}_{way}" for path, way in keys]
    words += ["unique"] if options.get("unique") else []
    words += [f"ttl_{options['expireAfterSeconds']}"] if "expireAfterSeconds" in options else []
    for path, value in options.get("partialFilterExpression", {}).items():
        words += ["where", path, "present" if isinstance(value, dict) else str(value)]
    return PREFIX + "_".join(words)
