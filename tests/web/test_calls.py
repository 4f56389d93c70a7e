"""The pages of telephone calls: the list, one call whole, its recording, and what came of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bot.app import App
from bot.clock import new_id
from bot.message import Reply
from bot.records.calls import (
    ActionItem,
    ActionItemStatus,
    Call,
    CallDirection,
    CallStatus,
    CallSummary,
    ProcessingStatus,
    Recording,
    RecordingStatus,
)
from bot.records.conversations import Message
from bot.records.users import Role
from bot.records.work import Author
from bot.services.phone_calls import PhoneCall
from bot.store.base import Unit
from bot.testing.clock import ManualClock
from bot.testing.web import UserBrowser, added, signed_in
from tests.web.conftest import Client

pytestmark = pytest.mark.scenario

OURS, THEIRS = "+12025550100", "+12025550123"


async def called(app: App, number: int = 1, *, theirs: str = THEIRS) -> PhoneCall:
    sid = f"CA{number:032}"
    begun = await app.phone_calls.begin(
        sid, ours=OURS, theirs=theirs, direction=CallDirection.INBOUND, agent="support", language="en"
    )
    await app.phone_calls.move(begun.call.id, CallStatus.IN_PROGRESS)
    return begun


async def say(app: App, begun: PhoneCall, text: str, start: float) -> None:
    unit = Unit()
    [message] = app.outbox.add(unit, begun.conversation, [Reply(text)], Author.AI, spoken=True)
    await app.store.commit(unit)
    await app.phone_calls.spoke(message.id, start=start, end=start + 2)


async def browser(app: App, client: Client, role: Role = Role.SUPERVISOR) -> Any:
    await added(app, f"{role}@example.org", role)
    return signed_in(str(client.make_url("/")), f"{role}@example.org")


async def text_of(who: UserBrowser, path: str) -> str:
    return await (await who.get(path)).text()


async def test_the_list_shows_the_newest_first_and_pages_over_all_of_them(app: App, client: Client) -> None:
    clock = app.clock
    assert isinstance(clock, ManualClock)
    for number in range(53):
        await called(app, number, theirs=f"+120255501{number:02}")
        await clock.advance(1)
    async with await browser(app, client) as eva:
        first = await text_of(eva, "/calls")
        assert first.count('class="call-row"') == 50
        assert "+12025550152" in first
        assert "+12025550101" not in first
        after = first.split("/calls?after=")[1].split('"')[0]
        second = await text_of(eva, f"/calls?after={after}")
        assert second.count('class="call-row"') == 3
        assert (await eva.get("/calls?after=nothing")).status == 400


async def test_filters_keep_what_they_say_and_a_day_that_is_none_is_told(app: App, client: Client) -> None:
    over, live = await called(app, 1), await called(app, 2)
    await app.phone_calls.move(over.call.id, CallStatus.COMPLETED)
    async with await browser(app, client) as eva:
        page = await text_of(eva, "/calls?status=in-progress&direction=inbound")
        assert f"/calls/{live.call.id}" in page
        assert f"/calls/{over.call.id}" not in page
        assert 'class="call-row"' not in await text_of(eva, "/calls?direction=outbound")
        tomorrow = (app.clock.now() + timedelta(days=2)).date()
        assert 'class="call-row"' not in await text_of(eva, f"/calls?from={tomorrow}")
        assert "This is no day of the calendar." in await text_of(eva, "/calls?from=2026-02-31&status=%27;--")


async def test_a_running_call_shows_what_is_said_and_who_has_it(app: App, client: Client) -> None:
    begun = await called(app)
    await say(app, begun, "We are open until eight <b>tonight</b>.", 7)
    async with await browser(app, client) as eva:
        page = await text_of(eva, f"/calls/{begun.call.id}")
    assert "We are open until eight &lt;b&gt;tonight&lt;/b&gt;." in page
    assert ">00:07<" in page
    assert "The AI has it" in page
    assert "supervisor.js" in page  # it looks again by itself


async def test_each_turn_is_drawn_with_what_was_waited_for(app: App, client: Client) -> None:
    begun = await called(app)
    add = app.after_call.turns.add
    await add(begun.call.id, 1, line="stream", ended=3, transcript=0.2, first_token=0.4, first_audio=0.55, heard_ratio=1.0)
    await add(begun.call.id, 2, line="stream", ended=9, transcript=0.3, first_audio=1.2, interrupted=True, heard_ratio=0.5)
    async with await browser(app, client) as eva:
        page = await text_of(eva, f"/calls/{begun.call.id}")
    assert "550 ms" in page
    assert "1,200 ms · cut off, heard 50 %" in page
    assert "2 turns; median wait 1,200 ms; 1 interrupted; heard 75 % of what was said" in page


async def test_numbers_are_masked_for_who_does_not_manage_customers(app: App, client: Client) -> None:
    begun = await called(app)
    async with await browser(app, client, Role.AGENT) as ana:
        for path in ("/calls", f"/calls/{begun.call.id}"):
            page = await text_of(ana, path)
            assert THEIRS not in page
            assert "+1202•••0123" in page


async def test_a_recording_is_played_and_deleted_only_with_the_tick(app: App, client: Client) -> None:
    begun = await called(app)
    recording = Recording(status=RecordingStatus.AVAILABLE, url="/media/x", media_id="x", sid=f"RE{'0' * 32}")
    await app.store.change(Call, {"id": begun.call.id}, set={"recording": recording})
    path = f"/calls/{begun.call.id}"
    async with await browser(app, client) as eva:
        page = await text_of(eva, path)
        assert '<audio class="player" controls' in page
        assert 'src="/media/x?' in page
        assert (await eva.post(f"{path}/recording/delete")).status == 422
        done = await eva.post(f"{path}/recording/delete", {"sure": "yes"})
        assert (done.status, done.headers["Location"]) == (303, f"{path}?done=deleted")
        gone = await text_of(eva, path)
        assert "<audio" not in gone
        assert "The recording was deleted." in gone
    async with await browser(app, client, Role.AGENT) as ana:
        assert (await ana.post(f"{path}/recording/delete", {"sure": "yes"})).status == 403


async def test_an_action_item_is_made_so_or_dropped(app: App, client: Client) -> None:
    begun = await called(app)
    await app.phone_calls.move(begun.call.id, CallStatus.COMPLETED)
    items = [ActionItem(id=new_id(), description=text, kind=None) for text in ("Send the offer", "Call the boss")]
    summary = CallSummary(status=ProcessingStatus.COMPLETED, summary="They want an offer.", action_items=items, model="rules")
    await app.store.change(Call, {"id": begun.call.id}, set={"ai_summary": summary})
    path = f"/calls/{begun.call.id}"
    async with await browser(app, client) as eva:
        page = await text_of(eva, path)
        assert "They want an offer." in page
        assert "by rules" in page
        assert (await eva.post(f"{path}/items/{items[1].id}", {"what": "decline"})).status == 303
        assert (await eva.post(f"{path}/items/{items[0].id}", {"what": "accept"})).status == 303
        assert (await eva.post(f"{path}/items/{items[0].id}", {"what": "accept"})).status == 422
        assert (await eva.post(f"{path}/items/none", {"what": "accept"})).status == 404
        assert "What was made" in await text_of(eva, path)
    call = await app.store.get(Call, begun.call.id)
    assert call is not None
    assert call.ai_summary is not None
    assert [item.status for item in call.ai_summary.action_items] == [ActionItemStatus.COMPLETED, ActionItemStatus.CANCELLED]


async def test_a_call_that_there_is_not_is_not_found(app: App, client: Client) -> None:
    async with await browser(app, client) as eva:
        assert (await eva.get("/calls/nothing")).status == 404
        assert "No calls." in await text_of(eva, "/calls")


async def test_live_calls_are_a_list_of_the_desk_and_tell_how_they_stand(app: App, client: Client) -> None:
    live, over = await called(app, 1), await called(app, 2)
    await app.phone_calls.move(over.call.id, CallStatus.COMPLETED)
    async with await browser(app, client, Role.AGENT) as ana:
        status, page = await ana.api("GET", "/conversations?view=calls")
        assert (status, [row["id"] for row in page["items"]]) == (200, [live.conversation.id])
        call = page["items"][0]["call"]
        assert (call["status"], call["is_inbound"], call["ended_at"]) == ("in-progress", True, None)
        status, refused = await ana.api("POST", f"/conversations/{live.conversation.id}/connect", {})
        assert (status, "it is set on /account" in refused["error"]["message"]) == (422, True)
        await ana.post("/account", {"name": "Ana", "language": "en", "phone": "+12025550177"})
        status, row = await ana.api("POST", f"/conversations/{live.conversation.id}/connect", {})
        assert (status, row["holder"]["kind"]) == (200, "operator")
        assert (await ana.api("POST", f"/conversations/{live.conversation.id}/hang-up"))[0] == 200


@pytest.mark.parametrize(("field", "value"), [("phone", "12"), ("sip", "ana@pbx.example.com")])
async def test_a_telephone_that_is_none_is_told_on_the_account_page(app: App, client: Client, field: str, value: str) -> None:
    async with await browser(app, client, Role.AGENT) as ana:
        answer = await ana.post("/account", {"name": "Ana", "language": "en", field: value})
        assert answer.status == 422
        assert "has to" in await answer.text()


async def test_what_was_cut_off_is_marked_on_the_timeline(app: App, client: Client) -> None:
    begun = await called(app)
    await say(app, begun, "We are open until eight.", 3)
    [message] = await app.store.find(Message, {"conversation_id": begun.conversation.id})
    await app.phone_calls.spoke(message.id, start=3, end=4, heard="We are")
    async with await browser(app, client, Role.AGENT) as ana:
        _, timeline = await ana.api("GET", f"/conversations/{begun.conversation.id}/messages")
    assert [(one["text"], one["interrupted"], one["start_seconds"]) for one in timeline["items"]] == [("We are", True, 3)]
