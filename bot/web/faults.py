"""What the API answers where something cannot be done: one table from our errors to statuses, one shape for all of them."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any

import orjson
import structlog
from aiohttp import web
from pydantic.alias_generators import to_snake

from bot.clock import new_id
from bot.errors import (
    BotError,
    Conflict,
    Duplicate,
    FileRefused,
    FileTooLarge,
    LimitReached,
    MoveRefused,
    NotFound,
    Overloaded,
    RecordError,
    ServiceError,
    StoreUnavailable,
    Taken,
)
from bot.web.access import Handler
from bot.web.gate import too_many

log = structlog.get_logger()

PREFIX = "/api/"

_STATUSES: tuple[tuple[type[BotError], int, str], ...] = (
    (Taken, 409, "taken"),
    (Conflict, 409, "conflict"),
    (Duplicate, 409, "duplicate"),
    (MoveRefused, 409, "move_refused"),
    (NotFound, 404, "not_found"),
    (RecordError, 422, "invalid"),
    (FileTooLarge, 413, "too_large"),
    (FileRefused, 415, "not_taken"),
    (ServiceError, 422, "refused"),
    (StoreUnavailable, 503, "unavailable"),
    (Overloaded, 503, "overloaded"),
)
"""The first that fits counts. Whatever is not here is a fault of ours: 500."""
_CODES = {
    400: "bad_request",
    401: "sign_in_first",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "not_json",
    422: "invalid",
    429: "too_many_requests",
}
_FIELD = re.compile(r"^\w+\.([\w.]+): ")
"""How an error names the field that is wrong: `Ticket.subject: is required`."""
_RETRY_SECONDS = "5"


class Invalid(ServiceError):
    """What was asked for breaks a rule of the API's own."""

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.field = field


def fault(status: int, code: str, message: str, field: str = "", **more: Any) -> web.Response:
    """An error as the API says it."""
    told = {"code": code, "message": message, **({"field": field} if field else {}), **more}
    headers = {"Cache-Control": "no-store"}
    return web.Response(
        body=orjson.dumps({"error": told}), status=status, content_type="application/json", charset="utf-8", headers=headers
    )


def explained(error: BotError) -> web.Response | None:
    """What is answered for an error of ours; None where it is nobody's but ours."""
    if isinstance(error, LimitReached):
        return _of_http(too_many(error.wait))
    found = next(((status, code) for kind, status, code in _STATUSES if isinstance(error, kind)), None)
    if found is None:
        return None
    status, code = found
    holder = {"holder": {"id": error.holder, "name": error.name}} if isinstance(error, Taken) else {}
    response = fault(status, code, str(error), _field_of(error), **holder)
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        response.headers["Retry-After"] = _RETRY_SECONDS
    return response


def _field_of(error: BotError) -> str:
    if isinstance(error, Invalid):
        return error.field
    named = _FIELD.match(str(error))
    return ".".join(to_snake(part) for part in named[1].split(".")) if named else ""


@web.middleware
async def as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answers every error under `/api/` as JSON, whoever raised it."""
    if not request.path.startswith(PREFIX):
        return await handler(request)
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < HTTPStatus.BAD_REQUEST:
            raise
        return _of_http(error)
    except BotError as error:
        if (known := explained(error)) is not None:
            return known
        return _ours(error)
    except Exception as error:
        return _ours(error)


def _of_http(error: web.HTTPException) -> web.Response:
    phrase = HTTPStatus(error.status).phrase
    standing = f"{error.status}: {error.reason}"
    text = error.text if error.text and error.text != standing else _SENTENCES.get(error.status, phrase.lower())
    response = fault(error.status, _CODES.get(error.status, "error"), text)
    kept = ("Allow", "Retry-After", "WWW-Authenticate")
    response.headers.extend({name: error.headers[name] for name in kept if name in error.headers})
    return response


_SENTENCES = {
    404: "there is nothing here; /api/v1/openapi.json tells what there is",
    405: "this cannot be done here; the header Allow tells what can",
}


def _ours(error: Exception) -> web.Response:
    code = new_id()[-6:]
    log.error("api failed", code=code, exc_info=error)
    return fault(500, "internal", f"something went wrong on our side; it is in the log under {code}")
