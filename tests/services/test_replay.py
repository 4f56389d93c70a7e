"""What a replay tells of a conversation."""

from __future__ import annotations

import pytest

from bot.dialogs.llm import Usage
from bot.errors import SendRefused
from bot.services.replay import Event, replay, total
from bot.testing.llm import Called, Said
from bot.testing.scene import Scene, ScenePerson
from tests.scenarios.helpers import with_sales

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


async def test_a_call_that_was_not_done_is_told_as_refused_with_the_reason(scene: Scene) -> None:
    ana = scene.person(ANA)
    scene.model.will(Called("update_ticket", number="TICKET-2026-000009", text="More"), Called("fly"), Said("There is none."))
    await ana.says("Please add more to my ticket.")
    await ana.hears("There is none")
    events = [event for event in await told(scene, ana) if event.what in ("called", "gave", "refused")]
    assert [event.what for event in events] == ["called", "refused", "called", "refused"]
    assert events[1].text.startswith("there is no ticket TICKET-2026-000009")
    assert events[3].text.startswith("there is no tool 'fly'")


@pytest.mark.parametrize(
    ("answer", "outcome", "then"),
    [
        ("yes", "confirmed: book_callback", ["called", "gave", "decided", "said", "ended"]),
        ("no", "declined: book_callback", ["said", "ended"]),
        ("At six, please.", "not confirmed: book_callback; to the agent", ["decided", "said", "ended"]),
    ],
)
async def test_a_question_to_the_person_and_what_became_of_it_are_told(
    scene: Scene, answer: str, outcome: str, then: list[str]
) -> None:
    ana = scene.person(ANA)
    scene.model.will(Called("book_callback", requested_time="2026-01-16T17:00:00-06:00", timezone="America/Mexico_City"))
    await ana.says("Please call me tomorrow at five.")
    await ana.hears("Shall we call you")
    if answer != "no":
        scene.model.will(Said("All right."))
    await ana.says(answer)
    await ana.hears("All right")
    events = await told(scene, ana)
    assert [event.what for event in events] == ["heard", "decided", "called", "asked", "said", "ended", "heard", "answer", *then]
    assert events[3].text == "Shall we call you on Friday 16 January at 17:00 (Mexico City)?"
    assert events[7].text == outcome


async def test_a_yes_that_came_too_late_is_told_as_such(scene: Scene) -> None:
    ana = scene.person(ANA)
    scene.model.will(Called("book_callback", requested_time="2026-01-16T17:00:00-06:00", timezone="America/Mexico_City"))
    await ana.says("Please call me tomorrow at five.")
    await ana.hears("Shall we call you")
    await scene.passes(7200)
    await ana.says("yes")
    await ana.hears("too old")
    assert [event.text for event in await told(scene, ana) if event.what == "answer"] == ["a yes, too late"]


async def test_handing_on_and_handing_over_are_told_with_the_reason(scene: Scene) -> None:
    with_sales(scene)
    ana = scene.person(ANA)
    scene.model.will(
        Called("hand_to_agent", agent="sales", reason="wants to buy"), Called("hand_to_person", reason="wants a discount")
    )
    await ana.says("I want to buy it for half the price.")
    await ana.hears("passing you")
    events = await told(scene, ana)
    assert [event.text for event in events if event.what == "handed"] == [
        "to agent:sales: wants to buy",
        "to queue:support: wants a discount",
    ]
