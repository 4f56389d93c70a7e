"""The parts of calling out, joined: who may be called, who must not be, and placing it."""

from __future__ import annotations

from dataclasses import dataclass

from bot.clock import Clock
from bot.config import Settings
from bot.jobs import Jobs
from bot.pacing import Pacer
from bot.policy import Policy
from bot.services.audit import Audit
from bot.services.callbacks import Callbacks
from bot.services.calling_facts import CallingFacts
from bot.services.calling_rules import CallingRules
from bot.services.dialling import Dialling
from bot.services.do_not_call import DoNotCallList
from bot.services.phone_calls import PhoneCalls
from bot.services.settings import SystemSettings
from bot.services.telephone import Telephone
from bot.store.base import Store


@dataclass(frozen=True, slots=True)
class Calling:
    """What others call."""

    rules: CallingRules
    do_not_call: DoNotCallList
    dialling: Dialling


def join(
    store: Store,
    clock: Clock,
    audit: Audit,
    jobs: Jobs,
    policy: Policy,
    system: SystemSettings,
    calls: PhoneCalls,
    callbacks: Callbacks,
    pacer: Pacer,
    telephone: Telephone | None,
    company: str,
    settings: Settings,
) -> Calling:
    """The job of calls is registered; without a telephone nothing is placed, and whether it might be can still be asked."""
    do_not_call = DoNotCallList(store, clock, audit)
    facts = CallingFacts(store, clock, policy, system, do_not_call)
    rules = CallingRules(store, clock, audit, facts, settings.twilio_from_number)
    record = settings.call_recording
    dialling = Dialling(store, clock, jobs, rules, calls, callbacks, system, pacer, telephone, company, record)
    return Calling(rules, do_not_call, dialling)
