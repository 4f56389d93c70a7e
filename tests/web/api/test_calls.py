"""Calls, the do-not-call list and consent over the API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from bot.records.calls import Call
from bot.records.leads import Lead, LeadSource
from bot.records.users import Role
from bot.testing.clock import ManualClock
from bot.testing.scene import Scene, open_scene
from bot.testing.telephone import FakeTelephone
from bot.testing.web import UserBrowser
from tests.web.api.conftest import Team

pytestmark = pytest.mark.scenario

THEIRS = "+12025550123"
NOON = datetime(2026, 1, 15, 17, 0, tzinfo=UTC)
AGREED = {"number": THEIRS, "purpose": "calls", "source": "form on our site"}


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


@pytest.fixture
def telephone(clock: ManualClock) -> FakeTelephone:
    return FakeTelephone(clock)


@pytest_asyncio.fixture
async def scene(tmp_path: Path, clock: ManualClock, telephone: FakeTelephone) -> AsyncIterator[Scene]:
    async with open_scene(tmp_path, clock=clock, telephone=telephone) as scene:
        yield scene


async def asked(who: UserBrowser, method: str, path: str, body: Any = None, *, status: int = 200) -> Any:
    got, answer = await who.api(method, path, body)
    assert got == status, answer
    return answer


async def test_a_call_is_placed_listed_looked_at_and_ended(scene: Scene, team: Team, telephone: FakeTelephone) -> None:
    chief = await team.member("Chief", Role.SUPERVISOR)
    consent = await asked(chief, "POST", "/consents", AGREED, status=201)
    assert (consent["purpose"], consent["state"]) == ("calls", "given")
    placed = await asked(chief, "POST", "/calls", {"number": THEIRS, "about": "your order", "language": "en"})
    assert (placed["state"], placed["rule"], placed["call"]["about"]) == ("placed", "", "your order")
    [line] = (await asked(chief, "GET", "/calls"))["items"]
    assert (line["id"], line["number"], line["status"]) == (placed["call"]["id"], THEIRS, "initiated")
    assert [one["id"] for one in (await asked(chief, "GET", f"/calls?customer_id={consent['customer_id']}"))["items"]] == [
        line["id"]
    ]
    whole = await asked(chief, "GET", f"/calls/{line['id']}")
    assert (whole["said"], whole["summary"], whole["recording_link"]) == ([], "", None)
    await asked(chief, "POST", f"/calls/{line['id']}/hang-up", {})
    call = await scene.app.store.get(Call, line["id"])
    assert call is not None
    assert telephone.hung_up == [call.external_call_id]
    await asked(chief, "GET", "/calls/no-such", status=404)
    await asked(chief, "POST", "/calls/no-such/hang-up", {}, status=404)


async def test_a_refused_call_is_an_answer_that_names_the_rule(scene: Scene, team: Team, telephone: FakeTelephone) -> None:
    rep = await team.member("Rep", Role.SALES_REP)
    answer = await asked(rep, "POST", "/calls", {"number": THEIRS})
    assert (answer["state"], answer["rule"], answer["call"]) == ("refused", "no_consent", None)
    assert answer["decision_id"]
    assert telephone.asked == 0


async def test_one_of_the_team_calls_who_was_in_touch_without_recorded_consent(
    scene: Scene, team: Team, telephone: FakeTelephone
) -> None:
    nadia = await team.member("Nadia")
    ana = scene.person(THEIRS.removeprefix("+"))
    customer = await scene.app.people.recognise(ana.address, ana.sender, scene.clock.now())
    refused = await asked(nadia, "POST", "/calls", {"customer_id": customer.id})
    assert refused["rule"] == "no_consent"
    placed = await asked(nadia, "POST", "/calls", {"customer_id": customer.id, "is_personal": True})
    assert placed["state"] == "placed"
    assert placed["call"]["number"] == "+1202•••0123", "an agent sees numbers masked"


async def test_another_users_lead_is_not_called_and_not_even_there(scene: Scene, team: Team, telephone: FakeTelephone) -> None:
    rep, other = await team.member("Rep", Role.SALES_REP), await team.member("Other", Role.SALES_REP)
    values = {"phone": THEIRS, "first_name": "Ana", "last_name": "Ruiz", "email": "ana@example.org"}
    lead = await scene.app.services.leads.create(team.users["Rep"].id, values, by="test", source=LeadSource.MANUAL)
    await scene.app.consents.record(THEIRS, "calls", source="test", by="test")
    await asked(other, "POST", "/calls", {"lead_id": lead.id}, status=404)
    assert (await asked(rep, "POST", "/calls", {"lead_id": lead.id}))["state"] == "placed"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "number"),
        ({"number": THEIRS, "lead_id": "1"}, "number"),
        ({"number": THEIRS, "language": "fr"}, "language"),
        ({"number": THEIRS, "about": 301 * "x"}, "about"),
        ({"number": 41 * "1"}, "number"),
        ({"number": THEIRS, "when": "now"}, "when"),
    ],
)
async def test_what_is_no_call_is_told_by_its_field(scene: Scene, team: Team, body: dict[str, str], field: str) -> None:
    chief = await team.member("Chief", Role.SUPERVISOR)
    assert (await asked(chief, "POST", "/calls", body, status=422))["error"]["field"] == field


async def test_a_number_is_put_on_the_list_by_anybody_who_calls_and_taken_off_by_an_administrator(
    scene: Scene, team: Team, telephone: FakeTelephone
) -> None:
    nadia, boss = await team.member("Nadia"), await team.member("Boss", Role.ADMIN)
    values = {"phone": THEIRS, "first_name": "Ana", "last_name": "Ruiz", "email": "ana@example.org"}
    lead = await scene.app.services.leads.create("somebody", values, by="test")
    await scene.app.consents.record(THEIRS, "calls", source="test", by="test")
    await scene.passes(1)
    entry = await asked(nadia, "POST", "/do-not-call", {"number": "+1 202 555 0123", "proof": "in her mail"}, status=201)
    assert (entry["number"], entry["source"]) == ("+1202•••0123", "api")
    again = await asked(boss, "POST", "/do-not-call", {"number": THEIRS}, status=201)
    assert (again["id"], again["number"]) == (entry["id"], THEIRS)
    assert [one["id"] for one in (await asked(nadia, "GET", "/do-not-call"))["items"]] == [entry["id"]]
    marked = await scene.app.store.get(Lead, lead.id)
    assert marked is not None
    assert marked.dnd_status
    assert (await asked(boss, "POST", "/calls", {"number": THEIRS}))["rule"] == "do_not_call"
    await asked(nadia, "DELETE", f"/do-not-call/{entry['id']}?reason=x", status=403)
    await asked(boss, "DELETE", f"/do-not-call/{entry['id']}", status=422)
    await asked(boss, "DELETE", f"/do-not-call/{entry['id']}?reason=asked%20for%20it", status=204)
    await asked(boss, "DELETE", f"/do-not-call/{entry['id']}?reason=x", status=404)
    assert (await asked(boss, "POST", "/calls", {"number": THEIRS}))["rule"] == "consent_withdrawn"
    cleared = await scene.app.store.get(Lead, lead.id)
    assert cleared is not None
    assert not cleared.dnd_status


async def test_by_the_call_in_which_it_was_said_too(scene: Scene, team: Team, telephone: FakeTelephone) -> None:
    chief = await team.member("Chief", Role.SUPERVISOR)
    await asked(chief, "POST", "/consents", AGREED, status=201)
    call = (await asked(chief, "POST", "/calls", {"number": THEIRS}))["call"]
    entry = await asked(chief, "POST", "/do-not-call", {"call_id": call["id"], "source": "call", "proof": "9"}, status=201)
    assert (entry["number"], entry["call_id"]) == (THEIRS, call["id"])
    await asked(chief, "POST", "/do-not-call", {"call_id": "no-such"}, status=404)
    await asked(chief, "POST", "/do-not-call", {}, status=422)
    await asked(chief, "POST", "/do-not-call", {"number": "abc"}, status=422)


async def test_consent_is_listed_the_newest_first(scene: Scene, team: Team) -> None:
    chief = await team.member("Chief", Role.SUPERVISOR)
    given = await asked(chief, "POST", "/consents", AGREED, status=201)
    await scene.passes(1)
    await asked(chief, "POST", "/consents", AGREED | {"state": "withdrawn", "source": "letter"}, status=201)
    listed = (await asked(chief, "GET", f"/consents?customer_id={given['customer_id']}"))["items"]
    assert [one["state"] for one in listed] == ["withdrawn", "given"]
    await asked(chief, "POST", "/consents", AGREED | {"number": "abc"}, status=422)
    await asked(chief, "POST", "/consents", AGREED | {"source": ""}, status=422)
