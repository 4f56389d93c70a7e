"""`/desk`: where operators work. What is written there goes the way of the API; `/desk/live` tells what is new."""

from __future__ import annotations

from aiohttp import web

from bot.web.access import Access, Answers, needs
from bot.web.chat.opening import CLOSE_SECONDS, HEARTBEAT_SECONDS, close_all
from bot.web.desk.connection import Connection
from bot.web.desk.feed import Feed
from bot.web.desk.frames import MAX_FRAME
from bot.web.desk.opening import Opening
from bot.web.endpoint import Call
from bot.web.forms import clean
from bot.web.gate import asking, caller
from bot.web.rows import called
from bot.web.site import Site

PATH = "/desk"
PERMISSION = "read:conversations"
_ICONS = {"desk": "inbox", "supervisor": "chart", "settings": "key", "users": "users"}
_LONGEST_ID = 64


class DeskPage:
    """The page, and the websockets of the desks that are open."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._parts = site.parts
        self._opening = Opening(site)
        self._feed = Feed(site.parts)
        self._open: set[web.WebSocketResponse] = set()
        names = site.assets.names()
        self._modules = [name for name in names if name.startswith("desk-") and name.endswith(".js")]

    def routes(self) -> list[web.RouteDef]:
        return [
            *needs(PERMISSION, web.get(PATH, self.page)),
            *needs(PERMISSION, web.get(f"{PATH}/live", self.live), answers=Answers.DATA),
        ]

    async def page(self, request: web.Request) -> web.Response:
        """The desk, with the first rows and one conversation in it."""
        who, asked = asking(request), clean(request.query.get("c", ""))[:_LONGEST_ID]
        data = await self._opening.of(Call(caller(request)), asked)
        words = called(who.user).split()
        return self._site.page(
            request,
            "desk.html",
            texts="desk",
            modules=self._modules,
            icons=_ICONS,
            initials="".join(word[0] for word in words[:2]).upper(),
            writes=data["me"]["may"]["write"],
            pane="talk" if asked else "queue",
            data={**data, "csrf": who.csrf},
        )

    async def live(self, request: web.Request) -> web.StreamResponse:
        """The websocket of an open desk."""
        socket = web.WebSocketResponse(heartbeat=HEARTBEAT_SECONDS, timeout=CLOSE_SECONDS, max_msg_size=MAX_FRAME, compress=False)
        await socket.prepare(request)
        self._open.add(socket)
        try:
            access = Access(permission=PERMISSION, answers=Answers.DATA)
            await Connection(self._parts, self._site.gate, self._feed, asking(request), access, socket).run()
        finally:
            self._open.discard(socket)
        return socket

    async def close(self) -> None:
        """The server stops: desks connect again when it is back."""
        await self._feed.close()
        await close_all(self._open)


def routes(site: Site) -> list[web.RouteDef]:
    page = DeskPage(site)
    site.at_end(page.close)
    return page.routes()
