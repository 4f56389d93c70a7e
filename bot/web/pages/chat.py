"""`/chat`: the web chat, on our own page and inside those of other sites."""

from __future__ import annotations

from aiohttp import web

from bot.errors import SettingsError
from bot.message import Address
from bot.secret_key import load_secret_key
from bot.services.origins import KEY, origins_of
from bot.services.settings import SystemSettings
from bot.web.access import anyone
from bot.web.chat.allowance import OPENED, Allowance
from bot.web.chat.connection import Connection
from bot.web.chat.opening import close_all, first_frame, live_socket
from bot.web.chat.visitors import Visitor, Visitors, remember, visitor_of
from bot.web.chat.words import Hello
from bot.web.limits import network_of, refuse_too_many
from bot.web.origins import is_https, may_connect
from bot.web.site import Site

TRY_LATER = 4429
"""Close code (4000 to 4999 are a program's own): there is no room; the page tries again much later."""

_SNIPPET_SECONDS = 3600


class Chat:
    """The page, its script for other sites, and the websockets of those who have it open."""

    def __init__(self, site: Site) -> None:
        parts = site.parts
        self._site = site
        self._settings = SystemSettings(parts.store, parts.clock)
        key = load_secret_key(parts.settings.secret_key.get_secret_value(), parts.settings.data_dir)
        self._visitors = Visitors(key, parts.clock)
        self._limits = parts.shared.limits
        self._allowance = Allowance(parts.shared.limits)
        self._public_url = parts.settings.public_url
        self._open: set[web.WebSocketResponse] = set()

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/chat", self.page), web.get("/chat/live", self.live), web.get("/chat/embed.js", self.snippet)]

    async def page(self, request: web.Request) -> web.Response:
        """The page; who has not been here gets a cookie, and leaves no trace with us before their first word."""
        embedded = "embed" in request.query
        ancestors = ("'self'", *await self._origins()) if embedded else ()
        response = self._site.page(request, "chat.html", texts="chat", ancestors=ancestors, embedded=embedded)
        visitor = visitor_of(request, self._visitors, embedded=embedded)
        if visitor is None or visitor.is_due:
            fresh = self._visitors.renewed(visitor) if visitor else self._visitors.new()
            remember(response, fresh, embedded=embedded, is_https=is_https(request, self._public_url))
        return response

    async def snippet(self, _: web.Request) -> web.Response:
        """The script with which any site shows the chat; it changes in place, so it is not kept for long."""
        asset = self._site.assets.file("embed.js")
        headers = {
            "Content-Type": asset.content_type,
            "Cache-Control": f"public, max-age={_SNIPPET_SECONDS}",
            "Cross-Origin-Resource-Policy": "cross-origin",
            "X-Content-Type-Options": "nosniff",
        }
        return web.Response(body=asset.body, headers=headers)

    async def live(self, request: web.Request) -> web.StreamResponse:
        """The websocket of an open page. Raises HTTPForbidden for a page of a site that may not, HTTPTooManyRequests."""
        if not may_connect(request, self._public_url, await self._origins()):
            raise web.HTTPForbidden(text=f"this origin may not open the chat; the setting {KEY} names those that may")
        await refuse_too_many(self._limits, OPENED, self._network(request))
        socket = live_socket()
        await socket.prepare(request)
        self._open.add(socket)
        try:
            await self._serve(request, socket)
        finally:
            self._open.discard(socket)
        return socket

    async def close(self) -> None:
        """The server stops: pages connect again when it is back."""
        await close_all(self._open)

    async def _serve(self, request: web.Request, socket: web.WebSocketResponse) -> None:
        hello = await first_frame(socket)
        if hello is None:
            return
        visitor, welcome = self._visitor(request, hello)
        network = self._network(request)
        with self._allowance.page(visitor.id, network) as has_room:
            if not has_room:
                await socket.close(code=TRY_LATER, message=b"too many pages are open")
                return
            address = Address("web", "chat", visitor.id)
            connection = Connection(self._site.parts, socket, address, network, self._allowance)
            await connection.run(hello, welcome)

    def _network(self, request: web.Request) -> str:
        return network_of(request, is_behind_proxy=bool(self._public_url))

    def _visitor(self, request: web.Request, hello: Hello) -> tuple[Visitor, dict[str, str]]:
        """Who it is, by their cookie or by the token that their page keeps; and the token that it is to keep from now on."""
        with_cookie = visitor_of(request, self._visitors, embedded="embed" in request.query)
        if with_cookie is not None:
            return with_cookie, {}
        kept = self._visitors.read(hello.token)
        if kept is not None and not kept.is_due:
            return kept, {}
        visitor = self._visitors.renewed(kept) if kept is not None else self._visitors.new()
        return visitor, {"token": visitor.token}

    async def _origins(self) -> tuple[str, ...]:
        """Sites that may show the chat; none while the setting is broken, which `bot check` says."""
        try:
            return origins_of(await self._settings.value(KEY))
        except SettingsError:
            return ()


def routes(site: Site) -> list[web.RouteDef]:
    chat = Chat(site)
    site.at_end(chat.close)
    return anyone(*chat.routes())
