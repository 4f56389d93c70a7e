"""Who may use which route: a row for every route, a column for every role and for nobody."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from bot.app import App
from bot.records.permissions import Permissions
from bot.records.users import Role, User
from bot.testing.web import UserBrowser, added, browser, cookie_of
from bot.web.access import Answers, access_of, needs, signed_in
from bot.web.server import build_site
from bot.web.site import Site, page_routes
from tests.web.conftest import Client

pytestmark = pytest.mark.scenario

EVERYBODY = frozenset(Role)
ADMIN = frozenset({Role.ADMIN})
SUPERVISORS = frozenset({Role.ADMIN, Role.SUPERVISOR})
OPERATORS = SUPERVISORS | {Role.AGENT}
ANALYSTS = SUPERVISORS | {Role.MANAGER, Role.VIEWER}
READERS = OPERATORS | {Role.SALES_HEAD, Role.VIEWER}
OPEN = frozenset({"open"})

ROUTES: dict[str, frozenset[str]] = {
    "GET /healthz": OPEN,
    "GET /readyz": OPEN,
    "GET /metrics": OPEN,
    "GET /": OPEN,
    "GET /try/whatsapp/live": OPEN,
    "POST /try/whatsapp/start-over": OPEN,
    "POST /phone/calls": OPEN,
    "POST /phone/words": OPEN,
    "GET /phone/line": OPEN,
    "GET /phone/captions": OPEN,
    "GET /chat": OPEN,
    "GET /chat/live": OPEN,
    "GET /chat/embed.js": OPEN,
    "POST /chat/media": OPEN,
    "GET /media/{id}": OPEN,
    "GET /login": OPEN,
    "POST /login": OPEN,
    "POST /logout": EVERYBODY,
    "GET /invite/{token}": OPEN,
    "POST /invite/{token}": OPEN,
    "GET /reset": OPEN,
    "POST /reset": OPEN,
    "GET /reset/{token}": OPEN,
    "POST /reset/{token}": OPEN,
    "GET /account": EVERYBODY,
    "POST /account": EVERYBODY,
    "POST /account/password": EVERYBODY,
    "POST /account/sessions/{session}/end": EVERYBODY,
    "POST /account/sign-out-everywhere": EVERYBODY,
    "POST /account/tokens": EVERYBODY,
    "POST /account/tokens/{token}/end": EVERYBODY,
    "GET /desk": READERS,
    "GET /desk/live": READERS,
    "GET /calls": READERS,
    "GET /calls/{id}": READERS,
    "POST /calls/{id}/items/{item}": OPERATORS,
    "POST /calls/{id}/recording/delete": SUPERVISORS,
    "GET /supervisor": ANALYSTS,
    "POST /supervisor/{conversation}/assign": SUPERVISORS,
    "POST /supervisor/{conversation}/pull": SUPERVISORS,
    "POST /supervisor/{conversation}/priority": SUPERVISORS,
    "GET /work": SUPERVISORS,
    "POST /work/{kind}/again": SUPERVISORS,
    "POST /work/{kind}/all": SUPERVISORS,
    "GET /replies": OPERATORS,
    "POST /replies": OPERATORS,
    "POST /replies/delete": OPERATORS,
    "GET /settings": ADMIN,
    "POST /settings/{subject}": ADMIN,
    "GET /audit": ADMIN,
    "GET /users": ADMIN,
    "POST /users": ADMIN,
    "POST /users/{user}/invite": ADMIN,
    "POST /users/{user}/role": ADMIN,
    "POST /users/{user}/deactivate": ADMIN,
    "POST /users/{user}/activate": ADMIN,
    "POST /users/{user}/sign-out": ADMIN,
}
"""Every route of every page -> who may use it. A new page has to be added here."""

SOCKETS = {"GET /desk/live"}
"""What scripts open: there is no page to be shown."""
NOT_PAGES = {"GET /static/{version}/{name}"}
"""Files, with nothing of anybody's in them."""

VALUES = {
    "token": "0" * 64,
    "session": "0" * 64,
    "user": "nobody",
    "conversation": "none",
    "kind": "job",
    "subject": "ai",
    "id": "none",
    "item": "none",
}
GUARDED = [(route, who) for route, who in ROUTES.items() if who != OPEN]


@pytest_asyncio.fixture
async def server(app: App) -> AsyncIterator[TestServer]:
    started = TestServer(build_site([], app))
    async with started:
        yield started


def named(route: web.AbstractRoute) -> str:
    assert route.resource is not None
    return f"{route.method} {route.resource.canonical}"


def every_route(site: web.Application) -> dict[str, web.AbstractRoute]:
    """But for those of the API, which have a table of their own (tests/web/api/test_access.py)."""
    found = {named(route): route for route in site.router.routes() if route.method != "HEAD"}
    return {name: route for name, route in found.items() if " /api/v1/" not in name}


async def test_every_route_has_a_row_and_every_row_a_route(app: App) -> None:
    assert set(every_route(build_site([], app))) - NOT_PAGES == set(ROUTES)


async def test_what_is_open_is_declared_to_be_and_nothing_else_is(app: App) -> None:
    routes = every_route(build_site([], app))
    declared = {name: access_of(route.handler) for name, route in routes.items() if name not in NOT_PAGES}
    assert {name for name, access in declared.items() if access is not None and access.is_open} == {
        name for name, who in ROUTES.items() if who == OPEN
    }


