"""What an operator is told who takes a conversation from the AI: an honest extract, or a model's words where that is set."""

from __future__ import annotations

import pytest

from bot.errors import ModelUnavailable
from bot.records.conversations import Conversation
from bot.records.handoffs import Handoff
from bot.services.conversations import SUMMARY_JOB
from bot.services.summary import Summaries
from bot.store.base import Change, Unit
from bot.testing.llm import Called, Said
from bot.testing.scene import Scene
from tests.scenarios.helpers import ANA, set_setting

pytestmark = pytest.mark.unit


class Writer:
    """A model that sums up, or is down."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.read = ""

    async def sum_up(self, transcript: str, language: str) -> tuple[str, str]:
        self.read = transcript
        if not self.text:
            raise ModelUnavailable("down")
        return self.text, "writer-1"


async def handed_over(scene: Scene) -> Handoff:
    ana = scene.person(ANA)
    scene.model.will(
        Called("create_ticket", subject="No internet", description="Since noon"),
        Said("I have opened a ticket."),
        Called("hand_to_person", reason="wants somebody to come"),
    )
    await ana.says("My internet is down since noon.")
    await ana.hears("opened a ticket")
    await ana.says("Send somebody, please.")
    await ana.hears("passing you to a person")
    await scene.settle()
    found = await scene.app.desk.summaries.of((await ana.conversation()).id)
    assert found is not None
    return found


async def test_the_extract_says_what_was_asked_tried_and_known_and_nothing_else(scene: Scene) -> None:
    handoff = await handed_over(scene)
    assert handoff.summary.splitlines() == [
        "Why: wants somebody to come",
        "They wrote: “My internet is down since noon.”",
        "They wrote: “Send somebody, please.”",
        "Tried: create_ticket",
        "Ticket TICKET-2026-000001: No internet (open)",
    ]
    assert handoff.summary_by == ""


async def test_the_extract_speaks_the_language_of_the_conversation(scene: Scene) -> None:
    handoff = await handed_over(scene)
    await scene.app.store.commit(Unit(Change(Conversation, {"id": handoff.conversation_id}, set={"language": "es"})))
    await scene.app.desk.summaries({"handoff": handoff.id})
    again = await scene.app.desk.summaries.of(handoff.conversation_id)
    assert again is not None
    assert again.summary.splitlines()[:2] == ["Motivo: wants somebody to come", "Escribió: «My internet is down since noon.»"]


@pytest.mark.parametrize(("text", "by"), [("Wants a technician.", "writer-1"), ("", "")])
async def test_a_model_writes_it_where_that_is_set_else_the_extract_stays(scene: Scene, text: str, by: str) -> None:
    handoff = await handed_over(scene)
    await set_setting(scene, "handoff_summary", "model")
    writer = Writer(text)
    summaries = Summaries(scene.app.store, scene.app.engine._parts.settings, scene.app.live, writer)
    await summaries({"handoff": handoff.id})
    found = await summaries.of(handoff.conversation_id)
    assert found is not None
    assert found.summary == (text or handoff.summary)
    assert found.summary_by == by
    assert "Person: Send somebody, please." in writer.read
    assert SUMMARY_JOB == "summarise"
