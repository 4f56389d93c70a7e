"""Models cost money: over the bound of a conversation or of the day a person takes over, and nobody is left in silence."""

from __future__ import annotations

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bot.conversation import AgentRef, Queue
from bot.dialogs.llm import Usage
from bot.records.work import JournalKind
from bot.resources import LANGUAGES, say
from bot.services.spending import PER_CONVERSATION, PER_DAY, spent_on
from bot.testing.llm import Called, Said
from bot.testing.scene import Scene, ScenePerson, open_scene
from tests.scenarios.helpers import ANA, BO, HeldModel, hand_back, said, set_setting, take_over, until

pytestmark = pytest.mark.scenario

LIMIT = say("en", "limit_reached")


@pytest.fixture(autouse=True)
def a_model_that_costs_money(scene: Scene) -> None:
    scene.model.name = "gpt-4o"


def costing(dollars: float, text: str = "All right.") -> Said:
    """An answer of gpt-4o that costs so much."""
    return Said(text, usage=Usage(0, round(dollars * 100_000)))


async def asks(scene: Scene, person: ScenePerson, *steps: Said, hears: str = "All right") -> None:
    scene.model.will(*steps)
    await person.says("What is the state of my order?")
    await person.hears(hears)


async def is_passed_on(person: ScenePerson, whose: str) -> None:
    conversation = await person.conversation()
    assert conversation.assignee == Queue("support")
    assert conversation.handoff is not None
    assert conversation.handoff.reason == f"AI budget of the {whose} used up"


async def test_over_its_bound_a_conversation_goes_on_with_a_person_and_the_model_is_not_asked(scene: Scene) -> None:
    ana, bo = scene.person(ANA), scene.person(BO)
    await asks(scene, ana, costing(0.99))
    await asks(scene, ana, costing(0.5))  # begun within the bound, it is said to its end
    await asks(scene, ana, hears=LIMIT)
    await is_passed_on(ana, "conversation")
    await asks(scene, bo, costing(0.01))
    assert (await bo.conversation()).assignee == AgentRef("support")
    cost = (await ana.conversation()).cost
    assert (cost.micros, cost.day, cost.day_micros) == (1_490_000, "2026-01-15", 1_490_000)


async def test_over_the_days_bound_everybody_goes_on_with_a_person_and_the_log_says_it_once(scene: Scene) -> None:
    await set_setting(scene, PER_DAY, 1)
    ana, bo = scene.person(ANA), scene.person(BO)
    with capture_logs() as logs:
        await asks(scene, ana, costing(1))
        await asks(scene, ana, hears=LIMIT)
        await asks(scene, bo, hears=LIMIT)
    await is_passed_on(ana, "day")
    await is_passed_on(bo, "day")
    warnings = [line["event"] for line in logs if line["log_level"] != "info"]
    assert warnings == [
        "80 % of the day's AI budget is spent",
        "the day's AI budget is used up: people take over until midnight UTC",
    ]


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_person_is_told_so_in_their_language(scene: Scene, language: str) -> None:
    question = {"es": "¿Dónde está mi pedido?", "en": "What is the state of my order?", "hi": "मेरा ऑर्डर कहाँ है?"}[language]
    ana = scene.person(ANA)
    scene.model.will(costing(1))
    await ana.says(question)
    await ana.hears("All right")
    await ana.says(question)
    await ana.hears(say(language, "limit_reached"))
    await ana.hears_nothing()


async def test_handed_back_on_the_same_day_it_is_passed_on_again(scene: Scene) -> None:
    ana = scene.person(ANA)
    await asks(scene, ana, costing(1))
    await asks(scene, ana, hears=LIMIT)
    await hand_back(scene, ana)
    await asks(scene, ana, hears=LIMIT)
    await is_passed_on(ana, "conversation")


async def test_within_a_turn_the_model_is_not_asked_again_once_the_money_is_used_up(scene: Scene) -> None:
    await set_setting(scene, PER_CONVERSATION, 0.0001)
    ana = scene.person(ANA)
    scene.model.will(Called("create_ticket", subject="Line down", description="The line is down"))
    await ana.says("My line is down, open a ticket.")
    await ana.hears(LIMIT)
    await is_passed_on(ana, "conversation")
    assert len(await ana.tickets()) == 1
    [end] = await ana.journal(JournalKind.END)
    assert (end.body["steps"], end.body["trouble"]) == (1, True)
    assert end.body["micros"] == (await ana.conversation()).cost.day_micros > 100


