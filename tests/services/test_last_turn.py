"""The way of the last message, as it is read afterwards: who answered, what was called, who holds it, what was delivered."""

from __future__ import annotations

import pytest

from bot.conversation import AssigneeKind
from bot.records.conversations import MessageStatus
from bot.services.last_turn import How, LastTurn, last_turn
from bot.testing.llm import Called, Said
from bot.testing.scene import Scene, ScenePerson

pytestmark = pytest.mark.scenario


async def way(scene: Scene, person: ScenePerson) -> LastTurn:
    found = await last_turn(scene.app.store, await person.conversation())
    assert found is not None
    return found


async def test_what_the_model_called_and_said_is_told(scene: Scene) -> None:
    ana = scene.person("12025550123")
    scene.model.will(Called("create_ticket", subject="No internet", description="Nothing works"), Said("Done."))
    await ana.says("My internet is down")
    await scene.settle()
    found = await way(scene, ana)
    assert (found.how, found.tools, found.replies, found.attempts) == (How.MODEL, ("create_ticket",), 1, 1)
    assert (found.handed_off, found.holder, found.status) == (False, AssigneeKind.AGENT, MessageStatus.SENT)


async def test_a_handoff_is_told_once_and_then_the_silence(scene: Scene) -> None:
    ana = scene.person("12025550123")
    scene.model.will(Called("hand_to_person", reason="asked for one"))
    await ana.says("I want to talk to a human")
    await scene.settle()
    first = await way(scene, ana)
    assert (first.handed_off, first.holder, first.epoch) == (True, AssigneeKind.QUEUE, 1)
    await scene.passes(60)
    await ana.says("Hello?")
    await scene.settle()
    second = await way(scene, ana)
    assert (second.how, second.handed_off, second.replies, second.status) == (How.HELD, False, 0, None)


async def test_a_word_for_stopping_is_a_rule(scene: Scene) -> None:
    ana = scene.person("12025550123")
    await ana.says("stop")
    await scene.settle()
    found = await way(scene, ana)
    assert (found.how, found.seconds, found.replies) == (How.RULE, None, 1)
