"""Calls that nobody has told us the end of: the provider is asked, and what it does not know is ended by its bounds.

A process may die with the line in its hands, a webhook may be lost. A record must not be under way for ever.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog

from bot.clock import Clock
from bot.errors import ChannelError
from bot.records.calls import CALL_MOVES, TWILIO_STATUSES, Call, CallStatus
from bot.records.conversations import Conversation
from bot.services.phone_calls import PhoneCalls
from bot.services.phone_provider import PhoneProvider
from bot.store.base import In, Store

log = structlog.get_logger()

SECONDS = 60.0
QUIET = timedelta(minutes=5)
"""After so long without a sign of life the provider is asked, and once more each time that it goes by."""
LOST = timedelta(minutes=2)
"""So long a call whose line is lost may take to come back, or its status to arrive."""
LONGEST_RING = timedelta(minutes=15)
"""Twilio rings for 10 minutes at most (`timeout` of calls.create)."""
LONGEST_CALL = timedelta(hours=4)
"""Twilio ends a call then."""
_OPEN = (CallStatus.INITIATED, CallStatus.RINGING, CallStatus.IN_PROGRESS)
_MOST = 500


class StaleCalls:
    """Finds them and ends them."""

    def __init__(self, store: Store, clock: Clock, calls: PhoneCalls, provider: PhoneProvider | None = None) -> None:
        self._store = store
        self._clock = clock
        self._calls = calls
        self._provider = provider
        self._asked: dict[str, datetime] = {}
        """Call -> when this process last asked for it."""

    async def sweep(self, _: Mapping[str, Any] | None = None) -> int:
        """The handler of the recurring job; how many calls were ended. Several processes may do so at once."""
        open_ = await self._store.find(Call, {"status": In(list(_OPEN))}, limit=_MOST)
        ids = {call.id for call in open_}
        self._asked = {id_: at for id_, at in self._asked.items() if id_ in ids}
        return sum([await self._look(call) for call in open_ if call.external_call_id is not None])

    async def _look(self, call: Call) -> bool:
        now, seen = self._clock.now(), await self._last_sign(call)
        lost = call.line_lost_at if call.line_lost_at is not None and call.line_lost_at >= seen else None
        is_lost = lost is not None and now - lost >= LOST  # and it does not go on over another line
        if not is_lost and now - seen < QUIET:
            return False
        told = await self._ask(call, now)
        if told is not None and not CALL_MOVES[told]:
            return await self._end(call, told, lost or seen)
        if told is not None:
            return False  # the provider says that it goes on
        return await self._end_unasked(call, now, seen, is_lost)

    async def _end_unasked(self, call: Call, now: datetime, seen: datetime, is_lost: bool) -> bool:
        """Nobody can tell: by what a call can be at most."""
        if call.status is not CallStatus.IN_PROGRESS:
            begun = call.created_at or seen
            return now - begun >= LONGEST_RING and await self._end(call, CallStatus.NO_ANSWER, now)
        if is_lost:
            return await self._end(call, CallStatus.COMPLETED, call.line_lost_at or seen)
        begun = call.started_at or seen
        return now - begun >= LONGEST_CALL and await self._end(call, CallStatus.COMPLETED, seen)

    async def _ask(self, call: Call, now: datetime) -> CallStatus | None:
        """The status that the provider tells; None where it was asked a moment ago, knows none or cannot be asked."""
        last = self._asked.get(call.id)
        if self._provider is None:
            return None
        if last is not None and now - last < QUIET and call.line_lost_at is None:
            return call.status
        self._asked[call.id] = now
        try:
            known = await self._provider.call_state(call.external_call_id or "")
        except ChannelError as error:
            log.warning("the provider cannot be asked what became of a call", call=call.id, kind=type(error).__name__)
            return None
        return TWILIO_STATUSES.get(known.status) if known is not None else None

    async def _end(self, call: Call, to: CallStatus, at: datetime) -> bool:
        status = CallStatus.COMPLETED if call.status is CallStatus.IN_PROGRESS and to is not CallStatus.FAILED else to
        moved = await self._calls.move(call.id, status, at=max(at, call.started_at or at))
        if moved:
            log.info("a call that nobody told the end of was ended", call=call.id, status=str(status))
        return moved

    async def _last_sign(self, call: Call) -> datetime:
        """When anything was last heard of it."""
        conversation = await self._store.get(Conversation, call.conversation_id or "")
        last = conversation.last_message.timestamp if conversation is not None and conversation.last_message else None
        known = [moment for moment in (call.created_at, call.started_at, last) if moment is not None]
        return max(known, default=self._clock.now())
