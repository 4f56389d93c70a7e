"""The language of a person: told by their words, kept across conversations and channels, flipped by no borrowed word."""

from __future__ import annotations

import pytest

from bot.resources import say, spoken
from bot.testing.llm import Said
from bot.testing.scene import VOICE, Scene, ScenePerson
from tests.scenarios.helpers import ANA

pytestmark = pytest.mark.scenario

HINDI = "मेरा इंटरनेट नहीं चल रहा है"
TELLS_NOTHING = "stop"
"""Understood in every language; what is answered to it shows which one we think they speak."""


async def _wrote_hindi(scene: Scene) -> ScenePerson:
    ana = scene.person(ANA)
    scene.model.will(Said("ठीक है।"))
    await ana.says(HINDI)
    await ana.hears("ठीक है।")
    return ana


async def _ends(scene: Scene, person: ScenePerson) -> None:
    await scene.app.conversations.close(await person.conversation(), by="user:op-1", reason="all said")


async def test_a_new_conversation_begins_in_the_language_the_person_last_wrote_in(scene: Scene) -> None:
    ana = await _wrote_hindi(scene)
    await _ends(scene, ana)
    await ana.says(TELLS_NOTHING)
    await ana.hears(say("hi", "opted_out"))
    assert (await ana.conversation()).language == "hi"


async def test_another_channel_begins_in_it_too(scene: Scene) -> None:
    await _wrote_hindi(scene)
    caller = scene.person(ANA, channel=VOICE)
    await caller.says(TELLS_NOTHING)
    with spoken():
        expected = say("hi", "opted_out")
    await caller.hears(expected)


async def test_whoever_only_shows_a_number_changes_nothing_of_the_persons_language(scene: Scene) -> None:
    ana = await _wrote_hindi(scene)
    caller = scene.person(ANA, channel=VOICE)
    scene.model.will(Said("Of course."))
    await caller.says("I want to know when you open on the weekend, please")
    await caller.hears("Of course.")
    assert (await caller.conversation()).language == "en"
    assert (await ana.customer()).last_language == "hi"


async def test_the_words_of_a_turn_go_before_what_was_spoken_earlier(scene: Scene) -> None:
    ana = await _wrote_hindi(scene)
    await _ends(scene, ana)
    scene.model.will(Said("Sure."), Said("Of course."))
    await ana.says("I want to know when you open on the weekend")
    await ana.hears("Sure.")
    assert ((await ana.conversation()).language, (await ana.customer()).last_language) == ("en", "en")
    await ana.says("namaste, and please send me the bill")
    await ana.hears("Of course.")
    assert ((await ana.conversation()).language, (await ana.customer()).last_language) == ("en", "en")


@pytest.mark.parametrize(("chosen", "answered"), [("hi", "hi"), ("fr", "es"), (None, "es")])
async def test_who_has_written_nothing_that_tells_is_answered_in_what_is_set_for_them(
    scene: Scene, chosen: str | None, answered: str
) -> None:
    ana = scene.person(ANA)
    scene.model.will(Said("👍"))
    await ana.says("👍")
    await ana.hears("👍")
    assert (await ana.customer()).last_language is None
    if chosen:
        await scene.app.people.update((await ana.customer()).id, {"preferences.language": chosen}, by="user:op-1")
    await ana.says(TELLS_NOTHING)
    await ana.hears(say(answered, "opted_out"))
    assert (await ana.conversation()).language is None
