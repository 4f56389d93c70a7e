"""What serves without a model: articles, flows, options, a ticket from what was written, a person."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.conversation import Queue
from bot.dialogs.intents import Intents
from bot.dialogs.llm import ModelRequest, ModelStep, finish
from bot.dialogs.offline import Offline, OfflineModel
from bot.records.handoffs import Cause
from bot.resources import LANGUAGES, say
from bot.testing.scene import Scene, ScenePerson, open_scene
from bot.tools.base import Toolbox
from tests.scenarios.helpers import set_setting

pytestmark = pytest.mark.scenario

PROBLEM = {
    "es": "Hola, no tengo internet desde ayer.",
    "en": "Hello, my internet does not work since yesterday.",
    "hi": "मेरा इंटरनेट कल से नहीं चल रहा है।",
}
NOT_OURS = {
    "es": "Mi gato come rosas azules.",
    "en": "The moon eats blue roses.",
    "hi": "बिल्ली नीले गुलाब खाती है.",
}
ANA = "12025550123"


@pytest.fixture
async def offline(tmp_path: Path) -> AsyncIterator[Scene]:
    async with open_scene(tmp_path, with_model=False) as scene:
        await scene.app.knowledge.ensure()
        yield scene


@pytest.mark.parametrize("language", LANGUAGES)
async def test_what_nobody_can_answer_gets_an_honest_sentence_and_three_options(offline: Scene, language: str) -> None:
    ana = offline.person(ANA)
    await ana.says(NOT_OURS[language])
    reply = await ana.hears(say(language, "no_answer"), say(language, "simple_mode"))
    names = ("option_ticket", "option_callback", "option_person")
    assert [button.title for button in reply.buttons] == [say(language, name) for name in names]


@pytest.mark.parametrize("language", LANGUAGES)
async def test_simple_mode_is_said_once_a_day(offline: Scene, language: str) -> None:
    ana = offline.person(ANA)
    await set_setting(offline, "handoff_rules", {"unanswered_turns": 0})
    for _ in range(2):
        await ana.says(NOT_OURS[language])
        assert say(language, "simple_mode") in (await ana.hears()).text
        await ana.says(NOT_OURS[language])
        assert (await ana.hears()).text == say(language, "no_answer")
        await offline.clock.advance(24 * 3600)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_who_gets_no_answer_twice_in_a_row_gets_a_person(offline: Scene, language: str) -> None:
    ana = offline.person(ANA)
    await ana.says(NOT_OURS[language])
    await ana.hears(say(language, "no_answer"))
    await ana.says(NOT_OURS[language])
    await ana.hears(say(language, "connecting_unanswered"))
    found = await ana.conversation()
    assert found.assignee == Queue("support")
    assert found.handoff is not None
    assert found.handoff.cause is Cause.LOW_CONFIDENCE


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_question_is_answered_from_an_article_that_is_named(offline: Scene, language: str) -> None:
    ana = offline.person(ANA)
    await ana.says({"es": "¿A qué hora abren?", "en": "When are you open?", "hi": "दुकान कब खुलती है?"}[language])
    title = {"es": "Horarios", "en": "Opening hours", "hi": "समय"}[language]
    await ana.hears("10:00", title)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_ticket_is_opened_from_the_last_problem_and_only_once(offline: Scene, language: str) -> None:
    ana = offline.person(ANA)
    await ana.says(NOT_OURS[language])
    await ana.hears()
    await opens(ana, language, NOT_OURS[language])
    await ana.hears("TICKET-2026-000001")
    [ticket] = await ana.tickets()
    assert (ticket.description, ticket.subject) == (NOT_OURS[language], NOT_OURS[language].strip("."))
    await ana.taps(say(language, "option_ticket"))
    await ana.hears(say(language, "ask_description"))


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_own_tickets_are_listed_in_words(offline: Scene, language: str) -> None:
    ana = offline.person(ANA)
    await ana.says(say(language, "option_my_tickets"))
    await ana.hears(say(language, "no_tickets"))
    await ana.taps(say(language, "option_ticket"))
    await ana.hears(say(language, "ask_description"))
    await ana.says(PROBLEM[language])
    await ana.hears(say(language, "ask_category"))
    await ana.taps(say(language, "option_skip"))
    await ana.hears()
    await ana.taps(say(language, "yes"))
    await ana.hears()
    await ana.says(say(language, "option_my_tickets"))
    await ana.hears("TICKET-2026-000001: " + PROBLEM[language].strip(".।"), f"({say(language, 'status_open')})")


@pytest.mark.parametrize("language", LANGUAGES)
async def test_asking_for_a_person_gives_one(offline: Scene, language: str) -> None:
    ana = offline.person(ANA)
    await ana.says(PROBLEM[language])
    await ana.hears()
    await ana.taps(say(language, "option_person"))
    await ana.hears(say(language, "connecting"))
    assert (await ana.conversation()).assignee == Queue("support")


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("quiero hablar con una persona", True),
        ("No, quiero hablar con una persona", True),
        ("Mi internet no funciona, pásame con alguien por favor", True),
        ("No quiero hablar con un robot, quiero una persona", True),
        ("AGENTE", True),
        ("Un humano, por favor", True),
        ("human", True),
        ("I want to talk to a person", True),
        ("Can I speak to someone?", True),
        ("my router is dead\nI need a human\nquick", True),
        ("मुझे किसी व्यक्ति से बात करनी है", True),
        ("insaan se baat karni hai", True),
        ("I want to talk to a person not a robot", True),
        ("nahi insaan se baat karni hai", True),
        ("no quiero hablar con una persona", False),
        ("No necesito hablar con alguien", False),
        ("I don't want to talk to a person", False),
        ("I do not want to talk to a person", False),
        ("insaan se baat nahi karni", False),
        ("इंसान से बात नहीं करनी", False),
        ("La persona que vino no arregló nada", False),
        ("El agente no llegó", False),
        ("The agent told me to wait", False),
        ("personal", False),
    ],
)
async def test_asking_for_a_person_in_words_gives_one_unless_it_is_denied(offline: Scene, text: str, asks: bool) -> None:
    step = await steps_of(offline, text)
    assert ([call.name for call in step.calls] == ["hand_to_person"]) is asks


async def test_asking_for_a_person_is_no_problem_for_a_ticket(offline: Scene) -> None:
    before: list[dict[str, object]] = [
        {"role": "user", "content": "My line is down"},
        {"role": "user", "content": "I want to talk to a person"},
    ]
    step = await steps_of(offline, "human\nOpen a ticket", *before)
    assert [json.loads(call.arguments) for call in step.calls] == [{"name": "open_ticket", "about": "My line is down"}]


async def test_an_impatient_double_tap_counts_once(offline: Scene) -> None:
    ana = offline.person(ANA)
    await ana.says(PROBLEM["en"])
    await ana.hears()
    await ana.taps("Talk to a person")
    await ana.taps("Talk to a person")
    await ana.hears("passing you")
    await ana.hears_nothing()


async def opens(ana: ScenePerson, language: str, problem: str) -> None:
    """A ticket about what was said before, of no category."""
    await ana.taps(say(language, "option_ticket"))
    await ana.hears(say(language, "ask_category"))
    await ana.taps(say(language, "option_skip"))
    await ana.hears(problem[:100].strip(" ."))
    await ana.taps(say(language, "yes"))


async def test_a_problem_and_the_tap_in_one_burst_are_understood(offline: Scene) -> None:
    ana = offline.person(ANA)
    await ana.says("hello")
    await ana.hears()
    await ana.says("my line is down", "and the router is hot", "Open a ticket")
    await ana.hears("What is it about?")
    await ana.says("1")
    await ana.hears("my line is down; and the router is hot", "Technical problem")
    await ana.says("yes")
    await ana.hears("TICKET-2026-000001")
    assert [ticket.description for ticket in await ana.tickets()] == ["my line is down\nand the router is hot"]


@pytest.mark.parametrize("words", [1000, 1800])
async def test_a_long_problem_becomes_a_short_subject_and_as_much_as_a_ticket_holds(offline: Scene, words: int) -> None:
    ana = offline.person(ANA)
    await ana.says("blup " * words)
    await ana.hears()
    await opens(ana, "es", "blup blup")
    await ana.hears("TICKET")
    [ticket] = await ana.tickets()
    assert len(ticket.subject) <= 120
    assert len(ticket.description) == min(words * 5 - 1, 7999)


async def steps_of(offline: Scene, content: str, *before: dict[str, object]) -> ModelStep:
    messages: list[dict[str, Any]] = [{"role": "system", "content": "p"}, *before, {"role": "user", "content": content}]
    tools = [tool.schema for name in ("start_flow", "hand_to_person", "offer_choices") if (tool := Toolbox.discover().get(name))]
    return await finish(model(offline), ModelRequest(messages, tools))


def model(offline: Scene) -> OfflineModel:
    return Offline(Intents(offline.app.knowledge), offline.app.knowledge)("en")


async def test_it_is_a_model_like_any_other(offline: Scene) -> None:
    step = await steps_of(offline, "Talk to a person!")
    assert [call.name for call in step.calls] == ["hand_to_person"]
    assert step.model == "offline"
    await model(offline).close()


async def test_a_failed_tool_is_owned_up_to(offline: Scene) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "create_ticket", "arguments": "{}"}}
    messages: list[dict[str, Any]] = [
        {"role": "user", "content": "Open a ticket"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": "error: it broke"},
    ]
    step = await finish(model(offline), ModelRequest(messages))
    assert step.text == say("en", "sorry_failed")
