"""What a replay tells of a conversation."""

from __future__ import annotations

import pytest

from bot.dialogs.llm import Usage
from bot.errors import SendRefused
from bot.services.replay import Event, replay, total
from bot.testing.llm import Called, Said
from bot.testing.scene import Scene, ScenePerson

pytestmark = pytest.mark.scenario

ANA = "12025550123"


async def told(scene: Scene, person: ScenePerson) -> list[Event]:
    return await replay(scene.app.store, await person.conversation())


async def test_a_turn_is_told_from_what_was_heard_to_what_it_took(scene: Scene) -> None:
    ana = scene.person(ANA)
    scene.model.will(Called("create_ticket", subject="No line", description="Dead\nsince noon"), Said("Ticket opened."))
    await ana.says("My line is dead.", "Please open a ticket.")
    await ana.hears("Ticket opened")
    events = await told(scene, ana)
    assert [event.what for event in events] == ["heard", "heard", "decided", "called", "gave", "decided", "said", "ended"]
    assert len({event.turn_id for event in events}) == 1
    heard, _, wish, call, result, words, said, end = (event.text for event in events)
    assert heard == "My line is dead."
    assert wish.startswith("to call create_ticket  [scripted, prompt ")
    assert call.startswith("create_ticket(subject='No line', description='Dead\\nsince noon'")
    assert result.startswith("opened ticket TICKET-2026-000001")
    assert words.startswith("Ticket opened.")
    assert said == "Ticket opened.  [ai, sent]"
    assert end.startswith("answered  [2 steps, ")


async def test_money_is_told_for_the_turn_and_for_the_conversation_and_its_day(scene: Scene) -> None:
    ana = scene.person(ANA)
    scene.model.name = "gpt-4o"
    scene.model.will(Said("Hello.", usage=Usage(1000, 100)), Said("Bye.", usage=Usage(2000, 100)))
    await ana.says("Hi.")
    await ana.hears("Hello")
    assert (await told(scene, ana))[-1].text.startswith("answered  [1 steps, 1100 tokens, $0.003500, ")
    await scene.clock.advance(24 * 3600)
    await ana.says("Bye.")
    await ana.hears("Bye")
    line = total(await ana.conversation())
    assert line == "$0.009500, $0.006000 of it on 2026-01-16  [2 steps, 3200 tokens]"


async def test_what_was_not_said_is_told_with_the_reason(scene: Scene) -> None:
    ana = scene.person(ANA)
    scene.model.will(Said("Hello."))
    scene.channel.fail(SendRefused("not on WhatsApp", code="131026"))
    await ana.says("Hi.")
    await ana.hears_nothing()
    assert (await told(scene, ana))[-2].text == "Hello.  [ai, refused: not on WhatsApp]"


async def test_turns_come_in_order_and_long_texts_are_one_short_line(scene: Scene) -> None:
    ana = scene.person(ANA)
    scene.model.will(Said("one\n\ntwo\n" + "x" * 1000), Said("Bye."))
    await ana.says("First.")
    await ana.hears("one")
    await ana.says("Second.")
    await ana.hears("Bye")
    said = [event.text for event in await told(scene, ana) if event.what in ("heard", "said")]
    assert [text[:9] for text in said] == ["First.", "one / two", "Second.", "Bye.  [ai"]
    assert all(len(text) < 340 for text in said)


async def test_a_conversation_without_the_agent_is_told_too(scene: Scene) -> None:
    ana = scene.person(ANA)
    await ana.says("STOP")
    await ana.hears("no le enviaremos")
    assert [event.what for event in await told(scene, ana)] == ["heard", "said"]
