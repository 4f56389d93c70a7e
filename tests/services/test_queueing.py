"""Somebody who waits is told the truth: their place, what waits were like, or when people of ours are back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.clock import new_id
from bot.conversation import AssigneeKind, Queue
from bot.records.conversations import Conversation
from bot.records.handoffs import Cause, Handoff
from bot.resources import LANGUAGES, say
from bot.services.queueing import Standing, words
from bot.testing.llm import Said
from bot.testing.scene import Scene
from tests.scenarios.helpers import ANA, BO
from tests.services.desk_helpers import ANGRY, add_user, nobody_is_given_anything, open_hours, waits

pytestmark = pytest.mark.unit


async def waited(scene: Scene, *minutes: int) -> None:
    """So long did others wait lately."""
    now = scene.clock.now()
    await scene.app.store.insert(
        [
            Handoff(
                id=new_id(),
                conversation_id=f"old-{number}",
                epoch=2,
                from_kind=AssigneeKind.QUEUE,
                from_name="support",
                to_kind=AssigneeKind.OPERATOR,
                to_name="nadia",
                cause=Cause.AUTO_ASSIGNED,
                by="system",
                at=now - timedelta(hours=1),
                waited_ms=minute * 60_000,
            )
            for number, minute in enumerate(minutes)
        ]
    )


async def test_at_entering_they_are_told_their_place_and_what_waits_were_like(scene: Scene) -> None:
    await open_hours(scene)
    await nobody_is_given_anything(scene)
    await waited(scene, 2, 4, 30)
    ana, bo = scene.person(ANA), scene.person(BO)
    await ana.says(ANGRY)
    await ana.hears("passing you to a person", "Nobody is waiting before you. Lately it took about 4 minutes")
    await bo.says("Estoy harto, es inaceptable")
    await bo.hears("Antes que usted espera 1 persona. Últimamente la espera fue de 4 minutos")


async def test_nothing_is_said_of_waits_of_which_too_little_is_known(scene: Scene) -> None:
    await open_hours(scene)
    await waited(scene, 2, 4)
    ana = scene.person(ANA)
    await ana.says(ANGRY)
    assert (await ana.hears("Nobody is waiting before you.")).text.endswith("before you.")


async def test_out_of_hours_they_are_told_when_we_are_back_and_no_place(scene: Scene) -> None:
    ana = scene.person(ANA)  # it is four in the morning where business hours are
    await ana.says(ANGRY)
    reply = await ana.hears("they are back on Thursday 15 January at 09:00 (Mexico City)")
    assert "before you" not in reply.text


async def test_who_writes_while_they_wait_is_told_again_after_some_minutes_and_not_each_time(scene: Scene) -> None:
    await open_hours(scene)
    await nobody_is_given_anything(scene)
    ana, _ = await waits(scene, ANA)
    await ana.says("Hello?")
    await ana.hears_nothing()
    await scene.passes(301)
    await ana.says("Is anybody there?")
    await ana.hears("still waiting for a person", "Nobody is waiting before you.")
    await ana.says("Hello??")
    await ana.hears_nothing()


async def test_who_has_come_to_the_front_is_told_so_once(scene: Scene) -> None:
    await open_hours(scene)
    await nobody_is_given_anything(scene)
    nadia = await add_user(scene, "Nadia")
    before = [await waits(scene, number) for number in ("12025550131", "12025550132")]
    ana, _ = await waits(scene, ANA)
    for _, conversation in before:
        await scene.app.desk.closing.resolve(conversation.id, nadia, "solved", ask=False)
    await ana.hears_nothing()
    await scene.passes(330)
    await ana.hears("Nobody is waiting before you.")
    await scene.passes(400)
    await ana.hears_nothing()


async def test_nobody_is_told_anything_once_a_person_has_them(scene: Scene) -> None:
    await open_hours(scene)
    await nobody_is_given_anything(scene)
    nadia = await add_user(scene, "Nadia")
    ana, conversation = await waits(scene, ANA)
    await scene.app.desk.transfers.take_over(conversation.id, nadia)
    await ana.says("Hello?")
    await scene.passes(60)
    await ana.hears_nothing()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("position", [1, 2, 7])
@pytest.mark.parametrize("minutes", [None, 1, 12])
def test_every_standing_can_be_said_in_every_language(language: str, position: int, minutes: int | None) -> None:
    text = words(language, Standing(position, minutes, None, None))
    assert (str(position - 1) in text) == (position > 1)
    assert minutes is None or str(minutes) in text
    assert say(language, "queue_still")


async def test_with_automatic_responses_off_nothing_is_said_out_of_hours_and_it_waits_all_the_same(scene: Scene) -> None:
    ana = scene.person(ANA)
    scene.model.will(Said("Hello."))
    await ana.says("Hello")
    await ana.hears("Hello.")
    await scene.app.store.change(Conversation, {"id": (await ana.conversation()).id}, set={"auto_responses": False})
    await ana.says(ANGRY)
    await ana.hears_nothing()
    await scene.passes(600)
    await ana.says("Hello?")
    await ana.hears_nothing()
    assert (await ana.conversation()).assignee == Queue("support")
