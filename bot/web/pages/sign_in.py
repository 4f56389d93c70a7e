"""`/login` and `/logout`."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from aiohttp import web

from bot.errors import LimitReached, SignInRefused
from bot.records.permissions import Permissions
from bot.web.access import anyone, signed_in
from bot.web.forms import form_of, local_path
from bot.web.gate import LOGIN, asking, too_many
from bot.web.site import Site

ACCOUNT = "/account"
_DONE = frozenset({"out", "password"})
"""What there is a sentence for."""


class SignInPages:
    """The way in and the way out."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._gate = site.gate
        self._sign_in = site.parts.accounts.sign_in

    def routes(self) -> list[web.RouteDef]:
        return [
            *anyone(web.get(LOGIN, self.page), web.post(LOGIN, self.enter)),
            *signed_in(web.post("/logout", self.leave)),
        ]

    async def page(self, request: web.Request) -> web.Response:
        """The form; who is signed in goes on. Raises HTTPSeeOther."""
        wanted = local_path(request.query.get("next", ""))
        who = await self._gate.who(request)
        if who is not None:
            raise web.HTTPSeeOther(wanted or self._home(who.principal.permissions))
        done = request.query.get("done", "")
        return self._page(request, wanted, done=done if done in _DONE else "")

    async def enter(self, request: web.Request) -> web.StreamResponse:
        """Signs in, and goes where they were going. Raises HTTPTooManyRequests, HTTPForbidden, HTTPBadRequest."""
        await self._gate.count_entry(request)
        form = await form_of(request)
        wanted, address = local_path(form.get("next", "")), form.get("email", "")
        visit, former = self._gate.visit(request), self._gate.token(request)
        try:
            user, token = await self._sign_in.enter(address, form.get("password", ""), visit, former=former)
        except SignInRefused:
            return self._page(request, wanted, address=address, problem="refused", status=422)
        except LimitReached as error:
            headers = {"Retry-After": too_many(error.wait).headers["Retry-After"]}
            return self._page(request, wanted, address=address, problem="locked", wait=error.wait, status=429, headers=headers)
        response = web.HTTPSeeOther(wanted or self._home(user.granted))
        self._gate.remember(request, response, token)
        raise response

    async def leave(self, request: web.Request) -> web.StreamResponse:
        """Signs out of this browser."""
        await self._sign_in.leave(asking(request).session, self._gate.visit(request))
        response = web.HTTPSeeOther(f"{LOGIN}?done=out")
        self._gate.forget(request, response)
        raise response

    def _page(self, request: web.Request, wanted: str, *, wait: float = 0.0, status: int = 200, **values: Any) -> web.Response:
        here = f"{LOGIN}?next={quote(wanted, safe='/')}&" if wanted else f"{LOGIN}?"
        shown = {"address": "", "problem": "", "done": "", **values}
        minutes = max(1, round(wait / 60 + 0.49))
        return self._site.page(
            request, "login.html", texts="sign_in", status=status, here=here, wanted=wanted, minutes=minutes, **shown
        )

    def _home(self, granted: Permissions) -> str:
        """Where somebody begins: the first page of the team that they may open."""
        ways = self._site.ways(granted)
        return ways[0][1] if ways else ACCOUNT


def routes(site: Site) -> list[web.RouteDef]:
    return SignInPages(site).routes()
