"""Conversations over the API: lists, one of them, its timeline, and what operators do with them."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from bot.records.conversations import Conversation
from bot.records.users import Role
from bot.testing.llm import Said
from bot.testing.scene import Scene
from bot.testing.web import UserBrowser
from tests.scenarios.helpers import ANA, BO
from tests.services.desk_helpers import waits
from tests.web.api.conftest import Team

pytestmark = pytest.mark.scenario


async def ids(who: UserBrowser, query: str) -> list[str]:
    status, page = await who.api("GET", f"/conversations?{query}")
    assert status == 200, page
    return [row["id"] for row in page["items"]]


async def act(who: UserBrowser, id: str, action: str, body: Any = None, *, status: int = 200) -> Any:
    got, answer = await who.api("POST", f"/conversations/{id}/{action}", body)
    assert got == status, answer
    return answer


async def test_who_waits_is_in_the_queue_then_mine_then_closed(scene: Scene, team: Team) -> None:
    nadia, omar = await team.member("Nadia"), await team.member("Omar")
    _, conversation = await waits(scene, ANA)
    id = conversation.id
    assert await ids(nadia, "view=waiting") == await ids(nadia, "view=waiting&skill=support") == [id]
    assert await ids(nadia, "view=mine") == await ids(nadia, "view=ai") == []
    row = await act(nadia, id, "take-over", {"note": "mine"})
    assert row["holder"] == {"kind": "operator", "id": team.users["Nadia"].id, "name": "Nadia"}
    assert (row["status"], row["reason"], row["epoch"]) == ("assigned", "operator_took_over", conversation.epoch + 1)
    assert await ids(nadia, "") == await ids(omar, "view=operators") == [id]
    assert await ids(omar, "view=mine") == await ids(nadia, "view=waiting") == []
    await act(nadia, id, "resolve", {"notes": "router restarted"})
    assert await ids(nadia, "view=closed") == await ids(nadia, "view=resolved") == await ids(nadia, "view=all") == [id]
    assert (await act(nadia, id, "reopen"))["status"] == "assigned"
    assert (await act(nadia, id, "close", {"reason": "done"}))["status"] == "closed"
    assert await ids(nadia, "view=closed") == [id]
    assert (await nadia.api("POST", f"/conversations/{id}/reopen"))[1]["error"]["code"] == "move_refused"


async def test_the_loser_of_a_race_is_told_who_was_faster(scene: Scene, team: Team) -> None:
    nadia, omar = await team.member("Nadia"), await team.member("Omar")
    _, conversation = await waits(scene, ANA)
    path = f"/conversations/{conversation.id}/take-over"
    answers = await asyncio.gather(nadia.api("POST", path), omar.api("POST", path))
    (won,) = [answer for status, answer in answers if status == 200]
    (lost,) = [answer["error"] for status, answer in answers if status == 409]
    assert lost["code"] == "taken"
    assert lost["holder"] == {"id": won["holder"]["id"], "name": won["holder"]["name"]}
    assert lost["message"] == f"{won['holder']['name']} holds this conversation since 10:00 UTC"


async def test_a_reply_is_said_once_however_often_it_is_clicked(scene: Scene, team: Team) -> None:
    nadia = await team.member("Nadia")
    ana, conversation = await waits(scene, ANA)
    await act(nadia, conversation.id, "take-over")
    reply = {"text": "Hello, I am Nadia.", "client_id": "click-1"}
    one, other = await asyncio.gather(*(act(nadia, conversation.id, "reply", reply, status=201) for _ in range(2)))
    assert one["id"] == other["id"]
    assert (one["text"], one["by"], one["client_id"], one["user"]["name"]) == (reply["text"], "agent", "click-1", "Nadia")
    await ana.hears("Hello, I am Nadia.")
    status, refused = await nadia.api("POST", f"/conversations/{conversation.id}/reply", {"text": "x", "client_id": ""})
    assert (status, refused["error"]["field"]) == (422, "client_id")


async def test_only_who_holds_it_writes_there(scene: Scene, team: Team) -> None:
    nadia, omar = await team.member("Nadia"), await team.member("Omar")
    _, conversation = await waits(scene, ANA)
    reply = {"text": "Hello", "client_id": "1"}
    assert "take it over first" in (await act(omar, conversation.id, "reply", reply, status=422))["error"]["message"]
    await act(nadia, conversation.id, "take-over")
    assert (await act(omar, conversation.id, "reply", reply, status=409))["error"]["holder"]["name"] == "Nadia"


async def test_the_timeline_merges_messages_notes_and_changes_of_hands_in_pages_both_ways(scene: Scene, team: Team) -> None:
    nadia = await team.member("Nadia")
    ana, conversation = await waits(scene, ANA)
    await act(nadia, conversation.id, "take-over")
    for number in range(4):
        await scene.passes(1)
        await act(nadia, conversation.id, "reply", {"text": f"reply {number}", "client_id": f"r{number}"}, status=201)
        await act(nadia, conversation.id, "note", {"text": f"note {number}"}, status=201)
    await scene.settle()
    path = f"/conversations/{conversation.id}/messages"
    _, all_ = await nadia.api("GET", f"{path}?limit=200")
    everything = all_["items"]
    assert all_["before"] is None
    assert [entry["at"] for entry in everything] == sorted(entry["at"] for entry in everything)
    assert [entry["kind"] for entry in everything].count("note") == 4
    assert {"message", "note", "handoff"} == {entry["kind"] for entry in everything}
    assert [entry["taker"]["kind"] for entry in everything if entry["kind"] == "handoff"] == ["queue", "operator"]
    back: list[Any] = []
    before = ""
    while True:
        _, page = await nadia.api("GET", f"{path}?limit=3&before={before}")
        back = page["items"] + back
        if not (before := page["before"] or ""):
            break
    assert back == everything
    forth: list[Any] = []
    after = page["after"]
    while (page := (await nadia.api("GET", f"{path}?limit=2&after={after}"))[1])["items"]:
        forth += page["items"]
        after = page["after"]
    assert everything[-len(forth) :] == forth
    await scene.passes(1)
    await ana.says("Thank you")
    await scene.settle()
    _, news = await nadia.api("GET", f"{path}?after={after}")
    assert [entry["text"] for entry in news["items"]] == ["Thank you"]


async def test_a_long_queue_comes_in_pages_urgent_ones_first_whatever_happens_between(scene: Scene, team: Team) -> None:
    nadia = await team.member("Nadia")
    waiting: list[Conversation] = []
    for number in range(7):
        waiting.append((await waits(scene, f"120255501{number:02}"))[1])
        if number % 2:
            await scene.passes(1)
    await act(nadia, waiting[5].id, "priority", {"priority": "urgent"})
    expected = [waiting[5].id, *(one.id for one in waiting if one is not waiting[5])]
    assert await ids(nadia, "view=waiting") == expected
    _, page = await nadia.api("GET", "/conversations?view=waiting&limit=3")
    await act(nadia, page["items"][2]["id"], "take-over")  # who ended the page has left
    seen = [row["id"] for row in page["items"]]
    while page["next"]:
        _, page = await nadia.api("GET", f"/conversations?view=waiting&limit=3&after={page['next']}")
        seen += [row["id"] for row in page["items"]]
    assert seen == expected
    for view in ("all", "closed", "waiting"):
        status, wrong = await nadia.api("GET", f"/conversations?view={view}&after=nonsense")
        assert (status, wrong["error"]["field"]) == (422, "after")


async def test_every_list_comes_whole_in_pages_of_one(scene: Scene, team: Team) -> None:
    nadia = await team.member("Nadia")
    for number in range(4):
        await waits(scene, f"120255501{number:02}")
    whole = await ids(nadia, "view=all")
    seen: list[str] = []
    following = ""
    while True:
        _, page = await nadia.api("GET", f"/conversations?view=all&limit=1&after={following}")
        seen += [row["id"] for row in page["items"]]
        if not (following := page["next"] or ""):
            break
    assert seen == whole
    assert len(whole) == 4


async def test_one_conversation_tells_why_it_is_here_and_whether_one_may_write(scene: Scene, team: Team) -> None:
    nadia = await team.member("Nadia")
    _, conversation = await waits(scene, ANA)
    await scene.settle()
    status, whole = await nadia.api("GET", f"/conversations/{conversation.id}")
    assert status == 200
    assert whole["summary"]["cause"] == "sentiment"
    assert "This is unacceptable!" in whole["summary"]["text"]
    assert whole["standing"]["position"] == 1
    assert whole["may_write"] == {"allowed": True, "rule": "", "why": ""}
    assert [one["cause"] for one in whole["handoffs"]] == ["sentiment"]
    yesterday = scene.clock.now() - timedelta(hours=25)
    await scene.app.store.change(Conversation, {"id": conversation.id}, set={"last_customer_message": yesterday})
    _, later = await nadia.api("GET", f"/conversations/{conversation.id}")
    assert later["may_write"]["rule"] == "whatsapp_window"
    assert "24 hours" in later["may_write"]["why"]
    assert (await nadia.api("GET", "/conversations/nothing"))[0] == 404


async def test_numbers_are_whole_only_for_who_manages_customers(scene: Scene, team: Team) -> None:
    nadia, chief = await team.member("Nadia"), await team.member("Chief", Role.SUPERVISOR)
    await waits(scene, ANA)
    (masked,) = (await nadia.api("GET", "/conversations?view=waiting"))[1]["items"]
    (whole,) = (await chief.api("GET", "/conversations?view=waiting"))[1]["items"]
    assert masked["person"]["phone"] == "+1202•••0123"
    assert whole["person"]["phone"] == f"+{ANA}"
    assert (whole["person"]["name"], whole["person"]["initials"]) == ("Ana Ruiz", "AR")


async def test_what_is_written_on_a_conversation_is_on_its_row(scene: Scene, team: Team) -> None:
    nadia = await team.member("Nadia")
    _, conversation = await waits(scene, ANA)
    id = conversation.id
    await act(nadia, id, "take-over")
    assert (await act(nadia, id, "tags", {"tags": ["vip", " vip", "fibre"]}))["tags"] == ["vip", "fibre"]
    assert (await act(nadia, id, "category", {"category": "billing"}))["category"] == "billing"
    wrong = (await act(nadia, id, "category", {"category": "bills"}, status=422))["error"]
    assert wrong["message"].startswith("body.category: must be one of support, sales, billing")
    until = (scene.clock.now() + timedelta(hours=2)).isoformat()
    assert (await act(nadia, id, "snooze", {"until": until}))["snoozed_until"]
    assert await ids(nadia, "view=mine") == []
    assert await ids(nadia, "view=mine&snoozed=true") == [id]
    assert (await act(nadia, id, "snooze", {"until": None}))["snoozed_until"] is None
    assert (await act(nadia, id, "snooze", {"until": "tomorrow"}, status=422))["error"]["field"] == "until"
    note = await act(nadia, id, "note", {"text": "Called their neighbour"}, status=201)
    assert (note["text"], note["user"]["name"], note["is_visible"]) == ("Called their neighbour", "Nadia", False)


async def test_reading_counts_only_for_who_holds_it(scene: Scene, team: Team) -> None:
    nadia, chief = await team.member("Nadia"), await team.member("Chief", Role.SUPERVISOR)
    ana, conversation = await waits(scene, ANA)
    await act(nadia, conversation.id, "take-over")
    await ana.says("Hello?")
    assert (await act(chief, conversation.id, "read"))["unread"] > 0
    assert (await act(nadia, conversation.id, "read"))["unread"] == 0


async def test_passing_on_pulling_assigning_and_giving_back(scene: Scene, team: Team) -> None:
    nadia, omar = await team.member("Nadia"), await team.member("Omar")
    chief = await team.member("Chief", Role.SUPERVISOR)
    ana, conversation = await waits(scene, ANA)
    id = conversation.id
    await act(nadia, id, "take-over")
    assert (await act(omar, id, "transfer", {"skill": "sales"}, status=409))["error"]["code"] == "taken"
    assert (await act(nadia, id, "transfer", {}, status=422))["error"]["field"] == "user"
    passed = await act(nadia, id, "transfer", {"user": team.users["Omar"].id, "note": "about bills"})
    assert (passed["holder"]["name"], passed["note"]) == ("Omar", "about bills")
    assert (await omar.api("POST", f"/conversations/{id}/pull"))[0] == 403
    assert (await act(chief, id, "pull"))["holder"]["name"] == "Chief"
    assert (await act(chief, id, "assign", {"user": team.users["Nadia"].id}))["holder"]["name"] == "Nadia"
    assert (await act(nadia, id, "transfer", {"skill": "support"}))["holder"] == {
        "kind": "queue",
        "id": "support",
        "name": "support",
    }
    assert (await act(omar, id, "hand-back", {"note": "solved"}))["holder"]["kind"] == "agent"
    assert await ids(omar, "view=ai") == [id]
    scene.model.will(Said("Happy to help."))
    await ana.says("And my bill?")
    await ana.hears("Happy to help.")


async def test_who_types_is_seen_by_the_others(scene: Scene, team: Team) -> None:
    nadia, omar = await team.member("Nadia"), await team.member("Omar")
    _, conversation = await waits(scene, ANA)
    await act(nadia, conversation.id, "typing", status=204)
    _, whole = await omar.api("GET", f"/conversations/{conversation.id}")
    assert whole["typing"] == [{"id": team.users["Nadia"].id, "name": "Nadia"}]
    await act(nadia, conversation.id, "typing", {"is_typing": False}, status=204)
    assert (await omar.api("GET", f"/conversations/{conversation.id}"))[1]["typing"] == []


async def test_a_talk_that_we_begin_is_ours_and_said_once(scene: Scene, team: Team) -> None:
    nadia = await team.member("Nadia")
    ana, bo = scene.person(ANA), scene.person(BO)
    scene.model.will(Said("Hello!"))
    await ana.says("Hi")
    await ana.hears("Hello!")
    customer = await ana.customer()
    begin = {"customer_id": customer.id, "text": "Your router is here.", "client_id": "b1"}
    first, again = [await nadia.api("POST", "/conversations", begin) for _ in range(2)]
    assert first[0] == again[0] == 201
    assert first[1]["message"]["id"] == again[1]["message"]["id"]
    assert first[1]["conversation"]["holder"]["name"] == "Nadia"
    await ana.hears("Your router is here.")
    status, refused = await nadia.api("POST", "/conversations", {**begin, "customer_id": "nobody", "client_id": "b2"})
    assert status == 404, refused
    assert bo is not ana
