"""Asks the provider for one call, once (DESIGN 5; CHANNELS 2.7)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import Protocol

import structlog

from bot.clock import Clock
from bot.errors import NotFound, RecordError, SendDelayed, SendRefused, SendUnconfirmed, ServiceError
from bot.pacing import Pace, Pacer, Rate
from bot.records.calling import CallBasis
from bot.records.calls import Call, CallStatus
from bot.records.settings import CALLING_RULES
from bot.services.calling_facts import Asked, To
from bot.services.calling_rules import CallingRules, CallVerdict, Rule
from bot.services.calling_settings import LINE, LineRules, Machine, read_line
from bot.services.phone_calls import PhoneCalls
from bot.services.settings import SystemSettings
from bot.services.telephone import Order, Telephone
from bot.store.base import Store

log = structlog.get_logger()

NOT_SET_UP = "the telephone is not set up: set TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN, TWILIO_FROM_NUMBER and BOT_PUBLIC_URL"
SAFETY = 20.0
"""Seconds after which a call whose placing was begun is looked at: longer than any request lasts."""
_PACE = Pace(sender=Rate(1, 1.0), person=Rate(1, 1.0))
"""One call a second for an account; what comes faster the provider would keep waiting, up to a day (CHANNELS 2.7)."""
_FRESH = timedelta(seconds=5)
"""How long a verdict counts; then it is asked for anew, right before dialling."""
_BUSY = 5.0


class Admission(Protocol):
    """Whether this machine can take one more call without those that are under way suffering (`LiveCalls`)."""

    def may_begin(self) -> bool: ...


class _Everybody:
    def may_begin(self) -> bool:
        return True


class State(StrEnum):
    """What became of a wish to call."""

    PLACED = "placed"
    QUEUED = "queued"
    """It is dialled as soon as there is room."""
    REFUSED = "refused"
    """By a rule of ours."""
    FAILED = "failed"
    """The provider does not place it."""
    UNCONFIRMED = "unconfirmed"
    """The provider's answer was lost; whether it was placed is being found out."""


@dataclass(frozen=True, slots=True)
class Placed:
    """The answer to whoever wanted to call."""

    state: State
    verdict: CallVerdict
    call: Call | None = None
    detail: str = ""
    """One line: why not, or why not yet."""
    wait: float = 0.0
    """Seconds until it is tried next, where it is queued."""


class Placing:
    """Asks the provider, if there is room and it may still be asked."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        rules: CallingRules,
        calls: PhoneCalls,
        settings: SystemSettings,
        pacer: Pacer,
        telephone: Telephone | None,
        record: bool,
    ) -> None:
        """With `record` calls are recorded."""
        self._store = store
        self._clock = clock
        self._rules = rules
        self._calls = calls
        self._settings = settings
        self._pacer = pacer
        self._telephone = telephone
        self._record = record
        self.admission: Admission = _Everybody()

    @property
    def telephone(self) -> Telephone:
        """Raises ServiceError where there is none."""
        if self._telephone is None:
            raise ServiceError(NOT_SET_UP)
        return self._telephone

    async def attempt(self, call: Call, verdict: CallVerdict) -> Placed:
        """One try. Raises ServiceError where there is no telephone, StoreError."""
        telephone = self.telephone
        if not self.admission.may_begin():
            busy = "as many calls are under way as this machine takes; it is dialled as soon as there is room"
            return Placed(State.QUEUED, verdict, call, busy, _BUSY)
        wait = await self._pacer.take("twilio:calls", call.dialed_number or "", _PACE)
        if wait:
            return Placed(State.QUEUED, verdict, call, "calls are placed one a second; this one waits for its turn", wait)
        if call.scheduled_at is None or self._clock.now() - call.scheduled_at > _FRESH:
            verdict = await self._judged_anew(call)
            if not verdict.allowed:
                await self._calls.move(call.id, CallStatus.CANCELLED, provider_status=f"refused: {verdict.rule}")
                return Placed(State.REFUSED, verdict, await self._again(call), verdict.detail)
        if not await self._calls.dialling(call.id):  # somebody else has
            return Placed(State.UNCONFIRMED, verdict, await self._again(call))
        return await self._ask(telephone, call, verdict)

    async def _judged_anew(self, call: Call) -> CallVerdict:
        to = To(lead_id=call.lead_id) if call.lead_id else To(number=call.dialed_number or "")
        basis = call.basis or CallBasis.OUTREACH
        verdict = await self._rules.may_call(Asked(to, basis, call.callback_id or "", call.id, call.created_by or "system"))
        if verdict.allowed and (verdict.facts is None or verdict.facts.number != call.dialed_number):
            changed = "the lead has another number by now than the one that was to be called; call them anew"
            return replace(verdict, allowed=False, rule=Rule.NOBODY, detail=changed)
        return verdict

    async def _ask(self, telephone: Telephone, call: Call, verdict: CallVerdict) -> Placed:
        try:
            placed = await telephone.place(_order(call, await self.line(), self._record))
        except SendUnconfirmed as error:
            log.warning("whether a call was placed is not known", call=call.id, code=error.code)
            return Placed(State.UNCONFIRMED, verdict, await self._again(call), str(error), SAFETY)
        except SendDelayed as error:
            await self._calls.not_dialled(call.id)
            return Placed(State.QUEUED, verdict, call, str(error), max(error.wait, _BUSY))
        except SendRefused as error:
            await self._calls.move(call.id, CallStatus.FAILED, provider_status=f"refused: {error.code}")
            return Placed(State.FAILED, verdict, await self._again(call), str(error))
        await self._calls.bind(call.id, placed.sid)
        return Placed(State.PLACED, verdict, await self._again(call))

    async def line(self) -> LineRules:
        """How calls are placed now; as by default where the setting cannot be read."""
        try:
            return read_line(await self._settings.value(LINE))
        except RecordError as error:
            log.warning("setting cannot be read, its default counts", why=str(error))
            return read_line(CALLING_RULES[LINE])

    async def _again(self, call: Call) -> Call:
        found = await self._store.get(Call, call.id)
        if found is None:
            raise NotFound(f"there is no call {call.id}")
        return found


def _order(call: Call, rules: LineRules, record: bool) -> Order:
    return Order(
        call_id=call.id,
        number=call.dialed_number or "",
        ring_seconds=rules.ring_seconds,
        most_seconds=rules.most_minutes * 60,
        waits_for_beep=rules.machine is Machine.MESSAGE,
        record=record,
    )
