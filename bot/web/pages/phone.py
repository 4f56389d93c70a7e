"""The telephone of the front page: begins calls, and carries their sound as the vendor's Media Streams do (DESIGN 5)."""

from __future__ import annotations

from aiohttp import web

from bot.errors import Overloaded, SpeechError, StoreUnavailable
from bot.resources import LANGUAGES
from bot.web.access import anyone
from bot.web.chat.opening import close_all, live_socket
from bot.web.forms import clean
from bot.web.simulator.people import known
from bot.web.simulator.telephone import CALLS, CAPTIONS, LINE, WORDS, require_here
from bot.web.site import Site, Telephone

MOST = 500
"""Characters of one sentence that is typed."""


class PhonePage:
    """What the page's telephone talks to."""

    def __init__(self, site: Site) -> None:
        self._parts = site.parts
        self._open: set[web.WebSocketResponse] = set()

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post(CALLS, self.begin),
            web.post(WORDS, self.words),
            web.get(LINE, self.line),
            web.get(CAPTIONS, self.captions),
        ]

    async def begin(self, request: web.Request) -> web.Response:
        """A new call of one of the made-up people. Raises HTTPForbidden, HTTPNotFound, HTTPServiceUnavailable."""
        telephone, form = self._telephone(request), await request.post()
        who = known(str(form.get("as", "")))
        if who is None:
            raise web.HTTPNotFound(text="nobody has this number; those who have one are offered by the front page")
        try:
            call = await telephone.begin(f"+{who.number}", _language(form.get("language")))
        except (Overloaded, StoreUnavailable) as error:
            raise web.HTTPServiceUnavailable(text=str(error) or "all lines are busy; call again in a moment") from None
        paths = {"line": LINE, "captions": CAPTIONS, "words": WORDS}
        return web.json_response({**call, **paths, "sound": telephone.has_sound, "hears": telephone.has_ears})

    async def words(self, request: web.Request) -> web.Response:
        """How it sounds when somebody says this, as the telephone has it. Raises HTTPForbidden, HTTPServiceUnavailable."""
        telephone, form = self._telephone(request), await request.post()
        text = clean(str(form.get("text", ""))).strip()[:MOST]
        try:
            sound = await telephone.words(text, _language(form.get("language")))
        except SpeechError as error:
            raise web.HTTPServiceUnavailable(text=str(error)) from None
        return web.Response(body=sound, content_type="audio/basic", headers={"Cache-Control": "no-store"})

    async def line(self, request: web.Request) -> web.StreamResponse:
        """The websocket of a call's sound, until either side hangs up. Raises HTTPForbidden."""
        return await self._telephone(request).line(request)

    async def captions(self, request: web.Request) -> web.StreamResponse:
        """The websocket of what is said on it. Raises HTTPForbidden."""
        telephone, socket = self._telephone(request), live_socket()
        await socket.prepare(request)
        self._open.add(socket)
        try:
            await telephone.captions(clean(request.query.get("token", "")), socket)
        finally:
            self._open.discard(socket)
            await socket.close()
        return socket

    async def close(self) -> None:
        """The server stops."""
        await close_all(self._open)
        if self._parts.phone_simulator is not None:
            await self._parts.phone_simulator.close()

    def _telephone(self, request: web.Request) -> Telephone:
        require_here(request, self._parts.settings)
        if self._parts.phone_simulator is None:
            raise web.HTTPForbidden(
                text="there are TWILIO_... settings: with a real number nothing is simulated; unset them to try"
            )
        return self._parts.phone_simulator


def _language(given: object) -> str:
    if given not in LANGUAGES:
        raise web.HTTPBadRequest(text=f"language: must be one of {', '.join(LANGUAGES)}")
    return str(given)


def routes(site: Site) -> list[web.RouteDef]:
    page = PhonePage(site)
    site.at_end(page.close)
    return anyone(*page.routes())
