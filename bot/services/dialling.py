"""Calls out: judged, put on record, placed once, and looked after until they have ended (DESIGN 5; CHANNELS 2.7).

The intent is stored before the provider is asked, with the job that goes on where this process cannot (`call_watch`).
"""

from __future__ import annotations

from dataclasses import replace

from bot.clock import Clock, new_id
from bot.errors import Conflict, Duplicate, NotFound, RecordError, SendError, ServiceError
from bot.jobs import Jobs
from bot.pacing import Pacer
from bot.records.calling import CallBasis, DialledNumber
from bot.records.calls import CALL_MOVES, Call, CallStatus
from bot.resources import LANGUAGES, say
from bot.services.call_placing import SAFETY, Admission, Placed, Placing, State
from bot.services.call_watch import JOB, CallWatch
from bot.services.callbacks import Callbacks
from bot.services.calling_facts import Asked, Facts, To
from bot.services.calling_rules import CallingRules, Rule
from bot.services.calling_settings import Machine
from bot.services.phone_calls import PhoneCalls
from bot.services.settings import SystemSettings
from bot.services.telephone import Telephone
from bot.store.base import Change, Insert, Operation, Store, Unit

__all__ = ["Dialling", "Placed", "State"]

MOST_ABOUT = 300
"""Characters of what a call is about."""


class Dialling:
    """Places calls."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        jobs: Jobs,
        rules: CallingRules,
        calls: PhoneCalls,
        callbacks: Callbacks,
        settings: SystemSettings,
        pacer: Pacer,
        telephone: Telephone | None,
        company: str,
        record: bool = False,
    ) -> None:
        """With `record` calls are recorded. Without a telephone everything here says so."""
        self._store = store
        self._jobs = jobs
        self._rules = rules
        self._calls = calls
        self._company = company
        self._placing = Placing(store, clock, rules, calls, settings, pacer, telephone, record)
        self.is_on = telephone is not None
        """Whether there is a telephone at all."""
        jobs.register(JOB, CallWatch(store, clock, calls, callbacks, self._placing))

    def admit_by(self, admission: Admission) -> None:
        """From here on a call is begun only if this says that there is room for it."""
        self._placing.admission = admission

    async def place(
        self,
        to: To,
        *,
        by: str,
        about: str = "",
        language: str = "",
        basis: CallBasis = CallBasis.OUTREACH,
        callback_id: str = "",
    ) -> Placed:
        """Calls somebody, if they may be called, and tells what came of it; it goes on by itself where it has to wait.

        `about` is what the call is about: the AI knows it, and says so. Raises ServiceError where there is no telephone,
        RecordError, StoreError.
        """
        unit = Unit()
        asked = Asked(to, basis, callback_id, by=by)
        planned = await self.plan(unit, asked, about=about, language=language, after=SAFETY)
        if planned.call is None:
            return planned
        try:
            await self._store.commit(unit)
        except (Conflict, Duplicate):
            why = "a call to this number was begun at the same moment"
            return Placed(State.REFUSED, replace(planned.verdict, allowed=False, rule=Rule.UNDER_WAY, detail=why), detail=why)
        return await self._placing.attempt(planned.call, planned.verdict)

    async def plan(self, unit: Unit, asked: Asked, *, about: str = "", language: str = "", after: float = 0.0) -> Placed:
        """The same with its intent in a unit that its owner commits; it is placed as soon as that is written. Raises as `place`.

        The unit is void if another call to the number was decided meanwhile.
        """
        ours = self._placing.telephone.ours
        if language and language not in LANGUAGES:
            raise RecordError(f"call.language: must be one of {', '.join(LANGUAGES)}")
        about = " ".join(about.split())
        if len(about) > MOST_ABOUT:
            raise RecordError(f"call.about: must have at most {MOST_ABOUT} characters; for example 'your order of Monday'")
        verdict = await self._rules.may_call(asked)
        facts = verdict.facts
        if not verdict.allowed or facts is None:
            return Placed(State.REFUSED, verdict, detail=verdict.detail)
        unit.add(_counted(facts))
        call = self._calls.intend(
            unit,
            ours=ours,
            theirs=facts.number,
            basis=asked.basis,
            by=asked.by,
            about=about,
            language=language or facts.language,
            customer_id=facts.customer.id if facts.customer else "",
            lead_id=asked.to.lead_id or (facts.leads[0].id if facts.leads else ""),
            callback_id=asked.callback_id,
        )
        self._jobs.add(unit, JOB, {"call": call.id}, id=f"{JOB}:{call.id}", delay=after)
        return Placed(State.QUEUED, verdict, call, "it is dialled as soon as there is room", after)

    async def hang_up(self, call_id: str) -> None:
        """Ends a call of ours or theirs, or takes it back. Raises NotFound, ServiceError."""
        call = await self._store.get(Call, call_id)
        if call is None:
            raise NotFound(f"there is no call {call_id}")
        if not CALL_MOVES[call.status]:
            raise ServiceError(f"the call has ended already ({call.status})")
        if call.external_call_id is not None:
            try:
                await self._placing.telephone.hang_up(call.external_call_id)
            except SendError as error:
                raise ServiceError(str(error)) from None
        elif call.dialled_at is not None or not await self._calls.move(call_id, CallStatus.CANCELLED):
            raise ServiceError("the call is being placed at this moment; try again in a few seconds")

    async def answered_by(self, call: Call, answered_by: str) -> str:
        """The provider has listened who is there, while the talk has begun already: a person goes on, a machine does not.

        What the machine is told; empty where it is nothing. Raises SendError.
        """
        await self._calls.answered(call.id, answered_by)
        is_machine = answered_by.startswith("machine")
        if not (is_machine or answered_by == "fax") or call.external_call_id is None:
            return ""
        telephone, rules = self._placing.telephone, await self._placing.line()
        if is_machine and rules.machine is Machine.MESSAGE and answered_by != "machine_start":
            told = self._voicemail(call)
            await telephone.say_and_hang_up(call.external_call_id, told, call.language or LANGUAGES[0])
            return told
        await telephone.hang_up(call.external_call_id)
        return ""

    def _voicemail(self, call: Call) -> str:
        language = call.language or LANGUAGES[0]
        if call.notes:
            return say(language, "voicemail_about", company=self._company, about=call.notes)
        return say(language, "voicemail", company=self._company)


def _counted(facts: Facts) -> Operation:
    """One more call to the number, if nobody has begun one since it was judged."""
    if facts.dialled is None:
        return Insert(DialledNumber(id=new_id(), number=facts.number, calls=1))
    seen = {"id": facts.dialled.id, "calls": facts.dialled.calls}
    return Change(DialledNumber, seen, inc={"calls": 1}, must=1)
