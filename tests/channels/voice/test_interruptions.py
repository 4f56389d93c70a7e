"""The person speaks while we do: what they had heard stays, nothing else does."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bot.records.conversations import MessageSender
from bot.testing.llm import Called, Said
from bot.testing.scene import Scene, open_scene
from tests.channels.voice.calls import PausingModel, on_the_phone

pytestmark = pytest.mark.scenario

HOURS = "We are open until eight. On Sundays we open at ten, and we close at two."


async def test_the_model_is_told_only_what_was_heard(scene: Scene) -> None:
    scene.model.will(Said(HOURS), Said("At ten."))
    async with on_the_phone(scene) as phone:
        phone.says("Until when are you open?")
        await phone.rests()
        phone.line.plays()
        phone.line.is_interrupted(0.5)
        phone.says("No, when on Sundays?")
        await phone.rests()
        assert phone.asked() == [
            ("user", "Until when are you open?"),
            ("assistant", "We are open until eight. On Sundays we open at"),
            ("user", "No, when on Sundays?"),
        ]


async def test_an_answer_of_which_nothing_was_heard_does_not_reach_the_model(scene: Scene) -> None:
    scene.model.will(Said(HOURS), Said("At ten."))
    async with on_the_phone(scene) as phone:
        phone.says("Until when are you open?")
        await phone.rests()
        phone.line.is_interrupted()
        phone.says("I mean on Sundays")
        await phone.rests()
        assert phone.asked() == [("user", "Until when are you open?"), ("user", "I mean on Sundays")]
        assert (await phone.timeline())[1] == ("ai", "")


async def test_a_model_that_is_still_writing_is_stopped(tmp_path: Path) -> None:
    model = PausingModel(Said("We are open until eight. On Sundays we open at ten."), Said("At ten."), after=6)
    async with open_scene(tmp_path, model=model) as scene, on_the_phone(scene) as phone:
        phone.says("Until when are you open?")
        await model.pauses.wait()
        phone.line.is_interrupted(0.6)
        phone.says("I mean on Sundays")
        await phone.rests()
        assert phone.asked() == [
            ("user", "Until when are you open?"),
            ("assistant", "We are open"),
            ("user", "I mean on Sundays"),
        ]
        assert phone.line.said[-1] == "At ten."


async def test_words_that_the_provider_tells_count_where_they_are_known(scene: Scene) -> None:
    scene.model.will(Said(HOURS), Said("At ten."))
    async with on_the_phone(scene) as phone:
        phone.says("Until when are you open?")
        await phone.rests()
        phone.line.plays_all()  # a line that only guesses how far it is
        phone.call.interrupted(None, "we are open until 8 on sundays we")
        phone.says("I mean on Sundays")
        await phone.rests()
        assert phone.asked()[1] == ("assistant", "We are open until eight. On Sundays we")


async def test_the_next_answer_waits_for_no_word_of_the_last_one(scene: Scene) -> None:
    scene.model.will(Said(HOURS), Said("At ten."))
    async with on_the_phone(scene) as phone:
        phone.says("Until when are you open?")
        await phone.rests()
        phone.says("I mean on Sundays")  # the line itself has noticed nothing
        await phone.rests()
        assert phone.line.stops == 1
        assert phone.line.unplayed == ["At ten."]


async def test_who_only_listens_interrupts_nobody(scene: Scene) -> None:
    scene.model.will(Said(HOURS))
    async with on_the_phone(scene) as phone:
        phone.says("Until when are you open?")
        await phone.rests()
        phone.says("aha")
        await phone.rests()
        phone.line.plays_all()
        assert phone.line.said[-2:] == ["We are open until eight.", "On Sundays we open at ten, and we close at two."]
        assert [words for who, words in await phone.timeline() if who == "customer"] == ["Until when are you open?"]


async def test_a_yes_to_a_question_that_is_not_over_yet_is_an_answer(scene: Scene) -> None:
    scene.model.will(Said("Shall I tell you the hours?"), Said("Until eight."))
    async with on_the_phone(scene) as phone:
        phone.says("Hello there")
        await phone.rests()
        phone.says("yes")
        await phone.rests()
        assert phone.line.said[-1] == "Until eight."


async def test_after_a_mere_stop_we_are_quiet(scene: Scene) -> None:
    scene.model.will(Said(HOURS), Said("At ten."))
    async with on_the_phone(scene) as phone:
        phone.says("Until when are you open?")
        await phone.rests()
        phone.line.is_interrupted(0.4)
        phone.says("Stop!")
        await phone.rests()
        assert phone.line.unplayed == []
        assert (await phone.timeline())[-1] == ("customer", "Stop!")
        phone.says("When on Sundays?")
        await phone.rests()
        assert phone.line.said[-1] == "At ten."


async def test_a_stop_whose_words_are_known_early_means_quiet_too(scene: Scene) -> None:
    scene.model.will(Said(HOURS))
    async with on_the_phone(scene) as phone:
        phone.says("Until when are you open?")
        await phone.rests()
        phone.line.is_interrupted(0.4)
        phone.call.hearing("stop")
        phone.says("Stop!")
        await phone.rests()
        assert phone.line.unplayed == []
        assert (await phone.timeline())[-1] == ("customer", "Stop!")


async def test_a_noise_is_followed_by_the_clause_that_it_broke(scene: Scene) -> None:
    scene.model.will(Said(HOURS))
    async with on_the_phone(scene) as phone:
        phone.says("Until when are you open?")
        await phone.rests()
        phone.line.plays()
        phone.line.is_interrupted(0.5)
        phone.says("")
        assert phone.line.unplayed == ["On Sundays we open at ten, and we close at two."]
        phone.line.plays_all()
        assert await phone.timeline() == [("customer", "Until when are you open?"), ("ai", HOURS)]
        assert phone.call.figures.false_alarms == 1


async def test_what_is_written_during_a_noise_is_said_behind_it(tmp_path: Path) -> None:
    model = PausingModel(Said(HOURS), after=7)
    async with open_scene(tmp_path, model=model) as scene, on_the_phone(scene) as phone:
        phone.says("Until when are you open?")
        await model.pauses.wait()
        phone.line.is_interrupted(0.3)
        model.goes_on.set()
        await phone.rests()
        assert phone.line.unplayed == []
        phone.says("mhm")
        assert phone.line.unplayed == ["We are open until eight.", "On Sundays we open at ten, and we close at two."]


async def test_somebody_who_speaks_on_means_it_also_before_a_word_is_known(scene: Scene) -> None:
    scene.model.will(Said(HOURS))
    async with on_the_phone(scene) as phone:
        phone.says("Until when are you open?")
        await phone.rests()
        phone.line.plays()
        phone.line.is_interrupted(0.0)
        await scene.clock.advance(3.5)
        await phone.rests()
        assert (await phone.timeline())[-1] == ("ai", "We are open until eight.")


async def test_what_everybody_has_to_hear_is_said_again(scene: Scene) -> None:
    scene.model.will(Said("Until eight."))
    async with on_the_phone(scene, opening=False) as phone:
        phone.line.plays()
        phone.line.is_interrupted(0.5)
        phone.says("Until when are you open?")
        await phone.rests()
        assert phone.line.unplayed == [
            "You are talking to an automatic assistant, a program and not a person.",
            "Until eight.",
        ]
        phone.line.plays_all()
        await phone.rests()
        opening, offer, *_ = await phone.messages()
        assert opening.content == "Hello! You are talking to an automatic assistant, a program and not a person."
        assert offer.content == ""


async def test_who_goes_on_before_we_begin_is_answered_once(tmp_path: Path) -> None:
    model = PausingModel(Said("A call about what?"), Said("For tomorrow, all right."), after=0)
    async with open_scene(tmp_path, model=model) as scene, on_the_phone(scene) as phone:
        phone.says("I would like a call")
        await model.pauses.wait()
        phone.says("for tomorrow")
        await phone.rests()
        assert phone.line.unplayed == ["For tomorrow,", "all right."]
        assert phone.asked() == [("user", "I would like a call"), ("user", "for tomorrow")]


async def test_what_was_done_is_told_before_the_next_words_are_answered(tmp_path: Path) -> None:
    model = PausingModel(
        Called("create_ticket", subject="No internet", description="No internet since today"),
        Said("I have opened a ticket."),
        Said("You are welcome."),
        after=0,
        request=2,
    )
    async with open_scene(tmp_path, model=model) as scene, on_the_phone(scene) as phone:
        phone.says("My internet is down, open a ticket")
        await model.pauses.wait()
        phone.says("thank you so much")
        await phone.until(lambda: phone.call._lead._in_hand == 2)
        model.goes_on.set()
        await phone.rests()
        assert phone.line.unplayed == ["I have opened a ticket.", "You are welcome."]


async def test_what_was_done_is_known_also_where_the_answer_was_spoken_over(tmp_path: Path) -> None:
    model = PausingModel(
        Called("create_ticket", subject="No internet", description="No internet since today"),
        Said("All right. I have opened a ticket for that."),
        Said("It is done already."),
        after=4,
        request=2,
    )
    async with open_scene(tmp_path, model=model) as scene, on_the_phone(scene) as phone:
        phone.says("My internet is down, open a ticket")
        await model.pauses.wait()
        phone.line.is_interrupted()
        phone.says("and please open a ticket")
        await phone.rests()
        prompt = model.requests[-1].messages[0]["content"]
        assert "create_ticket" in prompt
        assert "TICKET-2026-000001" in prompt
        assert phone.asked() == [("user", "My internet is down, open a ticket"), ("user", "and please open a ticket")]


@pytest.mark.parametrize("rounds", [*range(0, 24, 3), *range(30, 200, 10)])
async def test_a_sentence_of_the_runtime_that_is_cut_while_it_is_written_was_not_said(scene: Scene, rounds: int) -> None:
    async with on_the_phone(scene) as phone:
        phone.says("unsubscribe")
        for number in range(rounds):
            await asyncio.sleep(0 if number % 4 else 0.0002)
    assert not any("will not message you" in words for who, words in await phone.timeline() if who == "system")


async def test_an_operators_words_stay_however_little_of_them_was_heard(scene: Scene) -> None:
    async with on_the_phone(scene) as phone:
        message = (await phone.messages())[0].model_copy(
            update={"id": "m1", "sender": MessageSender.AGENT, "content": "This is Nadia speaking."}
        )
        await scene.app.store.insert([message])
        scene.app.live.tell(phone.lane)
        await phone.until(lambda: "This is Nadia speaking." in phone.line.unplayed)
        phone.line.is_interrupted(0.2)
        phone.says("")
        phone.line.is_interrupted(0.2)
        await scene.clock.advance(3.5)
        found = [one for one in await phone.messages() if one.id == "m1"]
        assert found[0].content == "This is Nadia speaking."
