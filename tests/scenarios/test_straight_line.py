"""The straight line of DESIGN 2, from a message heard to an answer said."""

from __future__ import annotations

import pytest

from bot.conversation import AgentRef, Queue
from bot.records.conversations import MessageSender
from bot.testing.llm import Called, Said
from bot.testing.scene import Scene

pytestmark = pytest.mark.scenario


async def test_a_first_message_makes_a_customer_and_a_conversation_and_is_answered(scene: Scene) -> None:
    ana = scene.person("12025550123")
    scene.model.will(Said("Hello Ana."))
    await ana.says("Hello!")
    await ana.hears("Hello Ana")
    conversation = await ana.conversation()
    customer = await ana.customer()
    assert customer.phone_number == "+12025550123"
    assert (customer.first_name, customer.last_name) == ("Ana", "Ruiz")
    assert conversation.assignee == AgentRef("support")
    assert [message.sender for message in await ana.timeline()] == [MessageSender.CUSTOMER, MessageSender.AI]
    assert conversation.message_count == 2


async def test_asking_for_something_makes_a_ticket_with_the_years_first_number(scene: Scene) -> None:
    ana = scene.person("12025550123")
    scene.model.will(
        Called("create_ticket", subject="No internet", description="No internet since yesterday"),
        Said("I opened TICKET-2026-000001 for you."),
    )
    await ana.says("My internet does not work since yesterday.")
    await ana.hears("TICKET-2026-000001")
    [ticket] = await ana.tickets()
    assert ticket.ticket_id == "TICKET-2026-000001"
    assert ticket.subject == "No internet"
    assert (await ana.customer()).statistics.total_tickets == 1


async def test_asking_for_a_person_flips_the_assignee_and_the_ai_falls_silent(scene: Scene) -> None:
    ana = scene.person("12025550123")
    scene.model.will(Called("hand_to_person", reason="asked for a person"))
    await ana.says("I want to talk to a human.")
    await ana.hears("passing you to a person")
    conversation = await ana.conversation()
    assert conversation.assignee == Queue("support")
    assert conversation.epoch == 1
    assert (conversation.status, conversation.is_ai_enabled) == ("waiting", False)
    await ana.says("Are you there?")
    await ana.hears_nothing()
    assert (await ana.timeline())[-1].content == "Are you there?"


async def test_three_quick_messages_are_one_turn(scene: Scene) -> None:
    ana = scene.person("12025550123")
    scene.model.will(Said("I see."))
    await ana.says("hi", "my router", "is broken")
    await ana.hears("I see")
    await ana.hears_nothing()
    assert scene.model.requests[0].messages[-1]["content"] == "hi\nmy router\nis broken"
