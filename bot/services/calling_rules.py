"""May we call them, now? Asked right before every call; whatever is missing or cannot be read says no (DESIGN 5; CHANNELS 4).

| basis | do-not-call, DND, blocked | consent | hours | attempts |
|---|---|---|---|---|
| outreach: we begin | refuse | recorded for `calls`, the newest given | hold | capped |
| callback: they asked for it | refuse | the booked callback is it, unless taken back since | hold | not counted |
| operator: one of the team calls | refuse | was in touch with us, or recorded; taken back refuses | hold | not counted |

Two calls to one number are never under way at once. Every answer is stored with all that it looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import structlog

from bot.clock import Clock, new_id
from bot.errors import BotError, NotFound, RecordError
from bot.policy import is_blocked
from bot.records.calling import CallBasis, CallingDecision
from bot.records.calls import CallbackStatus
from bot.records.people import ConsentState
from bot.services.audit import Audit
from bot.services.calling_facts import Asked, CallingFacts, Facts
from bot.services.calling_hours import is_inside, next_inside
from bot.store.base import Store, Unit

log = structlog.get_logger()

REFUSED = "call_refused"
"""The audit log's word for a call that was not made."""


class Rule(StrEnum):
    """What refuses a call."""

    NOBODY = "nobody"
    UNREADABLE_NUMBER = "unreadable_number"
    OUR_OWN_NUMBER = "our_own_number"
    DO_NOT_CALL = "do_not_call"
    DND = "dnd"
    BLOCKED = "blocked"
    NO_CONSENT = "no_consent"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    NO_CALLBACK = "no_callback"
    UNDER_WAY = "under_way"
    UNKNOWN_ZONE = "unknown_zone"
    OUTSIDE_HOURS = "outside_hours"
    TOO_SOON = "too_soon"
    ATTEMPTS_TODAY = "attempts_today"
    ATTEMPTS_THIS_WEEK = "attempts_this_week"
    SETTING = "setting"
    CANNOT_BE_JUDGED = "cannot_be_judged"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A rule that says no."""

    rule: Rule
    detail: str
    """One line for whoever wanted to call."""
    again_at: datetime | None = None
    """From when on it may be otherwise, where only time is in the way."""


@dataclass(frozen=True, slots=True)
class CallVerdict:
    """The answer."""

    allowed: bool
    rule: str = ""
    detail: str = ""
    again_at: datetime | None = None
    facts: Facts | None = None
    """What it went by; None where not even that could be gathered."""
    decision_id: str = ""


def refusal(facts: Facts, now: datetime, ours: str = "") -> Refusal | None:
    """The first rule that refuses such a call at this moment; None where none does."""
    return next((found for rule in _RULES for found in rule(facts, now, ours)), None)


_Found = Iterator[Refusal]


def _number(facts: Facts, _: datetime, ours: str) -> _Found:
    if not facts.number:
        yield Refusal(Rule.UNREADABLE_NUMBER, "this is no phone number; give it with the country code, for example +12025550123")
    elif facts.number == ours:
        yield Refusal(Rule.OUR_OWN_NUMBER, "this is the number that we call from")


def _lists(facts: Facts, _: datetime, __: str) -> _Found:
    if facts.entry is not None:
        said = f"{facts.entry.at:%Y-%m-%d}, {facts.entry.source}"
        yield Refusal(Rule.DO_NOT_CALL, f"the number is on the do-not-call list ({said})")
    if any(lead.dnd_status for lead in facts.leads):
        yield Refusal(Rule.DND, "a lead with this number is marked as do not disturb")
    if facts.customer is not None and is_blocked(facts.customer):
        yield Refusal(Rule.BLOCKED, "the person is blocked")


def _consent(facts: Facts, _: datetime, __: str) -> _Found:
    consent, basis = facts.consent, facts.asked.basis
    is_withdrawn = consent is not None and consent.state is ConsentState.WITHDRAWN
    if basis is CallBasis.CALLBACK:
        yield from _asked_for(facts)
    elif is_withdrawn:
        yield Refusal(Rule.CONSENT_WITHDRAWN, "they have taken their consent to calls back")
    elif consent is None and not (basis is CallBasis.OPERATOR and _has_been_in_touch(facts)):
        fix = "record it with `bot consent add NUMBER --for calls --source TEXT`"
        yield Refusal(Rule.NO_CONSENT, f"there is no recorded consent to calls; {fix}")


def _asked_for(facts: Facts) -> _Found:
    """A callback is the consent to itself: of this person, still to be made, and not taken back since."""
    callback, consent = facts.callback, facts.consent
    theirs = {facts.customer.id if facts.customer else "", *(lead.id for lead in facts.leads)} - {""}
    if callback is None or callback.status is not CallbackStatus.SCHEDULED or callback.created_at is None:
        yield Refusal(Rule.NO_CALLBACK, "there is no callback that waits for this call")
    elif not theirs & {callback.customer_id, callback.lead_id}:
        yield Refusal(Rule.NO_CALLBACK, "the callback is somebody else's")
    elif consent is not None and consent.state is ConsentState.WITHDRAWN and consent.at >= callback.created_at:
        yield Refusal(Rule.CONSENT_WITHDRAWN, "they have taken their consent to calls back since they asked for this one")


def _has_been_in_touch(facts: Facts) -> bool:
    return facts.customer is not None and facts.customer.last_message_at is not None


def _under_way(facts: Facts, now: datetime, _: str) -> _Found:
    if facts.is_under_way(now):
        yield Refusal(Rule.UNDER_WAY, "a call to this number is under way")


def _hours(facts: Facts, now: datetime, _: str) -> _Found:
    if facts.place is None or facts.own_zones is None or facts.hours is None:
        what = "the time zone on their record is none" if facts.own_zones is None else "nobody can tell where this number is"
        yield Refusal(Rule.UNKNOWN_ZONE, f"{what}, so it is not known what time it is there")
        return
    window, zones = facts.hours.window(facts.place.country), facts.zones
    if not is_inside(window, now, zones):
        where = zones[0].key if len(zones) == 1 else f"all {len(zones)} zones that the number may be in"
        again = next_inside(window, now, zones)
        yield Refusal(Rule.OUTSIDE_HOURS, f"calls are made from {window} in {where}", again)


def _attempts(facts: Facts, now: datetime, _: str) -> _Found:
    if facts.asked.basis is not CallBasis.OUTREACH or facts.caps is None:
        return
    found = facts.caps.refuses(facts.attempts, now)
    if found is not None:
        rule, again = found
        caps = f"{facts.caps.per_day} a day, {facts.caps.per_week} a week, {facts.caps.gap.total_seconds() / 3600:g} h apart"
        yield Refusal(Rule(rule), f"the number was dialled often enough ({caps})", again)


_RULES: tuple[Callable[[Facts, datetime, str], _Found], ...] = (_number, _lists, _consent, _under_way, _hours, _attempts)
"""In this order: what will never change first, what only waits last."""


class CallingRules:
    """Gathers, judges, stores the answer."""

    def __init__(self, store: Store, clock: Clock, audit: Audit, facts: CallingFacts, ours: str = "") -> None:
        self._store = store
        self._clock = clock
        self._audit = audit
        self._facts = facts
        self._ours = ours
        """The number that we call from, E.164."""

    async def may_call(self, asked: Asked) -> CallVerdict:
        """Whether such a call may be made at this moment. Raises nothing: what goes wrong here refuses."""
        facts: Facts | None = None
        try:
            facts = await self._facts.of(asked)
            now = self._clock.now()
            found = refusal(facts, now, self._ours)
        except NotFound as error:
            found, now = Refusal(Rule.NOBODY, str(error)), self._clock.now()
        except RecordError as error:
            found, now = Refusal(Rule.SETTING, str(error)), self._clock.now()
        except Exception as error:  # nobody is called by mistake
            found, now = self._unjudged(error), self._clock.now()
        decision = _decision(asked, facts, found, now)
        try:
            await self._store.commit(self._written(decision))
        except Exception as error:
            found = found or self._unjudged(error)
        if found is None:
            return CallVerdict(True, facts=facts, decision_id=decision.id)
        return CallVerdict(False, found.rule, found.detail, found.again_at, facts, decision.id)

    def _unjudged(self, error: Exception) -> Refusal:
        log.error("a call was refused because it could not be judged", exc_info=None if isinstance(error, BotError) else error)
        return Refusal(Rule.CANNOT_BE_JUDGED, "whether this call is allowed cannot be told right now, so it was not made")

    def _written(self, decision: CallingDecision) -> Unit:
        """The decision; a refusal is in the audit log, too (S5-020)."""
        unit = Unit()
        unit.insert(decision)
        if not decision.allowed:
            kind, id_ = "calling_decision", decision.id
            if decision.lead_id or decision.customer_id:
                kind, id_ = ("lead", decision.lead_id) if decision.lead_id else ("customer", decision.customer_id or "")
            after = {"rule": decision.rule, "basis": str(decision.basis), "decision": decision.id}
            unit.insert(self._audit.entry(REFUSED, kind, id_, decision.by, after=after, reason=decision.rule))
        return unit


def _decision(asked: Asked, facts: Facts | None, found: Refusal | None, now: datetime) -> CallingDecision:
    lead_id = asked.to.lead_id or (facts.leads[0].id if facts and facts.leads else "")
    return CallingDecision(
        id=new_id(),
        number=(facts.number or facts.typed[:40]) if facts else asked.to.number[:40],
        customer_id=facts.customer.id if facts and facts.customer else asked.to.customer_id or None,
        lead_id=lead_id or None,
        call_id=asked.call_id or None,
        basis=asked.basis,
        allowed=found is None,
        rule=found.rule if found else "",
        detail=found.detail if found else "",
        at=now,
        again_at=found.again_at if found else None,
        zones=[zone.key for zone in facts.zones] if facts else [],
        inputs=_inputs(facts) if facts else {},
        by=asked.by,
    )


def _inputs(facts: Facts) -> dict[str, Any]:
    """What was looked at, as a document."""
    consent, place = facts.consent, facts.place
    return {
        "country": place.country if place else "",
        "hours": str(facts.hours.window(place.country)) if facts.hours and place else "",
        "listed": facts.entry is not None,
        "leads": len(facts.leads),
        "dnd": any(lead.dnd_status for lead in facts.leads),
        "consent": str(consent.state) if consent else "",
        "consent_id": consent.id if consent else "",
        "callback_id": facts.callback.id if facts.callback else "",
        "attempts": [moment.isoformat() for moment in facts.attempts],
    }
