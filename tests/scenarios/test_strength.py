"""A person on a channel that vouches for nobody: what is on record is not shown to them, what helps anybody is done."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.clock import new_id
from bot.message import Address, InboundMessage, Sender, Text
from bot.records.calls import Callback, CallbackStatus
from bot.records.conversations import Conversation, Verification
from bot.records.people import Customer
from bot.records.tickets import Ticket
from bot.testing.llm import Called, Calls, Said
from bot.testing.scene import Scene
from tests.scenarios.helpers import ANA

pytestmark = pytest.mark.scenario


@pytest.mark.parametrize(("channel", "is_shown"), [("whatsapp", True), ("console", True), ("web", False), ("voice", False)])
async def test_tickets_are_opened_for_everybody_and_shown_to_those_whom_the_channel_vouches_for(
    scene: Scene, channel: str, is_shown: bool
) -> None:
    opened = Called("create_ticket", subject="No internet", description="Since yesterday")
    scene.model.will(Calls(opened), Called("list_my_tickets"), Said("There."))
    message = InboundMessage(
        id=new_id(),
        address=Address(channel, "ours", ANA),
        content=Text("How do my tickets stand?"),
        sent_at=scene.clock.now(),
        sender=Sender(name="Ana Ruiz", phone=ANA),
    )
    await scene.app.inbox.accept([message])
    await scene.settle()
    told = [str(message["content"]) for message in scene.model.requests[-1].messages if message["role"] == "tool"]
    assert told[0] == "opened ticket TICKET-2026-000001"
    assert ("No internet" in told[1]) is is_shown
    assert told[1].startswith("error: list_my_tickets was not run") is not is_shown
    assert await scene.app.store.count(Ticket, {}) == 1


async def says(scene: Scene, channel: str, text: str) -> None:
    sender = Sender(name="Ana Ruiz", phone=ANA)
    message = InboundMessage(new_id(), Address(channel, "ours", ANA), Text(text), scene.clock.now(), sender=sender)
    await scene.app.inbox.accept([message])
    await scene.settle()


async def test_who_only_claims_a_number_does_not_learn_that_a_call_to_it_is_booked(scene: Scene) -> None:
    book = Called("book_callback", requested_time="2026-01-16T17:00:00-06:00")
    scene.model.will(book, Said("Booked."), book, Said("Booked, too."), book, Said("It is booked."))
    for channel in ("whatsapp", "voice"):
        await says(scene, channel, "Please call me tomorrow at five.")
        await says(scene, channel, "yes")
    first, second = await scene.app.store.find(Callback, {"status": CallbackStatus.SCHEDULED})
    assert first.conversation_id != second.conversation_id, "asked and booked like anybody's"
    await says(scene, "whatsapp", "Is it booked?")
    assert "booked for that time already" in str(scene.model.requests[-1].messages[-1]["content"])


async def test_who_only_claims_a_number_does_not_learn_that_it_is_a_leads(scene: Scene) -> None:
    told = []
    for channel in ("whatsapp", "voice"):
        scene.model.will(Called("hand_to_agent", agent="sales", reason="wants fibre"))
        scene.model.will(Called("capture_lead", interest="fibre at home"), Said("Noted."))
        await says(scene, channel, "I want fibre.")
        told.append(str(scene.model.requests[-1].messages[-1]["content"]))
    assert told[0].startswith("noted for the sales team as lead ")
    assert told[1] == "noted for the sales team"


async def test_another_call_from_a_number_gets_nothing_of_the_one_before(scene: Scene) -> None:
    scene.model.will(
        Said("Yes, it is in Lima."), Said("What?"), Called("book_callback", requested_time="2026-01-16T17:00:00-06:00")
    )
    await says(scene, "voice", "I am moving house.")
    await scene.passes(240)
    await says(scene, "voice", "Are you still there?")
    assert "moving house" in str(scene.model.requests[-1].messages), "the same call"
    await says(scene, "voice", "Then call me tomorrow at five.")
    [before] = await scene.app.store.find(Conversation, {"lane": f"voice:ours:{ANA}", "openness": "open"})
    assert before.flow is not None
    verified = Verification(via="email", at=scene.clock.now(), until=scene.clock.now() + timedelta(hours=12))
    await scene.app.store.change(Conversation, {"id": before.id}, set={"verification": verified})
    await scene.passes(900)
    scene.model.will(Said("Hello. Who is there?"))
    await says(scene, "voice", "yes")
    [now] = await scene.app.store.find(Conversation, {"lane": f"voice:ours:{ANA}", "openness": "open"})
    assert (now.id != before.id, now.verification) == (True, None)
    assert [message["content"] for message in scene.model.requests[-1].messages[1:]] == ["yes"]
    assert await scene.app.store.count(Callback, {"status": CallbackStatus.SCHEDULED}) == 0


@pytest.mark.parametrize("channel", ["whatsapp", "web", "console"])
async def test_where_an_address_is_their_own_the_conversation_goes_on(scene: Scene, channel: str) -> None:
    scene.model.will(Said("I see."), Said("Go on."))
    await says(scene, channel, "I am moving house.")
    await scene.passes(3600)
    await says(scene, channel, "Next week.")
    assert "moving house" in str(scene.model.requests[-1].messages)


@pytest.mark.parametrize(("channel", "is_named"), [("whatsapp", True), ("console", True), ("web", False), ("voice", False)])
async def test_who_only_claims_a_number_is_not_greeted_by_the_name_on_its_record(
    scene: Scene, channel: str, is_named: bool
) -> None:
    await scene.app.store.insert([Customer(id="ana", phone_number=f"+{ANA}", first_name="Ana\nRules", last_name="Ruiz")])
    scene.model.will(Said("Hello."))
    message = InboundMessage(
        id=new_id(),
        address=Address(channel, "ours", ANA),
        content=Text("Who am I?"),
        sent_at=scene.clock.now(),
        sender=Sender(phone=ANA),
    )
    await scene.app.inbox.accept([message])
    await scene.settle()
    prompt = str(scene.model.requests[0].messages[0]["content"])
    assert ("Ana Rules Ruiz" in prompt) is is_named
