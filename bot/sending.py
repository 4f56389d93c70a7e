"""Takes what the outbox hands out to its channel, and tells the outbox what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import structlog
from structlog.contextvars import bound_contextvars

from bot.channels.base import Channel, channel_of
from bot.errors import SendError, SendUnconfirmed
from bot.live import Live
from bot.meter import KEEPS_NOTHING, Meter, Stage
from bot.outbox import Outbox, Taken, Wait, read_reply
from bot.store.base import Claim

log = structlog.get_logger()

_IDLE = 60.0
"""Seconds until a lane whose channel is switched off is looked at again."""

_POST_SECONDS = 60.0
"""Bound on one try of a channel, over whatever bounds it has itself: one that hangs must not hold its lane for ever."""


class Sending:
    """Works on the lanes of the outbox."""

    def __init__(
        self, outbox: Outbox, channels: Mapping[str, Channel], live: Live | None = None, meter: Meter = KEEPS_NOTHING
    ) -> None:
        self._outbox = outbox
        self._meter = meter
        self._channels = channels
        self._live = live or Live()

    async def work(self, claim: Claim) -> float | None:
        """Sends what may be sent in this lane, in order; seconds until there is more to do, or None. Raises FenceLost."""
        channel = channel_of(self._channels, claim.lane)
        if channel is None:
            return _IDLE
        while True:
            taken = await self._outbox.take(claim, tracks=channel.tracks)
            if taken is None:
                return None
            if isinstance(taken, Wait):
                return taken.seconds
            about = {"delivery": taken.delivery.id, "conversation": taken.delivery.conversation_id}
            with bound_contextvars(**about):
                wait = await self._send(channel, taken)
            if wait is not None or taken.is_last:
                return wait

    async def _send(self, channel: Channel, taken: Taken) -> float | None:
        """Posts one; seconds to wait before the lane goes on, or None to go on at once."""
        delivery = taken.delivery
        turn_id = await self._outbox.turn_of(delivery) if self._meter.asks_for_turns else None
        try:
            with self._meter.within(turn_id, Stage.POSTED):
                async with asyncio.timeout(_POST_SECONDS):
                    provider_id = await channel.send(taken.to, read_reply(delivery), delivery.id)
        except SendUnconfirmed as error:
            return await self._outbox.failed(delivery, error, unconfirmed=True)
        except SendError as error:
            return await self._outbox.failed(delivery, error, unconfirmed=False)
        except Exception as error:  # whatever a channel does wrong must not lose the delivery
            log.exception("channel failed", channel=channel.name, delivery=delivery.id)
            unknown = SendUnconfirmed(f"{type(error).__name__}: {error}")
            return await self._outbox.failed(delivery, unknown, unconfirmed=True)
        await self._outbox.sent(delivery, provider_id)
        self._live.tell(delivery.lane)
        return None
