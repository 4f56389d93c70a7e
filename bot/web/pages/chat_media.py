"""`/chat/media`: a visitor of the chat attaches a picture or a PDF; what they write next says that it belongs to it."""

from __future__ import annotations

from aiohttp import web

from bot.errors import BotError
from bot.limits import Limit
from bot.secret_key import load_secret_key
from bot.services.media_types import OF_VISITORS
from bot.web.access import anyone
from bot.web.chat.visitors import Visitors, visitor_of
from bot.web.faults import explained, fault
from bot.web.limits import network_of, refuse_too_many
from bot.web.origins import is_same_origin
from bot.web.site import Site
from bot.web.uploads import upload_of

TOKEN_HEADER = "X-Chat-Token"  # noqa: S105  a header's name
"""Where the browser keeps no cookie, the page sends what it keeps itself."""
BY_VISITOR = Limit("chat-media-visitor", 10, 3600)
BY_NETWORK = Limit("chat-media-network", 60, 3600)
"""Files in an hour. An office behind one address is several visitors."""
MOST_BYTES = 8 * 1024 * 1024
"""Of one file, where BOT_MEDIA_MAX_MB is not less."""


class ChatMedia:
    """Takes files from visitors."""

    def __init__(self, site: Site) -> None:
        parts = site.parts
        self._media = parts.media
        self._limits = parts.shared.limits
        self._public_url = parts.settings.public_url
        key = load_secret_key(parts.settings.secret_key.get_secret_value(), parts.settings.data_dir)
        self._visitors = Visitors(key, parts.clock)

    async def upload(self, request: web.Request) -> web.Response:
        """Takes one in; its id, for the frame that says it. Whatever is wrong is answered as JSON, as the API does."""
        try:
            return await self._taken(request)
        except web.HTTPException as error:
            answer = fault(error.status, _CODES.get(error.status, "failed"), error.text or error.reason)
            answer.headers.extend({name: error.headers[name] for name in ("Retry-After",) if name in error.headers})
            return answer
        except BotError as error:
            answered = explained(error)
            if answered is None:
                raise
            return answered

    async def _taken(self, request: web.Request) -> web.Response:
        if not is_same_origin(request, self._public_url):
            raise web.HTTPForbidden(text="only a page of this site may send this")
        visitor = visitor_of(request, self._visitors, embedded="embed" in request.query)
        visitor = visitor or self._visitors.read(request.headers.get(TOKEN_HEADER, ""))
        if visitor is None:
            raise web.HTTPForbidden(text="open the chat first")
        await refuse_too_many(self._limits, BY_VISITOR, visitor.id)
        await refuse_too_many(self._limits, BY_NETWORK, network_of(request, is_behind_proxy=bool(self._public_url)))
        upload = await upload_of(request, min(MOST_BYTES, self._media.bounds.file))
        by = f"visitor:{visitor.id}"
        file = await self._media.receive(upload.chunks(), upload.name, by=by, allowed=OF_VISITORS, most=MOST_BYTES)
        return web.json_response({"id": file.id, "name": file.name, "kind": file.kind}, status=201)


_CODES = {400: "failed", 403: "forbidden", 408: "failed", 413: "too_large", 415: "not_taken", 429: "too_many_requests"}


def routes(site: Site) -> list[web.RouteDef]:
    return anyone(web.post("/chat/media", ChatMedia(site).upload))