async def test_a_page_that_does_not_say_who_may_use_it_stops_the_start(app: App) -> None:
    async def show(_: web.Request) -> web.Response:
        return web.Response()

    with pytest.raises(TypeError, match=r"^GET /new: say who may use it"):
        Site(app).open_doors([web.get("/new", show)])
    with pytest.raises(ValueError, match="is no permission"):
        needs("fly", web.get("/new", show))
    assert page_routes(Site(app))


def asked(route: str) -> tuple[str, str]:
    method, _, path = route.partition(" ")
    return method, re.sub(r"{(\w+)}", lambda found: VALUES[found[1]], path)


async def answer_to(who: UserBrowser, route: str) -> tuple[int, str]:
    method, path = asked(route)
    answer = await (who.get(path) if method == "GET" else who.post(path))
    return answer.status, answer.headers.get("Location", "")


@pytest.mark.parametrize("role", list(Role))
async def test_each_role_may_use_what_its_row_says_and_nothing_else(app: App, server: TestServer, role: Role) -> None:
    url = str(server.make_url("/"))
    user = await added(app, "ana@example.org", role)
    for route, allowed in GUARDED:
        async with browser(url) as ana:  # each with a session of its own: some routes end them
            ana.http.cookie_jar.update_cookies(await cookie_of(app, user))
            await ana.read_csrf()
            assert ana.csrf
            status, location = await answer_to(ana, route)
            if role in allowed:
                assert status in (200, 303, 400, 404, 422), route
                assert "next=" not in location, route
            else:
                assert status == 403, route


@pytest.mark.parametrize(("route", "allowed"), GUARDED)
async def test_nobody_is_shown_the_way_in(server: TestServer, route: str, allowed: frozenset[str]) -> None:
    async with browser(str(server.make_url("/"))) as stranger:
        status, location = await answer_to(stranger, route)
    method, path = asked(route)
    if route in SOCKETS:
        assert status == 401
    else:
        assert (status, location) == (303, f"/login?next={path}" if method == "GET" else "/login")


@pytest_asyncio.fixture
async def data(app: App) -> AsyncIterator[Client]:
    """Routes that programs and scripts use."""

    async def tell(_: web.Request) -> web.Response:
        return web.json_response({})

    async def live(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str("hello")
        return socket

    routes = [
        *needs("read:conversations", web.get("/data", tell), web.post("/data", tell), answers=Answers.DATA),
        *needs("conversations:read", web.get("/live", live), answers=Answers.DATA),
        *signed_in(web.get("/page", tell)),
    ]
    async with TestClient(TestServer(build_site(routes, app))) as opened:
        yield opened


async def test_a_program_that_is_not_signed_in_is_told_so_and_led_nowhere(data: Client) -> None:
    for headers in ({}, {"Accept": "text/html"}):
        answer = await data.get("/data", headers=headers, allow_redirects=False)
        assert answer.status == 401
    assert (await data.get("/page", headers={"Accept": "application/json"}, allow_redirects=False)).status == 401
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Accept": "text/html"}
    assert (await data.get("/page", headers=upgrade, allow_redirects=False)).status == 401


async def test_a_websocket_opens_for_who_may_from_a_page_of_ours_only(app: App, data: Client) -> None:
    url = str(data.make_url("/")).rstrip("/")
    async with AsyncExitStack() as stack:
        for role, status in ((Role.AGENT, 101), (Role.MANAGER, 403), (None, 401)):
            who = await stack.enter_async_context(browser(url))
            if role is not None:
                user = await added(app, f"{role}@example.org", role)
                who.http.cookie_jar.update_cookies(await cookie_of(app, user))
            handshake = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
            handshake["Sec-WebSocket-Key"] = "dGhlIHNhbXBsZSBub25jZQ=="
            ours = await who.http.get(f"{url}/live", headers={**handshake, "Origin": url})
            assert ours.status == status
            for origin in ("https://evil.example", "null", ""):
                theirs = await who.http.get(f"{url}/live", headers={**handshake, "Origin": origin})
                assert theirs.status in (401, 403)


async def test_a_script_of_ours_sends_the_token_in_a_header(app: App, data: Client) -> None:
    user = await added(app, "ana@example.org", Role.AGENT)
    async with browser(str(data.make_url("/"))) as ana:
        ana.http.cookie_jar.update_cookies(await cookie_of(app, user))
        await ana.read_csrf()
        for token, status in ((ana.csrf, 200), ("", 403), ("0" * 64, 403), ("é", 403)):
            headers = {"X-CSRF-Token": token, "Origin": ana.url}
            assert (await ana.http.post(f"{ana.url}/data", json={}, headers=headers)).status == status


def granted(role: Role) -> Permissions:
    return User.new(id="u", email="a@example.org", role=role).granted


async def test_pages_of_the_team_are_offered_where_they_are_and_to_who_may_open_them(app: App) -> None:
    async def show(_: web.Request) -> web.Response:
        return web.Response()

    site = Site(app)
    site.open_doors([*needs("read:conversations", web.get("/desk", show)), *needs("manage:agents", web.get("/users", show))])
    offered = {role: [name for name, _ in site.ways(granted(role))] for role in (Role.ADMIN, Role.AGENT, Role.USER)}
    assert offered == {Role.ADMIN: ["desk", "users"], Role.AGENT: ["desk"], Role.USER: []}
