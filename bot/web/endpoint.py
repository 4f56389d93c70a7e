"""What an endpoint of the API is: declared once, where its handler is, and everything else follows from that.

    class Tickets:
        @endpoint("POST", "/tickets/{number}/notes", "manage:tickets", status=201)
        async def note(self, call: Call, number: str, body: NewNote) -> Note:
            \"\"\"Writes a note on a ticket.\"\"\"

    def endpoints(site: Site) -> list[Endpoint]:
        return declared(Tickets(site))

Routing, who may use it, what is checked of path, query and body, and the OpenAPI document are made of it. A handler's parameters
say what it takes: `call`, the names in its path, `query` and `body` (models), or `upload` (a file); what it gives back is a
model, or None.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, get_type_hints

import orjson
from aiohttp import web
from pydantic import BaseModel, ConfigDict, ValidationError

from bot.records.users import User
from bot.records.wording import sentence
from bot.web.access import Answers, needs, signed_in
from bot.web.faults import Invalid
from bot.web.forms import clean
from bot.web.gate import Caller, caller
from bot.web.uploads import upload_of

BASE = "/api/v1"
MOST_BYTES = 256 * 1024
"""Of a body; the longest reply, with every character escaped, is well below it."""

F = TypeVar("F", bound=Callable[..., Awaitable[Any]])


class Model(BaseModel):
    """What comes in or goes out: with the fields it declares and no others."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


@dataclass(frozen=True, slots=True)
class Call:
    """One request, by somebody who may make it."""

    who: Caller

    @property
    def user(self) -> User:
        """On whose behalf; of a token, with the permissions that its scopes leave."""
        return self.who.user

    @property
    def by(self) -> str:
        """As records name who did something."""
        return f"user:{self.who.user.id}"


@dataclass(frozen=True, slots=True)
class _Mark:
    """What a handler was declared with."""

    method: str
    path: str
    permission: str
    status: int


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One operation of the API."""

    method: str
    path: str
    """Below `BASE`; names in braces are the handler's parameters."""
    permission: str
    """What a user has to be allowed; empty: every user."""
    status: int
    summary: str
    details: str
    handler: Callable[..., Awaitable[Any]]
    path_names: tuple[str, ...]
    query: type[BaseModel] | None
    body: type[BaseModel] | None
    answer: type[BaseModel] | None
    takes_file: bool
    """Whether a form with a file is sent, in place of a body."""

    @property
    def name(self) -> str:
        """What nothing else is called: `conversations_take_over`."""
        return f"{self.subject}_{self.handler.__name__.strip('_')}"

    @property
    def subject(self) -> str:
        """What it is about: the first word of its path."""
        return self.path.split("/")[1]

    def route(self) -> list[web.RouteDef]:
        """The route, with who may use it."""
        route = web.RouteDef(self.method, BASE + self.path, self._serve, {})
        if self.permission:
            return needs(self.permission, route, answers=Answers.DATA, takes_tokens=True)
        return signed_in(route, answers=Answers.DATA, takes_tokens=True)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        values: dict[str, Any] = {name: clean(request.match_info[name]) for name in self.path_names}
        if self.query is not None:
            values["query"] = _checked(self.query, _query_of(request), "query")
        elif request.query:
            raise Invalid(
                f"query.{clean(next(iter(request.query)))[:40]}: there is no such field; this takes none", field="query"
            )
        if self.takes_file:
            values["upload"] = await upload_of(request)
        if self.body is not None:
            values["body"] = _checked(self.body, await _json_of(request), "body")
        answer: BaseModel | None = await self.handler(Call(caller(request)), **values)
        headers = {"Cache-Control": "no-store"}
        if answer is None:
            return web.Response(status=204, headers=headers)
        body = answer.model_dump_json().encode()
        return web.Response(body=body, status=self.status, content_type="application/json", charset="utf-8", headers=headers)


def endpoint(method: str, path: str, permission: str = "", *, status: int = 200) -> Callable[[F], F]:
    """Declares a method to be an endpoint's handler. Its docstring's first line is the summary; without a permission it is every
    user's.
    """

    def mark(handler: F) -> F:
        setattr(handler, _MARK, _Mark(method, path, permission, status))
        return handler

    return mark


_MARK = "__endpoint__"


def declared(subject: object) -> list[Endpoint]:
    """The endpoints of a subject, in the order in which they are written. Raises TypeError for a handler that takes what is not
    there.
    """
    marked = [name for name, member in vars(type(subject)).items() if hasattr(member, _MARK)]
    return [_made(getattr(subject, name)) for name in marked]


def _made(handler: Callable[..., Awaitable[Any]]) -> Endpoint:
    mark: _Mark = getattr(handler, _MARK)
    hints = get_type_hints(handler, include_extras=True)
    given = set(inspect.signature(handler).parameters) - {"call"}
    names = tuple(part[1:-1] for part in mark.path.split("/") if part.startswith("{"))
    if given - {"query", "body", "upload"} != set(names):
        raise TypeError(f"{mark.method} {mark.path}: its handler takes {', '.join(sorted(given))}; name what is in the path")
    summary, _, details = inspect.cleandoc(handler.__doc__ or "").partition("\n\n")
    answer = hints["return"]
    return Endpoint(
        method=mark.method,
        path=mark.path,
        permission=mark.permission,
        status=mark.status if answer is not type(None) else 204,
        summary=" ".join(summary.split()),
        details=" ".join(details.split()),
        handler=handler,
        path_names=names,
        query=hints.get("query"),
        body=hints.get("body"),
        answer=None if answer is type(None) else answer,
        takes_file="upload" in given,
    )


M = TypeVar("M", bound=BaseModel)


def _checked(model: type[M], values: Any, where: str) -> M:
    """Raises Invalid, which names the field and what is right."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        path = [str(part) for part in error.errors(include_url=False, include_input=False)[0]["loc"]]
        raise Invalid(sentence(where, error, model), field=".".join(path) or where) from None


def _query_of(request: web.Request) -> Mapping[str, Any]:
    """What stands after the question mark; of several with one name the last. An empty one counts as not given."""
    return {clean(name): clean(value) for name, value in request.query.items() if value}


async def _json_of(request: web.Request) -> Any:
    """The body. Raises HTTPRequestEntityTooLarge, HTTPUnsupportedMediaType, HTTPBadRequest."""
    if not request.body_exists:
        return {}
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType(text="send JSON, with the header Content-Type: application/json")
    sent = await request.read()
    if len(sent) > MOST_BYTES:
        text = f"this is too large: at most {MOST_BYTES // 1024} KB are taken; send it in parts"
        raise web.HTTPRequestEntityTooLarge(max_size=MOST_BYTES, actual_size=len(sent), text=text)
    if not sent.strip():
        return {}
    try:
        return orjson.loads(sent)
    except orjson.JSONDecodeError as error:
        raise web.HTTPBadRequest(text=f"this is no JSON that can be read: {error.msg} at {error.lineno}:{error.colno}") from None
