"""The way in for WhatsApp: `GET|POST /webhooks/whatsapp` on aiohttp (the contract: CHANNELS 1.4).

The hottest path of the product: signature, parse, one durable write, answer. Nothing else happens before the 200. What one
process has in hand at once is bounded (`bot.channels.gate`): over it the answer is a 503.
"""

from __future__ import annotations

import asyncio
import hmac

from aiohttp import web

from bot.channels.gate import LARGE, LARGE_SECONDS, Gate
from bot.channels.whatsapp.parser import CHANNEL
from bot.channels.whatsapp.receiving import TOO_LARGE, TRY_LATER, Accept, Answer, receive
from bot.channels.whatsapp.signature import HEADER
from bot.clock import Clock
from bot.errors import Overloaded, SettingsError
from bot.meter import KEEPS_NOTHING, Counted, Meter

PATH = "/webhooks/whatsapp"
MAX_BODY = 3 * 1024 * 1024
"""Bytes; Meta's bodies are not larger. Build the application with a `client_max_size` of at least this: aiohttp's own is 1 MB."""


def routes(
    *,
    app_secret: str,
    verify_token: str,
    accept: Accept,
    clock: Clock,
    gate: Gate | None = None,
    meter: Meter = KEEPS_NOTHING,
) -> list[web.RouteDef]:
    """The two routes of the webhook.

    Raises SettingsError without an app secret: an unsigned webhook would let anybody speak for anybody.
    With an empty verify token Meta's verification is refused.
    """
    if not app_secret:
        raise SettingsError(
            "WHATSAPP_APP_SECRET is not set: webhooks cannot be trusted without it. It is in the app's basic settings at Meta."
        )

    gate = gate or Gate()

    async def verification(request: web.Request) -> web.Response:
        query = request.query
        given = query.get("hub.verify_token", "").encode(errors="surrogatepass")
        if query.get("hub.mode") != "subscribe" or not verify_token or not hmac.compare_digest(given, verify_token.encode()):
            return web.Response(status=403, text="This verify token is not ours.")
        return web.Response(text=query.get("hub.challenge", ""), headers={"X-Content-Type-Options": "nosniff"})

    def too_large() -> web.Response:
        meter.count(Counted.WEBHOOKS, CHANNEL, "too_large")
        return _response(TOO_LARGE)

    async def delivery(request: web.Request) -> web.Response:
        try:
            raw = await _read(request, gate)
            if len(raw) > MAX_BODY:
                return too_large()
            gate.enter(len(raw))
        except web.HTTPRequestEntityTooLarge:
            return too_large()
        except Overloaded:
            meter.count(Counted.WEBHOOKS, CHANNEL, "busy")
            return _response(TRY_LATER)
        try:
            signature = request.headers.get(HEADER)
            return _response(await receive(raw, signature, app_secret=app_secret, accept=accept, clock=clock, meter=meter))
        finally:
            gate.leave(len(raw))

    return [web.get(PATH, verification, allow_head=False), web.post(PATH, delivery)]


async def _read(request: web.Request, gate: Gate) -> bytes:
    """The body. Raises Overloaded, and aiohttp's own where it is too large."""
    length = request.content_length
    if length is not None and length <= LARGE:
        return await request.read()
    gate.enter_large()
    try:
        async with asyncio.timeout(LARGE_SECONDS):
            return await request.read()
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
    finally:
        gate.leave_large()


def _response(answer: Answer) -> web.Response:
    headers = {"Retry-After": str(answer.retry_after)} if answer.retry_after else None
    return web.Response(status=answer.status, text=answer.text, headers=headers)
