"""`/account`: one's own name, language, notifications, password, browsers one is signed in with, and tokens for programs."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from aiohttp import web

from bot.errors import Conflict, LimitReached, NotFound, PasswordRefused, RecordError, ServiceError, SignInRefused
from bot.resources import LANGUAGES
from bot.services.passwords import LEAST
from bot.services.telephones import read_number, read_sip
from bot.services.users import clean_name
from bot.store.base import Unit
from bot.web.access import signed_in
from bot.web.forms import form_of
from bot.web.gate import LOGIN, asking, too_many
from bot.web.site import LANGUAGE_COOKIE, LANGUAGE_SECONDS, Site
from bot.web.times import shown

PATH = "/account"
_DONE = frozenset({"saved", "password", "ended", "token_ended"})


class Account:
    """What somebody may change about themselves."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._gate = site.gate
        self._accounts = site.parts.accounts
        self._store = site.parts.store

    def routes(self) -> list[web.RouteDef]:
        return signed_in(
            web.get(PATH, self.page),
            web.post(PATH, self.save),
            web.post(f"{PATH}/password", self.change_password),
            web.post(f"{PATH}/sessions/{{session:[0-9a-f]{{64}}}}/end", self.end),
            web.post(f"{PATH}/sign-out-everywhere", self.leave_everywhere),
            web.post(f"{PATH}/tokens", self.make_token),
            web.post(f"{PATH}/tokens/{{token:[0-9a-f]{{64}}}}/end", self.end_token),
        )

    async def page(self, request: web.Request) -> web.Response:
        done = request.query.get("done", "")
        return await self._page(request, done=done if done in _DONE else "")

    async def save(self, request: web.Request) -> web.StreamResponse:
        """Name, language, telephone, notifications."""
        who, form = asking(request), await form_of(request)
        language = form.get("language", "")
        if language not in LANGUAGES:
            raise web.HTTPBadRequest(text=f"language: must be one of {', '.join(LANGUAGES)}")
        try:
            changes: dict[str, Any] = {"name": clean_name(form.get("name", "")), "preferences.language": language}
            changes |= {"phone": read_number(form.get("phone", "")), "sip": read_sip(form.get("sip", ""))}
        except RecordError as error:
            field = str(error).partition(":")[0].removeprefix("User.")
            return await self._page(request, problem=field if field in ("phone", "sip") else "name")
        changes |= {f"preferences.notifications.{kind}": kind in form for kind in ("email", "push", "sound")}
        unit = Unit()
        self._accounts.users.put(unit, who.user, changes, by=f"user:{who.user.id}")
        try:
            await self._store.commit(unit)
        except Conflict:
            raise web.HTTPConflict(text="this was changed elsewhere at this moment; look at it again") from None
        response = web.HTTPSeeOther(f"{PATH}?done=saved")
        response.set_cookie(LANGUAGE_COOKIE, language, max_age=LANGUAGE_SECONDS, httponly=True, samesite="Lax")
        raise response

    async def change_password(self, request: web.Request) -> web.StreamResponse:
        """One's own password; every other browser is signed out, and this one gets a new session."""
        who, form = asking(request), await form_of(request)
        old, new = form.get("old", ""), form.get("password", "")
        if new != form.get("again", ""):
            return await self._page(request, problem="different")
        try:
            token = await self._accounts.sign_in.change_password(who.user, old, new, self._gate.visit(request))
        except PasswordRefused as error:
            return await self._page(request, problem=error.why)
        except SignInRefused:
            return await self._page(request, problem="old")
        except LimitReached as error:
            raise too_many(error.wait) from None
        except Conflict:
            raise web.HTTPConflict(text="the password was changed elsewhere at this moment") from None
        response = web.HTTPSeeOther(f"{PATH}?done=password")
        self._gate.remember(request, response, token)
        raise response

    async def end(self, request: web.Request) -> web.StreamResponse:
        """Signs out one other browser."""
        who = asking(request)
        await self._accounts.sign_in.end(who.user.id, request.match_info["session"], self._gate.visit(request))
        raise web.HTTPSeeOther(f"{PATH}?done=ended")

    async def leave_everywhere(self, request: web.Request) -> web.StreamResponse:
        """Signs out all browsers, this one too."""
        await self._accounts.sign_in.leave_everywhere(asking(request).user.id, self._gate.visit(request))
        response = web.HTTPSeeOther(f"{LOGIN}?done=out")
        self._gate.forget(request, response)
        raise response

    async def make_token(self, request: web.Request) -> web.StreamResponse:
        """A token for a program; its secret is on this page and never again."""
        who, form = asking(request), await form_of(request)
        scopes = form.get("scopes", "").replace(",", " ").split()
        try:
            _, secret = await self._accounts.tokens.make(who.user, form.get("token_name", ""), scopes)
        except RecordError:
            return await self._page(request, problem="token")
        except ServiceError as error:
            return await self._page(request, problem=f"token_{error.why}")
        return await self._page(request, done="token", secret=secret)

    async def end_token(self, request: web.Request) -> web.StreamResponse:
        """Ends one token; one that is not there has ended already."""
        with suppress(NotFound):
            await self._accounts.tokens.revoke(request.match_info["token"], asking(request).user.id)
        raise web.HTTPSeeOther(f"{PATH}?done=token_ended")

    async def _page(self, request: web.Request, *, problem: str = "", done: str = "", secret: str = "") -> web.Response:
        who, language = asking(request), self._site.language(request)
        sessions = [
            {
                "id": session.id,
                "is_this": session.id == who.session.id,
                "seen": shown(language, session.last_seen_at, who.user),
                "network": session.ip_address or "",
                "agent": session.user_agent or "",
            }
            for session in await self._accounts.sessions.of(who.user.id)
        ]
        return self._site.page(
            request,
            "account.html",
            texts="account",
            status=422 if problem else 200,
            here=f"{PATH}?",
            problem=problem,
            done=done,
            sessions=sessions,
            tokens=[
                {
                    "id": token.id,
                    "name": token.name,
                    "scopes": ", ".join(token.scopes),
                    "beginning": token.beginning,
                    "until": shown(language, token.expires_at, who.user),
                    "used": shown(language, token.last_used_at, who.user),
                }
                for token in await self._accounts.tokens.of(who.user.id)
            ],
            secret=secret,
            least=LEAST,
        )


def routes(site: Site) -> list[web.RouteDef]:
    return Account(site).routes()
