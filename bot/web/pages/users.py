"""`/users`: who is on the team and what they may do; inviting, roles, letting go."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from bot.errors import Conflict, NotFound, RecordError, ServiceError
from bot.principal import UserRef
from bot.records.access import LinkPurpose
from bot.records.users import ROLE_PERMISSIONS, Role, User
from bot.services.users import name_of
from bot.web.access import needs
from bot.web.forms import clean, form_of
from bot.web.gate import asking
from bot.web.site import Site
from bot.web.times import shown

PATH = "/users"
PERMISSION = "manage:agents"
_ONE = f"{PATH}/{{user:[0-9A-Za-z_.-]{{1,64}}}}"
_PAGE = 100
_KNOWN = frozenset({"address_taken", "not_active", "has_password", "yourself", "last_admin", "more_than_you"})
"""Reasons there are texts for."""


class UsersPage:
    """What somebody who manages users does."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._users = site.parts.accounts.users
        self._team = site.parts.accounts.team
        self._mail = site.parts.link_mail

    def routes(self) -> list[web.RouteDef]:
        return needs(
            PERMISSION,
            web.get(PATH, self.page),
            web.post(PATH, self.invite),
            web.post(f"{_ONE}/invite", self.invite_again),
            web.post(f"{_ONE}/role", self.set_role),
            web.post(f"{_ONE}/deactivate", self.deactivate),
            web.post(f"{_ONE}/activate", self.activate),
            web.post(f"{_ONE}/sign-out", self.sign_out),
        )

    async def page(self, request: web.Request) -> web.Response:
        return await self._page(request, done="saved" if request.query.get("done") == "saved" else "")

    async def invite(self, request: web.Request) -> web.StreamResponse:
        """Invites somebody by e-mail; without mail, the link is shown here, once."""
        form, by = await form_of(request), asking(request).principal
        given = {name: form.get(name, "") for name in ("email", "name", "role")}
        try:
            user, url = await self._team.invite(given["email"], given["name"], given["role"], by=by)
        except RecordError as error:
            return await self._page(request, problem=_field_of(error), given=given)
        except ServiceError as error:
            return await self._page(request, problem=_reason(error), given=given)
        return await self._invited(request, user, url)

    async def invite_again(self, request: web.Request) -> web.StreamResponse:
        """Another link for somebody who has not chosen a password yet."""
        try:
            user, url = await self._team.invite_again(request.match_info["user"], by=asking(request).principal)
        except NotFound:
            raise web.HTTPNotFound(text="there is no such user") from None
        except ServiceError as error:
            return await self._page(request, problem=_reason(error))
        return await self._invited(request, user, url)

    async def set_role(self, request: web.Request) -> web.StreamResponse:
        role = (await form_of(request)).get("role", "")

        async def change(user_id: str, by: UserRef) -> object:
            return await self._team.set_role(user_id, role, by=by)

        return await self._do(request, change)

    async def deactivate(self, request: web.Request) -> web.StreamResponse:
        return await self._do(request, lambda user_id, by: self._team.deactivate(user_id, by=by))

    async def activate(self, request: web.Request) -> web.StreamResponse:
        return await self._do(request, lambda user_id, by: self._team.activate(user_id, by=by))

    async def sign_out(self, request: web.Request) -> web.StreamResponse:
        return await self._do(request, lambda user_id, by: self._team.sign_out(user_id, by=by))

    async def _do(self, request: web.Request, what: Callable[[str, UserRef], Awaitable[object]]) -> web.StreamResponse:
        """Does it to the user in the path, and shows the list again, or why not. Raises HTTPNotFound, HTTPConflict."""
        try:
            await what(request.match_info["user"], asking(request).principal)
        except NotFound:
            raise web.HTTPNotFound(text="there is no such user") from None
        except RecordError as error:
            return await self._page(request, problem=_field_of(error))
        except ServiceError as error:
            return await self._page(request, problem=_reason(error))
        except Conflict:
            raise web.HTTPConflict(text="this user was changed elsewhere at this moment; look at them again") from None
        raise web.HTTPSeeOther(f"{PATH}?done=saved")

    async def _invited(self, request: web.Request, user: User, url: str) -> web.Response:
        if self._mail.is_on:
            by = f"user:{asking(request).user.id}"
            await self._mail.ask(user.email, LinkPurpose.INVITE, self._site.language(request), by=by)
            return await self._page(request, done="mailed", address=user.email)
        return await self._page(request, done="link", address=user.email, link=url)

    async def _page(self, request: web.Request, *, problem: str = "", **values: Any) -> web.Response:
        users, more = await self._users.page(clean(request.query.get("after", "")), _PAGE)
        who, language = asking(request), self._site.language(request)
        given = {"done": "", "address": "", "link": "", "given": {"email": "", "name": "", "role": Role.AGENT.value}, **values}
        return self._site.page(
            request,
            "users.html",
            texts="users",
            status=422 if problem else 200,
            here=f"{PATH}?",
            problem=problem,
            users=[_row(language, user, who.user) for user in users],
            more=more,
            roles=[(role.value, ", ".join(ROLE_PERMISSIONS[role])) for role in Role],
            has_mail=self._mail.is_on,
            **given,
        )


def _row(language: str, user: User, reader: User) -> dict[str, Any]:
    return {
        "id": user.id,
        "email": user.email,
        "name": name_of(user),
        "role": user.role.value,
        "permissions": sorted({*ROLE_PERMISSIONS[user.role], *user.permissions}),
        "is_active": user.is_active,
        "is_invited": user.password_hash is None,
        "is_me": user.id == reader.id,
        "seen": shown(language, user.last_login, reader),
    }


def _field_of(error: RecordError) -> str:
    """Which field of the form a record complains about."""
    return next((name for name in ("email", "name", "role") if str(error).startswith(f"User.{name}:")), "other")


def _reason(error: ServiceError) -> str:
    return error.why if error.why in _KNOWN else "other"


def routes(site: Site) -> list[web.RouteDef]:
    return UsersPage(site).routes()
