"""`/invite/<token>`, `/reset` and `/reset/<token>`: choosing a password by a link, and asking for one."""

from __future__ import annotations

import hashlib

from aiohttp import web

from bot.errors import Conflict, NotFound, PasswordRefused, RecordError
from bot.limits import Limit
from bot.records.access import LinkPurpose
from bot.records.users import User
from bot.services.passwords import LEAST
from bot.services.phones import read_email
from bot.web.access import anyone
from bot.web.forms import form_of
from bot.web.gate import LOGIN
from bot.web.site import Site

_LAST_PART = "{token:[A-Za-z0-9_-]{1,100}}"
BY_ADDRESS = Limit("links", 3, 3600.0)
"""Mails to one address that somebody asked for, in an hour."""


class Links:
    """What links open."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._gate = site.gate
        self._accounts = site.parts.accounts
        self._mail = site.parts.link_mail
        self._limits = site.parts.shared.limits

    def routes(self) -> list[web.RouteDef]:
        invite, reset = f"/{LinkPurpose.INVITE}/{_LAST_PART}", f"/{LinkPurpose.RESET}/{_LAST_PART}"
        return anyone(
            web.get(invite, self.page),
            web.post(invite, self.choose),
            web.get("/reset", self.forgotten),
            web.post("/reset", self.ask),
            web.get(reset, self.page),
            web.post(reset, self.choose),
        )

    async def page(self, request: web.Request) -> web.Response:
        """The form for a new password. Looking at it does not use the link up: mail programs look, too."""
        try:
            _, user = await self._accounts.links.find(request.match_info["token"], _purpose(request))
        except NotFound:
            return self._gone(request)
        return self._form(request, user)

    async def choose(self, request: web.Request) -> web.StreamResponse:
        """Sets the password; then they sign in with it. Raises HTTPTooManyRequests, HTTPForbidden, HTTPBadRequest."""
        await self._gate.count_entry(request)
        form = await form_of(request)
        token, purpose, visit = request.match_info["token"], _purpose(request), self._gate.visit(request)
        password = form.get("password", "")
        try:
            _, user = await self._accounts.links.find(token, purpose)
            if password != form.get("again", ""):
                return self._form(request, user, problem="different")
            await self._accounts.sign_in.choose_password(token, purpose, password, visit, language=self._site.language(request))
        except PasswordRefused as error:
            return self._form(request, user, problem=error.why)
        except (NotFound, Conflict):
            return self._gone(request)
        response = web.HTTPSeeOther(f"{LOGIN}?done=password")
        who = await self._gate.who(request)
        if who is not None:  # somebody else was signed in here
            await self._accounts.sign_in.leave(who.session, visit)
        self._gate.forget(request, response)
        raise response

    async def forgotten(self, request: web.Request) -> web.Response:
        """Where a link for a new password can be asked for."""
        return self._site.page(request, "reset.html", texts="sign_in", is_on=self._mail.is_on, is_asked=False)

    async def ask(self, request: web.Request) -> web.Response:
        """Has a link sent; what is answered does not tell whether anybody has the address."""
        await self._gate.count_entry(request)
        typed = (await form_of(request)).get("email", "")
        try:
            address = read_email(typed)
        except RecordError:
            address = ""
        if address and self._mail.is_on and await self._may_mail(address):
            await self._mail.ask(address, LinkPurpose.RESET, self._site.language(request), by="nobody")
        return self._site.page(request, "reset.html", texts="sign_in", is_on=self._mail.is_on, is_asked=True)

    async def _may_mail(self, address: str) -> bool:
        return await self._limits.take(BY_ADDRESS, hashlib.sha256(address.encode()).hexdigest()) == 0

    def _form(self, request: web.Request, user: User, *, problem: str = "") -> web.Response:
        return self._site.page(
            request,
            "password.html",
            texts="sign_in",
            status=422 if problem else 200,
            purpose=_purpose(request).value,
            address=user.email,
            problem=problem,
            least=LEAST,
        )

    def _gone(self, request: web.Request) -> web.Response:
        return self._site.page(request, "gone.html", texts="sign_in", status=410, is_on=self._mail.is_on)


def _purpose(request: web.Request) -> LinkPurpose:
    return LinkPurpose(request.path.split("/")[1])


def routes(site: Site) -> list[web.RouteDef]:
    return Links(site).routes()
