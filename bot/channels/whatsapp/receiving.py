"""What is done with a delivery of Meta's before it is answered: signature, parse, one durable write. Nothing else.

One function, whoever brings the body: the webhook, or the simulated phone of the front page with a secret of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, NamedTuple

import structlog

from bot.channels.whatsapp.parser import CHANNEL, parse
from bot.channels.whatsapp.signature import verify, well_formed
from bot.clock import Clock
from bot.errors import BadPayload, Overloaded, StoreUnavailable
from bot.message import Incoming
from bot.meter import KEEPS_NOTHING, Counted, Meter

RETRY_AFTER: Final = 5
"""Seconds we ask Meta to wait when we can take nothing; it redelivers for up to 7 days either way."""

Accept = Callable[[Sequence[Incoming]], Awaitable[object]]
"""Makes items durable; returns only when they are, and how many of them were new."""

_log = structlog.get_logger(__name__)


class Answer(NamedTuple):
    """What the vendor is told."""

    status: int
    text: str
    retry_after: int = 0
    """Seconds; 0: nothing is said of it."""


OK: Final = Answer(200, "ok")
TOO_LARGE: Final = Answer(413, "The body is too large.")
TRY_LATER: Final = Answer(503, "Try again later.", RETRY_AFTER)


async def receive(
    raw: bytes, signature: str | None, *, app_secret: str, accept: Accept, clock: Clock, meter: Meter = KEEPS_NOTHING
) -> Answer:
    """Checks, reads and accepts a body; 200 only when what it holds is durable."""
    outcome, answer = await _received(raw, signature, app_secret, accept, clock)
    meter.count(Counted.WEBHOOKS, CHANNEL, outcome)
    return answer


async def _received(raw: bytes, signature: str | None, app_secret: str, accept: Accept, clock: Clock) -> tuple[str, Answer]:
    """What became of it, for counting, and the answer."""
    if not verify(app_secret, raw, signature):
        return "bad_signature", Answer(403 if well_formed(signature) else 401, "This is not signed by our app.")
    try:
        parsed = parse(raw, clock.now())
    except BadPayload as error:
        return "malformed", Answer(400, str(error))
    if parsed.ignored:
        _log.warning("whatsapp.ignored", parts=len(parsed.ignored), reasons=dict(Counter(parsed.ignored).most_common(10)))
    if not parsed.items:
        return "ignored", OK
    try:
        fresh = await accept(parsed.items)
    except StoreUnavailable as error:
        _log.warning("whatsapp.not_stored", items=len(parsed.items), why=str(error))
        return "unavailable", TRY_LATER
    except Overloaded:  # told once, where it began
        return "busy", TRY_LATER
    return "duplicate" if fresh == 0 else "accepted", OK
