"""What every call has: silence that is noticed, an end, no more calls, keys, failures, people who take over."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.channels.voice.rules import CallRules
from bot.conversation import OperatorRef, Queue
from bot.records.calls import Callback
from bot.records.conversations import Conversation
from bot.records.work import Fence
from bot.store.base import In
from bot.testing.llm import Called, Raised, Said
from bot.testing.scene import Scene, open_scene
from tests.channels.voice.calls import PausingModel, on_the_phone
from tests.services.desk_helpers import add_user, nobody_is_given_anything

pytestmark = pytest.mark.scenario


async def test_silence_is_asked_about_twice_and_then_politely_ended(scene: Scene) -> None:
    async with on_the_phone(scene) as phone:
        for _ in range(2):
            await phone.passes(10)
            assert phone.line.unplayed[0].endswith("?")
            phone.line.plays_all()
        await phone.passes(10)
        assert phone.line.unplayed[0].startswith("I do not hear you any more")
        assert phone.line.end == "hang_up"
        phone.says("Wait, I am here")
        assert not phone.call._lead.is_busy


async def test_whoever_answers_is_not_counted_out(scene: Scene) -> None:
    scene.model.will(Said("Until eight."))
    async with on_the_phone(scene) as phone:
        for _ in range(2):
            await phone.passes(10)
            phone.line.plays_all()
        await phone.answers("Until when are you open?")
        await phone.passes(10)
        assert phone.line.end == ""
        assert phone.line.unplayed[0].endswith("?")


async def test_somebody_who_is_speaking_is_not_asked_whether_they_are_there(scene: Scene) -> None:
    async with on_the_phone(scene) as phone:
        phone.call.hearing("")
        await phone.passes(30)
        assert phone.line.unplayed == []


async def test_a_line_that_never_tells_the_end_of_somebodys_speech_does_not_stay_for_ever(scene: Scene) -> None:
    async with on_the_phone(scene) as phone:
        phone.call.hearing("")
        await phone.passes(71)
        assert phone.line.unplayed != []


async def test_a_call_has_a_longest_time(scene: Scene) -> None:
    scene.model.will(Said("Until eight. Is there anything else that you would like to know?"))
    async with on_the_phone(scene, rules=CallRules(most_seconds=60, idle_seconds=100)) as phone:
        await phone.passes(59)
        phone.says("Until when are you open?")
        await phone.rests()
        await phone.passes(1)
        assert len(phone.line.unplayed) == 1
        assert phone.line.unplayed[0].startswith("We have reached the end")
        assert phone.line.end == "hang_up"


@pytest.mark.parametrize("words", ["Please don't call me", "No me vuelvan a llamar", "मुझे कॉल मत करो", "Stop calling me!"])
async def test_who_wants_no_more_calls_is_on_the_list_before_it_is_said(scene: Scene, words: str) -> None:
    async with on_the_phone(scene) as phone:
        phone.says(words)
        await phone.rests()
        assert phone.no_calls.asked == [(phone.call.info.call_id, words)]
        assert phone.line.unplayed[-1].startswith("I have noted it")
        assert phone.line.end == "hang_up"
        assert ("customer", words) in await phone.timeline()


async def test_nine_is_for_no_more_calls(scene: Scene) -> None:
    async with on_the_phone(scene) as phone:
        phone.call.pressed("9")
        await phone.passes(2)
        await phone.rests()
        assert phone.no_calls.asked == [(phone.call.info.call_id, "pressed 9")]
        assert phone.line.end == "hang_up"


async def test_what_could_not_be_stored_is_not_said_to_be(scene: Scene) -> None:
    async with on_the_phone(scene) as phone:
        phone.no_calls.failures = 99
        phone.says("Never call me again")
        await phone.passes(10)
        await phone.rests()
        assert phone.line.end == ""
        assert "could not note that" in phone.line.unplayed[-1]


async def test_a_store_that_stumbles_is_asked_again(scene: Scene) -> None:
    async with on_the_phone(scene) as phone:
        phone.no_calls.failures = 2
        phone.says("Never call me again")
        await phone.passes(5)
        await phone.rests()
        assert len(phone.no_calls.asked) == 1
        assert phone.line.end == "hang_up"


async def test_yes_and_no_have_keys_that_nobody_is_told_of(scene: Scene) -> None:
    scene.model.will(Called("book_callback", requested_time="2026-01-16T17:00:00-06:00"), Said("Then we talk tomorrow."))
    async with on_the_phone(scene) as phone:
        said = await phone.answers("Call me tomorrow at five")
        assert said == ["Shall we call you on Friday 16 January at 5 PM?"]
        phone.call.pressed("1")
        await phone.rests()
        [booked] = await scene.app.store.find(Callback, {"customer_id": In([phone.begun.customer.id])})
        assert booked.status == "scheduled"
        assert ("customer", "Yes") in await phone.timeline()


async def test_a_number_that_is_typed_is_one_message(scene: Scene) -> None:
    scene.model.will(Said("Thank you."))
    async with on_the_phone(scene) as phone:
        for digit in "912":
            phone.call.pressed(digit)
            await phone.passes(0.5)
        phone.call.pressed("#")
        await phone.rests()
        assert phone.asked() == [("user", "912")]
        assert phone.no_calls.asked == []


async def test_a_slow_answer_is_announced_once(tmp_path: Path) -> None:
    model = PausingModel(Said("Until eight."), after=0)
    async with open_scene(tmp_path, model=model) as scene, on_the_phone(scene) as phone:
        phone.says("Until when are you open?")
        await model.pauses.wait()
        await phone.passes(1.6)
        assert len(phone.line.unplayed) == 1
        await phone.passes(8)
        assert len(phone.line.unplayed) == 1
        model.goes_on.set()
        await phone.rests()
        assert phone.line.unplayed[-1] == "Until eight."


async def test_a_turn_that_fails_is_tried_once_more(scene: Scene) -> None:
    scene.model.will(Raised(RuntimeError("broken")), Said("Until eight."))
    async with on_the_phone(scene) as phone:
        phone.says("Until when are you open?")
        await phone.until(lambda: len(scene.model.requests) == 1)
        await phone.passes(1)
        await phone.rests()
        assert phone.line.unplayed[-1] == "Until eight."


async def test_a_turn_that_fails_again_is_given_up_and_the_call_goes_on(scene: Scene) -> None:
    scene.model.will(Raised(RuntimeError("broken")), Raised(RuntimeError("broken")))
    async with on_the_phone(scene) as phone:
        phone.says("Until when are you open?")
        await phone.until(lambda: len(scene.model.requests) == 1)
        for _ in range(3):
            await phone.passes(0.5)
            await phone.until(lambda: not phone.call._lead.is_busy or len(scene.model.requests) == 2)
        await phone.rests()
        assert any("our team" in text for text in phone.line.unplayed)
        assert isinstance((await phone.conversation()).assignee, Queue)
        assert phone.line.end == ""


async def test_a_turn_that_fails_in_mid_word_is_not_said_twice(scene: Scene) -> None:
    scene.model.will(Raised(RuntimeError("broken"), after="We are open until eight. On Sun"), Said("At ten."))
    async with on_the_phone(scene) as phone:
        said = await phone.answers("Until when are you open?")
        assert said[0] == "We are open until eight."
        assert said[-1].startswith("Sorry, something went wrong")
        await phone.answers("And on Sundays?")
        assert phone.asked()[1] == ("assistant", "We are open until eight. On Sun")


async def test_a_lane_that_somebody_else_has_is_left(scene: Scene) -> None:
    async with on_the_phone(scene) as phone:
        claim = await scene.app.lanes.turns.take("voice:another:call")
        await scene.app.lanes.turns.release(claim)
        await scene.app.store.change(Fence, {"id": claim.fence_id}, inc={"value": 1})
        phone.says("Until when are you open?")
        await phone.call.ended()
        assert phone.line.end == "lane_lost"
        await scene.app.store.change(Fence, {"id": claim.fence_id}, inc={"value": -1})


async def test_the_language_changes_with_the_person(scene: Scene) -> None:
    scene.model.will(Said("Abrimos hasta las ocho."))
    async with on_the_phone(scene) as phone:
        phone.says("Hola, buenas tardes, ¿hasta qué hora están abiertos?")
        await phone.rests()
        assert phone.line.languages == ["es"]
        assert phone.line.clauses[-1].language == "es"
        await scene.app.store.change(Conversation, {"id": phone.begun.conversation.id}, set={"language": "hi"})
        scene.app.live.tell(phone.lane)
        await phone.until(lambda: phone.line.languages == ["es", "hi"])


async def test_an_operator_who_takes_over_silences_the_ai_and_is_spoken(scene: Scene) -> None:
    await nobody_is_given_anything(scene)
    nadia = await add_user(scene, "Nadia")
    scene.model.will(Said("We are open until eight. On Sundays we open at ten."))
    async with on_the_phone(scene) as phone:
        phone.says("Until when are you open?")
        await phone.rests()
        phone.line.plays()
        phone.line.is_at(0.5)
        await scene.app.desk.transfers.take_over(phone.begun.conversation.id, nadia)
        scene.app.live.tell(phone.lane)
        await phone.until(lambda: phone.line.unplayed == [])
        assert (await phone.timeline())[-1] == ("ai", "We are open until eight. On Sundays we")
        await scene.app.desk.replies.say(phone.begun.conversation.id, nadia, "This is Nadia speaking.", client_id="1")
        await phone.comes_to_be(lambda: phone.line.unplayed == ["This is Nadia speaking."])
        phone.line.plays_all()
        await phone.passes(60)
        assert phone.line.unplayed == []  # the silence is Nadia's affair
        assert (await phone.conversation()).assignee == OperatorRef(nadia.id)


async def test_a_call_that_comes_back_over_another_line_is_not_greeted_again(scene: Scene) -> None:
    scene.model.will(Said("Until eight."), Said("At ten."))
    async with on_the_phone(scene) as phone:
        await phone.answers("Until when are you open?")
    async with on_the_phone(scene) as phone:
        assert phone.line.said == []
        assert await phone.answers("And on Sundays?") == ["At ten."]


async def test_a_hang_up_in_mid_sentence_leaves_what_was_heard(scene: Scene) -> None:
    scene.model.will(Said("We are open until eight. On Sundays we open at ten."))
    async with on_the_phone(scene) as phone:
        phone.says("Until when are you open?")
        await phone.rests()
        phone.line.plays()
    assert await phone.timeline() == [("customer", "Until when are you open?"), ("ai", "We are open until eight.")]


async def test_when_it_was_spoken_is_on_the_timeline(scene: Scene) -> None:
    scene.model.will(Said("Until eight."))
    async with on_the_phone(scene) as phone:
        await phone.passes(4)
        phone.says("Until when are you open?")
        await phone.rests()
        await phone.passes(3)
        phone.line.plays_all()
        await phone.rests()
        *_, heard, said = await phone.messages()
        assert (heard.start_time, heard.end_time) == (3, 4)
        assert (said.start_time, said.end_time) == (4, 7)
