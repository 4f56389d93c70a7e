"""What a page is made with: the parts of the process, templates, texts, static files, and errors in the same look."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any, Protocol

import orjson
import structlog
from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bot.backlog import Backlog
from bot.clock import Clock, new_id
from bot.config import Settings
from bot.dialogs.router import Router
from bot.errors import StoreUnavailable
from bot.inbox import Inbox
from bot.jobs import Jobs
from bot.live import Live
from bot.message import Address, Button
from bot.outbox import Outbox
from bot.records.permissions import Permissions
from bot.resources import LANGUAGES
from bot.services.access_links import LinkMail
from bot.services.accounts import Accounts
from bot.services.after_call import AfterCall
from bot.services.calling import Calling
from bot.services.consents import ConsentBook
from bot.services.conversations import Conversations
from bot.services.desk import Desk
from bot.services.media import Media
from bot.services.people import People
from bot.services.ticketing import Ticketing
from bot.services.transfer_call import TransferCalls
from bot.services.users import name_of
from bot.services.webhooks import Webhooks
from bot.shared import Shared
from bot.store.base import LaneKinds, Store
from bot.tools.base import Services
from bot.web.access import Access, Handler, access_of, anyone
from bot.web.assets import Assets
from bot.web.endpoint import BASE
from bot.web.gate import ASKING, Gate
from bot.web.headers import page_headers
from bot.web.openapi import document
from bot.web.texts import language_of, texts_of

log = structlog.get_logger()

LANGUAGE_COOKIE = "language"
LANGUAGE_SECONDS = 365 * 24 * 3600

_TEAM_PAGES = (
    ("desk", "/desk"),
    ("calls", "/calls"),
    ("supervisor", "/supervisor"),
    ("work", "/work"),
    ("replies", "/replies"),
    ("settings", "/settings"),
    ("users", "/users"),
)
"""In the order in which they are offered; those that are not built are left out."""

_EXPLAINED = frozenset((403, 404, 405, 413, 429, 500, 503))
"""Statuses for which there is a text of their own (`error_404`)."""


class Received(Protocol):
    """What became of a webhook that a simulated phone wrote."""

    @property
    def status(self) -> int: ...
    @property
    def fresh(self) -> int: ...
    @property
    def checked_ms(self) -> float: ...
    @property
    def stored_ms(self) -> float: ...


class Phone(Protocol):
    """A simulated phone (`bot.channels.whatsapp.simulator.Simulator`): writes what a person does as signed webhooks."""

    def address(self, number: str) -> Address: ...
    async def write(self, number: str, name: str, key: str, text: str) -> Received: ...
    async def tap(self, number: str, name: str, key: str, button: Button) -> Received: ...
    async def seen(self, number: str, provider_ids: Sequence[str], status: str) -> Received: ...


class Telephone(Protocol):
    """A simulated telephone (`bot.channels.voice.simulator.SimulatedTelephone`): the same call as over the vendor's line."""

    @property
    def has_sound(self) -> bool: ...
    @property
    def has_ears(self) -> bool: ...
    async def begin(self, number: str, language: str) -> Mapping[str, str]: ...
    async def words(self, text: str, language: str) -> bytes: ...
    async def line(self, request: web.Request) -> web.StreamResponse: ...
    async def captions(self, token: str, socket: web.WebSocketResponse) -> None: ...
    async def close(self) -> None: ...


class Parts(Protocol):
    """What pages see of the joined program (`bot.app.App`)."""

    @property
    def settings(self) -> Settings: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def lanes(self) -> LaneKinds: ...
    @property
    def store(self) -> Store: ...
    @property
    def backlog(self) -> Backlog: ...
    @property
    def inbox(self) -> Inbox: ...
    @property
    def conversations(self) -> Conversations: ...
    @property
    def accounts(self) -> Accounts: ...
    @property
    def link_mail(self) -> LinkMail: ...
    @property
    def live(self) -> Live: ...
    @property
    def shared(self) -> Shared: ...
    @property
    def router(self) -> Router: ...
    @property
    def desk(self) -> Desk: ...
    @property
    def media(self) -> Media: ...
    @property
    def services(self) -> Services: ...
    @property
    def ticketing(self) -> Ticketing: ...
    @property
    def webhooks(self) -> Webhooks: ...
    @property
    def people(self) -> People: ...
    @property
    def outbox(self) -> Outbox: ...
    @property
    def jobs(self) -> Jobs: ...
    @property
    def after_call(self) -> AfterCall: ...
    @property
    def transfer_calls(self) -> TransferCalls: ...
    @property
    def calling(self) -> Calling: ...
    @property
    def consents(self) -> ConsentBook: ...
    @property
    def simulator(self) -> Phone | None: ...
    @property
    def phone_simulator(self) -> Telephone | None: ...


