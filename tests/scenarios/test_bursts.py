"""What comes in one burst is one turn; what comes later is the next one; each conversation keeps its order."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bot.clock import new_id
from bot.message import Choice, InboundMessage, Location, Media, Sender, Text
from bot.records.work import InboxRow, InboxState, JournalKind
from bot.testing.clock import ManualClock
from bot.testing.llm import Called, Said
from bot.testing.scene import Scene, ScenePerson, open_scene
from tests.scenarios.helpers import ANA, BO, HeldModel, said, until

pytestmark = pytest.mark.scenario


def asked(scene: Scene) -> list[str]:
    """What each request to the model ended with."""
    return [request.messages[-1]["content"] for request in scene.model.requests]


async def test_an_unfinished_message_waits_the_whole_window_and_not_longer(scene: Scene) -> None:
    ana = scene.person(ANA)
    scene.model.will(Said("Yes?"))
    await ana.says("my router")
    await scene.passes(0.799)
    assert said(scene) == []
    await scene.passes(0.002)
    assert said(scene) == ["Yes?"]


@pytest.mark.parametrize("text", ["It is broken.", "Why?", "¡Hola!", "मेरा इंटरनेट नहीं चल रहा।", "well…  "])
async def test_a_finished_sentence_waits_a_quarter_of_the_window(scene: Scene, text: str) -> None:
    ana = scene.person(ANA)
    scene.model.will(Said("I see."))
    await ana.says(text)
    await scene.passes(0.199)
    assert said(scene) == []
    await scene.passes(0.002)
    assert said(scene) == ["I see."]


async def test_a_tap_waits_a_quarter_too(scene: Scene) -> None:
    ana = scene.person(ANA)
    scene.model.will(Said("You chose."))
    await ana.sends(Choice("choice:1", "Open a ticket"))
    await scene.passes(0.201)
    assert said(scene) == ["You chose."]


async def test_a_picture_waits_for_the_words_that_go_with_it(scene: Scene) -> None:
    ana = scene.person(ANA)
    scene.model.will(Said("A red light."))
    await ana.sends(Media("image", provider_id="m1"))
    await scene.passes(0.7)
    await ana.sends(Media("image", provider_id="m2"))
    await scene.passes(0.7)
    await ana.says("what does the red light mean?")
    await ana.hears("A red light")
    assert asked(scene) == ["[image]\n[image]\nwhat does the red light mean?"]


async def test_the_window_begins_anew_with_every_message_of_a_burst(scene: Scene) -> None:
    ana = scene.person(ANA)
    scene.model.will(Said("I have read it all."))
    for number in range(12):
        await ana.says(f"and {number}")
        await scene.passes(0.7)
    assert said(scene) == []
    await scene.passes(0.2)
    assert said(scene) == ["I have read it all."]
    assert asked(scene)[0].count("\n") == 11


async def test_a_burst_that_ends_in_a_finished_sentence_is_answered_sooner(scene: Scene) -> None:
    ana = scene.person(ANA)
    scene.model.will(Said("I see."))
    await ana.says("hello", "my line is down.")
    await scene.passes(0.201)
    assert asked(scene) == ["hello\nmy line is down."]


async def test_without_a_window_every_message_is_answered_at_once(tmp_path: Path) -> None:
    async with open_scene(tmp_path, quiet_ms=0) as scene:
        ana = scene.person(ANA)
        scene.model.will(Said("One."), Said("Two."))
        await ana.says("a")
        await ana.hears("One")
        await ana.says("b")
        await ana.hears("Two")


async def test_a_burst_of_more_than_fifty_messages_is_several_turns_and_none_is_lost(scene: Scene) -> None:
    ana = scene.person(ANA)
    scene.model.will(Said("First part."), Said("Second part."), Said("Third part."))
    await ana.says(*(f"line {number}" for number in range(120)))
    await ana.hears("First part")
    await ana.hears("Second part")
    await ana.hears("Third part")
    assert [len(text.split("\n")) for text in asked(scene)] == [50, 50, 20]
    timeline = [message.content for message in await ana.timeline() if message.sender == "customer"]
    assert timeline == [f"line {number}" for number in range(120)]


async def test_what_comes_while_a_turn_runs_becomes_the_next_turn_in_order(tmp_path: Path) -> None:
    model = HeldModel("first", Said("Answer one."), Said("Answer two."))
    async with open_scene(tmp_path, model=model) as scene:
        ana = scene.person(ANA)
        await ana.says("The first question.")
        await scene.clock.advance(1)
        await model.asked.wait()
        await ana.says("second", "third.")
        await scene.clock.advance(10)
        model.go.set()
        await ana.hears("Answer one")
        await ana.hears("Answer two")
        await ana.hears_nothing()
        assert [request.messages[-1]["content"] for request in model.script.requests] == ["The first question.", "second\nthird."]
        contents = [message.content for message in await ana.timeline()]
        assert contents.index("Answer one.") > contents.index("The first question.")
        assert contents[-1] == "Answer two."


async def test_a_model_that_thinks_about_one_conversation_holds_up_no_other(tmp_path: Path) -> None:
    model = HeldModel("hard", Said("Hello Bo."), Said("42."))
    async with open_scene(tmp_path, model=model) as scene:
        ana, bo = scene.person(ANA), scene.person(BO, name="Bo")
        await ana.says("A hard question.")
        await scene.clock.advance(1)
        await model.asked.wait()
        await bo.says("Hi.")
        await scene.clock.advance(1)
        await until(lambda: said(scene) == ["Hello Bo."])
        model.go.set()
        await ana.hears("42")


async def test_forty_conversations_at_once_are_each_answered_in_their_own_order(scene: Scene) -> None:
    people = [scene.person(f"1202555{number:04d}", name=f"P{number}") for number in range(100, 140)]
    scene.model.will(*(lambda request: Said(f"re: {request.messages[-1]['content']}") for _ in range(120)))
    for round_ in range(3):
        await asyncio.gather(*(person.says(f"{person.number} asks {round_}.") for person in people))
        await scene.settle()
    for person in people:
        for round_ in range(3):
            await person.hears(f"re: {person.number} asks {round_}.")
        await person.hears_nothing()


async def test_messages_that_overtook_each_other_are_read_in_the_order_in_which_they_were_written(scene: Scene) -> None:
    ana = scene.person(ANA)
    scene.model.will(Said("I see."))
    early = InboundMessage("wamid.a", ana.address, Text("a"), scene.clock.now(), Sender("Ana", ANA))
    await scene.clock.advance(3)
    late = InboundMessage("wamid.b", ana.address, Text("b"), scene.clock.now(), Sender("Ana", ANA))
    await scene.app.inbox.accept([late, early])
    await ana.hears("I see")
    assert asked(scene) == ["a\nb"]


# Duplicates


async def test_the_same_message_twice_is_answered_once(scene: Scene) -> None:
    ana = scene.person(ANA)
    scene.model.will(Said("Once."))
    await ana.sends(Text("Hi."), id="wamid.same")
    await ana.sends(Text("Hi."), id="wamid.same")
    await ana.hears("Once")
    await ana.sends(Text("Hi."), id="wamid.same")
    await ana.hears_nothing()
    assert (await ana.conversation()).message_count == 2


async def test_the_same_message_many_times_at_once_is_answered_once(scene: Scene) -> None:
    ana = scene.person(ANA)
    scene.model.will(Said("Once."))
    await asyncio.gather(*(ana.sends(Text("Hi."), id="wamid.same") for _ in range(25)))
    await ana.hears("Once")
    await ana.hears_nothing()
    assert [message.content for message in await ana.timeline()] == ["Hi.", "Once."]


async def test_the_same_message_twice_in_one_body_is_accepted_once(scene: Scene) -> None:
    ana = scene.person(ANA)
    scene.model.will(Said("Once."))
    message = InboundMessage("wamid.same", ana.address, Text("Hi."), scene.clock.now(), Sender("Ana", ANA))
    assert await scene.app.inbox.accept([message, message]) == 1
    assert await scene.app.inbox.accept([message]) == 0
    await ana.hears("Once")


async def test_the_same_message_after_a_restart_is_not_answered_again(tmp_path: Path) -> None:
    clock = ManualClock()
    async with open_scene(tmp_path, clock=clock) as scene:
        scene.model.will(Called("create_ticket", subject="Down", description="It is down"), Said("Opened."))
        ana = scene.person(ANA)
        await ana.sends(Text("My line is down, open a ticket."), id="wamid.same")
        await ana.hears("Opened")
    async with open_scene(tmp_path, clock=ManualClock(clock.now())) as scene:
        ana = scene.person(ANA)
        await ana.sends(Text("My line is down, open a ticket."), id="wamid.same")
        await ana.hears_nothing()
        assert len(await ana.tickets()) == 1
        assert (await ana.conversation()).message_count == 2


async def test_what_was_accepted_before_a_restart_is_answered_after_it(tmp_path: Path) -> None:
    clock = ManualClock()
    async with open_scene(tmp_path, clock=clock) as scene:
        await scene.person(ANA).says("Is anybody there")
    async with open_scene(tmp_path, clock=ManualClock(clock.now())) as scene:
        scene.model.will(Said("Yes."))
        await scene.person(ANA).hears("Yes")


# Turns that fail


class _Broken(Exception):
    pass


def _breaks(*_: object) -> Said:
    raise _Broken("a fault of the program, not of the model")


async def test_a_turn_that_fails_is_tried_again_and_answered(scene: Scene) -> None:
    ana = scene.person(ANA)
    scene.model.will(_breaks, _breaks, Said("Now it works."))
    await ana.says("Hi.")
    await scene.passes(10)
    assert said(scene) == ["Now it works."]
    assert [message.content for message in await ana.timeline()] == ["Hi.", "Now it works."]
    assert len(await ana.journal(JournalKind.HEARD)) == 1


async def test_a_turn_that_fails_for_ever_ends_with_an_honest_word_and_a_person_and_the_next_messages_are_kept(
    scene: Scene,
) -> None:
    ana = scene.person(ANA)
    scene.model.will(*[_breaks] * 5)
    await ana.sends(Text("Hi."), id="wamid.poison")
    await scene.passes(5)  # it has failed some times by now
    await ana.sends(Text("Hello?"), id="wamid.next")
    await scene.passes(60)
    assert [text for text in said(scene) if "cannot finish" in text] == said(scene)
    assert len(said(scene)) == 1
    conversation = await ana.conversation()
    assert (conversation.assignee.__class__.__name__, conversation.status) == ("Queue", "waiting")
    assert [message.content for message in await ana.timeline() if message.sender == "customer"] == ["Hi.", "Hello?"]
    poison = await scene.app.store.get(InboxRow, "whatsapp:wamid.poison")
    following = await scene.app.store.get(InboxRow, "whatsapp:wamid.next")
    assert poison is not None
    assert following is not None
    assert (poison.state, poison.attempts) == (InboxState.DEAD, 5)
    assert "_Broken" in poison.error
    assert following.state is InboxState.DONE


async def test_a_turn_that_cannot_even_be_given_up_properly_is_set_aside_and_the_next_one_is_answered(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana = scene.person(ANA)

    async def breaks(*_: object) -> None:
        raise _Broken

    with monkeypatch.context() as patched:
        patched.setattr(scene.app.engine._hearing, "enter", breaks)
        await ana.sends(Text("Hi."), id="wamid.poison")
        await scene.passes(60)
    poison = await scene.app.store.get(InboxRow, "whatsapp:wamid.poison")
    assert poison is not None
    assert (poison.state, poison.attempts) == (InboxState.DEAD, 5)
    scene.model.will(Said("Hello."))
    await ana.says("Anybody?")
    await ana.hears("Hello")
    scene.model.will(Said("Hello to that, too."))
    assert await scene.app.inbox.retry(poison.id)
    await ana.hears("to that, too")
    assert not await scene.app.inbox.retry(poison.id), "it is not set aside any more"


async def test_a_turn_that_was_given_up_and_is_tried_again_is_the_same_turn_and_no_message_is_there_twice(scene: Scene) -> None:
    ana = scene.person(ANA)
    scene.model.will(*[_breaks] * 5)
    await ana.sends(Text("Hi."), id="wamid.poison")
    await scene.passes(60)
    before = [message.content for message in await ana.timeline()]
    assert await scene.app.inbox.retry("whatsapp:wamid.poison")
    await scene.passes(10)
    row = await scene.app.store.get(InboxRow, "whatsapp:wamid.poison")
    assert row is not None
    assert row.state is InboxState.DONE
    assert [message.content for message in await ana.timeline()] == before, "a person has the conversation, and answers"


async def test_a_row_that_cannot_be_read_is_set_aside_and_the_conversation_goes_on(scene: Scene) -> None:
    ana = scene.person(ANA)
    scene.model.will(Said("Hello."))
    row = InboxRow(
        id="whatsapp:strange", lane=ana.address.lane, position=new_id(), item='{"type":"hologram"}', accepted_at=scene.clock.now()
    )
    await scene.app.store.insert([row])
    await ana.says("Hi.")
    await ana.hears("Hello")
    strange = await scene.app.store.get(InboxRow, "whatsapp:strange")
    assert strange is not None
    assert strange.state is InboxState.DEAD


# Contents and people


async def test_two_people_at_two_numbers_never_share_a_conversation(scene: Scene) -> None:
    ana, bo = scene.person(ANA), scene.person(BO, name="Bo")
    scene.model.will(Said("A."), Said("B."))
    await ana.says("I am Ana.")
    await ana.hears("A.")
    await bo.says("I am Bo.")
    await bo.hears("B.")
    assert (await ana.conversation()).id != (await bo.conversation()).id
    assert "Ana" not in str(scene.model.requests[1].messages[1:])


async def test_the_place_and_the_text_of_a_burst_are_one_turn(scene: Scene) -> None:
    ana: ScenePerson = scene.person(ANA)
    scene.model.will(Said("On our way."))
    await ana.sends(Location(19.43260, -99.13320, "Zócalo"))
    await ana.says("I am here.")
    await ana.hears("On our way")
    assert asked(scene) == ["[location: Zócalo (19.43260, -99.13320)]\nI am here."]