async def test_a_turn_notices_that_others_have_used_up_the_days_money_meanwhile(tmp_path: Path) -> None:
    model = HeldModel("hard", costing(1), Called("list_my_tickets"))
    model.script.name = "gpt-4o"
    async with open_scene(tmp_path / "held", model=model) as scene:
        await set_setting(scene, PER_DAY, 1)
        ana, bo = scene.person(ANA), scene.person(BO)
        await ana.says("This is a hard question.")
        await scene.clock.advance(1)
        await model.asked.wait()
        await bo.says("What is the state of my order?")
        await scene.clock.advance(1)
        await until(lambda: said(scene) == ["All right."])
        model.go.set()
        await ana.hears(LIMIT)
        await is_passed_on(ana, "day")


async def test_what_was_asked_before_the_money_was_used_up_is_still_confirmed_and_done(scene: Scene) -> None:
    ana = scene.person(ANA)
    scene.model.will(Called("create_ticket", subject="Line down", description="The line is down"), costing(0.1))
    await ana.says("My line is down, open a ticket.")
    await ana.hears("All right")
    [ticket] = await ana.tickets()
    scene.model.will(Called("close_my_ticket", number=ticket.ticket_id, reason="It works again."))
    await ana.says("It works again, close my ticket please.")
    await ana.hears("Shall I close ticket")
    await set_setting(scene, PER_CONVERSATION, 0.05)
    await ana.taps("Yes")
    await ana.hears(say("en", "done"))
    assert (await ana.tickets())[0].status == "closed"
    assert (await ana.conversation()).assignee == AgentRef("support")
    await asks(scene, ana, hears=LIMIT)


async def test_a_no_to_a_question_needs_no_money(scene: Scene) -> None:
    ana = scene.person(ANA)
    scene.model.will(Called("create_ticket", subject="Line down", description="The line is down"), costing(0.1))
    await ana.says("My line is down, open a ticket.")
    await ana.hears("All right")
    [ticket] = await ana.tickets()
    scene.model.will(Called("close_my_ticket", number=ticket.ticket_id, reason="It works again."))
    await ana.says("It works again, close my ticket please.")
    await ana.hears("Shall I close ticket")
    await set_setting(scene, PER_CONVERSATION, 0.05)
    await ana.taps("No")
    await ana.hears(say("en", "confirm_declined"))
    assert (await ana.conversation()).assignee == AgentRef("support")


async def test_from_midnight_utc_on_the_model_is_asked_again(scene: Scene) -> None:
    ana = scene.person(ANA)
    await asks(scene, ana, costing(1))
    await asks(scene, ana, hears=LIMIT)
    await hand_back(scene, ana)
    await scene.clock.advance(14 * 3600)
    await asks(scene, ana, costing(0.25))
    cost = (await ana.conversation()).cost
    assert (cost.micros, cost.day, cost.day_micros) == (1_250_000, "2026-01-16", 250_000)


async def test_a_bound_that_is_changed_counts_without_a_restart(scene: Scene) -> None:
    ana = scene.person(ANA)
    await asks(scene, ana, costing(1))
    await set_setting(scene, PER_CONVERSATION, "2.50")
    await asks(scene, ana, costing(1))
    await set_setting(scene, PER_CONVERSATION, 0)
    await asks(scene, ana, costing(5))
    await set_setting(scene, PER_CONVERSATION, "a lot")
    await asks(scene, ana, hears=LIMIT)


async def test_what_has_no_price_meets_no_bound(scene: Scene) -> None:
    scene.model.name = "qwen3"
    ana = scene.person(ANA)
    for _ in range(3):
        await asks(scene, ana, costing(1))
    assert (await ana.conversation()).cost.micros == 0


async def test_what_a_turn_cost_that_somebody_took_over_is_counted_too(tmp_path: Path) -> None:
    model = HeldModel("hard", costing(0.5, "The AI's answer."))
    model.script.name = "gpt-4o"
    async with open_scene(tmp_path / "held", model=model) as scene:
        ana = scene.person(ANA)
        await ana.says("A hard question.")
        await scene.clock.advance(1)
        await model.asked.wait()
        await take_over(scene, ana)
        model.go.set()
        await ana.hears_nothing()
        cost = (await ana.conversation()).cost
        assert (cost.model_steps, cost.micros, cost.day_micros) == (1, 500_000, 500_000)
        await scene.app.spending.close()
        assert await spent_on(scene.app.store, cost.day) == 500_000
