"""`/replies`: canned replies, the team's and one's own, with what they will look like."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from bot.errors import Conflict, NotFound, RecordError, ServiceError
from bot.records.canned import CannedReply
from bot.resources import LANGUAGES
from bot.services.canned import BLANKS, filled
from bot.services.transfers import may_assign
from bot.services.users import name_of
from bot.web.access import needs
from bot.web.forms import form_of
from bot.web.gate import asking
from bot.web.site import Site

PATH = "/replies"
_DONE = frozenset({"saved", "deleted"})
_FIELDS = ("id", "shortcut", "title", "text", "language")
_EXAMPLE = {"name": "Ana", "number": "K7Q2M9X4"}


class RepliesPage:
    """What operators say often."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._canned = site.parts.desk.canned

    def routes(self) -> list[web.RouteDef]:
        return needs(
            "write:messages",
            web.get(PATH, self.page),
            web.post(PATH, self.save),
            web.post(f"{PATH}/delete", self.delete),
        )

    async def page(self, request: web.Request) -> web.Response:
        """The list; with `?id=` one of them in the form."""
        done = request.query.get("done", "")
        return await self._page(request, done=done if done in _DONE else "")

    async def save(self, request: web.Request) -> web.StreamResponse:
        """Saves it, or shows how it will look. Raises HTTPNotFound, HTTPConflict."""
        form = await form_of(request)
        given: dict[str, Any] = {name: form.get(name, "") for name in _FIELDS} | {"is_shared": "shared" in form}
        if "preview" in form:
            return await self._page(request, given=given, preview=self._as_seen(request, given["text"]))
        try:
            await self._canned.save(
                asking(request).user,
                given["shortcut"],
                given["title"],
                given["text"],
                language=given["language"],
                is_shared=given["is_shared"],
                id=given["id"],
            )
        except NotFound:
            raise web.HTTPNotFound(text="there is no such canned reply") from None
        except (RecordError, ServiceError) as error:
            return await self._page(request, given=given, problem=str(error))
        except Conflict:
            raise web.HTTPConflict(text="this was changed elsewhere at this moment; look at it again") from None
        raise web.HTTPSeeOther(f"{PATH}?done=saved")

    async def delete(self, request: web.Request) -> web.StreamResponse:
        """Raises HTTPNotFound."""
        try:
            await self._canned.delete((await form_of(request)).get("id", ""), asking(request).user)
        except NotFound:
            raise web.HTTPNotFound(text="there is no such canned reply") from None
        except ServiceError as error:
            return await self._page(request, problem=str(error))
        raise web.HTTPSeeOther(f"{PATH}?done=deleted")

    async def _page(
        self,
        request: web.Request,
        *,
        given: Mapping[str, Any] | None = None,
        preview: str = "",
        problem: str = "",
        done: str = "",
    ) -> web.Response:
        user = asking(request).user
        found = await self._canned.all(user)
        wanted = next((one for one in found if one.id == request.query.get("id", "")), None)
        empty: dict[str, Any] = dict.fromkeys(_FIELDS, "") | {"is_shared": False, "language": self._site.language(request)}
        return self._site.page(
            request,
            "replies.html",
            texts="replies",
            status=422 if problem else 200,
            here=f"{PATH}?",
            given=given or (_given(wanted) if wanted else empty),
            preview=preview,
            problem=problem,
            done=done,
            blanks=[f"{{{blank}}}" for blank in BLANKS],
            may_share=may_assign(user),
            replies=[
                _given(one) | {"seen": self._as_seen(request, one.text), "used": one.used, "mine": one.owner_id == user.id}
                for one in found
            ],
            spoken=list(LANGUAGES),
        )

    @staticmethod
    def _as_seen(request: web.Request, text: str) -> str:
        """As a person called Ana would get it."""
        return filled(text, _EXAMPLE | {"operator": name_of(asking(request).user)})


def _given(reply: CannedReply) -> dict[str, Any]:
    return {name: getattr(reply, name) for name in _FIELDS} | {"is_shared": reply.owner_id is None}


def routes(site: Site) -> list[web.RouteDef]:
    return RepliesPage(site).routes()
