"""The way in for WhatsApp: `GET|POST /webhooks/whatsapp` on aiohttp (the contract: CHANNELS 1.4).

The hottest path of the product: signature, parse, one durable write, answer. Nothing else happens before the 200.
"""

from __future__ import annotations

import hmac
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

import structlog
from aiohttp import web

from bot.channels.whatsapp.parser import parse
from bot.channels.whatsapp.signature import HEADER, verify, well_formed
from bot.clock import Clock
from bot.errors import BadPayload, SettingsError, StoreUnavailable
from bot.message import Incoming

PATH = "/webhooks/whatsapp"
MAX_BODY = 3 * 1024 * 1024
"""Bytes; Meta's bodies are not larger. Build the application with a `client_max_size` of at least this: aiohttp's own is 1 MB."""
RETRY_AFTER = 5
"""Seconds we ask Meta to wait when the store is away; it redelivers for up to 7 days either way."""

_log = structlog.get_logger(__name__)

Accept = Callable[[Sequence[Incoming]], Awaitable[object]]
"""Makes items durable; returns only when they are."""


def routes(*, app_secret: str, verify_token: str, accept: Accept, clock: Clock) -> list[web.RouteDef]:
    """The two routes of the webhook.

    Raises SettingsError without an app secret: an unsigned webhook would let anybody speak for anybody.
    With an empty verify token Meta's verification is refused.
    """
    if not app_secret:
        raise SettingsError(
            "WHATSAPP_APP_SECRET is not set: webhooks cannot be trusted without it. It is in the app's basic settings at Meta."
        )

    async def verification(request: web.Request) -> web.Response:
        query = request.query
        given = query.get("hub.verify_token", "").encode(errors="surrogatepass")
        if query.get("hub.mode") != "subscribe" or not verify_token or not hmac.compare_digest(given, verify_token.encode()):
            return web.Response(status=403, text="This verify token is not ours.")
        return web.Response(text=query.get("hub.challenge", ""), headers={"X-Content-Type-Options": "nosniff"})

    async def delivery(request: web.Request) -> web.Response:
        try:
            raw = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return _too_large()
        if len(raw) > MAX_BODY:
            return _too_large()
        signature = request.headers.get(HEADER)
        if not verify(app_secret, raw, signature):
            return web.Response(status=403 if well_formed(signature) else 401, text="This is not signed by our app.")
        try:
            parsed = parse(raw, clock.now())
        except BadPayload as error:
            return web.Response(status=400, text=str(error))
        if parsed.ignored:
            _log.warning("whatsapp.ignored", parts=len(parsed.ignored), reasons=dict(Counter(parsed.ignored).most_common(10)))
        if parsed.items:
            try:
                await accept(parsed.items)
            except StoreUnavailable as error:
                _log.warning("whatsapp.not_stored", items=len(parsed.items), why=str(error))
                return web.Response(status=503, headers={"Retry-After": str(RETRY_AFTER)}, text="Try again later.")
        return web.Response(text="ok")

    return [web.get(PATH, verification, allow_head=False), web.post(PATH, delivery)]


def _too_large() -> web.Response:
    return web.Response(status=413, text="The body is too large.")
