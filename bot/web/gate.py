"""Keeps to what routes declare (`bot.web.access`): who asks, whether they may, and whether it was a page of ours that sent it."""

from __future__ import annotations

import hashlib
import hmac
import math
from dataclasses import dataclass
from urllib.parse import quote

from aiohttp import web

from bot.limits import Limit, Limits
from bot.principal import UserRef
from bot.records.access import ApiToken, Session
from bot.records.users import User
from bot.services.accounts import Accounts
from bot.services.sessions import LONGEST, Visit
from bot.web.access import Access, Answers, Handler, access_of
from bot.web.forms import clean, form_of
from bot.web.limits import network_of, refuse_too_many
from bot.web.origins import is_same_origin

LOGIN = "/login"
CSRF_FIELD, CSRF_HEADER = "csrf", "X-CSRF-Token"
CALLS = Limit("token", 600)
"""What one token may ask for in a minute."""
WRITES = Limit("writes", 240)
"""What one user may do in a minute, besides looking."""
ENTRIES = Limit("entries", 30)
"""One network's tries to come in, in a minute: sign in, use a link, ask for one."""

_COOKIE = "session"
_SECURE_COOKIE = "__Host-session"
"""A browser takes a cookie of such a name only over https, for this host alone (RFC 6265bis)."""
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Asking:
    """The user who asks, by their session."""

    user: User
    session: Session
    principal: UserRef
    csrf: str
    """What every form of a page of theirs has to send along, in the field `csrf` or the header `X-CSRF-Token`."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks on a route that also takes tokens: a user by their session, or a program on behalf of one."""

    user: User
    """With no more permissions than the token has scopes."""
    principal: UserRef
    token: ApiToken | None = None


ASKING = web.RequestKey("asking", Asking)
CALLER = web.RequestKey("caller", Caller)


def asking(request: web.Request) -> Asking:
    """Who asks, on a route that is not open to anyone."""
    return request[ASKING]


def caller(request: web.Request) -> Caller:
    """Who asks, by session or by token, on a route that takes both."""
    return request[CALLER]


