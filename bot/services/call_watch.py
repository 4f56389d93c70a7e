"""One job for each call of ours: places it where that was not done, finds it where the answer was lost, sees that it ends.

The provider has no key that makes a repeated request one call. What cannot be found among its calls is given up and told, and
nobody's telephone rings twice for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any

import structlog

from bot.clock import Clock
from bot.errors import MoveRefused, NotFound, SendDelayed, SendRefused
from bot.jobs import Again
from bot.records.calls import CALL_MOVES, Call, CallStatus
from bot.services.call_placing import Placing, State
from bot.services.callbacks import Callbacks
from bot.services.calling_rules import CallVerdict
from bot.services.phone_calls import PhoneCalls
from bot.services.telephone import VendorCall
from bot.store.base import Store

log = structlog.get_logger()

JOB = "dial"
_LOOK = 30.0
_TALKING = 300.0
_SETTLED = timedelta(seconds=15)
"""After this no request that places a call is under way any more."""
_UNPLACED = timedelta(seconds=90)
"""A call that the provider does not know by then was not placed."""
_UNKNOWN = timedelta(hours=6)
"""By then nobody asks any more what became of a call, though the provider could not be asked."""
_WAITS = timedelta(seconds=60)
"""A call that the provider has not begun to dial by then is taken back: it might do so at night."""
_SKEW = timedelta(seconds=5)
"""By so much the provider's clock, which shows whole seconds, may be behind ours."""


class CallWatch:
    """Works on calls until they have ended."""

    def __init__(self, store: Store, clock: Clock, calls: PhoneCalls, callbacks: Callbacks, placing: Placing) -> None:
        self._store = store
        self._clock = clock
        self._calls = calls
        self._callbacks = callbacks
        self._placing = placing

    async def __call__(self, payload: Mapping[str, Any]) -> object:
        """The job's handler; done twice it is the same."""
        call = await self._store.get(Call, str(payload.get("call", "")))
        if call is None:
            return None
        if CALL_MOVES[call.status] and call.external_call_id is None:
            wait = await self._reconcile(call) if call.dialled_at is not None else await self._place(call)
        elif CALL_MOVES[call.status]:
            wait = await self._look(call)
        else:
            wait = 0.0
        if wait:
            return Again(wait)
        await self._settle(await self._get(call.id))
        return None

    async def _place(self, call: Call) -> float:
        placed = await self._placing.attempt(call, CallVerdict(True))
        return placed.wait or (0.0 if placed.state in (State.REFUSED, State.FAILED) else _LOOK)

    async def _reconcile(self, call: Call) -> float:
        """Looks for a call whose placing was not confirmed; it is never placed again."""
        since = call.dialled_at or self._clock.now()
        age = self._clock.now() - since
        if age < _SETTLED:
            return (_SETTLED - age).total_seconds()
        try:
            found = await self._placing.telephone.calls_to(call.dialed_number or "", since - _SKEW)
        except (SendDelayed, SendRefused) as error:
            if age < _UNKNOWN:
                return max(error.wait, _LOOK)
            found = []
        for seen in reversed(found):
            if await self._calls.by_sid(seen.sid) is None and await self._calls.bind(call.id, seen.sid):
                await self._calls.told(call.id, seen.status)
                return _LOOK
        if age < _UNPLACED:
            return _SETTLED.total_seconds()
        log.warning("a call was not placed: the provider knows of none", call=call.id)
        await self._calls.move(call.id, CallStatus.FAILED, provider_status="unplaced")
        return 0.0

    async def _look(self, call: Call) -> float:
        """What the provider says of it: its own news may have been lost."""
        try:
            seen = await self._placing.telephone.fetch(call.external_call_id or "")
            if self._waits_too_long(call, seen):
                await self._placing.telephone.hang_up(seen.sid)
                await self._calls.move(call.id, CallStatus.CANCELLED, provider_status="canceled")
        except SendDelayed as error:
            return max(error.wait, _LOOK)
        except SendRefused as error:
            log.warning("the provider does not know a call of ours", call=call.id, code=error.code)
            await self._calls.move(call.id, CallStatus.FAILED, provider_status="unknown")
            return 0.0
        await self._calls.told(call.id, seen.status, seen.duration)
        status = (await self._get(call.id)).status
        if not CALL_MOVES[status]:
            return 0.0
        return _TALKING if status is CallStatus.IN_PROGRESS else _LOOK

    def _waits_too_long(self, call: Call, seen: VendorCall) -> bool:
        return seen.status == "queued" and call.dialled_at is not None and self._clock.now() - call.dialled_at > _WAITS

    async def _settle(self, call: Call) -> None:
        """It is over: the callback that it answered was made, or was missed."""
        if call.callback_id is None:
            return
        is_made = call.started_at is not None and not (call.answered_by or "").startswith(("machine", "fax"))
        with suppress(MoveRefused, NotFound):
            await (self._callbacks.complete if is_made else self._callbacks.miss)(call.callback_id, by="system")

    async def _get(self, call_id: str) -> Call:
        call = await self._store.get(Call, call_id)
        if call is None:
            raise NotFound(f"there is no call {call_id}")
        return call
