"""The checks that come before the agent, in their order (DESIGN 2)."""

from __future__ import annotations

import pytest

from bot.conversation import AgentRef, ConversationStatus, OperatorRef, Queue
from bot.message import Choice, ReceiptStatus
from bot.records.audit import AuditAction, AuditEntry
from bot.records.conversations import Conversation, Message, MessageStatus
from bot.records.people import ConsentState, Customer, CustomerStatus
from bot.records.work import Author, DeliveryState
from bot.resources import say
from bot.store.base import Change, Unit
from bot.testing.llm import Called, Said
from bot.testing.scene import Scene
from tests.scenarios.helpers import (
    ANA,
    assign,
    consents,
    deliveries,
    hand_back,
    operator_says,
    put_in_outbox,
    set_setting,
    take_over,
)

pytestmark = pytest.mark.scenario


async def test_a_receipt_is_applied_and_nothing_is_said(scene: Scene) -> None:
    ana = scene.person(ANA)
    scene.model.will(Said("Hello."))
    await ana.says("Hi.")
    await ana.hears("Hello")
    await ana.gets(ReceiptStatus.DELIVERED)
    await ana.hears_nothing()
    assert (await ana.timeline())[-1].status is MessageStatus.DELIVERED
    assert (await ana.conversation()).message_count == 2


@pytest.mark.parametrize(
    ("before", "word", "language"),
    [
        ("Hola, quiero saber de mi factura.", "¡BAJA!", "es"),
        ("Hola, quiero saber de mi factura.", "no me escriban más.", "es"),
        ("Hola, quiero saber de mi factura.", "  Cancelar  Suscripcion ", "es"),
        ("What is the state of my order?", "S.T.O.P.", "en"),
        ("What is the state of my order?", "Don’t contact me!", "en"),
        ("What is the state of my order?", "Unsubscribe 🙏", "en"),
        ("मेरा इंटरनेट नहीं चल रहा", "बंद करो।", "hi"),
        ("मेरा इंटरनेट नहीं चल रहा", "मैसेज मत भेजो!!", "hi"),
        ("मेरा इंटरनेट नहीं चल रहा", "ＳＴＯＰ", "hi"),
    ],
)
async def test_a_word_for_stopping_is_recorded_with_its_proof_and_answered_by_one_fixed_sentence(
    scene: Scene, before: str, word: str, language: str
) -> None:
    ana = scene.person(ANA)
    scene.model.will(Said("I see."))
    await ana.says(before)
    await ana.hears("I see")
    await ana.says(word)
    reply = await ana.hears()
    await ana.hears_nothing()
    assert reply.text == say(language, "opted_out")
    [consent] = await consents(scene, ana)
    assert (consent.state, consent.proof, consent.source) == (ConsentState.WITHDRAWN, word, "whatsapp")


async def test_a_tapped_stop_counts_as_a_written_one(scene: Scene) -> None:
    ana = scene.person(ANA)
    await ana.sends(Choice("stop-promotions", "Stop", "quick_reply"))
    await ana.hears()
    assert [consent.state for consent in await consents(scene, ana)] == [ConsentState.WITHDRAWN]


@pytest.mark.parametrize(
    "text", ["please stop sending me the wrong bill", "alto ahí, no entiendo", "stop at the shop?", "¿?", ""]
)
async def test_a_word_for_stopping_inside_a_sentence_is_no_wish_to_stop(scene: Scene, text: str) -> None:
    ana = scene.person(ANA)
    scene.model.will(Said("I understand."))
    await ana.says(text)
    await ana.hears("I understand")
    assert await consents(scene, ana) == []


async def test_after_stop_what_was_waiting_to_be_said_is_refused_and_a_later_question_is_answered(scene: Scene) -> None:
    ana = scene.person(ANA)
    scene.model.will(Said("Hello."), Said("It opens at nine."))
    await ana.says("Hi.")
    await ana.hears("Hello")
    [older] = await put_in_outbox(scene, ana, "And another thing: ...", author=Author.AI)
    await scene.passes(1)
    await ana.says("STOP")
    await ana.hears("will not message you")
    await ana.hears_nothing()
    refused = next(delivery for delivery in await deliveries(scene, ana) if delivery.id == older)
    assert (refused.state, refused.error_code) == (DeliveryState.REFUSED, "opted_out")
    await ana.says("When do you open?")
    await ana.hears("at nine")


