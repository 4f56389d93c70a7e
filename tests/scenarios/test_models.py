"""A conversation goes on whatever becomes of the models."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.dialogs.resilient import COOL_DOWN, FAILURES, Choice, ResilientModel
from bot.errors import ModelUnavailable
from bot.resources import say
from bot.testing.clock import ManualClock
from bot.testing.llm import Called, Raised, Said, ScriptedModel
from bot.testing.scene import open_scene

pytestmark = pytest.mark.scenario

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
            reply = await ana.hears(say("es", "offline_greeting"))
            assert (say("es", "simple_mode") in reply.text) is (turn == 0)  # once a day is enough
        assert len(only.requests) == FAILURES
        only.will(Said("Aquí estoy."))
        await scene.passes(COOL_DOWN)
        await ana.says("¿Hola?")
        await ana.hears("Aquí estoy.")
    only.assert_complete()
