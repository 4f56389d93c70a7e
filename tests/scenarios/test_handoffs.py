"""Agents hand on to one another in the middle of a turn: one answer, one change of hands, and it always ends."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from bot.conversation import AgentRef, Assignee, Queue
from bot.dialogs.llm import ModelRequest
from bot.errors import ModelUnavailable
from bot.records.audit import AuditAction, AuditEntry
from bot.records.calls import Callback
from bot.records.work import JournalKind
from bot.resources import LANGUAGES, say
from bot.testing.clock import ManualClock
from bot.testing.llm import Called, Calls, Raised, Said
from bot.testing.scene import Scene, ScenePerson, open_scene
from tests.scenarios.helpers import ANA, put_agents, take_over, with_agents, with_sales

pytestmark = pytest.mark.scenario

TO_SALES = Called("hand_to_agent", agent="sales", reason="wants to buy ten lines")
TO_SUPPORT = Called("hand_to_agent", agent="support", reason="has a fault")
BOOK = Called("book_callback", requested_time="2026-01-16T17:00:00-06:00", timezone="America/Mexico_City")


class Died(BaseException):
    """The process is gone."""


@pytest.fixture
def shop(scene: Scene) -> Scene:
    """Support and sales, which hand on to each other."""
    with_sales(scene)
    return scene


def told(request: ModelRequest) -> list[str]:
    return [str(message["content"]) for message in request.messages if message["role"] == "tool"]


def offered(request: ModelRequest) -> set[str]:
    return {str(tool["function"]["name"]) for tool in request.tools}


async def held_by(person: ScenePerson) -> tuple[Assignee, int]:
    conversation = await person.conversation()
    return conversation.assignee, conversation.epoch


async def moves(scene: Scene, person: ScenePerson) -> list[tuple[str, str, str, str]]:
    """Changes of hands in the audit log: from, to, by whom, why."""
    where = {"entity_type": "conversation", "entity_id": (await person.conversation()).id}
    entries = await scene.app.store.find(AuditEntry, where, sort=("-timestamp",))
    assigned = [entry for entry in entries if entry.action is AuditAction.ASSIGNED][::-1]
    told = [(entry.details, entry.performed_by or "") for entry in assigned]
    return [(d["before"]["assignee"], d["after"]["assignee"], by, d["reason"]) for d, by in told]


async def test_the_other_agents_prompt_tools_name_and_model_take_over_at_once(shop: Scene) -> None:
    ana = shop.person(ANA)
    shop.model.will(TO_SALES, Said("Ten lines cost 90 a month."))
    await ana.says("I want to buy ten lines, please.")
    await ana.hears("Ten lines cost 90")
    await ana.hears_nothing()
    before, after = shop.model.requests
    assert "support assistant" in before.messages[0]["content"]
    assert after.messages[0]["content"] == "You are the seller of our company."
    assert [message["role"] for message in after.messages] == ["system", "user", "assistant", "tool"]
    assert (after.model, offered(after)) == ("sales-model", {"hand_to_agent", "hand_to_person", "create_ticket", "book_callback"})
    assert [step.body["agent"] for step in await ana.journal(JournalKind.MODEL)] == ["support", "sales"]
    assert [step.body["prompt"] for step in await ana.journal(JournalKind.MODEL)][1] == "sales-hash"


async def test_it_changes_hands_once_with_its_reason_and_the_next_turn_begins_with_the_new_agent(shop: Scene) -> None:
    ana = shop.person(ANA)
    shop.model.will(TO_SALES, Said("Ten lines cost 90 a month."), Said("Yes, with VAT."))
    await ana.says("I want to buy ten lines, please.")
    await ana.hears("Ten lines")
    assert await held_by(ana) == (AgentRef("sales"), 1)
    assert await moves(shop, ana) == [("agent:support", "agent:sales", "agent:support", "wants to buy ten lines")]
    handoff = (await ana.conversation()).handoff
    assert handoff is not None
    assert handoff.reason == "wants to buy ten lines"
    await ana.says("With VAT?")
    await ana.hears("with VAT")
    assert shop.model.requests[-1].messages[0]["content"].startswith("You are the seller")
    assert await held_by(ana) == (AgentRef("sales"), 1)


async def test_an_agent_that_had_it_in_this_turn_does_not_get_it_again_and_the_person_is_answered(shop: Scene) -> None:
    ana = shop.person(ANA)
    shop.model.will(TO_SALES, TO_SUPPORT, TO_SUPPORT, Said("I answer it myself."))
    await ana.says("I want to buy something, or not.")
    await ana.hears("I answer it myself")
    assert told(shop.model.requests[-1])[1] == (
        "error: it cannot be handed to 'support' now; answer yourself or hand to a person"
    )
    assert await held_by(ana) == (AgentRef("sales"), 1)


async def test_it_can_go_back_in_the_next_turn(shop: Scene) -> None:
    ana = shop.person(ANA)
    shop.model.will(TO_SALES, Said("Ten lines cost 90."), TO_SUPPORT, Said("Your line is checked."))
    await ana.says("I want to buy ten lines, please.")
    await ana.hears("Ten lines")
    await ana.says("And my line is broken.")
    await ana.hears("Your line is checked")
    assert await held_by(ana) == (AgentRef("support"), 2)


async def test_no_more_than_three_agents_have_a_hand_in_one_turn(scene: Scene) -> None:
    support = scene.app.engine._parts.agents["support"]
    names = ("support", "a", "b", "c", "d")
    tools = ("hand_to_agent", "hand_to_person")
    with_agents(scene, *(replace(support, name=n, tools=tools, handoffs=tuple(o for o in names if o != n)) for n in names))
    ana = scene.person(ANA)
    scene.model.will(*(Called("hand_to_agent", agent=n, reason="not mine") for n in "abcd"), Said("I answer."))
    await ana.says("Whose is this?")
    await ana.hears("I answer")
    assert [text.partition(" ")[0] for text in told(scene.model.requests[-1])] == ["a", "b", "error:", "error:"]
    assert await held_by(ana) == (AgentRef("b"), 1)


@pytest.mark.parametrize("name", ["nobody", "support", "Sales", "", "billing"])
async def test_to_nobody_to_oneself_and_to_a_stranger_it_is_not_handed(shop: Scene, name: str) -> None:
    support = shop.app.engine._parts.agents["support"]
    with_agents(shop, replace(support, name="billing", handoffs=()))  # it is there, but not among support's handoffs
    ana = shop.person(ANA)
    shop.model.will(Called("hand_to_agent", agent=name, reason="why not"), Said("I do it myself."))
    await ana.says("Something, please.")
    await ana.hears("I do it myself")
    [error] = told(shop.model.requests[-1])
    assert error == f"error: it cannot be handed to {name!r} now; there are sales"
    assert await held_by(ana) == (AgentRef("support"), 0)
    assert await moves(shop, ana) == []


async def test_without_a_reason_it_is_not_handed_on(shop: Scene) -> None:
    ana = shop.person(ANA)
    shop.model.will(Called("hand_to_agent", agent="sales"), Said("I do it myself."))
    await ana.says("Something, please.")
    await ana.hears("I do it myself")
    assert "reason" in told(shop.model.requests[-1])[0]


async def test_handed_on_and_then_to_a_person_it_goes_to_the_person_in_one_move(shop: Scene) -> None:
    ana = shop.person(ANA)
    shop.model.will(TO_SALES, Called("hand_to_person", reason="wants a discount", skill="sales"))
    await ana.says("I want to buy ten lines for half the price.")
    await ana.hears("passing you to a person")
    await ana.hears_nothing()
    assert await held_by(ana) == (Queue("sales"), 1)
    assert [(to, why) for _, to, _, why in await moves(shop, ana)] == [("queue:sales", "wants a discount")]


@pytest.mark.parametrize(
    "calls", [(TO_SALES, Called("hand_to_person", reason="r")), (Called("hand_to_person", reason="r"), TO_SALES)]
)
async def test_to_an_agent_and_to_a_person_in_one_step_is_to_the_person(shop: Scene, calls: tuple[Called, Called]) -> None:
    ana = shop.person(ANA)
    shop.model.will(Calls(*calls))
    await ana.says("A person from sales, please.")
    await ana.hears("passing you to a person")
    assert await held_by(ana) == (Queue("support"), 1)


async def test_handed_on_and_given_up_it_waits_in_the_queue_for_that_reason(shop: Scene) -> None:
    ana = shop.person(ANA)
    shop.model.will(TO_SALES, *(Called("create_ticket", subject=str(n), description="again") for n in range(7)))
    await ana.says("I want to buy ten lines, please.")
    await ana.hears("I cannot finish this on my own")
    assert await held_by(ana) == (Queue("support"), 1)
    assert [(to, why) for _, to, _, why in await moves(shop, ana)] == [("queue:support", "the AI could not finish")]


async def test_only_one_agent_answers_where_it_is_handed_on_twice_in_one_step(shop: Scene) -> None:
    ana = shop.person(ANA)
    shop.model.will(Calls(TO_SALES, TO_SALES), Said("I sell."))
    await ana.says("I want to buy ten lines, please.")
    await ana.hears("I sell")
    assert await held_by(ana) == (AgentRef("sales"), 1)


async def test_words_beside_the_handing_on_are_not_said(shop: Scene) -> None:
    ana = shop.person(ANA)
    shop.model.will(Calls(TO_SALES, said="One moment, I connect you to sales."), Said("I sell."))
    await ana.says("I want to buy ten lines, please.")
    await ana.hears("I sell")


async def test_what_the_new_agent_may_not_call_is_refused_from_then_on(shop: Scene) -> None:
    ana = shop.person(ANA)
    shop.model.will(TO_SALES, Called("change_my_record", first_name="Anna"), Said("That I cannot."))
    await ana.says("I want to buy ten lines, and my name is Anna.")
    await ana.hears("That I cannot")
    assert "there is no tool 'change_my_record'" in told(shop.model.requests[-1])[1]


async def test_a_question_of_the_one_who_handed_on_in_the_same_step_is_still_answered(shop: Scene) -> None:
    """The one who asked is gone; the yes counts."""
    with_agents(shop, replace(shop.app.engine._parts.agents["sales"], tools=("hand_to_person",)))
    ana = shop.person(ANA)
    shop.model.will(Calls(TO_SALES, BOOK))
    await ana.says("Please call me tomorrow at five. I want to buy ten lines.")
    await ana.hears("Shall we call you")
    assert await held_by(ana) == (AgentRef("sales"), 1)
    shop.model.will(Said("We call you."))
    await ana.says("yes")
    await ana.hears("We call you")
    assert await shop.app.store.count(Callback, {"customer_id": (await ana.customer()).id}) == 1


async def test_the_new_agent_asks_for_a_yes_and_runs_it_in_the_next_turn(shop: Scene) -> None:
    ana = shop.person(ANA)
    shop.model.will(TO_SALES, BOOK)
    await ana.says("Please call me tomorrow at five. I want to buy ten lines.")
    await ana.hears("Shall we call you")
    shop.model.will(Said("We call you."))
    await ana.taps("Yes")
    await ana.hears("We call you")
    [callback] = await shop.app.store.find(Callback, {"customer_id": (await ana.customer()).id})
    audited = await shop.app.store.find(AuditEntry, {"entity_type": "callback", "entity_id": callback.id}, sort=("-timestamp",))
    assert [entry.performed_by for entry in audited] == ["agent:sales"]


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_model_that_fails_after_the_handing_on_leaves_an_honest_sentence(shop: Scene, language: str) -> None:
    asks = {"es": "Hola, quiero comprar diez líneas.", "en": "Hello, I want to buy ten lines.", "hi": "मुझे दस लाइनें चाहिए।"}
    ana = shop.person(ANA)
    shop.model.will(TO_SALES, Raised(ModelUnavailable("down")))
    await ana.says(asks[language])
    reply = await ana.hears()
    assert reply.text.endswith(say(language, "simple_mode"))
    assert await held_by(ana) == (AgentRef("sales"), 1)


async def test_a_take_over_while_the_new_agent_thinks_wins(shop: Scene) -> None:
    ana = shop.person(ANA)
    shop.model.will(Said("Hello."))
    await ana.says("Hello.")
    await ana.hears("Hello")
    commit = shop.app.store.commit

    async def taken_over_first(unit: object) -> None:
        shop.app.store.commit = commit  # type: ignore[method-assign]
        await commit(unit)  # type: ignore[arg-type]
        await take_over(shop, ana)

    shop.app.store.commit = taken_over_first  # type: ignore[method-assign]
    shop.model.will(TO_SALES, Said("I sell."))
    await ana.says("I want to buy ten lines, please.")
    await ana.hears_nothing()
    assert (await ana.conversation()).assigned_agent == "op-1"
    assert [to for _, to, _, _ in await moves(shop, ana)] == ["operator:op-1"]


@pytest.mark.parametrize("with_write", [False, True])
async def test_run_again_after_a_crash_it_goes_to_the_same_agent(tmp_path: Path, with_write: bool) -> None:
    """With a write in between the handing on is on record; without one, nothing had happened and the model decides anew."""
    clock = ManualClock()
    first = (TO_SALES, Called("create_ticket", subject="Offer", description="Ten lines")) if with_write else (TO_SALES,)
    with suppress(Died):
        async with open_scene(tmp_path, clock=clock) as scene:
            with_sales(scene)
            scene.model.will(*first, Raised(Died()))
            await scene.person(ANA).says("I want to buy ten lines, please.")
            await scene.passes(1)
            raise Died
    async with open_scene(tmp_path, clock=ManualClock(clock.now())) as scene:
        with_sales(scene)
        ana = scene.person(ANA)
        scene.model.will(*(() if with_write else (TO_SALES,)), Said("I sell."))
        await ana.hears("I sell")
        assert scene.model.requests[-1].messages[0]["content"].startswith("You are the seller")
        assert await held_by(ana) == (AgentRef("sales"), 1)
        assert len(await ana.tickets()) == with_write


async def test_a_conversation_with_an_agent_whose_file_is_gone_is_answered_by_the_first_one(shop: Scene) -> None:
    ana = shop.person(ANA)
    shop.model.will(TO_SALES, Said("I sell."))
    await ana.says("I want to buy ten lines, please.")
    await ana.hears("I sell")
    agents = {name: agent for name, agent in shop.app.engine._parts.agents.items() if name != "sales"}
    put_agents(shop, agents)
    shop.model.will(Said("Support here."))
    await ana.says("Are you there?")
    await ana.hears("Support here")
