"""Leads and their lists (S4-022 to S4-044, S4-069, S5-025, C-02, C-03, C-24, C-25)."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.errors import MoveRefused, NotFound, RecordError, ServiceError
from bot.records.leads import LEAD_MOVES, MAX_CUSTOM_FIELDS, Lead, LeadList, LeadSource, LeadStatus
from bot.records.people import Identity
from bot.services.audit import Audit, History
from bot.services.leads import Leads
from bot.services.lists import Lists, TheLeads
from bot.services.search import Search
from bot.store.sqlite import SqliteStore
from bot.testing.clock import ManualClock

pytestmark = pytest.mark.unit

BY = "user:a"
JOHN = {"first_name": "John", "last_name": "Doe", "email": "john.doe@example.com", "phone": "+1-555-0123"}
JANE = {"first_name": "Jane", "last_name": "Smith", "email": "jane@example.com", "phone": "+91 98765 43210"}


@pytest.fixture
def leads(store: SqliteStore, clock: ManualClock, audit: Audit) -> Leads:
    return Leads(store, clock, audit)


@pytest.fixture
def lists(store: SqliteStore, clock: ManualClock, audit: Audit, leads: Leads) -> Lists:
    return Lists(store, clock, audit, leads)


@pytest.mark.parametrize("source", LeadSource)
@pytest.mark.parametrize("missing", ["first_name", "last_name", "email", "phone"])
async def test_what_a_lead_needs_goes_by_where_it_comes_from(leads: Leads, source: LeadSource, missing: str) -> None:
    """C-03, S4-031: four fields where somebody typed or imported it, the phone alone where the runtime met it."""
    values = {name: value for name, value in JOHN.items() if name != missing}
    if missing != "phone" and source in (LeadSource.CALL, LeadSource.WHATSAPP, LeadSource.WEB):
        assert (await leads.create("a", values, by=BY, source=source)).phone == "+1-555-0123"
    else:
        with pytest.raises(RecordError, match=Lead.shape.stored_name(missing)):
            await leads.create("a", values, by=BY, source=source)


async def test_the_phone_is_kept_as_typed_normalised_and_judged(leads: Leads) -> None:
    """S4-030, C-24, C-25."""
    john, jane = await leads.create("a", JOHN, by=BY), await leads.create("a", JANE, by=BY)
    assert (john.phone, john.phone_e164, john.dialable) == ("+1-555-0123", "+15550123", False)
    assert (jane.phone, jane.phone_e164, jane.dialable) == ("+91 98765 43210", "+919876543210", True)
    changed = await leads.update("a", john.id, {"phone": "55 5555 0123"}, by=BY, region="MX")
    assert (changed.phone, changed.phone_e164, changed.dialable) == ("55 5555 0123", "+525555550123", True)
    with pytest.raises(RecordError, match=r"^Lead\.phone: must be 7 to 15 digits"):
        await leads.update("a", john.id, {"phone": "abc"}, by=BY)


async def test_one_number_twice_is_told_and_not_refused(leads: Leads) -> None:
    """C-24."""
    john = await leads.create("a", JOHN, by=BY)
    twin = await leads.create("a", {**JOHN, "email": "other@example.com", "phone": "+1 555 0123"}, by=BY)
    await leads.create("b", JOHN, by="user:b")
    assert [lead.id for lead in await leads.same_number("a", twin)] == [john.id]


async def test_one_address_is_one_lead_of_a_user_however_it_is_spelled(leads: Leads) -> None:
    """S4-033, S4-037."""
    await leads.create("a", JOHN, by=BY)
    for spelling in ("john.doe@example.com", "John.Doe@Example.com ", " JOHN.DOE@EXAMPLE.COM"):
        with pytest.raises(ServiceError, match="this user has a lead with the same email already"):
            await leads.create("a", {**JOHN, "email": spelling}, by=BY)
    await leads.create("b", JOHN, by="user:b")
    jane = await leads.create("a", JANE, by=BY)
    with pytest.raises(ServiceError, match="same email already"):
        await leads.update("a", jane.id, {"email": "John.Doe@example.com"}, by=BY)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({f"f{number}": "x" for number in range(MAX_CUSTOM_FIELDS + 1)}, "at most 50 entries"),
        ({"size": ["M"]}, "must be text or"),
        ({"size": None}, "is required"),
    ],
)
async def test_custom_fields_are_few_and_of_a_type(leads: Leads, fields: dict[str, Any], message: str) -> None:
    """S4-022, S4-023, S4-032."""
    with pytest.raises(RecordError, match=rf"^Lead\.customFields.*{message}"):
        await leads.create("a", {**JOHN, "custom_fields": fields}, by=BY)
    kept = {"text": "x", "number": 7, "share": 0.5, "yes": True, "day": datetime(2026, 1, 2, tzinfo=UTC)}
    full = kept | {f"f{number}": "x" for number in range(MAX_CUSTOM_FIELDS - len(kept))}
    lead = await leads.create("a", {**JOHN, "custom_fields": full}, by=BY)
    read = (await leads.get("a", lead.id)).custom_fields
    assert {name: read[name] for name in kept} == kept
    assert [type(read[name]) for name in kept] == [str, int, float, bool, datetime]


async def test_a_lead_is_there_for_its_user_alone(leads: Leads, lists: Lists, store: SqliteStore) -> None:
    """S4-035."""
    mine, theirs = await leads.create("a", JOHN, by=BY), await leads.create("b", JOHN, by="user:b")
    own = await lists.create("a", "VIP", by=BY)
    assert [lead.id for lead in await leads.page("a")] == [mine.id]
    assert [lead.id for lead in (await Search(store).leads("john", "a")).records] == [mine.id]
    for refused in (
        leads.get("a", theirs.id),
        leads.update("a", theirs.id, {"notes": "x"}, by=BY),
        leads.set_status("a", theirs.id, LeadStatus.CONTACTED, by=BY),
        leads.move_to_list("a", theirs.id, own.id, by=BY),
        leads.delete("a", theirs.id, by=BY),
        leads.move_to_list("b", theirs.id, own.id, by="user:b"),
        leads.create("b", JANE, by="user:b", list_id=own.id),
        lists.get("b", own.id),
        lists.delete("b", own.id, TheLeads.KEEP, by="user:b"),
    ):
        with pytest.raises(NotFound):
            await refused
    assert (await leads.get("b", theirs.id)).version == 0


async def test_the_program_moves_a_status_forward_only_and_a_user_anywhere(leads: Leads, store: SqliteStore) -> None:
    """S5-025."""
    lead = await leads.create("a", JOHN, by=BY)
    for start in LeadStatus:
        for to in set(LeadStatus) - {start}:
            await store.change(Lead, {"id": lead.id}, set={"status": start})
            if to in LEAD_MOVES[start]:
                assert (await leads.set_status("a", lead.id, to, by="agent:caller")).status is to
            else:
                with pytest.raises(MoveRefused, match=f"is {start}; only a user makes it {to}"):
                    await leads.set_status("a", lead.id, to, by="agent:caller")
                assert (await leads.set_status("a", lead.id, to, by=BY, reason="wrong button")).status is to


async def test_everything_done_to_a_lead_is_written_down(leads: Leads, store: SqliteStore) -> None:
    """S4-069."""
    lead = await leads.create("a", JOHN, by=BY)
    await leads.update("a", lead.id, {"company_name": "Acme", "language_preference": "english"}, by=BY)
    await leads.set_status("a", lead.id, LeadStatus.CONTACTED, by="agent:caller", reason="answered")
    await leads.delete("a", lead.id, by=BY, reason="asked to")
    entries = (await History(store).of("lead", lead.id))[::-1]
    assert [(entry.action, entry.performed_by) for entry in entries] == [
        ("created", BY),
        ("updated", BY),
        ("updated", "agent:caller"),
        ("deleted", BY),
    ]
    assert entries[1].details["changes"] == ["companyName", "isLanguageChosen"]
    assert entries[3].details["before"]["email"] == "john.doe@example.com"


async def test_a_number_or_address_leads_to_all_who_have_it(leads: Leads, store: SqliteStore) -> None:
    """C-02: identities join leads of all users; they go with the last one."""
    mine, theirs = await leads.create("a", JOHN, by=BY), await leads.create("b", JOHN, by="user:b")
    identity = await store.get(Identity, "phone:+15550123")
    assert identity is not None
    assert (identity.customer_id, set(identity.lead_ids)) == (None, {mine.id, theirs.id})
    await leads.update("b", theirs.id, {"phone": "+91 98765 43210"}, by="user:b")
    assert (await store.find(Identity, {"lead_ids": theirs.id}, sort=("id",)))[1].id == "phone:+919876543210"
    await leads.delete("a", mine.id, by=BY)
    assert await store.get(Identity, "phone:+15550123") is None
    left = await store.get(Identity, "email:john.doe@example.com")
    assert left is not None
    assert left.lead_ids == [theirs.id]


async def test_a_name_is_one_list_of_a_user(lists: Lists) -> None:
    """S4-042."""
    vip = await lists.create("a", "VIP", by=BY)
    with pytest.raises(ServiceError, match="this user has a list named 'VIP' already"):
        await lists.create("a", " VIP ", by=BY)
    await lists.create("b", "VIP", by="user:b")
    other = await lists.create("a", "Others", by=BY, description="the rest")
    with pytest.raises(ServiceError, match="'VIP'"):
        await lists.update("a", other.id, {"name": "VIP"}, by=BY)
    assert (await lists.update("a", vip.id, {"name": "VIPs"}, by=BY)).name == "VIPs"
    with pytest.raises(RecordError, match="leadCount: cannot be set; it is counted"):
        await lists.update("a", vip.id, {"lead_count": 7}, by=BY)


async def test_a_lists_count_is_what_is_in_it_whatever_happens(leads: Leads, lists: Lists, store: SqliteStore) -> None:
    """S4-043."""
    one, two = await lists.create("a", "one", by=BY), await lists.create("a", "two", by=BY)
    people = [{**JOHN, "email": f"j{n}@example.com", "phone": f"+1555012{n:02}"} for n in range(12)]
    made = await asyncio.gather(*(leads.create("a", person, by=BY, list_id=one.id) for person in people))
    await asyncio.gather(
        *(leads.move_to_list("a", lead.id, two.id, by=BY) for lead in made[:5]),
        *(leads.delete("a", lead.id, by=BY) for lead in made[8:]),
        leads.move_to_list("a", made[5].id, None, by=BY),
    )
    for list_, expected in ((one, 2), (two, 5)):
        assert (await lists.get("a", list_.id)).lead_count == await lists.recount(list_.id) == expected
    assert [lead.list_id for lead in await leads.page("a", list_id=two.id)] == [two.id] * 5
    assert await store.count(Lead, {"user_id": "a"}) == 8


@pytest.mark.parametrize(("choice", "left"), [(TheLeads.KEEP, 2), (TheLeads.DELETE, 1)])
async def test_the_leads_of_a_deleted_list_are_kept_or_deleted_as_somebody_says(
    leads: Leads, lists: Lists, store: SqliteStore, choice: TheLeads, left: int
) -> None:
    """S4-044."""
    vip = await lists.create("a", "VIP", by=BY)
    inside = await leads.create("a", JOHN, by=BY, list_id=vip.id)
    await leads.create("a", JANE, by=BY)
    assert await lists.delete("a", vip.id, choice, by=BY) == 1
    assert [lead.list_id for lead in await leads.page("a")] == [None] * left
    assert await store.get(LeadList, vip.id) is None
    [_, gone] = (await History(store).of("list", vip.id))[::-1]
    assert gone.details["reason"] == f"its 1 leads: {choice}"
    actions = [entry.action for entry in await History(store).of("lead", inside.id)]
    assert actions[0] == ("deleted" if choice is TheLeads.DELETE else "created")


async def test_leads_are_listed_in_pages_by_list_source_and_status(leads: Leads, clock: ManualClock) -> None:
    """S4-036, S2-217."""
    for number in range(5):
        await clock.advance(1)
        await leads.create("a", {**JOHN, "email": f"j{number}@example.com"}, by=BY, source=LeadSource.CSV)
    await leads.create("a", JANE, by=BY)
    first = await leads.page("a", source=LeadSource.CSV, limit=3)
    rest = await leads.page("a", source=LeadSource.CSV, limit=3, after=first[-1].id)
    assert [str(lead.email)[1] for lead in first + rest] == ["4", "3", "2", "1", "0"]
    assert len(await leads.page("a", status=LeadStatus.NEW, limit=10_000)) == 6
    assert await leads.page("a", status=LeadStatus.REJECTED) == []
