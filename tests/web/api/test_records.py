"""People, tickets, canned replies, settings, the log, figures and dead work over the API."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bot.records.audit import AuditEntry
from bot.records.canned import CannedReply
from bot.records.tickets import Ticket
from bot.records.users import Role
from bot.records.work import Delivery, DeliveryState
from bot.testing.scene import Scene
from bot.testing.web import UserBrowser
from tests.scenarios.helpers import ANA, BO
from tests.services.desk_helpers import waits
from tests.web.api.conftest import Team

pytestmark = pytest.mark.scenario


async def asked(who: UserBrowser, method: str, path: str, body: Any = None, *, status: int = 200) -> Any:
    got, answer = await who.api(method, path, body)
    assert got == status, answer
    return answer


async def test_a_person_is_found_and_shown_with_what_hangs_on_them(scene: Scene, team: Team) -> None:
    nadia, chief = await team.member("Nadia"), await team.member("Chief", Role.SUPERVISOR)
    ana, conversation = await waits(scene, ANA)
    customer = await ana.customer()
    (found,) = (await asked(nadia, "GET", "/people?q=ruiz"))["items"]
    assert (found["id"], found["name"], found["phone"]) == (customer.id, "Ana Ruiz", "+1202•••0123")
    assert [one["id"] for one in (await asked(nadia, "GET", "/people"))["items"]] == [customer.id]
    ticket = await asked(nadia, "POST", "/tickets", NEW | {"customer_id": customer.id}, status=201)
    person = await asked(nadia, "GET", f"/people/{customer.id}")
    assert [one["number"] for one in person["tickets"]] == [ticket["number"]]
    assert [one["id"] for one in person["conversations"]] == [conversation.id]
    assert person["address"] is None
    assert (await asked(chief, "GET", f"/people/{customer.id}"))["phone"] == f"+{ANA}"
    hits = await asked(nadia, "GET", "/search?q=unacceptable")
    assert [one["conversation_id"] for one in hits["messages"]] == [conversation.id]
    assert [one["number"] for one in (await asked(nadia, "GET", "/search?q=internet"))["tickets"]] == [ticket["number"]]
    assert (await asked(nadia, "GET", "/people?q=!!", status=422))["error"]["field"] == "q"
    assert (await asked(nadia, "GET", "/people?q=ana&after=x", status=422))["error"]["field"] == "after"


async def test_what_is_sent_of_a_person_is_changed_and_everything_else_stays(scene: Scene, team: Team) -> None:
    chief = await team.member("Chief", Role.SUPERVISOR)
    ana, _ = await waits(scene, ANA)
    bo, _ = await waits(scene, BO)
    path = f"/people/{(await ana.customer()).id}"
    body = {"email": "ana@example.com", "language": "en", "tags": ["vip"], "address": {"city": "Puebla"}, "notes": "calls late"}
    changed = await asked(chief, "PATCH", path, body)
    assert (changed["email"], changed["tags"], changed["notes"], changed["name"]) == (
        "ana@example.com",
        ["vip"],
        "calls late",
        "Ana Ruiz",
    )
    assert changed["address"]["city"] == "Puebla"
    assert (await asked(chief, "PATCH", path, {"notes": None}))["notes"] == ""
    assert (await asked(chief, "PATCH", path, {"email": "nonsense"}, status=422))["error"]["field"] == "email"
    taken = await asked(chief, "PATCH", path, {"phone_number": f"+{BO}"}, status=422)
    assert "merge the two" in taken["error"]["message"]
    assert (await asked(chief, "POST", f"{path}/block", {"reason": "threats"}))["is_blocked"]
    assert not (await asked(chief, "POST", f"{path}/unblock", {}))["is_blocked"]
    assert bo is not ana


NEW = {"subject": "No internet", "description": "Since noon", "priority": "high", "category": "technical_support"}


async def test_a_ticket_is_opened_changed_noted_moved_and_resolved(scene: Scene, team: Team) -> None:
    nadia, omar = await team.member("Nadia"), await team.member("Omar")
    ana, conversation = await waits(scene, ANA)
    customer = await ana.customer()
    made = await asked(
        nadia, "POST", "/tickets", NEW | {"customer_id": customer.id, "conversation_id": conversation.id}, status=201
    )
    number, path = made["number"], f"/tickets/{made['number']}"
    assert made["person"]["name"] == "Ana Ruiz"
    assert (await asked(nadia, "PATCH", path, {"subject": "No internet at all"}))["priority"] == "high"
    assert (await asked(nadia, "PATCH", path, {"subject": ""}, status=422))["error"]["field"] == "subject"
    note = await asked(nadia, "POST", f"{path}/notes", {"text": "Called back"}, status=201)
    assert (note["text"], note["user"]["name"], note["is_internal"]) == ("Called back", "Nadia", True)
    assert (await asked(nadia, "POST", f"{path}/assign", {"user": team.users["Omar"].id}))["assigned_to"]["name"] == "Omar"
    assert [one["number"] for one in (await asked(omar, "GET", "/tickets?assigned_to=me&status=open"))["items"]] == [number]
    assert (await asked(nadia, "POST", f"{path}/escalate", {"to": "nobody", "reason": "again"}, status=404))["error"]
    raised = await asked(nadia, "POST", f"{path}/escalate", {"to": team.users["Omar"].id, "reason": "third time"})
    assert (raised["escalated"], raised["escalated_to"]["name"]) == (True, "Omar")
    assert (await asked(nadia, "POST", f"{path}/status", {"status": "in_progress"}))["status"] == "in_progress"
    assert (await asked(nadia, "POST", f"{path}/status", {"status": "resolved"}, status=409))["error"]["code"] == "move_refused"
    solved = await asked(nadia, "POST", f"{path}/resolve", {"summary": "router restarted", "steps": ["off", "on"]})
    assert (solved["status"], solved["resolution"]["steps"]) == ("resolved", ["off", "on"])
    other = await asked(nadia, "POST", "/tickets", NEW | {"customer_id": customer.id}, status=201)
    assert (await asked(nadia, "POST", f"{path}/relate", {"ticket": other["number"]}))["related"] == [other["id"]]
    assert (await asked(nadia, "POST", f"/tickets/{other['number']}/parent", {"ticket": number}))["parent"] == made["id"]
    assert "itself" in (await asked(nadia, "POST", f"{path}/relate", {"ticket": number}, status=422))["error"]["message"]
    assert [one["number"] for one in (await asked(nadia, "GET", "/tickets"))["items"]] == [other["number"], number]
    assert await asked(nadia, "POST", "/tickets", NEW | {"customer_id": "nobody"}, status=404)
    assert len(await scene.app.store.find(Ticket, {"customer_id": customer.id})) == 2


async def test_canned_replies_are_kept_and_filled_in(scene: Scene, team: Team) -> None:
    nadia, omar, chief = await team.member("Nadia"), await team.member("Omar"), await team.member("Chief", Role.SUPERVISOR)
    _, conversation = await waits(scene, ANA)
    hello = {"shortcut": "hello", "title": "Greeting", "text": "Hello {name}, I am {operator}.", "language": "en"}
    own = await asked(nadia, "POST", "/canned", hello, status=201)
    assert "is taken" in (await asked(nadia, "POST", "/canned", hello, status=422))["error"]["message"]
    shared = hello | {"shortcut": "bye", "is_shared": True}
    assert "assign:conversations" in (await asked(nadia, "POST", "/canned", shared, status=422))["error"]["message"]
    await asked(chief, "POST", "/canned", shared, status=201)
    assert [one["shortcut"] for one in (await asked(nadia, "GET", "/canned"))["items"]] == ["bye", "hello"]
    assert [one["shortcut"] for one in (await asked(omar, "GET", "/canned?language=en"))["items"]] == ["bye"]
    filled = await asked(nadia, "POST", f"/canned/{own['id']}/fill", {"conversation_id": conversation.id})
    assert filled == {"text": "Hello Ana, I am Nadia."}
    changed = await asked(nadia, "PUT", f"/canned/{own['id']}", hello | {"title": "Welcome"})
    assert (changed["title"], changed["used"]) == ("Welcome", 1)
    assert await asked(omar, "PUT", f"/canned/{own['id']}", hello, status=404)
    await asked(nadia, "DELETE", f"/canned/{own['id']}", status=204)
    assert await scene.app.store.get(CannedReply, own["id"]) is None


async def test_the_team_says_whether_it_is_there(scene: Scene, team: Team) -> None:
    nadia, _ = await team.member("Nadia"), await team.member("Chief", Role.SUPERVISOR)
    assert (await asked(nadia, "PUT", "/me/status", {"status": "away"}))["status"] == "away"
    assert (await asked(nadia, "GET", "/me"))["status"] == "away"
    assert (await asked(nadia, "PUT", "/me/status", {"status": "asleep"}, status=422))["error"]["field"] == "status"
    everybody = (await asked(nadia, "GET", "/users"))["items"]
    assert [one["name"] for one in everybody] == ["Chief", "Nadia"]
    assert [one["name"] for one in (await asked(nadia, "GET", "/users?operators=true"))["items"]] == ["Nadia"]
    await waits(scene, ANA)
    queues = (await asked(nadia, "GET", "/queues"))["items"]
    assert (queues[0]["skill"], queues[0]["count"]) == ("support", 1)


async def test_figures_are_those_of_the_reports(scene: Scene, team: Team) -> None:
    chief = await team.member("Chief", Role.SUPERVISOR)
    await waits(scene, ANA)
    now = scene.clock.now()
    assert (await asked(chief, "GET", "/reports/now"))["queues"][0]["count"] == 1
    assert len((await asked(chief, "GET", "/reports/days?days=3"))["items"]) == 3
    span = f"begins={(now - timedelta(days=1)):%Y-%m-%dT%H:%M:%SZ}&ends={(now + timedelta(days=1)):%Y-%m-%dT%H:%M:%SZ}"
    report = await asked(chief, "GET", f"/reports/period?{span}")
    assert (report["figures"]["conversations"], report["causes"]) == (1, [{"cause": "sentiment", "count": 1}])
    assert (await asked(chief, "GET", "/reports/period?begins=2026-01-02T00:00:00Z&ends=2026-01-01T00:00:00Z", status=422))[
        "error"
    ]


async def test_a_setting_takes_only_what_its_readers_can_read(scene: Scene, team: Team) -> None:
    boss = await team.member("Boss", Role.ADMIN)
    keys = {one["key"] for one in (await asked(boss, "GET", "/settings"))["items"]}
    assert {"business_hours", "csat_enabled", "handoff_rules", "ai_max_cost_per_day"} <= keys
    put = await asked(boss, "PUT", "/settings/max_conversations_per_agent", {"value": 4})
    assert (put["value"], put["updated_by"]) == (4, f"user:{team.users['Boss'].id}")
    assert (await asked(boss, "PUT", "/settings/csat_enabled", {"value": False}))["updated_at"]
    for key, value in (
        ("max_conversations_per_agent", "many"),
        ("max_conversations_per_agent", True),
        ("csat_enabled", 1),
        ("business_hours", {"someday": {}}),
        ("waiting_news", {"say_again": 1}),
        ("ai_max_cost_per_day", "much"),
    ):
        refused = await asked(boss, "PUT", f"/settings/{key}", {"value": value}, status=422)
        assert refused["error"]["message"]
    assert await asked(boss, "PUT", "/settings/nothing", {"value": 1}, status=404)
    log = (await asked(boss, "GET", "/audit?entity_type=setting&entity_id=max_conversations_per_agent"))["items"]
    assert [(one["before"], one["after"]) for one in log] == [({"value": 10}, {"value": 4})]


async def test_the_log_tells_what_somebody_did_in_pages(scene: Scene, team: Team) -> None:
    boss, nadia = await team.member("Boss", Role.ADMIN), await team.member("Nadia")
    _, conversation = await waits(scene, ANA)
    for number in range(3):
        await asked(nadia, "POST", f"/conversations/{conversation.id}/tags", {"tags": [f"t{number}"]})
        await scene.passes(1)
    query = f"/audit?entity_type=conversation&entity_id={conversation.id}&limit=2"
    first = await asked(boss, "GET", query)
    second = await asked(boss, "GET", f"{query}&after={first['next']}")
    assert [one["after"].get("tags") for one in first["items"]] == [["t2"], ["t1"]]
    assert second["items"][0]["after"]["tags"] == ["t0"]
    assert (await asked(boss, "GET", f"/audit?by=user:{team.users['Nadia'].id}"))["items"]
    assert await asked(boss, "GET", "/audit", status=422)
    assert await scene.app.store.count(AuditEntry, {"entity_id": conversation.id}) > 3


async def test_what_was_set_aside_is_shown_without_its_address_and_tried_again(scene: Scene, team: Team) -> None:
    boss = await team.member("Boss", Role.ADMIN)
    _, conversation = await waits(scene, ANA)
    await scene.settle()
    (delivery, *_) = await scene.app.store.find(Delivery, {"conversation_id": conversation.id})
    dead = {"state": DeliveryState.DEAD, "openness": "closed", "error": "no such number"}
    await scene.app.store.change(Delivery, {"id": delivery.id}, set=dead)
    (shown,) = (await asked(boss, "GET", "/work/dead"))["items"]
    assert shown == {"kind": "delivery", "id": delivery.id, "job": None, "channel": "whatsapp", "error": "no such number"}
    assert await asked(boss, "POST", f"/work/dead/{delivery.id}/retry") == {"tried": True}
    await scene.settle()
    assert (await asked(boss, "GET", "/work/dead"))["items"] == []
    assert await asked(boss, "POST", f"/work/dead/{delivery.id}/retry", status=404)


@pytest.mark.parametrize("path", ["/people", "/search"])
async def test_who_sees_masked_numbers_cannot_guess_them_digit_by_digit(scene: Scene, team: Team, path: str) -> None:
    nadia = await team.member("Nadia")
    chief = await team.member("Chief", Role.SUPERVISOR)
    _, conversation = await waits(scene, ANA)
    assert conversation.customer_id is not None
    await scene.app.people.update(conversation.customer_id, {"email": "xenia.quill@example.com"}, by="test")

    async def finds(who: UserBrowser, typed: str) -> bool:
        _, found = await who.api("GET", path, params={"q": typed})
        return bool(found["items"] if path == "/people" else found["people"])

    hidden = ("55", "555", "50123", "550123", "12025", "120255", "xenia", "quill", "xenia.q", "xenia.quill@exam")
    assert [typed for typed in hidden if await finds(nadia, typed)] == []
    told = ("0123", "1202", "2025550123", "+1 202 555 0123", "xenia.quill@example.com", "example", "ruiz")
    assert [typed for typed in told if not await finds(nadia, typed)] == []
    assert [typed for typed in ("555", "120255", "quill", "xenia.quill@exam") if not await finds(chief, typed)] == []
