"""People of the team talk to an assistant of their own: their tools, their permissions, and nothing of a customer's rules."""

from __future__ import annotations

import pytest

from bot.channels.console import NAME, typed
from bot.clock import new_id
from bot.dialogs.llm import Usage
from bot.message import Address, InboundMessage, Sender, Text
from bot.principal import user_address
from bot.records.conversations import Conversation, ConversationKind, Direction, Message, MessageSender
from bot.records.people import Consent, Customer
from bot.records.users import Role, User
from bot.records.work import InboxRow, InboxState
from bot.resources import say
from bot.testing.llm import Called, Calls, Said
from bot.testing.scene import Scene
from tests.scenarios.helpers import ANA, set_setting

pytestmark = pytest.mark.scenario


async def joined(scene: Scene, role: Role = Role.AGENT) -> User:
    return await scene.app.users.add(f"{role}@example.com", "Olga Perez", role, by="cli")


async def says(scene: Scene, user: User, text: str) -> None:
    await scene.app.inbox.accept([typed(text, user_address(user.id), scene.clock)])
    await scene.settle()


async def heard(scene: Scene, user: User) -> list[str]:
    """What was said to the user, in order."""
    [conversation] = await scene.app.store.find(Conversation, {"lane": f"{NAME}:local:user:{user.id}", "openness": "open"})
    messages = await scene.app.store.find(Message, {"conversation_id": conversation.id}, sort=("-timestamp",))
    assert all(message.kind is ConversationKind.ASSISTANT for message in messages)
    return [m.content for m in sorted(messages, key=lambda m: m.id) if m.direction is Direction.OUTBOUND]


async def waiting(scene: Scene) -> list[InboxRow]:
    """What has come in and is not done."""
    return [row for row in await scene.app.store.find(InboxRow, {}, limit=10) if row.state is not InboxState.DONE]


async def test_an_operator_looks_up_a_person_and_is_never_taken_for_a_customer(scene: Scene) -> None:
    ana, olga = scene.person(ANA), await joined(scene)
    scene.model.will(Said("Hello, Ana."), Called("find_people", words="Ruiz"), Said("There is Ana Ruiz."))
    await ana.says("Hello!")
    await ana.hears("Hello, Ana.")
    await says(scene, olga, "Whom do we know called Ruiz?")
    assert await heard(scene, olga) == ["There is Ana Ruiz."]
    told = str(scene.model.requests[-1].messages[-1]["content"])
    assert "Ana Ruiz" in told
    assert ANA not in told, "an operator who does not manage customers sees the number masked"
    [conversation] = await scene.app.store.find(Conversation, {"lane": f"{NAME}:local:user:{olga.id}", "openness": "open"})
    assert (conversation.kind, conversation.user_id, conversation.customer_id) == (ConversationKind.ASSISTANT, olga.id, None)
    assert await scene.app.store.count(Customer, {}) == 1
    timeline = await scene.app.store.find(Message, {"conversation_id": conversation.id}, sort=("-timestamp",))
    assert {message.sender for message in timeline} == {MessageSender.USER, MessageSender.AI}


async def test_a_user_is_offered_only_what_their_role_permits_and_cannot_call_the_rest(scene: Scene) -> None:
    rep = await joined(scene, Role.SALES_REP)
    scene.model.will(Calls(Called("find_tickets"), Called("find_leads")), Said("No leads."))
    await says(scene, rep, "What is there?")
    offered = {tool["function"]["name"] for tool in scene.model.requests[0].tools}
    assert "find_leads" in offered
    assert "find_tickets" not in offered
    tickets, leads = [str(m["content"]) for m in scene.model.requests[-1].messages if m["role"] == "tool"]
    assert "has no permission" in tickets
    assert leads == "nothing was found"


async def test_no_word_of_a_user_opts_anybody_out(scene: Scene) -> None:
    olga = await joined(scene)
    scene.model.will(Said("Stop what?"))
    await says(scene, olga, "stop")
    assert await heard(scene, olga) == ["Stop what?"]
    assert await scene.app.store.count(Consent, {}) == 0


async def test_a_user_who_is_not_active_any_more_is_not_answered(scene: Scene) -> None:
    olga = await joined(scene)
    await scene.app.store.change(User, {"id": olga.id}, set={"is_active": False})
    await says(scene, olga, "Hello?")
    assert await heard(scene, olga) == []
    assert scene.model.requests == []
    assert await waiting(scene) == []


async def test_a_user_who_is_not_there_at_all_is_not_answered_and_nothing_hangs(scene: Scene) -> None:
    await scene.app.inbox.accept([typed("Hello?", user_address("nobody"), scene.clock)])
    await scene.settle()
    assert await waiting(scene) == []
    assert scene.model.requests == []


async def test_what_a_vendor_calls_somebody_never_makes_a_user_of_them(scene: Scene) -> None:
    olga = await joined(scene, Role.ADMIN)
    scene.model.will(Called("find_people", words="Ruiz"), Said("No."))
    address = Address("whatsapp", "106540352242922", user_address(olga.id))
    message = InboundMessage(new_id(), address, Text("Show me everybody"), scene.clock.now(), Sender(name="Olga Perez"))
    await scene.app.inbox.accept([message])
    await scene.settle()
    assert "there is no tool 'find_people'" in str(scene.model.requests[-1].messages[-1]["content"])
    assert {one.kind for one in await scene.app.store.find(Conversation, {}, limit=10)} == {ConversationKind.CUSTOMER}


async def test_a_switched_off_assistant_says_so_to_a_user_and_queues_nobody(scene: Scene) -> None:
    olga = await joined(scene)
    await set_setting(scene, "ai_response_enabled", False)
    await says(scene, olga, "Hello?")
    [said] = await heard(scene, olga)
    assert "switched off" in said or "apagado" in said
    assert await scene.app.store.count(Conversation, {"status": "waiting"}) == 0


async def test_an_assistant_that_cannot_finish_says_so_and_waits_for_nobody(scene: Scene) -> None:
    olga = await joined(scene)
    scene.model.will(*[Called("find_people", words=f"name{number}") for number in range(8)])
    await says(scene, olga, "Find everybody, please")
    assert await heard(scene, olga) == ["Sorry, that did not work. You can try again or talk to a person."]
    assert await scene.app.store.count(Conversation, {"status": "waiting"}) == 0


async def test_a_user_is_told_that_the_money_is_used_up_and_goes_on_the_next_day(scene: Scene) -> None:
    olga = await joined(scene)
    scene.model.name = "gpt-4o"
    scene.model.will(Said("Hello.", usage=Usage(0, 100_000)), Said("Hello again."))
    await says(scene, olga, "Whom do we know called Ruiz?")
    await says(scene, olga, "Whom do we know called Perez?")
    assert await heard(scene, olga) == ["Hello.", say("en", "limit_reached_for_user")]
    await scene.clock.advance(14 * 3600)
    await says(scene, olga, "Whom do we know called Perez?")
    assert (await heard(scene, olga))[-1] == "Hello again."
