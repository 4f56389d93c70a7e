"""The telephone of the front page: begins calls, and carries their sound as the vendor's Media Streams do (DESIGN 5)."""

from __future__ import annotations

from aiohttp import web

from bot.errors import Overloaded, StoreUnavailable
from bot.resources import LANGUAGES
from bot.web.access import anyone
from bot.web.chat.opening import CLOSE_SECONDS, HEARTBEAT_SECONDS, close_all
from bot.web.simulator.people import known
from bot.web.simulator.telephone import CALLS, LINE, require_here
from bot.web.site import Site, Telephone

MAX_FRAME = 16 * 1024
"""Bytes; a frame of the vendor's has some 300."""


class PhonePage:
    """The two ends that the page's telephone talks to."""

    def __init__(self, site: Site) -> None:
        self._parts = site.parts
        self._open: set[web.WebSocketResponse] = set()

    def routes(self) -> list[web.RouteDef]:
        return [web.post(CALLS, self.begin), web.get(LINE, self.line)]

    async def begin(self, request: web.Request) -> web.Response:
        """A new call of one of the made-up people. Raises HTTPForbidden, HTTPNotFound, HTTPServiceUnavailable."""
        telephone, form = self._telephone(request), await request.post()
        who, language = known(str(form.get("as", ""))), str(form.get("language", ""))
        if who is None:
            raise web.HTTPNotFound(text="nobody has this number; those who have one are offered by the front page")
        if language not in LANGUAGES:
            raise web.HTTPBadRequest(text=f"language: must be one of {', '.join(LANGUAGES)}")
        try:
            call = await telephone.begin(f"+{who.number}", language)
        except (Overloaded, StoreUnavailable) as error:
            raise web.HTTPServiceUnavailable(text=str(error)) from None
        told = {"sid": call.sid, "stream": call.stream, "token": call.token, "line": LINE}
        return web.json_response({**told, "sound": telephone.has_sound, "hears": telephone.has_ears})

    async def line(self, request: web.Request) -> web.StreamResponse:
        """The websocket of a call, until either side hangs up. Raises HTTPForbidden."""
        telephone = self._telephone(request)
        socket = web.WebSocketResponse(heartbeat=HEARTBEAT_SECONDS, timeout=CLOSE_SECONDS, max_msg_size=MAX_FRAME, compress=False)
        await socket.prepare(request)
        self._open.add(socket)
        try:
            await telephone.serve(socket)
        finally:
            self._open.discard(socket)
            await socket.close()
        return socket

    async def close(self) -> None:
        """The server stops: calls end."""
        await close_all(self._open)

    def _telephone(self, request: web.Request) -> Telephone:
        require_here(request, self._parts.settings)
        if self._parts.telephone is None:
            raise web.HTTPForbidden(
                text="there are TWILIO_... settings: with a real number nothing is simulated; unset them to try"
            )
        return self._parts.telephone


def routes(site: Site) -> list[web.RouteDef]:
    page = PhonePage(site)
    site.at_end(page.close)
    return anyone(*page.routes())
