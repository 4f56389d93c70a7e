"""Given/when/then lines that need the whole engine, word for word."""

from __future__ import annotations

import pytest

from bot.conversation import ConversationStatus
from bot.records.conversations import MessageSender
from bot.records.people import CustomerSource, CustomerStatus, Segment
from bot.testing.llm import Said
from bot.testing.scene import Scene
from tests.scenarios.helpers import ANA, hand_back, operator_says, take_over

pytestmark = pytest.mark.scenario


async def test_an_unknown_number_becomes_a_customer_at_the_moment_of_its_message(scene: Scene) -> None:
    ana = scene.person(ANA)
    scene.model.will(Said("Hello."))
    await ana.says("Hi.")
    await ana.hears("Hello")
    customer, first = await ana.customer(), (await ana.timeline())[0]
    assert (customer.phone_number, customer.source, customer.segment, customer.status) == (
        f"+{ANA}",
        CustomerSource.WHATSAPP,
        Segment.NEW,
        CustomerStatus.ACTIVE,
    )
    assert customer.first_contact == customer.last_interaction == customer.last_message_at == first.timestamp


async def test_an_operator_gives_the_conversation_back_and_the_ai_goes_on_knowing_what_was_said(scene: Scene) -> None:
    ana = scene.person(ANA)
    scene.model.will(Said("Hello."), Said("At your service again."))
    await ana.says("Hi.")
    await ana.hears("Hello")
    await take_over(scene, ana)
    held = await ana.conversation()
    assert (held.assigned_agent, held.status, held.is_ai_enabled) == ("op-1", ConversationStatus.ASSIGNED, False)
    await operator_says(scene, ana, "Yes, this is Eva.")
    await ana.hears("this is Eva")
    [said] = [message for message in await ana.timeline() if message.sender is MessageSender.AGENT]
    assert said.agent_id == "op-1"
    await hand_back(scene, ana)
    back = await ana.conversation()
    assert (back.assigned_agent, back.status, back.is_ai_enabled) == (None, ConversationStatus.OPEN, True)
    await ana.says("Thanks!")
    await ana.hears("At your service")
    assert any("this is Eva" in str(message["content"]) for message in scene.model.requests[-1].messages)
