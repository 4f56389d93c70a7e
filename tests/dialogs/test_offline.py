"""What serves without a model: options, a ticket from what was written, the list, a person."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.conversation import Queue
from bot.dialogs.llm import ModelRequest, ModelStep
from bot.dialogs.offline import OfflineModel
from bot.resources import LANGUAGES, say
from bot.testing.scene import Scene, open_scene

pytestmark = pytest.mark.scenario

PROBLEM = {
    "es": "Hola, no tengo internet desde ayer.",
    "en": "Hello, my internet does not work since yesterday.",
    "hi": "मेरा इंटरनेट कल से नहीं चल रहा है।",
}
ANA = "12025550123"


@pytest.fixture
async def offline(tmp_path: Path) -> AsyncIterator[Scene]:
    async with open_scene(tmp_path, with_model=False) as scene:
        yield scene


@pytest.mark.parametrize("language", LANGUAGES)
async def test_an_open_question_gets_an_honest_sentence_and_three_options(offline: Scene, language: str) -> None:
    ana = offline.person(ANA)
    await ana.says(PROBLEM[language])
    reply = await ana.hears(say(language, "simple_mode"))
    names = ("option_ticket", "option_my_tickets", "option_person")
    assert [button.title for button in reply.buttons] == [say(language, name) for name in names]


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_ticket_is_opened_from_the_last_problem_and_only_once(offline: Scene, language: str) -> None:
    ana = offline.person(ANA)
    await ana.says(PROBLEM[language])
    await ana.hears()
    await ana.taps(say(language, "option_ticket"))
    await ana.hears(say(language, "ticket_opened", ticket_id="TICKET-2026-000001"))
    [ticket] = await ana.tickets()
    assert (ticket.description, ticket.subject) == (PROBLEM[language], PROBLEM[language])
    await ana.taps(say(language, "option_ticket"))
    await ana.hears(say(language, "describe_problem"))
    assert len(await ana.tickets()) == 1
    await ana.says("The router is hot.")
    await ana.hears()
    await ana.says("Open a ticket")
    await ana.hears("TICKET-2026-000002")
    assert [ticket.description for ticket in await ana.tickets()] == [PROBLEM[language], "The router is hot."]


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_ticket_without_a_problem_asks_for_one(offline: Scene, language: str) -> None:
    ana = offline.person(ANA)
    await ana.says(say(language, "option_ticket"))
    await ana.hears()
    assert await ana.tickets() == []


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_own_tickets_are_listed_in_words(offline: Scene, language: str) -> None:
    ana = offline.person(ANA)
    await ana.says(PROBLEM[language])
    await ana.hears()
    await ana.taps(say(language, "option_my_tickets"))
    await ana.hears(say(language, "no_tickets"))
    await ana.taps(say(language, "option_ticket"))
    await ana.hears()
    await ana.taps(say(language, "option_my_tickets"))
    await ana.hears("TICKET-2026-000001: " + PROBLEM[language], f"({say(language, 'status_open')})")


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
async def test_asking_for_a_person_in_words_gives_one_unless_it_is_denied(text: str, asks: bool) -> None:
    step = await steps_of(text)
    assert [call.name for call in step.calls] == ["hand_to_person" if asks else "offer_choices"]


async def test_asking_for_a_person_is_no_problem_for_a_ticket() -> None:
    before: list[dict[str, object]] = [
        {"role": "user", "content": "My line is down"},
        {"role": "user", "content": "I want to talk to a person"},
    ]
    step = await steps_of("human\nOpen a ticket", *before)
    assert [json.loads(call.arguments)["subject"] for call in step.calls] == ["My line is down"]


async def test_an_impatient_double_tap_counts_once(offline: Scene) -> None:
    ana = offline.person(ANA)
    await ana.says(PROBLEM["en"])
    await ana.hears()
    await ana.taps("Talk to a person")
    await ana.taps("Talk to a person")
    await ana.hears("passing you")
    await ana.hears_nothing()


async def test_a_problem_and_the_tap_in_one_burst_are_understood(offline: Scene) -> None:
    ana = offline.person(ANA)
    await ana.says("hello")
    await ana.hears()
    await ana.says("my line is down", "and the router is hot", "Open a ticket")
    await ana.hears("TICKET-2026-000001")
    assert [ticket.description for ticket in await ana.tickets()] == ["my line is down\nand the router is hot"]


async def test_a_long_problem_becomes_a_short_subject_and_a_whole_description(offline: Scene) -> None:
    ana = offline.person(ANA)
    problem = "word " * 1000
    await ana.says(problem)
    await ana.hears()
    await ana.says("Open a ticket.")
    await ana.hears("TICKET")
    [ticket] = await ana.tickets()
    assert len(ticket.subject) <= 120
    assert ticket.description == problem.strip()


async def test_a_problem_too_long_for_a_ticket_is_cut(offline: Scene) -> None:
    ana = offline.person(ANA)
    await ana.says("word " * 1800)
    await ana.hears()
    await ana.says("Open a ticket.")
    await ana.hears("TICKET")
    assert [len(ticket.description) for ticket in await ana.tickets()] == [7999]


async def steps_of(content: str, *before: dict[str, object]) -> ModelStep:
    request = ModelRequest([{"role": "system", "content": "p"}, *before, {"role": "user", "content": content}])
    items = [item async for item in OfflineModel("en").stream(request)]
    assert isinstance(items[-1], ModelStep)
    return items[-1]


async def test_it_is_a_model_like_any_other() -> None:
    step = await steps_of("Talk to a person!")
    assert [call.name for call in step.calls] == ["hand_to_person"]
    assert step.model == "offline"
    await OfflineModel("en").close()


async def test_a_failed_tool_is_owned_up_to() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "create_ticket", "arguments": "{}"}}
    messages: list[dict[str, Any]] = [
        {"role": "user", "content": "Open a ticket"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": "error: it broke"},
    ]
    items = [item async for item in OfflineModel("en").stream(ModelRequest(messages))]
    assert items[0] == say("en", "sorry_failed")
