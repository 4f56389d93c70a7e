"""A turn that is spoken while it is written, as on a telephone call."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from bot.clock import new_id
from bot.conversation import Heard, Queue, Turn
from bot.message import Address, InboundMessage, Sender, Text
from bot.records.conversations import Conversation, Message, MessageStatus
from bot.records.work import Delivery
from bot.testing.llm import Called, Calls, Said
from bot.testing.scene import Scene

pytestmark = pytest.mark.scenario

ADDRESS = Address("voice", "+12025550100", "CA00000000000000000000000000000001")


class Listener:
    """Notes what it is told to speak."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.ended = 0
        self.said: list[str] = []
        self.begun = asyncio.Event()

    def say(self, words: str) -> None:
        self.words.append(words)
        self.begun.set()

    def end(self) -> None:
        self.ended += 1

    def written(self, messages: Sequence[Message]) -> None:
        self.said.extend(message.content for message in messages)


def turn(scene: Scene, words: str) -> Turn:
    sender = Sender(phone="12025550123")
    message = InboundMessage(new_id(), ADDRESS, Text(words, start=1.0, end=2.0), scene.clock.now(), sender)
    return Turn(ADDRESS, (Heard(message.id, new_id(), message),))


async def timeline(scene: Scene) -> list[Message]:
    [conversation] = await scene.app.store.find(Conversation, {"lane": ADDRESS.lane, "openness": "open"})
    return await scene.app.store.find(Message, {"conversation_id": conversation.id}, sort=("timestamp",))


async def test_the_words_are_spoken_as_they_come_and_nothing_is_left_to_be_delivered(scene: Scene) -> None:
    scene.model.will(Said("We are open until eight. Come by!"))
    claim, listener = await scene.app.lanes.turns.take(ADDRESS.lane), Listener()
    assert await scene.app.engine.turn(claim, turn(scene, "Until when are you open?"), listener) == 1
    assert "".join(listener.words) == "We are open until eight. Come by!"
    assert len(listener.words) > 1
    assert listener.ended == 1
    assert listener.said == ["We are open until eight. Come by!"]
    assert [message.status for message in await timeline(scene)] == [MessageStatus.DELIVERED, MessageStatus.SENT]
    assert await scene.app.store.find(Delivery, {"lane": ADDRESS.lane, "openness": "open"}) == []


async def test_words_beside_a_call_are_spoken_and_stay(scene: Scene) -> None:
    scene.model.will(Calls(Called("hand_to_person", reason="asked for one"), said="Of course, one moment."))
    claim, listener = await scene.app.lanes.turns.take(ADDRESS.lane), Listener()
    await scene.app.engine.turn(claim, turn(scene, "A person, please"), listener)
    assert listener.said[0] == "Of course, one moment."
    assert len(listener.said) > 1  # and that they are being connected
    [conversation] = await scene.app.store.find(Conversation, {"lane": ADDRESS.lane, "openness": "open"})
    assert conversation.assignee == Queue("support")


async def test_a_turn_that_is_broken_off_keeps_what_was_heard_and_no_more(scene: Scene) -> None:
    claim, listener = await scene.app.lanes.turns.take(ADDRESS.lane), Listener()
    first = turn(scene, "Until when are you open?")
    assert await scene.app.engine.break_off(claim, first, "We are open") is not None
    assert [message.content for message in await timeline(scene)] == ["Until when are you open?", "We are open"]
    scene.model.will(Said("Until eight."))
    await scene.app.engine.turn(claim, turn(scene, "On Sundays?"), listener)
    asked = scene.model.requests[-1].messages
    assert [message["content"] for message in asked[1:]] == ["Until when are you open?", "We are open", "On Sundays?"]


async def test_a_turn_that_has_ended_is_not_broken_off(scene: Scene) -> None:
    scene.model.will(Said("Until eight."))
    claim, first = await scene.app.lanes.turns.take(ADDRESS.lane), turn(scene, "Until when are you open?")
    await scene.app.engine.turn(claim, first, Listener())
    assert await scene.app.engine.break_off(claim, first, "Until") is None
    assert [message.content for message in await timeline(scene)] == ["Until when are you open?", "Until eight."]