class Gate:
    """Stands before every route."""

    def __init__(self, accounts: Accounts, limits: Limits, public_url: str) -> None:
        self._accounts = accounts
        self._public_url = public_url
        self._limits = limits

    @web.middleware
    async def keep(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Lets a request through that the route is for.

        Raises HTTPSeeOther to the way in, HTTPUnauthorized, HTTPForbidden, HTTPTooManyRequests.
        """
        access = access_of(request.match_info.handler)
        if access is None or access.is_open:
            return await handler(request)
        if access.takes_tokens and "Authorization" in request.headers:
            program = await self._program(request)
            _require(access, program.principal)
            request[CALLER] = program
            return await handler(request)
        who = await self.who(request)
        if who is None:
            raise _turned_away(request, access)
        _require(access, who.principal)
        request[ASKING] = who
        request[CALLER] = Caller(who.user, who.principal)
        await self._check_sender(request, who)
        return await handler(request)

    async def _program(self, request: web.Request) -> Caller:
        """Whose token this is. Raises HTTPUnauthorized, HTTPTooManyRequests. It needs no sign of a page of ours: no browser sends
        a token by itself.
        """
        scheme, _, secret = request.headers["Authorization"].partition(" ")
        found = await self._accounts.tokens.find(clean(secret).strip()) if scheme.lower() == "bearer" else None
        if found is None:
            await refuse_too_many(self._limits, ENTRIES, self.visit(request).network)
            why = "this token is unknown, expired or revoked; make another one on /account"
            raise web.HTTPUnauthorized(text=why, headers={"WWW-Authenticate": "Bearer"})
        token, user = found
        await refuse_too_many(self._limits, CALLS, token.id)
        return Caller(user, self._accounts.users.principal_of(user), token)

    async def who(self, request: web.Request) -> Asking | None:
        """The user whose session this browser has; also for routes that are open."""
        token = self.token(request)
        found = await self._accounts.sessions.find(token) if token else None
        if found is None:
            return None
        session, user = found
        return Asking(user, session, self._accounts.users.principal_of(user), _csrf_of(token))

    async def is_current(self, who: Asking, access: Access) -> bool:
        """Whether a connection that stays open, as a websocket does, may go on: ask every few seconds."""
        user = await self._accounts.sessions.still(who.session.id)
        return user is not None and access.allows(user.granted)

    def visit(self, request: web.Request) -> Visit:
        """From where this comes."""
        network = network_of(request, is_behind_proxy=bool(self._public_url))
        return Visit(network, clean(request.headers.get("User-Agent", "")))

    async def count_entry(self, request: web.Request) -> None:
        """Counts a try to come in. Raises HTTPTooManyRequests, and HTTPForbidden where no page of ours sent it."""
        self._check_origin(request)
        await refuse_too_many(self._limits, ENTRIES, self.visit(request).network)

    # The cookie

    def token(self, request: web.Request) -> str:
        """What this browser holds of a session; empty where nothing."""
        return request.cookies.get(self._cookie(request), "")

    def remember(self, request: web.Request, response: web.StreamResponse, token: str) -> None:
        """Gives the browser its session, out of reach of scripts and of other sites' forms."""
        is_secure = self._is_secure(request)
        age = int(LONGEST.total_seconds())
        name = self._cookie(request)
        response.set_cookie(name, token, max_age=age, path="/", httponly=True, samesite="Lax", secure=is_secure)

    def forget(self, request: web.Request, response: web.StreamResponse) -> None:
        """Takes it away."""
        is_secure = self._is_secure(request)
        response.del_cookie(self._cookie(request), path="/", httponly=True, samesite="Lax", secure=is_secure)

    def _cookie(self, request: web.Request) -> str:
        return _SECURE_COOKIE if self._is_secure(request) else _COOKIE

    def _is_secure(self, request: web.Request) -> bool:
        return request.secure or self._public_url.startswith("https:")

    # What is unsafe

    async def _check_sender(self, request: web.Request, who: Asking) -> None:
        """Whatever changes something, and every websocket, has to come from a page of ours. Raises HTTPForbidden."""
        is_socket = request.headers.get("Upgrade", "").lower() == "websocket"
        if request.method in _SAFE and not is_socket:
            return
        self._check_origin(request)
        if is_socket:
            return
        await refuse_too_many(self._limits, WRITES, who.user.id)
        sent = request.headers.get(CSRF_HEADER, "") or (await form_of(request)).get(CSRF_FIELD, "")
        if not hmac.compare_digest(clean(sent).encode(), who.csrf.encode()):
            raise web.HTTPForbidden(text="this did not come from a page of this session; open the page again")

    def _check_origin(self, request: web.Request) -> None:
        if not is_same_origin(request, self._public_url):
            raise web.HTTPForbidden(text="only a page of this site may send this")


def _require(access: Access, principal: UserRef) -> None:
    if not access.allows(principal.permissions):
        raise web.HTTPForbidden(text=f"this needs the permission {access.permission}")


def too_many(wait: float) -> web.HTTPTooManyRequests:
    """Says for how long to wait."""
    return web.HTTPTooManyRequests(headers={"Retry-After": str(math.ceil(wait))}, text=f"wait {math.ceil(wait)} s")


def _turned_away(request: web.Request, access: Access) -> web.HTTPException:
    wants_page = access.answers is Answers.PAGE and "text/html" in request.headers.get("Accept", "")
    if not wants_page or "Upgrade" in request.headers:
        return web.HTTPUnauthorized(text="sign in first")
    asked = request.path_qs if request.method in _SAFE else ""  # what was sent is lost: nobody can repeat it for them
    return web.HTTPSeeOther(f"{LOGIN}?next={quote(asked, safe='/')}" if asked else LOGIN)


def _csrf_of(token: str) -> str:
    """Follows from the session's token: whoever does not hold it cannot make one, and nothing is kept."""
    return hmac.digest(token.encode(errors="replace"), b"csrf, 1", hashlib.sha256).hex()
