"""`/work`: what failed too often and was set aside, why, since when; and trying it again."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from bot.errors import NotFound
from bot.services.audit import Audit
from bot.services.set_aside import SecondTries, SetAside, counted, set_aside
from bot.web.access import needs
from bot.web.forms import form_of
from bot.web.gate import asking
from bot.web.overview.words import Words
from bot.web.site import Site
from bot.web.texts import texts_of
from bot.web.times import shown, zone_of

PATH = "/work"
_ONE = f"{PATH}/{{kind:received|delivery|job|webhook}}"
_MOST = 100


class WorkPage:
    """What somebody has to look at."""

    def __init__(self, site: Site) -> None:
        parts = site.parts
        self._site = site
        self._store = parts.store
        self._clock = parts.clock
        self._tries = SecondTries(parts.store, Audit(parts.clock), parts.inbox, parts.outbox, parts.jobs, parts.webhooks)

    def routes(self) -> list[web.RouteDef]:
        return needs(
            "assign:conversations",
            web.get(PATH, self.page),
            web.post(f"{_ONE}/again", self.again),
            web.post(f"{_ONE}/all", self.all_again),
        )

    async def page(self, request: web.Request) -> web.Response:
        """So much of each kind, the oldest first."""
        counts, found = await counted(self._store), await set_aside(self._store, _MOST)
        words = Words(texts_of("work", self._site.language(request)), zone_of(asking(request).user))
        kinds = {kind: [self._row(request, words, one) for one in found if one.kind == kind] for kind in counts}
        tried = request.query.get("tried", "")
        tried = tried if tried.isdecimal() and len(tried) < 6 else ""
        return self._site.page(request, "work.html", texts="work", kinds=kinds, counts=counts, most=_MOST, tried=tried)

    async def again(self, request: web.Request) -> web.StreamResponse:
        """One of them. Raises HTTPNotFound where it was not set aside, or is no more."""
        id_ = (await form_of(request)).get("id", "")
        if not await self._tries.again(request.match_info["kind"], id_, by=_by(request)):
            raise web.HTTPNotFound(text="this was not set aside, or somebody has had it tried again")
        raise web.HTTPSeeOther(f"{PATH}?tried=1")

    async def all_again(self, request: web.Request) -> web.StreamResponse:
        """All of a kind that the page shows."""
        try:
            count = await self._tries.all_of(request.match_info["kind"], _MOST, by=_by(request))
        except NotFound as error:
            raise web.HTTPNotFound(text=str(error)) from None
        raise web.HTTPSeeOther(f"{PATH}?tried={count}")

    def _row(self, request: web.Request, words: Words, one: SetAside) -> dict[str, Any]:
        age = (self._clock.now() - one.since).total_seconds() / 60 if one.since is not None else None
        return {
            "id": one.id,
            "where": one.channel or one.where,
            "error": " ".join(one.error.split())[:300],
            "age": words.lasting(age),
            "since": shown(words.t.language, one.since, asking(request).user),
            "attempts": one.attempts,
        }


def _by(request: web.Request) -> str:
    return f"user:{asking(request).user.id}"


def routes(site: Site) -> list[web.RouteDef]:
    return WorkPage(site).routes()
