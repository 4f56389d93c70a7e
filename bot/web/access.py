"""Who may use a route: said once, where the route is made, and nowhere else.

    def routes(site):
        page = Desk(site)
        return [
            *needs("read:conversations", web.get("/desk", page.show), web.post("/desk/reply", page.reply)),
            *needs("read:conversations", web.get("/desk/live", page.live), answers=Answers.DATA),
            *anyone(web.get("/about", page.about)),
        ]

A handler of a guarded route finds who asks with `bot.web.gate.asking(request)`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from aiohttp import web

from bot.records.permissions import Permissions, allows, canonical

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Answers(StrEnum):
    """What a route answers with: somebody who is not signed in is shown the way in, a program is told 401."""

    PAGE = "page"
    DATA = "data"


@dataclass(frozen=True, slots=True)
class Access:
    """Who may use a route."""

    is_open: bool = False
    """Anybody, signed in or not; the route does its own checks."""
    permission: str = ""
    """What a user has to be allowed, in either spelling; empty: every user."""
    answers: Answers = Answers.PAGE
    takes_tokens: bool = False
    """Whether a program may come with a token instead of a session (`Authorization: Bearer`)."""

    def allows(self, granted: Permissions) -> bool:
        """Whether somebody with these permissions may use it."""
        return self.is_open or not self.permission or allows(granted, *canonical(self.permission))


@dataclass(frozen=True, slots=True)
class Declared:
    """A handler that says who may use it; `bot.web.gate` keeps to it."""

    handler: Handler
    access: Access

    async def serve(self, request: web.Request) -> web.StreamResponse:
        return await self.handler(request)


def access_of(handler: object) -> Access | None:
    """What was declared of a route's handler; None where nothing was."""
    declared = getattr(handler, "__self__", None)
    return declared.access if isinstance(declared, Declared) else None


def anyone(*routes: web.RouteDef) -> list[web.RouteDef]:
    """Routes for everybody."""
    return _declared(routes, Access(is_open=True))


def signed_in(*routes: web.RouteDef, answers: Answers = Answers.PAGE, takes_tokens: bool = False) -> list[web.RouteDef]:
    """Routes for every user, whatever they may do."""
    return _declared(routes, Access(answers=answers, takes_tokens=takes_tokens))


def needs(
    permission: str, *routes: web.RouteDef, answers: Answers = Answers.PAGE, takes_tokens: bool = False
) -> list[web.RouteDef]:
    """Routes for users with a permission. Raises ValueError where it is none."""
    canonical(permission)
    return _declared(routes, Access(permission=permission, answers=answers, takes_tokens=takes_tokens))


def _declared(routes: Sequence[web.RouteDef], access: Access) -> list[web.RouteDef]:
    return [web.RouteDef(route.method, route.path, Declared(route.handler, access).serve, route.kwargs) for route in routes]
