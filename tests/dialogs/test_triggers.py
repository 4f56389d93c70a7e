"""What hands a conversation to a person before any model is asked."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bot.conversation import AgentRef, Queue
from bot.dialogs.triggers import trigger_of, unanswered_turns
from bot.message import Address, InboundMessage, Text
from bot.records.conversations import Conversation, HandoffNote
from bot.records.handoffs import Cause
from bot.testing.clock import ManualClock
from bot.testing.llm import Called, Said
from bot.testing.scene import Scene
from tests.scenarios.helpers import ANA, set_setting

pytestmark = pytest.mark.unit

NOW = ManualClock().now()
ADDRESS = Address("whatsapp", "1", "12025550123")
RULES = [
    {"name": "leaves us", "words": ["cancel my contract", "cancelar mi contrato"], "skill": "sales", "priority": "urgent"},
    {"name": "web only", "words": ["refund"], "channel": "web"},
]


def said(text: str) -> list[InboundMessage]:
    return [InboundMessage("m", ADDRESS, Text(text), NOW)]


def conversation(handoff: HandoffNote | None = None) -> Conversation:
    return Conversation(
        id="c", lane=ADDRESS.lane, our_address="1", their_address="2", customer_id="a", assignee_name="support", handoff=handoff
    )


def cause(text: str, rules: Any = None, *, asked: bool = False) -> Cause | None:
    found = trigger_of(rules or {}, said(text), conversation(), asked=asked)
    return found.cause if found else None


@pytest.mark.parametrize(
    "text",
    [
        "This is UNACCEPTABLE!!!",
        "hello. I'm furious about this",
        "¡Estoy harta de ustedes!",
        "Es una vergüenza",
        "बहुत घटिया सेवा है आपकी",
        "ghatiya service hai",
    ],
)
def test_anger_is_known_in_every_language(text: str) -> None:
    assert cause(text) is Cause.SENTIMENT


@pytest.mark.parametrize(
    "text", ["I am not furious", "This is not unacceptable", "no estoy harto", "My joke is good", "My internet is terrible", ""]
)
def test_what_is_no_anger_at_us_is_left_to_the_ai(text: str) -> None:
    assert cause(text) is None


def test_anger_in_an_answer_to_a_question_of_ours_describes_something() -> None:
    assert cause("the technician said this is unacceptable", asked=True) is None


def test_a_rule_names_the_queue_and_the_priority() -> None:
    found = trigger_of({"words": RULES}, said("I want to CANCEL my contract."), conversation(), asked=True)
    assert found is not None
    assert (found.cause, found.reason, found.skill, found.priority) == (Cause.RULE, "leaves us", "sales", "urgent")
    assert cause("refund please", {"words": RULES}) is None
    assert cause("Quiero cancelar mi contrato", {"words": RULES}) is Cause.RULE


@pytest.mark.parametrize("rules", [None, "x", {"words": "x"}, {"words": [1, {"words": 3}, {"name": "a"}]}, {"anger": False}])
def test_rules_that_cannot_be_read_are_left_out(rules: Any) -> None:
    assert trigger_of(rules, said("hello"), conversation(), asked=False) is None


@pytest.mark.parametrize(("ago", "judged"), [(1, False), (-1, True)])
def test_what_was_written_before_it_was_given_back_is_settled(ago: int, judged: bool) -> None:
    back = HandoffNote(cause=Cause.HANDED_BACK, reason="", by="user:a", at=NOW + timedelta(seconds=ago))
    found = trigger_of({}, said("this is unacceptable"), conversation(back), asked=False)
    assert (found is not None) == judged


@pytest.mark.parametrize(("rules", "turns"), [(None, 2), ({"unanswered_turns": 3}, 3), ({"unanswered_turns": "x"}, 2)])
def test_after_how_many_turns_a_person_is_asked_is_data(rules: Any, turns: int) -> None:
    assert unanswered_turns(rules) == turns


async def test_a_changed_rule_counts_at_the_next_message(scene: Scene) -> None:
    ana = scene.person(ANA)
    scene.model.will(Said("Why?"))
    await ana.says("Please cancel my contract")
    await ana.hears("Why?")
    await set_setting(scene, "handoff_rules", {"words": RULES})
    await ana.says("Please cancel my contract")
    await ana.hears("passing you to a person")
    found = await ana.conversation()
    assert (found.assignee, found.priority, found.queue_rank) == (Queue("sales"), "urgent", 0)
    assert found.handoff is not None
    assert (found.handoff.cause, found.handoff.reason) == (Cause.RULE, "leaves us")


async def test_two_turns_in_which_nothing_could_be_done_bring_a_person(scene: Scene) -> None:
    ana = scene.person(ANA)
    for _ in range(2):
        scene.model.will(Called("close_my_ticket", number="TICKET-2026-999999", reason="done"), Said("I find no such ticket."))
    await ana.says("Close my ticket 999999")
    await ana.hears("no such ticket")
    assert (await ana.conversation()).missed == 1
    await ana.says("Do close it")
    await ana.hears("could not help you with this twice in a row")
    found = await ana.conversation()
    assert (found.assignee, found.missed) == (Queue("support"), 0)
    assert found.handoff is not None
    assert found.handoff.cause is Cause.REPEATED_FAILURE


async def test_a_turn_that_helps_begins_the_count_anew(scene: Scene) -> None:
    ana = scene.person(ANA)
    failing = Called("close_my_ticket", number="TICKET-2026-999999", reason="done")
    scene.model.will(failing, Said("No such ticket."), Said("Hello!"), failing, Said("No such ticket."))
    for text in ("Close it", "Hello", "Close it"):
        await ana.says(text)
        await ana.hears("")
    found = await ana.conversation()
    assert (found.assignee, found.missed) == (AgentRef("support"), 1)


@pytest.mark.parametrize(
    ("why", "wanted"),
    [("asked", Cause.ASKED), ("cannot_help", Cause.LOW_CONFIDENCE), ("upset", Cause.SENTIMENT), ("must_decide", Cause.POLICY)],
)
async def test_a_model_says_why_it_hands_over(scene: Scene, why: str, wanted: Cause) -> None:
    ana = scene.person(ANA)
    scene.model.will(Called("hand_to_person", reason="so", why=why))
    await ana.says("Hello")
    await ana.hears("passing you to a person")
    found = await ana.conversation()
    assert found.handoff is not None
    assert found.handoff.cause is wanted
