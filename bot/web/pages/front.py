"""`/`: the front page. On this machine: be a customer on a simulated phone, see behind it, see what is on and what is missing."""

from __future__ import annotations

from aiohttp import web

from bot.errors import Conflict
from bot.services.status import Finding, State, ability, configuration, stored
from bot.web.access import anyone
from bot.web.chat.allowance import Allowance
from bot.web.chat.opening import close_all, first_frame, live_socket
from bot.web.loopback import is_local
from bot.web.simulator.connection import PhoneConnection
from bot.web.simulator.people import known, next_to, somebody
from bot.web.simulator.telephone import CALLS, require_here
from bot.web.site import Phone, Site
from bot.web.texts import texts_of

LIVE = "/try/whatsapp/live"
START_OVER = "/try/whatsapp/start-over"
_BY = "front page"
_MICROPHONE = {"Permissions-Policy": "camera=(), geolocation=(), microphone=(self), payment=(), usb=()"}
"""One may speak into the telephone of this page, and of no other."""


class Front:
    """The page, and the phone on it."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._parts = site.parts
        self._allowance = Allowance(site.parts.shared.limits)
        self._open: set[web.WebSocketResponse] = set()

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/", self.page), web.get(LIVE, self.live), web.post(START_OVER, self.start_over)]

    async def page(self, request: web.Request) -> web.Response:
        """The whole page on this machine; to others it says that the server runs, and where the chat is."""
        if not is_local(request, self._parts.settings):
            return self._site.page(request, "elsewhere.html", texts="front")
        language = self._site.language(request)
        who = somebody(request.query.get("as", ""), language)
        return self._site.page(
            request,
            "front.html",
            texts="front",
            live=f"{LIVE}?as={who.number}&language={language}",
            start_over=START_OVER,
            who=who,
            other=next_to(who, language),
            is_open=self._parts.simulator is not None,
            calls=CALLS if self._parts.phone_simulator is not None else "",
            findings=await self._findings(),
            headers=_MICROPHONE,
        )

    async def live(self, request: web.Request) -> web.StreamResponse:
        """The websocket of the phone on the page. Raises HTTPForbidden, HTTPNotFound."""
        phone, who = self._phone(request), known(request.query.get("as", ""))
        if who is None:
            raise web.HTTPNotFound(text="nobody has this number; those who have one are offered by the front page")
        socket = live_socket()
        await socket.prepare(request)
        self._open.add(socket)
        try:
            hello = await first_frame(socket)
            texts = texts_of("front", self._site.language(request))
            if hello is not None:
                await PhoneConnection(self._parts, phone, socket, who, self._allowance, texts).run(hello, {})
        finally:
            self._open.discard(socket)
        return socket

    async def start_over(self, request: web.Request) -> web.Response:
        """Closes the conversation of this person, so that the next message begins a new one. Raises HTTPForbidden."""
        phone = self._phone(request)
        who = known(str((await request.post()).get("as", "")))
        conversation = await self._parts.conversations.open_one(phone.address(who.number)) if who else None
        if conversation is not None:
            try:
                await self._parts.conversations.close(conversation, by=_BY, reason="started over")
            except Conflict:  # it has changed hands this moment
                raise web.HTTPConflict(text="the conversation changed at this moment; start over again") from None
        raise web.HTTPSeeOther(f"/?as={who.number}" if who else "/")

    async def close(self) -> None:
        """The server stops: the page connects again when it is back."""
        await close_all(self._open)

    def _phone(self, request: web.Request) -> Phone:
        """The simulator, for a page of ours on this machine. Raises HTTPForbidden that says why not."""
        require_here(request, self._parts.settings)
        if self._parts.simulator is None:
            raise web.HTTPForbidden(
                text="there are WHATSAPP_... settings: with a real number nothing is simulated; unset them to try"
            )
        return self._parts.simulator

    async def _findings(self) -> list[Finding]:
        """The same as `bot check` says, and what is simulated here instead."""
        parts = self._parts
        agents = [ability(agent.name, len(agent.tools), agent.handoffs, agent.skills) for agent in parts.router.agents]
        of_store = await stored(parts.store, parts.clock, parts.settings)
        order = {state: place for place, state in enumerate((State.WRONG, State.ON, State.OFF, State.INFO))}
        return sorted([*configuration(parts.settings), *agents, *of_store], key=lambda finding: order[finding.state])


def routes(site: Site) -> list[web.RouteDef]:
    front = Front(site)
    site.at_end(front.close)
    return anyone(*front.routes())
