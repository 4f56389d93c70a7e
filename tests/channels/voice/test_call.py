"""Whole calls: the real engine and store, a scripted model, a line that plays when told."""

from __future__ import annotations

import pytest

from bot.channels.voice.rules import CallRules
from bot.errors import NotFound
from bot.records.calls import CallDirection
from bot.records.conversations import MessageSender
from bot.testing.llm import Said
from bot.testing.scene import Scene
from tests.channels.voice.calls import OURS, SID, THEIRS, on_the_phone

pytestmark = pytest.mark.scenario


async def test_whoever_calls_is_greeted_and_told_that_it_is_a_program(scene: Scene) -> None:
    async with on_the_phone(scene, rules=CallRules(is_recorded=True)) as phone:
        assert phone.line.said == [
            "Hello!",
            "You are talking to an automatic assistant, a program and not a person.",
            "This call is recorded.",
            "How can I help?",
        ]
        assert all(clause.fixed for clause in phone.line.clauses)
        first, second = await phone.messages()
        assert (first.sender, second.content) == (MessageSender.SYSTEM, "How can I help?")


async def test_whom_we_call_is_told_how_to_be_called_no_more(scene: Scene) -> None:
    rules = CallRules(company="Casa Sol")
    async with on_the_phone(scene, direction=CallDirection.OUTBOUND, language="es", rules=rules) as phone:
        assert phone.line.said[0] == "Hola, le habla Casa Sol."
        assert "pulse 9" in phone.line.said[-1]


async def test_an_answer_is_spoken_clause_by_clause_and_stands_on_the_timeline(scene: Scene) -> None:
    scene.model.will(Said("We are open until eight. On Sundays we open at ten, and we close at two."))
    async with on_the_phone(scene) as phone:
        said = await phone.answers("Until when are you open?")
        assert said == ["We are open until eight.", "On Sundays we open at ten, and we close at two."]
        assert await phone.timeline() == [
            ("customer", "Until when are you open?"),
            ("ai", "We are open until eight. On Sundays we open at ten, and we close at two."),
        ]


async def test_what_waits_on_the_timeline_is_said_when_the_line_opens(scene: Scene) -> None:
    begun = await scene.app.phone_calls.begin(
        SID, ours=OURS, theirs=THEIRS, direction=CallDirection.INBOUND, agent="support", language="en"
    )
    await scene.app.phone_calls.said(begun.conversation.id, "Hello from the webhook.", id="m1")
    async with on_the_phone(scene) as phone:
        assert phone.line.said == ["Hello from the webhook."]
        [message] = await phone.messages()
        assert message.start_time == 0


async def test_what_is_said_in_fixed_words_is_on_the_timeline_once(scene: Scene) -> None:
    async with on_the_phone(scene) as phone:
        for _ in range(2):
            await scene.app.phone_calls.said(phone.begun.conversation.id, "One moment.", id="m1")
        assert [message.content for message in (await phone.messages())[2:]] == ["One moment."]
    with pytest.raises(NotFound):
        await scene.app.phone_calls.said("nowhere", "One moment.", id="m2")