async def test_somebody_who_comes_back_is_greeted_and_heard_again(scene: Scene) -> None:
    ana = scene.person(ANA)
    await ana.says("stop")
    await ana.hears()
    await ana.says("ALTA")
    assert (await ana.hears()).text == say("es", "resumed")
    assert [consent.state for consent in await consents(scene, ana)] == [ConsentState.WITHDRAWN, ConsentState.GIVEN]
    consent = await scene.app.policy.consent((await ana.customer()).id)
    assert consent is not None
    assert consent.state is ConsentState.GIVEN


async def test_stop_is_obeyed_also_while_an_operator_holds_the_conversation(scene: Scene) -> None:
    ana = scene.person(ANA)
    scene.model.will(Said("Hello."))
    await ana.says("Hi.")
    await ana.hears("Hello")
    await take_over(scene, ana)
    await ana.says("STOP")
    await ana.hears("will not message you")
    assert (await ana.conversation()).assignee == OperatorRef("op-1")


@pytest.mark.parametrize("how", [{"is_blocked": True}, {"status": CustomerStatus.BLOCKED}])
@pytest.mark.parametrize("text", ["Are you there?", "STOP"])
async def test_a_blocked_person_is_recorded_and_gets_no_answer(scene: Scene, how: dict[str, object], text: str) -> None:
    ana = scene.person(ANA)
    scene.model.will(Said("Hello."))
    await ana.says("Hi.")
    await ana.hears("Hello")
    await scene.app.store.change(Customer, {"id": (await ana.customer()).id}, set=how)
    await ana.says(text)
    await ana.hears_nothing()
    assert text in [message.content for message in await ana.timeline()]
    assert len(scene.model.requests) == 1


async def test_an_operators_reply_reaches_even_a_blocked_person(scene: Scene) -> None:
    ana = scene.person(ANA)
    scene.model.will(Said("Hello."))
    await ana.says("Hi.")
    await ana.hears("Hello")
    await scene.app.store.change(Customer, {"id": (await ana.customer()).id}, set={"is_blocked": True})
    await take_over(scene, ana)
    await operator_says(scene, ana, "You were blocked for spam.")
    await ana.hears("blocked for spam")


async def test_while_an_operator_holds_it_the_ai_is_silent_and_afterwards_it_knows_what_was_said(scene: Scene) -> None:
    ana = scene.person(ANA)
    scene.model.will(Said("Hello."), Said("At your service again."))
    await ana.says("Hi.")
    await ana.hears("Hello")
    await take_over(scene, ana)
    await ana.says("Is anybody there?")
    await ana.hears_nothing()
    assert len(scene.model.requests) == 1
    await operator_says(scene, ana, "Yes, this is Eva.")
    await ana.hears("this is Eva")
    await hand_back(scene, ana)
    await ana.says("Thanks!")
    await ana.hears("At your service")
    shown = [message["content"] for message in scene.model.requests[-1].messages[1:]]
    assert shown == ["Hi.", "Hello.", "Is anybody there?", "(A colleague of the team wrote:) Yes, this is Eva.", "Thanks!"]


async def test_in_the_queue_messages_are_recorded_and_the_ai_is_silent(scene: Scene) -> None:
    ana = scene.person(ANA)
    scene.model.will(Called("hand_to_person", reason="wants a person", skill="Billing"))
    await ana.says("A person, please.")
    await ana.hears("passing you")
    await ana.says("Hello?", "Hello??")
    await ana.hears_nothing()
    conversation = await ana.conversation()
    assert conversation.assignee == Queue("billing")
    assert conversation.unread_count == 3


async def test_a_skill_that_nobody_has_leads_to_the_general_queue_and_is_told_with_the_reason(scene: Scene) -> None:
    ana = scene.person(ANA)
    scene.model.will(Called("hand_to_person", reason="a tap drips", skill="Plumbing\nnow"))
    await ana.says("A plumber, please.")
    await ana.hears("passing you")
    conversation = await ana.conversation()
    assert conversation.assignee == Queue("support")
    assert conversation.handoff is not None
    assert conversation.handoff.reason == "a tap drips (asked for: plumbing now)"


async def test_with_the_ai_switched_off_everybody_is_passed_to_a_person_without_a_model_call(scene: Scene) -> None:
    ana = scene.person(ANA)
    await set_setting(scene, "ai_response_enabled", False)
    await ana.says("What do you cost?")
    await ana.hears("passing you to a person")
    await ana.hears_nothing()
    conversation = await ana.conversation()
    assert conversation.assignee == Queue("support")
    assert (conversation.status, conversation.is_ai_enabled) == (ConversationStatus.WAITING, False)
    assert (await ana.timeline())[0].content == "What do you cost?"
    assert scene.model.requests == []