class Site:
    """Renders pages."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.assets = Assets()
        self.gate = Gate(parts.accounts, parts.shared.limits, parts.settings.public_url)
        self._doors: dict[str, Access] = {}
        self._endings: list[Callable[[], Awaitable[None]]] = []
        self._templates = Environment(
            loader=FileSystemLoader(Path(__file__).parent / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            auto_reload=False,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def at_end(self, end: Callable[[], Awaitable[None]]) -> None:
        """Is called when the server stops: whoever keeps connections open lets go of them."""
        self._endings.append(end)

    async def close(self, _: web.Application) -> None:
        for end in self._endings:
            await end()

    def language(self, request: web.Request) -> str:
        """The language of this page: `?language=`, else what was asked for before, else the browser's."""
        asked = request.query.get("language", "") or request.cookies.get(LANGUAGE_COOKIE, "")
        return language_of(asked, request.headers.get("Accept-Language", ""), self.parts.settings.default_language)

    def open_doors(self, routes: Sequence[web.RouteDef]) -> None:
        """Notes which pages there are and for whom. Raises TypeError for a route that does not say who may use it."""
        for route in routes:
            access = access_of(route.handler)
            if access is None:
                raise TypeError(f"{route.method} {route.path}: say who may use it (bot.web.access: anyone, signed_in, needs)")
            if route.method == "GET":
                self._doors[route.path] = access

    def ways(self, granted: Permissions) -> list[tuple[str, str]]:
        """Name and path of the pages of the team that there are, and that somebody with these permissions may open."""
        found = ((name, path, self._doors.get(path)) for name, path in _TEAM_PAGES)
        return [(name, path) for name, path, access in found if access is not None and access.allows(granted)]

    def page(
        self,
        request: web.Request,
        template: str,
        *,
        texts: str = "site",
        status: int = 200,
        ancestors: Sequence[str] = (),
        headers: Mapping[str, str] | None = None,
        **values: Any,
    ) -> web.Response:
        """A page of ours. In its template: `t` (the texts of `texts/<texts>.yaml`), `language`, `asset(name)`, and the values.

        On a route that is not open to anyone also `me` (the user), `called` (their name), `csrf`, and `ways` (name, path) from
        page to page; `here` is what links to other languages begin with, for a page that was sent something.
        """
        language = self.language(request)
        said = texts_of(texts, language)
        scenery = {"t": said, "language": language, "languages": LANGUAGES, "asset": self.assets.url, "path": request.path}
        scenery |= {"here": "?", **self._of_asking(request)}
        body = self._templates.get_template(template).render(**scenery | values)
        everything = {**page_headers(ancestors), "Content-Language": language, **(headers or {})}
        response = web.Response(text=body, status=status, content_type="text/html", headers=everything)
        if not ancestors and request.query.get("language") == language:  # inside another site's page it is that site's wish
            response.set_cookie(LANGUAGE_COOKIE, language, max_age=LANGUAGE_SECONDS, httponly=True, samesite="Lax")
        return response

    def _of_asking(self, request: web.Request) -> dict[str, Any]:
        who = request.get(ASKING)
        if who is None:
            return {"me": None, "called": "", "csrf": "", "ways": []}
        called = name_of(who.user) or who.user.email
        return {"me": who.user, "called": called, "csrf": who.csrf, "ways": self.ways(who.principal.permissions)}

    def error(self, request: web.Request, status: int, code: str = "") -> web.Response:
        """An error as a page: what happened, what to do, and under which code it stands in the log."""
        known = status if status in _EXPLAINED else (500 if status >= 500 else 400)
        values: dict[str, Any] = {"shown": status, "known": known, "code": code, "at": self.parts.clock.now()}
        return self.page(request, "error.html", status=status, phrase=HTTPStatus(status).phrase, **values)

    @web.middleware
    async def explain(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Turns errors into pages for whoever would like one; programs get what aiohttp says."""
        if "text/html" not in request.headers.get("Accept", ""):
            return await handler(request)
        try:
            return await handler(request)
        except web.HTTPException as error:
            if error.status < 400 or error.content_type == "text/html":
                raise
            page = self.error(request, error.status)
            page.headers.extend({name: error.headers[name] for name in ("Allow", "Retry-After") if name in error.headers})
            return page
        except StoreUnavailable as error:
            code = _code()
            log.error("page without its store", code=code, error=str(error))
            return self.error(request, 503, code)
        except Exception:
            code = _code()
            log.exception("page failed", code=code)
            return self.error(request, 500, code)


def _code() -> str:
    """What somebody can tell us over the telephone."""
    return new_id()[-6:]


def api_routes(site: Site) -> list[web.RouteDef]:
    """The routes of the JSON API: of all modules in `bot.web.api`, and the document that describes them.

    Raises TypeError for an endpoint whose handler does not fit its declaration.
    """
    package = importlib.import_module("bot.web.api")
    modules = [importlib.import_module(info.name) for info in pkgutil.iter_modules(package.__path__, "bot.web.api.")]
    found = [one for module in modules for one in module.endpoints(site)]
    described = orjson.dumps(document(found))

    async def describe(_: web.Request) -> web.Response:
        return web.Response(body=described, content_type="application/json", charset="utf-8")

    return [*anyone(web.get(f"{BASE}/openapi.json", describe)), *(route for one in found for route in one.route())]


def page_routes(site: Site) -> list[web.RouteDef]:
    """The routes of all modules in `bot.web.pages`. Raises TypeError for one that does not say who may use it."""
    package = importlib.import_module("bot.web.pages")
    modules = [importlib.import_module(info.name) for info in pkgutil.iter_modules(package.__path__, "bot.web.pages.")]
    routes = [route for module in modules for route in module.routes(site)]
    site.open_doors(routes)
    return routes
