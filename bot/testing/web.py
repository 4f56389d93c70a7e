"""Users with a password, and their browsers.

    await added(app, "ana@example.org", Role.AGENT)
    async with signed_in(url, "ana@example.org") as ana:
        page = await ana.get("/desk")
        await ana.post("/desk/reply", {"text": "Hello"})
        async with ana.socket("/desk/live") as socket: ...

`cookie_of` gives a session without the form, where a test needs hundreds.
"""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

import aiohttp
import bcrypt

from bot.app import App
from bot.records.users import Role, User
from bot.services.sessions import Visit
from bot.store.base import Unit

PASSWORD = "correct horse battery staple"
PAGE = {"Accept": "text/html", "Accept-Language": "en"}
_FIELD = re.compile(r'name="csrf" value="([^"]+)"')


async def added(
    app: App, email: str, role: Role | str, *, password: str = PASSWORD, name: str = "", permissions: Sequence[str] = ()
) -> User:
    """A new user with a password, whose hash is cheap."""
    user = app.accounts.users.new(email, name or email.partition("@")[0], role, permissions)
    user = user.model_copy(update={"password_hash": _hash(password)})
    await app.accounts.users.insert(Unit(), user, by="test")
    return user


@cache
def _hash(password: str) -> str:
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()


async def cookie_of(app: App, user: User) -> dict[str, str]:
    """The cookie of a new session (of a server that is not reached over https)."""
    unit = Unit()
    token = app.accounts.sessions.put(unit, user, Visit("192.0.2.1", "test"))
    await app.store.commit(unit)
    return {"session": token}


class UserBrowser:
    """A browser: keeps cookies, says from which page it asks, sends along what forms hold."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self.http = http
        self.url = url.rstrip("/")
        self.csrf = ""

    async def get(self, path: str, **options: Any) -> aiohttp.ClientResponse:
        """Opens a page, without following where it leads."""
        headers = {**PAGE, **options.pop("headers", {})}
        return await _read(await self.http.get(self.url + path, headers=headers, allow_redirects=False, **options))

    async def post(self, path: str, fields: Mapping[str, str] | None = None, **options: Any) -> aiohttp.ClientResponse:
        """Sends a form of ours, without following where it leads; `headers` and `fields` win over what a browser sends."""
        headers = {**PAGE, "Origin": self.url, **options.pop("headers", {})}
        data = {"csrf": self.csrf, **(fields or {})}
        answer = await self.http.post(self.url + path, headers=headers, data=data, allow_redirects=False, **options)
        return await _read(answer)

    async def api(self, method: str, path: str, body: Any = None, **options: Any) -> tuple[int, Any]:
        """Asks the JSON API (below `/api/v1`) as a page of ours does; the status and what came back."""
        headers = {"Origin": self.url, "X-CSRF-Token": self.csrf, **options.pop("headers", {})}
        async with self.http.request(method, f"{self.url}/api/v1{path}", json=body, headers=headers, **options) as answer:
            return answer.status, await answer.json() if answer.status != 204 else None

    def socket(self, path: str) -> Any:
        """A websocket, as an async context manager. Entering it raises WSServerHandshakeError where it is refused."""
        return self.http.ws_connect(self.url + path, origin=self.url)

    async def sign_in(self, email: str, password: str = PASSWORD) -> aiohttp.ClientResponse:
        """Fills in the form of sign-in; what came back."""
        answer = await self.post("/login", {"email": email, "password": password})
        await self.read_csrf()
        return answer

    async def read_csrf(self) -> None:
        """Reads from a page what its forms send along; empty where nobody is signed in."""
        found = _FIELD.search(await (await self.get("/account")).text())
        self.csrf = html.unescape(found[1]) if found else ""


async def _read(answer: aiohttp.ClientResponse) -> aiohttp.ClientResponse:
    """With its body, so that nobody has to close it."""
    await answer.read()
    return answer


@asynccontextmanager
async def browser(url: str) -> AsyncIterator[UserBrowser]:
    """A browser that has never been here."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:  # also keeps cookies of 127.0.0.1
        yield UserBrowser(http, url)


@asynccontextmanager
async def signed_in(url: str, email: str, password: str = PASSWORD) -> AsyncIterator[UserBrowser]:
    """A browser whose user is signed in. Raises AssertionError where they are not let in."""
    async with browser(url) as opened:
        answer = await opened.sign_in(email, password)
        assert answer.status == 303, f"{email} is not let in: {answer.status}"
        yield opened
