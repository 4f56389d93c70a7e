"""The OpenAPI 3.1 document of the API, made of what its endpoints declare."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from bot.web.endpoint import BASE, Endpoint, Model
from bot.web.uploads import FIELD

_REF = "#/components/schemas/{model}"
_JSON = "application/json"
_FILE = {
    "type": "object",
    "properties": {FIELD: {"type": "string", "contentMediaType": "application/octet-stream", "description": "The first part."}},
    "required": [FIELD],
}
_ERRORS = {
    "400": "It is no JSON that can be read.",
    "401": "Nobody is signed in, or the token is not good.",
    "403": "It needs a permission that is not there.",
    "404": "There is no such thing.",
    "409": "Something else was faster, or the move is not allowed; `holder` says who has it.",
    "413": "It is too large.",
    "415": "It is not JSON.",
    "422": "A field is wrong; the message names it and the fix.",
    "429": "Too often; `Retry-After` says for how many seconds to wait.",
    "503": "The store cannot be reached right now; try again.",
}


class Holder(Model):
    id: str
    name: str


class Problem(Model):
    """What is wrong."""

    code: str
    message: str
    """One sentence, to be shown as it is."""
    field: str | None = None
    """Which field is wrong."""
    holder: Holder | None = None
    """Who holds it, where somebody was faster."""


class Fault(Model):
    """What every error looks like."""

    error: Problem


def document(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """The whole document."""
    schemas, components = _schemas(endpoints)
    paths: dict[str, dict[str, Any]] = {}
    for one in endpoints:
        paths.setdefault(BASE + one.path, {})[one.method.lower()] = _operation(one, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Switchboard",
            "version": "1",
            "description": "The desk's own API: conversations, people, tickets. Times are ISO 8601 in UTC.",
        },
        "security": [{"token": []}, {"session": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "A token of /account or POST /api/v1/tokens."},
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": "session",
                    "description": "Who is signed in; what changes something needs the header X-CSRF-Token too.",
                },
            },
        },
    }


_Schemas = dict[tuple[type[BaseModel], JsonSchemaMode], dict[str, Any]]


def _schemas(endpoints: Sequence[Endpoint]) -> tuple[_Schemas, dict[str, Any]]:
    wanted: list[tuple[type[BaseModel], JsonSchemaMode]] = [(Fault, "serialization")]
    for one in endpoints:
        wanted += [(model, "validation") for model in (one.query, one.body) if model is not None]
        wanted += [(one.answer, "serialization")] if one.answer is not None else []
    found, whole = models_json_schema(list(dict.fromkeys(wanted)), ref_template=_REF)
    return found, whole.get("$defs", {})  # type: ignore[return-value]


def _operation(one: Endpoint, schemas: _Schemas) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": one.summary}
    if one.answer is not None:
        answer["content"] = {_JSON: {"schema": schemas[one.answer, "serialization"]}}
    told: dict[str, Any] = {"operationId": one.name, "tags": [one.subject], "summary": one.summary}
    if one.details:
        told["description"] = one.details
    if one.permission:
        told["x-permission"] = one.permission
    told["parameters"] = [*_path_parameters(one), *_query_parameters(one)]
    if one.body is not None:
        needed = any(field.is_required() for field in one.body.model_fields.values())
        told["requestBody"] = {"required": needed, "content": {_JSON: {"schema": schemas[one.body, "validation"]}}}
    if one.takes_file:
        told["requestBody"] = {"required": True, "content": {"multipart/form-data": {"schema": _FILE}}}
    error = {"content": {_JSON: {"schema": schemas[Fault, "serialization"]}}}
    told["responses"] = {str(one.status): answer} | {status: {"description": text, **error} for status, text in _ERRORS.items()}
    return told


def _path_parameters(one: Endpoint) -> list[dict[str, Any]]:
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in one.path_names]


def _query_parameters(one: Endpoint) -> list[dict[str, Any]]:
    if one.query is None:
        return []
    schema = one.query.model_json_schema(ref_template=_REF)
    inner = schema.get("$defs", {})
    needed = schema.get("required", [])
    return [
        {"name": name, "in": "query", "required": name in needed, "schema": _resolved(field, inner)}
        for name, field in schema["properties"].items()
    ]


def _resolved(schema: Any, inner: dict[str, Any]) -> Any:
    """A parameter's schema with what it refers to written out: they are small."""
    if isinstance(schema, list):
        return [_resolved(one, inner) for one in schema]
    if not isinstance(schema, dict):
        return schema
    named = re.fullmatch(r"#/components/schemas/(.+)", str(schema.get("$ref", "")))
    if named:
        rest = {key: value for key, value in schema.items() if key != "$ref"}
        return {**_resolved(inner[named[1]], inner), **rest}
    return {key: _resolved(value, inner) for key, value in schema.items()}
