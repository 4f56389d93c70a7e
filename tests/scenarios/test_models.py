"""A conversation goes on whatever becomes of the models."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.breakers import Tolerance
from bot.dialogs.resilient import Choice, ResilientModel
from bot.errors import ModelUnavailable
from bot.resources import LANGUAGES, say
from bot.testing.clock import ManualClock
from bot.testing.llm import Called, Raised, Said, ScriptedModel
from bot.testing.scene import open_scene

pytestmark = pytest.mark.scenario

FAILURES, COOL_DOWN = Tolerance().failures, Tolerance().cool_down
DOWN = Raised(ModelUnavailable("down", status=503))


async def test_a_second_model_takes_over_within_the_turn(tmp_path: Path) -> None:
    clock = ManualClock()
    first = ScriptedModel(Called("create_ticket", subject="No internet", description="Since today"), DOWN)
    second = ScriptedModel(Said("Your ticket is open."))
    model = ResilientModel([Choice("first", first), Choice("second", second)], clock)
    async with open_scene(tmp_path, model=model, clock=clock) as scene:
        ana = scene.person("+12025550123")
        await ana.says("No internet since today, please open a ticket")
        await ana.hears("Your ticket is open.")
        assert [ticket.subject for ticket in await ana.tickets()] == ["No internet"]
    assert second.requests[0].messages[-1]["role"] == "tool"


async def test_with_the_model_left_alone_simple_mode_answers_without_asking_it(tmp_path: Path) -> None:
    clock = ManualClock()
    only = ScriptedModel(*[DOWN] * FAILURES)
    async with open_scene(tmp_path, model=ResilientModel([Choice("only", only)], clock), clock=clock) as scene:
        ana = scene.person("+12025550123")
        for turn in range(FAILURES + 2):
            await ana.says("¿Hola?")
            reply = await ana.hears("¡Hola")
            assert (say("es", "simple_mode") in reply.text) is (turn == 0)  # once a day is enough
        assert len(only.requests) == FAILURES
        only.will(Said("Aquí estoy."))
        await scene.passes(COOL_DOWN)
        await ana.says("¿Hola?")
        await ana.hears("Aquí estoy.")
    only.assert_complete()


@pytest.mark.parametrize("language", LANGUAGES)
async def test_what_was_done_before_the_model_went_down_is_told(tmp_path: Path, language: str) -> None:
    hello = {"es": "Buenos días, ¿qué tal?", "en": "Good morning, how are you?", "hi": "नमस्ते, आप कैसे हैं?"}[language]
    remember = Called("remember", what="Prefers mornings")
    async with open_scene(tmp_path, model=(model := ScriptedModel(remember, DOWN, remember, DOWN))) as scene:
        ana = scene.person("+12025550123")
        await ana.says(hello)
        told = (await ana.hears()).text
        assert say(language, "done").casefold() in told.casefold()
        assert say(language, "simple_mode") in told
        await ana.hears()
        await ana.says(hello)
        assert say(language, "done").casefold() not in (await ana.hears()).text.casefold(), (
            "it was remembered already: nothing was done this time"
        )
    model.assert_complete()