async def test_stop_is_obeyed_also_with_the_ai_switched_off(scene: Scene) -> None:
    ana = scene.person(ANA)
    await set_setting(scene, "ai_response_enabled", False)
    await ana.says("baja")
    await ana.hears("no le enviaremos")
    assert (await ana.conversation()).assignee == AgentRef("support")


async def resolve(scene: Scene, conversation: Conversation) -> None:
    await scene.app.store.change(Conversation, {"id": conversation.id}, set={"status": ConversationStatus.RESOLVED})


async def test_a_resolved_conversation_is_reopened_by_the_next_message(scene: Scene) -> None:
    ana = scene.person(ANA)
    scene.model.will(Said("Hello."), Said("Here I am."))
    await ana.says("Hi.")
    await ana.hears("Hello")
    first = await ana.conversation()
    await resolve(scene, first)
    await ana.says("One more thing.")
    await ana.hears("Here I am")
    again = await ana.conversation()
    assert (again.id, again.status, again.assignee) == (first.id, ConversationStatus.OPEN, AgentRef("support"))
    entries = await scene.app.store.find(AuditEntry, {"entity_type": "conversation", "entity_id": first.id})
    assert [entry.action for entry in entries if entry.action is AuditAction.REOPENED] == [AuditAction.REOPENED]


async def test_a_resolved_conversation_of_an_operator_goes_on_with_that_operator(scene: Scene) -> None:
    ana = scene.person(ANA)
    scene.model.will(Said("Hello."))
    await ana.says("Hi.")
    await ana.hears("Hello")
    await take_over(scene, ana)
    await resolve(scene, await ana.conversation())
    await ana.says("One more thing.")
    await ana.hears_nothing()
    again = await ana.conversation()
    assert (again.status, again.assignee) == (ConversationStatus.ASSIGNED, OperatorRef("op-1"))


async def test_a_resolved_conversation_goes_to_the_queue_when_the_ai_is_switched_off(scene: Scene) -> None:
    ana = scene.person(ANA)
    scene.model.will(Said("Hello."))
    await ana.says("Hi.")
    await ana.hears("Hello")
    await resolve(scene, await ana.conversation())
    await set_setting(scene, "ai_response_enabled", False)
    await ana.says("One more thing.")
    await ana.hears("passing you")
    again = await ana.conversation()
    assert (again.status, again.assignee, again.is_ai_enabled) == (ConversationStatus.WAITING, Queue("support"), False)


async def test_after_a_closed_conversation_the_next_message_begins_a_new_one(scene: Scene) -> None:
    ana = scene.person(ANA)
    scene.model.will(Said("Hello."), Said("Hello again."))
    await ana.says("Hi.")
    await ana.hears("Hello")
    first = await ana.conversation()
    await scene.app.store.change(Conversation, {"id": first.id}, set={"status": ConversationStatus.CLOSED, "openness": first.id})
    await ana.says("Good morning.")
    await ana.hears("again")
    second = await ana.conversation()
    assert second.id != first.id
    assert second.message_count == 2
    assert (await ana.customer()).statistics.total_conversations == 2
    assert len(await scene.app.store.find(Message, {"conversation_id": first.id})) == 2


async def test_an_operator_who_is_faster_than_the_switched_off_ai_keeps_the_conversation(scene: Scene) -> None:
    ana = scene.person(ANA)
    scene.model.will(Said("Hello."))
    await ana.says("Hi.")
    await ana.hears("Hello")
    await set_setting(scene, "ai_response_enabled", False)
    commit = scene.app.store.commit

    async def commit_after_the_operator(unit: Unit) -> None:
        if any(isinstance(step, Change) and step.set.get("assignee_kind") == "queue" for step in unit.operations):
            scene.app.store.commit = commit  # type: ignore[method-assign]
            await take_over(scene, ana)
        await commit(unit)

    scene.app.store.commit = commit_after_the_operator  # type: ignore[method-assign]
    await ana.says("Still there?")
    await ana.hears_nothing()
    assert (await ana.conversation()).assignee == OperatorRef("op-1")
    assert [message.content for message in await ana.timeline()][-1] == "Still there?"


async def test_an_assignment_by_somebody_who_read_too_early_is_void(scene: Scene) -> None:
    ana = scene.person(ANA)
    scene.model.will(Said("Hello."))
    await ana.says("Hi.")
    await ana.hears("Hello")
    await take_over(scene, ana)
    await assign(scene, ana, Queue("sales"))
    conversation = await ana.conversation()
    assert (conversation.epoch, conversation.assignee, conversation.assigned_agent) == (2, Queue("sales"), None)
