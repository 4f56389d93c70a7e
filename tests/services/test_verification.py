"""Ways of sending a code, its limits, and what a right one proves."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.clock import new_id
from bot.conversation import OperatorRef
from bot.errors import Duplicate, LimitReached, RecordError, ServiceError
from bot.jobs import Jobs
from bot.message import Address, Sender
from bot.policy import Policy
from bot.principal import PersonRef, Strength, strength_in
from bot.records.audit import AuditEntry
from bot.records.conversations import Conversation, FlowState
from bot.records.people import Consent, ConsentState, Customer, Identity, IdentityKind
from bot.records.work import Job
from bot.services.audit import Audit
from bot.services.conversations import Conversations
from bot.services.merging import Merging
from bot.services.one_time_codes import OneTimeCodes
from bot.services.people import People
from bot.services.verification import TRIES, Asker, Proof, Verifying, Via, after_wrong, challenge_of
from bot.store.base import Unit
from bot.store.local import LocalLanes
from bot.store.sqlite import SqliteStore
from bot.testing.clock import ManualClock

pytestmark = pytest.mark.unit

ANA, ANAS = "12025550123", "ana@example.org"


class Office:
    """The services around a store, and people in it."""

    def __init__(self, store: SqliteStore, clock: ManualClock, audit: Audit, *, has_email: bool = True) -> None:
        self.store, self.clock = store, clock
        self.people, self.merging = People(store, clock, audit), Merging(store, clock, audit)
        self.conversations, self.codes = Conversations(store, clock, audit), OneTimeCodes(bytes(32))
        jobs, policy = Jobs(store, LocalLanes(1, clock), clock), Policy(store, clock)
        self.verifying = Verifying(store, clock, audit, policy, jobs, self.people, self.merging, self.codes, has_email=has_email)

    async def met(self, channel: str, theirs: str, phone: str = "") -> Conversation:
        address = Address(channel, "ours", theirs)
        customer = await self.people.recognise(address, Sender(phone=phone), self.clock.now())
        return await self.conversations.current(customer, address)

    async def on_whatsapp(self, number: str = ANA, *, wrote: timedelta = timedelta(0)) -> Conversation:
        conversation = await self.met("whatsapp", number, number)
        at = self.clock.now() - wrote
        await self.store.change(Conversation, {"id": conversation.id}, set={"last_customer_message": at})
        return await self.again(conversation)

    async def calling(self) -> Conversation:
        return await self.met("voice", f"+{ANA}", ANA)

    async def again(self, conversation: Conversation) -> Conversation:
        found = await self.store.get(Conversation, conversation.id)
        assert found is not None
        return found

    async def begin(self, conversation: Conversation, via: Via = Via.EMAIL, address: str = ANAS, tries: int = 0) -> FlowState:
        unit = Unit()
        asker = Asker(conversation.customer_id or "", conversation, "en", "support")
        state = await self.verifying.begin(unit, asker, via, address, tries)
        await self.store.commit(unit)
        return state

    async def accept(self, conversation: Conversation, state: FlowState) -> Proof:
        unit = Unit()
        strength = strength_in(conversation, self.clock.now())
        person = PersonRef(conversation.customer_id or "", strength)
        proof = await self.verifying.accept(unit, conversation, person, challenge_of(state))
        await self.store.commit(unit)
        return proof

    async def strength(self, conversation: Conversation) -> Strength:
        return strength_in(await self.again(conversation), self.clock.now())

    async def owner(self, email: str) -> str | None:
        found = await self.store.get(Identity, Identity.key(IdentityKind.EMAIL, email))
        return found.customer_id if found else None


@pytest.fixture
def office(store: SqliteStore, clock: ManualClock, audit: Audit) -> Office:
    return Office(store, clock, audit)


# Ways


async def test_on_whatsapp_the_code_goes_to_the_conversation_they_wrote_in(office: Office) -> None:
    there = await office.on_whatsapp()
    state = await office.begin(await office.calling(), Via.WHATSAPP, "")
    job = await office.store.get(Job, challenge_of(state).nonce)
    assert job is not None
    assert (job.payload["via"], job.payload["conversation"]) == ("whatsapp", there.id)
    assert office.codes.code(challenge_of(state).nonce) not in str(job.payload) + str(state.slots)


async def test_the_newest_of_several_whatsapp_conversations_is_taken(office: Office) -> None:
    await office.on_whatsapp(wrote=timedelta(hours=5))
    calling = await office.calling()
    new = await office.met("whatsapp", "US.1349", "")
    await office.people.add_identity(calling.customer_id or "", IdentityKind.WA_ID, "12025550199", by="user:olga")
    await office.store.change(
        Conversation,
        {"id": new.id},
        set={
            "customer_id": calling.customer_id,
            "their_address": "12025550199",
            "last_customer_message": office.clock.now() - timedelta(hours=1),
        },
    )
    state = await office.begin(calling, Via.WHATSAPP, "")
    assert challenge_of(state).to == "12025550199"


@pytest.mark.parametrize("case", ["never wrote", "too long ago", "closed", "opted out", "this very phone", "number taken away"])
async def test_there_is_no_way_over_whatsapp_where(office: Office, case: str) -> None:
    asking = await office.calling()
    if case != "never wrote":
        there = await office.on_whatsapp(wrote=timedelta(hours=24 if case == "too long ago" else 1))
        asking = there if case == "this very phone" else asking
        if case == "closed":
            await office.store.change(Conversation, {"id": there.id}, set={"openness": there.id})
        if case == "opted out":
            no = Consent(id=new_id(), customer_id=there.customer_id or "", purpose="messages", state=ConsentState.WITHDRAWN,
                         at=office.clock.now(), source="whatsapp")  # fmt: skip
            await office.store.insert([no])
        if case == "number taken away":
            await office.people.remove_identity(there.customer_id or "", IdentityKind.WA_ID, ANA, by="user:olga")
    with pytest.raises(ServiceError, match="no code can be sent on WhatsApp"):
        await office.begin(asking, Via.WHATSAPP, "")


async def test_without_a_mail_server_there_is_no_way_by_mail(store: SqliteStore, clock: ManualClock, audit: Audit) -> None:
    office = Office(store, clock, audit, has_email=False)
    with pytest.raises(ServiceError, match="cannot be sent by e-mail here"):
        await office.begin(await office.calling())


async def test_what_is_no_address_is_told_with_the_rule(office: Office) -> None:
    with pytest.raises(RecordError, match=r"^address: must be an e-mail address"):
        await office.begin(await office.calling(), address="ana at example")


# Limits


async def test_a_person_gets_three_codes_an_hour(office: Office, clock: ManualClock) -> None:
    calling = await office.calling()
    for number in range(3):
        await office.begin(calling, address=f"{number}@example.org")
        await clock.advance(600)
    with pytest.raises(LimitReached, match="the next one can be sent in 30 minutes") as caught:
        await office.begin(calling, address="4@example.org")
    assert caught.value.wait == 1800
    await clock.advance(1801)
    await office.begin(calling, address="4@example.org")


async def test_an_address_gets_ten_codes_a_day_whoever_asks(office: Office, clock: ManualClock) -> None:
    for number in range(10):
        await office.begin(await office.met("web", f"visitor-{number}"))
    last = await office.met("web", "visitor-11")
    with pytest.raises(LimitReached, match="in 840 minutes"):
        await office.begin(last)
    await office.begin(last, address="bo@example.org")
    await clock.advance(14 * 3600)
    await office.begin(last)


async def test_of_two_who_ask_for_the_last_code_at_once_one_is_refused(office: Office) -> None:
    units = []
    for name in ("a", "b"):
        conversation, unit = await office.met("web", name), Unit()
        asker = Asker(conversation.customer_id or "", conversation, "en", "support")
        await office.verifying.begin(unit, asker, Via.EMAIL, ANAS)
        units.append(unit)
    await office.store.commit(units[0])
    with pytest.raises(Duplicate):
        await office.store.commit(units[1])


async def test_codes_are_counted_without_the_address(office: Office) -> None:
    await office.begin(await office.calling())
    [entry] = await office.store.find(AuditEntry, {"action": "code_sent"})
    assert ANAS not in entry.model_dump_json()


# Tries


async def test_five_tries_and_no_more(office: Office) -> None:
    state: FlowState | None = await office.begin(await office.calling())
    for _ in range(TRIES - 1):
        assert state is not None
        state = after_wrong(state)
    assert state is not None
    assert after_wrong(state) is None


async def test_a_new_code_has_a_token_of_its_own_and_the_tries_of_the_old_one(office: Office) -> None:
    calling = await office.calling()
    first = await office.begin(calling)
    second = await office.begin(calling, tries=3)
    one, other = challenge_of(first), challenge_of(second)
    assert one.nonce != other.nonce
    assert first.token != second.token
    assert other.tries == 3
    assert not office.verifying.is_right(other, office.codes.code(one.nonce))
    assert office.verifying.is_right(other, office.codes.code(other.nonce))


async def test_what_a_person_sees_of_a_code_is_not_what_it_follows_from(office: Office) -> None:
    state = await office.begin(await office.calling())
    assert challenge_of(state).nonce != state.token


# Proofs


async def test_the_number_on_record_verifies(office: Office, clock: ManualClock) -> None:
    await office.on_whatsapp()
    calling = await office.calling()
    assert await office.accept(calling, await office.begin(calling, Via.WHATSAPP, "")) is Proof.VERIFIED
    assert await office.strength(calling) is Strength.VERIFIED
    await clock.advance(12 * 3600)
    assert await office.strength(calling) is Strength.CLAIMED


async def test_a_number_that_was_taken_from_the_record_meanwhile_proves_nothing(office: Office) -> None:
    there, calling = await office.on_whatsapp(), await office.calling()
    state = await office.begin(calling, Via.WHATSAPP, "")
    await office.people.remove_identity(there.customer_id or "", IdentityKind.WA_ID, ANA, by="user:olga")
    assert await office.accept(calling, state) is Proof.NOTHING
    assert await office.strength(calling) is Strength.CLAIMED


@pytest.mark.parametrize("with_email", [False, True])
async def test_who_claims_a_customer_adds_no_address_to_them(office: Office, with_email: bool) -> None:
    await office.on_whatsapp()
    calling = await office.calling()
    ana = calling.customer_id or ""
    if with_email:
        await office.people.update(ana, {"email": ANAS}, by="user:olga")
    assert await office.accept(calling, await office.begin(calling, address="mallory@example.net")) is Proof.NOTHING
    assert await office.strength(calling) is Strength.CLAIMED
    assert await office.owner("mallory@example.net") is None
    assert (await office.people.get(ana)).email == (ANAS if with_email else None)


async def test_a_record_that_a_call_made_is_no_visitors(office: Office) -> None:
    """Else its number, once its owner writes to us, would be open to whoever called first."""
    calling = await office.calling()
    assert await office.accept(calling, await office.begin(calling, address="mallory@example.net")) is Proof.NOTHING


async def test_an_imported_customer_with_a_number_is_no_visitor(office: Office) -> None:
    visitor = await office.met("web", "v")
    customer = await office.store.get(Customer, visitor.customer_id or "")
    assert customer is not None
    await office.store.upsert([customer.model_copy(update={"phone_number": f"+{ANA}"})])
    assert await office.accept(visitor, await office.begin(visitor)) is Proof.NOTHING


async def test_a_visitor_owns_a_fresh_address(office: Office) -> None:
    visitor = await office.met("web", "v")
    assert await office.accept(visitor, await office.begin(visitor)) is Proof.VERIFIED
    assert await office.owner(ANAS) == visitor.customer_id
    assert (await office.people.get(visitor.customer_id or "")).email == ANAS


async def test_a_visitor_who_had_typed_the_address_before_owns_it_all_the_same(office: Office) -> None:
    visitor = await office.met("web", "v")
    await office.people.update(visitor.customer_id or "", {"email": ANAS}, by="agent:support", proven=False)
    assert await office.accept(visitor, await office.begin(visitor)) is Proof.VERIFIED
    assert await office.owner(ANAS) == visitor.customer_id


async def test_a_leads_address_comes_to_the_visitor_who_shows_it(office: Office) -> None:
    lead = Identity(id=Identity.key(IdentityKind.EMAIL, ANAS), kind=IdentityKind.EMAIL, value=ANAS, lead_ids=["l1"])
    await office.store.insert([lead])
    visitor = await office.met("web", "v")
    assert await office.accept(visitor, await office.begin(visitor)) is Proof.VERIFIED
    found = await office.store.get(Identity, lead.id)
    assert found is not None
    assert (found.customer_id, found.lead_ids) == (visitor.customer_id, ["l1"])


async def test_a_visitor_with_another_customers_address_becomes_them(office: Office) -> None:
    there = await office.on_whatsapp()
    await office.people.update(there.customer_id or "", {"email": ANAS}, by="user:olga")
    visitor = await office.met("web", "v")
    assert await office.accept(visitor, await office.begin(visitor)) is Proof.VERIFIED
    assert (await office.again(visitor)).customer_id == there.customer_id
    assert (await office.people.get(visitor.customer_id or "")).id == there.customer_id
    assert await office.strength(visitor) is Strength.VERIFIED
    assert await office.strength(there) is Strength.SIGNED


async def test_who_comes_back_in_another_browser_goes_on_there(office: Office) -> None:
    first = await office.met("web", "v1")
    await office.accept(first, await office.begin(first))
    second = await office.met("web", "v2")
    assert await office.accept(second, await office.begin(second)) is Proof.VERIFIED
    left, now = await office.again(first), await office.again(second)
    assert now.customer_id == left.customer_id == first.customer_id
    assert (left.status, left.openness, left.epoch) == ("closed", left.id, 1)


async def test_a_visitor_is_not_merged_into_who_talks_to_a_person_of_ours_on_that_page(office: Office) -> None:
    first = await office.met("web", "v1")
    await office.accept(first, await office.begin(first))
    unit = Unit()
    office.conversations.assign(unit, await office.again(first), OperatorRef("op-1"), by="user:op-1", reason="from the desk")
    await office.store.commit(unit)
    second = await office.met("web", "v2")
    assert await office.accept(second, await office.begin(second)) is Proof.NOTHING
    assert await office.strength(second) is Strength.CLAIMED
    assert (await office.again(second)).customer_id == second.customer_id


async def test_a_customer_with_another_customers_address_is_nobody_else(office: Office) -> None:
    first = await office.met("web", "v1")
    await office.accept(first, await office.begin(first))
    calling = await office.calling()
    assert await office.accept(calling, await office.begin(calling)) is Proof.NOTHING
    there = await office.on_whatsapp("12025550177")
    assert await office.accept(there, await office.begin(there)) is Proof.NOTHING
    assert await office.owner(ANAS) == first.customer_id


async def test_where_the_channel_vouches_an_address_comes_on_record_and_raises_nothing(office: Office) -> None:
    there = await office.on_whatsapp()
    assert await office.accept(there, await office.begin(there)) is Proof.ADDRESS
    assert await office.owner(ANAS) == there.customer_id
    assert await office.strength(there) is Strength.SIGNED


async def test_an_address_that_became_somebody_elses_in_the_same_moment_voids_the_unit(office: Office) -> None:
    visitor, other = await office.met("web", "v"), await office.on_whatsapp()
    state, unit = await office.begin(visitor), Unit()
    person = PersonRef(visitor.customer_id or "", Strength.CLAIMED)
    await office.verifying.accept(unit, visitor, person, challenge_of(state))
    await office.people.update(other.customer_id or "", {"email": ANAS}, by="user:olga")
    with pytest.raises(Duplicate):
        await office.store.commit(unit)
    assert await office.owner(ANAS) == other.customer_id
