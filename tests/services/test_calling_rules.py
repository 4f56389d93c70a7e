"""Whether somebody may be called: every rule, and that whatever is missing or broken says no."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from bot.clock import new_id
from bot.errors import StoreUnavailable
from bot.policy import CALLS, Policy
from bot.records.audit import AuditEntry
from bot.records.calling import CallBasis, CallingDecision
from bot.records.calls import Call, Callback, CallbackStatus, CallDirection, CallStatus
from bot.records.leads import Lead, LeadSource
from bot.records.people import Consent, ConsentState, Customer, Identity, IdentityKind
from bot.records.settings import SystemSetting
from bot.services.audit import Audit
from bot.services.calling_facts import Asked, CallingFacts, To
from bot.services.calling_rules import REFUSED, CallingRules, CallVerdict
from bot.services.do_not_call import DoNotCallList
from bot.services.settings import SystemSettings
from bot.store.base import Store
from bot.store.sqlite import SqliteStore
from bot.testing.clock import ManualClock

pytestmark = pytest.mark.unit

OURS, THEIRS = "+12025550100", "+12025550123"
NOON = datetime(2026, 1, 15, 17, 0, tzinfo=UTC)
"""In Washington."""


@dataclass
class World:
    """A store with one person in it, and the rules over it."""

    store: SqliteStore
    clock: ManualClock
    list: DoNotCallList
    rules: CallingRules
    customer: Customer

    async def asks(self, number: str = THEIRS, **more: Any) -> CallVerdict:
        return await self.rules.may_call(Asked(To(number=number), **more))

    async def consents(self, state: ConsentState = ConsentState.GIVEN, customer: str = "") -> None:
        now = self.clock.now()
        given = Consent(id=new_id(), customer_id=customer or self.customer.id, purpose=CALLS, state=state, at=now, source="test")
        await self.store.insert([given])

    async def was_called(self, ago: timedelta, **more: Any) -> None:
        values = {"status": CallStatus.COMPLETED, "external_call_id": new_id(), "direction": CallDirection.OUTBOUND}
        moment = self.clock.now() - ago
        await self.store.insert([Call(id=new_id(), dialed_number=THEIRS, scheduled_at=moment, **(values | more))])

    async def has_lead(self, **more: Any) -> Lead:
        lead = Lead(id=new_id(), phone=THEIRS, phone_e164=THEIRS, source=LeadSource.CALL, **more)
        await self.store.insert([lead])
        return lead

    async def has_callback(self, **more: Any) -> Callback:
        values = {"customer_id": self.customer.id, "requested_time": self.clock.now()}
        callback = Callback(id=new_id(), **(values | more))
        await self.store.insert([callback])
        return callback

    async def sets(self, key: str, value: Any) -> None:
        await self.store.upsert([SystemSetting(id=key, key=key, value=value)])
        await self.clock.advance(3)


def rules_over(store: Store, clock: ManualClock, around: Store | None = None) -> tuple[DoNotCallList, CallingRules]:
    audit, policy = Audit(clock), Policy(around or store, clock)
    listed = DoNotCallList(around or store, clock, audit)
    facts = CallingFacts(around or store, clock, policy, SystemSettings(store, clock), listed)
    return listed, CallingRules(around or store, clock, audit, facts, OURS)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


@pytest_asyncio.fixture
async def world(store: SqliteStore, clock: ManualClock) -> AsyncIterator[World]:
    customer = Customer(id=new_id(), phone_number=THEIRS)
    known = Identity(id=Identity.key(IdentityKind.PHONE, THEIRS), kind=IdentityKind.PHONE, value=THEIRS, customer_id=customer.id)
    await store.insert([customer, known])
    listed, rules = rules_over(store, clock)
    yield World(store, clock, listed, rules, customer)


async def test_who_has_agreed_is_called_at_noon(world: World) -> None:
    await world.consents()
    verdict = await world.asks()
    assert (verdict.allowed, verdict.rule, verdict.detail) == (True, "", "")


async def test_a_number_is_read_as_people_type_it(world: World) -> None:
    await world.consents()
    assert (await world.asks("+1 (202) 555-0123")).allowed


@pytest.mark.parametrize("number", ["", "call me", "5550123", "+", "+12", "+1202555012345678901", "+0123456789"])
async def test_what_is_no_number_is_not_called(world: World, number: str) -> None:
    verdict = await world.asks(number)
    assert not verdict.allowed
    assert verdict.rule in ("unreadable_number", "nobody", "setting")


async def test_our_own_number_is_not_called(world: World) -> None:
    assert (await world.asks(OURS)).rule == "our_own_number"


async def test_a_stranger_is_not_called(world: World) -> None:
    assert (await world.asks("+12025550199")).rule == "no_consent"


async def test_silence_is_no_consent(world: World) -> None:
    assert (await world.asks()).rule == "no_consent"


async def test_consent_to_messages_is_none_to_calls(world: World) -> None:
    given = Consent(
        id=new_id(),
        customer_id=world.customer.id,
        purpose="messages",
        state=ConsentState.GIVEN,
        at=world.clock.now(),
        source="test",
    )
    await world.store.insert([given])
    assert (await world.asks()).rule == "no_consent"


async def test_the_newest_word_on_calls_counts(world: World) -> None:
    await world.consents()
    await world.clock.advance(60)
    await world.consents(ConsentState.WITHDRAWN)
    assert (await world.asks()).rule == "consent_withdrawn"
    await world.clock.advance(60)
    await world.consents()
    assert (await world.asks()).allowed


async def test_a_number_on_the_list_is_not_called_whatever_was_agreed(world: World) -> None:
    await world.list.add(THEIRS, proof="never again", source="test", by="system")
    await world.clock.advance(60)
    await world.consents()
    assert (await world.asks()).rule == "do_not_call"
    assert (await world.asks(basis=CallBasis.OPERATOR)).rule == "do_not_call"
    callback = await world.has_callback()
    assert (await world.asks(basis=CallBasis.CALLBACK, callback_id=callback.id)).rule == "do_not_call"


async def test_a_lead_that_is_marked_is_not_called_and_that_is_audited(world: World) -> None:
    await world.consents()
    lead = await world.has_lead(dnd_status=True)
    assert (await world.asks()).rule == "dnd"
    [entry] = await world.store.find(AuditEntry, {"entity_type": "lead", "entity_id": lead.id})
    assert (entry.action, entry.details["reason"]) == (REFUSED, "dnd")


async def test_every_look_up_is_stored_on_the_leads(world: World) -> None:
    await world.consents()
    lead = await world.has_lead()
    await world.asks()
    seen = await world.store.get(Lead, lead.id)
    assert seen is not None
    assert (seen.dnd_status, seen.dnd_checked_at) == (False, world.clock.now())
    await world.list.add(THEIRS, proof="stop", source="test", by="system")
    late = await world.has_lead(email="late@example.org")
    await world.clock.advance(60)
    assert not (await world.asks()).allowed
    for id_ in (lead.id, late.id):
        marked = await world.store.get(Lead, id_)
        assert marked is not None
        assert (marked.dnd_status, marked.dnd_checked_at) == (True, world.clock.now())


async def test_who_is_blocked_is_not_called(world: World) -> None:
    await world.consents()
    await world.store.change(Customer, {"id": world.customer.id}, set={"is_blocked": True})
    assert (await world.asks()).rule == "blocked"
    assert (await world.asks(basis=CallBasis.OPERATOR)).rule == "blocked"


async def test_at_night_they_are_not_called_and_it_says_from_when_on(world: World) -> None:
    await world.consents()
    await world.clock.advance(9 * 3600)  # 21:00 in Washington
    verdict = await world.asks()
    assert verdict.rule == "outside_hours"
    assert "09:00-20:00 in America/New_York" in verdict.detail
    assert verdict.again_at == datetime(2026, 1, 16, 14, 0, tzinfo=UTC)
    callback = await world.has_callback()
    assert (await world.asks(basis=CallBasis.CALLBACK, callback_id=callback.id)).rule == "outside_hours"
    assert (await world.asks(basis=CallBasis.OPERATOR)).rule in ("outside_hours", "no_consent")


async def test_where_they_said_that_they_are_counts_more_than_their_number(world: World) -> None:
    await world.consents()
    await world.store.change(Customer, {"id": world.customer.id}, set={"custom_fields": {"timezone": "Asia/Kolkata"}})
    verdict = await world.asks()  # 22:30 there
    assert (verdict.rule, "Asia/Kolkata" in verdict.detail) == ("outside_hours", True)


async def test_a_leads_zone_counts_too_and_all_of_them_have_to_be_awake(world: World) -> None:
    await world.consents()
    await world.has_lead(custom_fields={"timezone": "America/Los_Angeles"})
    await world.has_lead(custom_fields={"timezone": "America/New_York"}, email="a@example.org")
    await world.clock.advance(-2.5 * 3600)  # 09:30 in New York, 06:30 in Los Angeles
    assert (await world.asks()).rule == "outside_hours"


async def test_a_zone_that_is_none_is_not_called_into(world: World) -> None:
    await world.consents()
    await world.store.change(Customer, {"id": world.customer.id}, set={"custom_fields": {"timezone": "Mars/Olympus"}})
    assert (await world.asks()).rule == "unknown_zone"


async def test_a_number_that_no_plan_knows_is_not_called(world: World) -> None:
    number = "+447700900123"
    stranger = Customer(id=new_id(), phone_number=number)
    await world.store.insert([stranger])
    await world.consents(customer=stranger.id)
    assert (await world.asks(number)).rule == "unknown_zone"


@pytest.mark.parametrize(
    ("agos", "rule", "again"),
    [
        ([timedelta(hours=25)], "", None),
        ([timedelta(hours=23)], "attempts_today", timedelta(hours=1)),
        ([timedelta(hours=1)], "attempts_today", timedelta(hours=23)),
        ([timedelta(days=2), timedelta(days=3)], "", None),
        ([timedelta(days=2), timedelta(days=3), timedelta(days=4)], "attempts_this_week", timedelta(days=3)),
        ([timedelta(days=2), timedelta(days=3), timedelta(days=8)], "", None),
    ],
)
async def test_a_number_is_dialled_only_so_often(world: World, agos: list[timedelta], rule: str, again: timedelta | None) -> None:
    await world.consents()
    for ago in agos:
        await world.was_called(ago)
    verdict = await world.asks()
    assert verdict.rule == rule
    assert verdict.again_at == (world.clock.now() + again if again else None)


async def test_between_two_calls_there_is_a_gap_also_where_more_are_allowed_a_day(world: World) -> None:
    await world.consents()
    await world.sets("calling_attempts", {"per_day": 5, "per_week": 9, "gap_minutes": 240})
    await world.was_called(timedelta(hours=3))
    assert (await world.asks()).rule == "too_soon"
    await world.clock.advance(3600)
    assert (await world.asks()).allowed


async def test_calls_to_us_and_calls_that_never_rang_are_no_attempts(world: World) -> None:
    await world.consents()
    await world.was_called(timedelta(hours=1), direction=CallDirection.INBOUND)
    await world.was_called(timedelta(hours=1), status=CallStatus.FAILED, external_call_id=None)
    await world.was_called(timedelta(hours=1), status=CallStatus.CANCELLED, external_call_id=None)
    assert (await world.asks()).allowed


async def test_a_call_that_is_being_placed_counts_against_the_next_but_not_against_itself(world: World) -> None:
    await world.consents()
    await world.was_called(timedelta(), status=CallStatus.SCHEDULED, external_call_id=None)
    assert (await world.asks()).rule == "under_way"
    assert (await world.asks(basis=CallBasis.OPERATOR)).rule == "under_way"
    [call] = await world.store.find(Call, {"dialed_number": THEIRS})
    assert (await world.asks(call_id=call.id)).allowed


async def test_hours_and_caps_are_settings_that_count_within_seconds(world: World) -> None:
    await world.consents()
    hours = {"default": {"start": "13:00", "end": "14:00"}, "countries": []}
    assert (await world.asks()).allowed
    await world.sets("calling_hours", hours)
    assert (await world.asks()).rule == "outside_hours"


@pytest.mark.parametrize(("key", "value"), [("calling_hours", "always"), ("calling_attempts", {"per_day": 0})])
async def test_a_setting_that_cannot_be_read_lets_nobody_be_called(world: World, key: str, value: Any) -> None:
    await world.consents()
    await world.sets(key, value)
    verdict = await world.asks()
    assert (verdict.allowed, verdict.rule) == (False, "setting")
    assert key in verdict.detail


async def test_a_callback_that_they_asked_for_is_the_consent_to_itself(world: World) -> None:
    callback = await world.has_callback()
    await world.was_called(timedelta(hours=1))
    assert (await world.asks(basis=CallBasis.CALLBACK, callback_id=callback.id)).allowed


async def test_a_callback_of_a_lead_does_too(world: World) -> None:
    lead = await world.has_lead()
    callback = await world.has_callback(customer_id=None, lead_id=lead.id)
    asked = Asked(To(lead_id=lead.id), CallBasis.CALLBACK, callback.id)
    assert (await world.rules.may_call(asked)).allowed


async def test_consent_taken_back_after_they_asked_counts_and_before_it_does_not(world: World) -> None:
    await world.consents(ConsentState.WITHDRAWN)
    await world.clock.advance(60)
    callback = await world.has_callback()
    assert (await world.asks(basis=CallBasis.CALLBACK, callback_id=callback.id)).allowed
    await world.clock.advance(60)
    await world.consents(ConsentState.WITHDRAWN)
    assert (await world.asks(basis=CallBasis.CALLBACK, callback_id=callback.id)).rule == "consent_withdrawn"


@pytest.mark.parametrize(
    "wrong",
    [
        {"status": CallbackStatus.CANCELLED},
        {"status": CallbackStatus.COMPLETED},
        {"status": CallbackStatus.MISSED},
        {"customer_id": "somebody-else"},
    ],
)
async def test_a_callback_that_is_over_or_somebody_elses_allows_nothing(world: World, wrong: dict[str, Any]) -> None:
    callback = await world.has_callback(**wrong)
    assert (await world.asks(basis=CallBasis.CALLBACK, callback_id=callback.id)).rule == "no_callback"
    assert (await world.asks(basis=CallBasis.CALLBACK, callback_id="no-such")).rule == "no_callback"


async def test_a_callback_is_made_by_the_clock_of_the_zone_in_which_it_was_asked_for(world: World) -> None:
    callback = await world.has_callback(timezone="Asia/Kolkata")
    assert (await world.asks(basis=CallBasis.CALLBACK, callback_id=callback.id)).rule == "outside_hours"


async def test_an_operator_calls_who_was_in_touch_with_us_and_nobody_else(world: World) -> None:
    assert (await world.asks(basis=CallBasis.OPERATOR)).rule == "no_consent"
    await world.store.change(Customer, {"id": world.customer.id}, set={"last_message_at": world.clock.now()})
    await world.was_called(timedelta(hours=1))
    assert (await world.asks(basis=CallBasis.OPERATOR)).allowed
    await world.consents(ConsentState.WITHDRAWN)
    assert (await world.asks(basis=CallBasis.OPERATOR)).rule == "consent_withdrawn"


async def test_a_lead_or_a_customer_is_called_at_the_number_on_record(world: World) -> None:
    await world.consents()
    lead = await world.has_lead()
    assert (await world.rules.may_call(Asked(To(lead_id=lead.id)))).allowed
    assert (await world.rules.may_call(Asked(To(customer_id=world.customer.id)))).allowed
    nameless = Customer(id=new_id())
    await world.store.insert([nameless])
    assert (await world.rules.may_call(Asked(To(customer_id=nameless.id)))).rule == "unreadable_number"


@pytest.mark.parametrize("to", [To(), To(number=THEIRS, lead_id="1"), To(customer_id="no-such"), To(lead_id="no-such")])
async def test_nobody_and_two_at_once_are_not_called(world: World, to: To) -> None:
    assert not (await world.rules.may_call(Asked(to))).allowed


async def test_each_answer_is_stored_with_what_it_went_by(world: World) -> None:
    await world.consents()
    await world.was_called(timedelta(days=2))
    yes = await world.asks(by="user:7")
    await world.clock.advance(12 * 3600)
    no = await world.asks(by="user:7")
    stored = await world.store.find(CallingDecision, {"number": THEIRS}, sort=("-at",))
    assert [decision.id for decision in stored] == [no.decision_id, yes.decision_id]
    refused, allowed = stored
    assert (allowed.allowed, allowed.rule, allowed.at, allowed.by) == (True, "", NOON, "user:7")
    assert (refused.allowed, refused.rule, refused.zones) == (False, "outside_hours", ["America/New_York"])
    assert refused.inputs["hours"] == "09:00-20:00"
    assert refused.inputs["consent"] == "given"
    assert len(refused.inputs["attempts"]) == 1


class Failing:
    """A store that cannot do one thing from the n-th time on."""

    def __init__(self, store: Store, method: str, after: int) -> None:
        self._store = store
        self._method = method
        self._left = after

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._store, name)
        if name != self._method:
            return real

        async def fails(*args: Any, **more: Any) -> Any:
            if self._left:
                self._left -= 1
                return await real(*args, **more)
            raise StoreUnavailable

        return fails


@pytest.mark.parametrize(("method", "times"), [("get", 2), ("find", 5), ("commit", 2)])
async def test_wherever_the_store_fails_nobody_is_called(world: World, method: str, times: int) -> None:
    await world.consents()
    await world.has_lead()
    for after in range(times):
        _, rules = rules_over(world.store, world.clock, Failing(world.store, method, after))
        verdict = await rules.may_call(Asked(To(number=THEIRS)))
        assert (verdict.allowed, verdict.rule) == (False, "cannot_be_judged"), f"{method} after {after}"
