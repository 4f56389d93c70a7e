"""Takes what the outbox hands out to its channel at the vendor's pace, and tells the outbox what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import structlog
from structlog.contextvars import bound_contextvars

from bot.breakers import Breaker, BreakerState
from bot.channels.base import Channel, Paced, channel_of
from bot.errors import Reach, SendError, SendUnconfirmed
from bot.meter import KEEPS_NOTHING, Counted, Meter, Stage
from bot.outbox import Outbox, Taken, Wait, read_reply
from bot.shared import Shared
from bot.store.base import Claim

log = structlog.get_logger()

_IDLE = 60.0
"""Seconds until a lane whose channel is switched off is looked at again."""

_TOO_MUCH = 1.0
"""Seconds at least in which nothing more goes where the vendor says that it was too much."""

_POST_SECONDS = 60.0
"""Bound on one try of a channel, over whatever bounds it has itself: one that hangs must not hold its lane for ever."""


MAX_IN_A_ROW = 20
"""Deliveries of one lane that go out before others have their turn."""


class Way:
    """The way from one of our ends to one person: whether it may be used now, and what became of it."""

    def __init__(self, shared: Shared, channel: Channel, lane: str, meter: Meter = KEEPS_NOTHING) -> None:
        self._shared = shared
        self._meter = meter
        self._channel = channel.name
        self._pace = channel.pace if isinstance(channel, Paced) else None
        self._sender, _, self._person = lane.rpartition(":")
        self._breaker: Breaker | None = shared.breakers.of(self._sender) if self._pace is not None else None
        self._entered = BreakerState.CLOSED
        self._has_turn = False

    async def wait(self) -> float:
        """0 where a send may go out now: it is counted, and `over` has to be told. Else the seconds to wait."""
        if self._breaker is None or self._pace is None or self._has_turn:
            return 0.0
        entered = await self._breaker.enter()
        if entered is BreakerState.OPEN:
            self._meter.count(Counted.HELD_BACK, self._channel, "breaker")
            return self._breaker.wait
        try:
            with self._meter.stage(Stage.PACED):
                wait = await self._shared.pacer.take(self._sender, self._person, self._pace)
        except BaseException:
            await self._breaker.leave(entered)
            raise
        if wait > 0:
            self._meter.count(Counted.HELD_BACK, self._channel, "pace")
            await self._breaker.leave(entered)
        else:
            self._entered, self._has_turn = entered, True
        return wait

    @property
    def is_a_try(self) -> bool:
        """Whether this send finds out if the vendor works again."""
        return self._entered is BreakerState.HALF_OPEN

    async def over(self, error: SendError | None) -> None:
        """The send has come to this."""
        if self._breaker is None:
            return
        if error is not None and error.reach is Reach.VENDOR:
            await self._breaker.failed(self._entered, error)
        else:  # it may have refused this one, but it is there
            await self._breaker.worked()
        if error is not None and error.reach in (Reach.SENDER, Reach.PERSON):
            person = self._person if error.reach is Reach.PERSON else ""
            await self._shared.pacer.pause(self._sender, max(error.wait, _TOO_MUCH), person)

    async def leave(self) -> None:
        """The send is over, or did not come about."""
        entered, self._entered, self._has_turn = self._entered, BreakerState.CLOSED, False
        if self._breaker is not None:
            await self._breaker.leave(entered)


class Sending:
    """Works on the lanes of the outbox."""

    def __init__(self, outbox: Outbox, channels: Mapping[str, Channel], shared: Shared, meter: Meter = KEEPS_NOTHING) -> None:
        self._outbox = outbox
        self._meter = meter
        self._channels = channels
        self._shared = shared

    async def work(self, claim: Claim) -> float | None:
        """Sends what may be sent in this lane, in order; seconds until there is more to do, or None. Raises FenceLost."""
        channel = channel_of(self._channels, claim.lane)
        if channel is None:
            return _IDLE
        way = Way(self._shared, channel, claim.lane, self._meter)
        for _ in range(MAX_IN_A_ROW):
            try:
                taken = await self._outbox.take(claim, tracks=channel.tracks, wait=way.wait)
                if taken is None:
                    return None
                if isinstance(taken, Wait):
                    return taken.seconds
                with bound_contextvars(delivery=taken.delivery.id, conversation=taken.delivery.conversation_id):
                    wait = await self._send(claim, channel, taken, way)
            finally:
                await way.leave()
            if wait is not None or taken.is_last:
                return wait
        return 0.0

    async def _send(self, claim: Claim, channel: Channel, taken: Taken, way: Way) -> float | None:
        """Posts one; seconds to wait before the lane goes on, or None to go on at once."""
        delivery = taken.delivery
        turn_id = await self._outbox.turn_of(delivery) if self._meter.asks_for_turns else None
        if not self._outbox.is_sure(claim):  # asked last thing: from here on it may be said twice if we sleep
            await self._outbox.put_back(taken)
            return 0.0
        provider_id, error = await self._post(channel, taken, turn_id)
        was_a_try = way.is_a_try
        await way.over(error)
        if error is None:
            await self._outbox.sent(delivery, provider_id)
            self._shared.live.tell(delivery.lane)
            return None
        is_unconfirmed = isinstance(error, SendUnconfirmed)
        is_for_all = was_a_try and error.reach is Reach.VENDOR and not is_unconfirmed
        return await self._outbox.failed(delivery, error, unconfirmed=is_unconfirmed, counts=not is_for_all)

    async def _post(self, channel: Channel, taken: Taken, turn_id: str | None) -> tuple[str, SendError | None]:
        """The provider's id of what was said, or what went wrong."""
        delivery = taken.delivery
        try:
            with self._meter.within(turn_id, Stage.POSTED):
                async with asyncio.timeout(_POST_SECONDS):
                    return await channel.send(taken.to, read_reply(delivery), delivery.id), None
        except SendError as error:
            return "", error
        except TimeoutError:
            return "", SendUnconfirmed(f"no answer within {_POST_SECONDS:g} s", reach=Reach.VENDOR)
        except Exception as error:  # whatever a channel does wrong must not lose the delivery
            log.exception("channel failed", channel=channel.name)
            return "", SendUnconfirmed(f"{type(error).__name__}: {error}")
