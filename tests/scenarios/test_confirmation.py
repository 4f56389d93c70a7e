"""The person is asked before something runs, and what runs is exactly what they were asked about."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import orjson
import pytest

from bot.conversation import Queue
from bot.dialogs.llm import ModelRequest
from bot.dialogs.task import Bounds
from bot.errors import ModelUnavailable
from bot.message import Choice, Reaction, Reply
from bot.records.audit import AuditEntry
from bot.records.calls import Callback, CallbackStatus
from bot.records.conversations import MessageSender
from bot.records.knowledge import UserMemory
from bot.records.tickets import TicketStatus
from bot.records.work import JournalKind
from bot.resources import LANGUAGES, say, utterances
from bot.services.callbacks import number_of
from bot.testing.clock import ManualClock
from bot.testing.llm import Called, Calls, Raised, Said, ScriptedStep
from bot.testing.scene import Scene, ScenePerson, open_scene
from bot.tools.base import Services
from tests.scenarios.helpers import ANA, BO, consents, hand_back, operator_says, said, take_over

pytestmark = pytest.mark.scenario

MEXICO = "America/Mexico_City"
AT_FIVE, AT_SIX = "2026-01-16T17:00:00-06:00", "2026-01-16T18:00:00-06:00"
FIVE_UTC, SIX_UTC = "2026-01-16T23:00:00+00:00", "2026-01-17T00:00:00+00:00"
BOOK = Called("book_callback", requested_time=AT_FIVE, timezone=MEXICO, notes="the bill")
ASKS = {
    "es": "¿Me pueden llamar mañana a las cinco de la tarde, por favor?",
    "en": "Can you call me tomorrow at five, please? I want to talk about the bill.",
    "hi": "क्या आप मुझे कल शाम पाँच बजे कॉल कर सकते हैं?",
}


async def asked(scene: Scene, person: ScenePerson, *calls: ScriptedStep, language: str = "en") -> Reply:
    """The person wants something, the model calls this, the runtime asks."""
    scene.model.will(*(calls or (BOOK,)))
    await person.says(ASKS[language])
    reply = await person.hears()
    assert [button.title for button in reply.buttons] == [say(language, "yes"), say(language, "no")]
    return reply


async def booked(scene: Scene, person: ScenePerson) -> list[str]:
    """The moments of the person's callbacks that stand."""
    found = await callbacks(scene, person)
    return sorted(c.requested_time.isoformat() for c in found if c.status is CallbackStatus.SCHEDULED)


async def callbacks(scene: Scene, person: ScenePerson) -> list[Callback]:
    return await scene.app.store.find(Callback, {"customer_id": (await person.conversation()).customer_id})


async def has_callback(scene: Scene, person: ScenePerson) -> Callback:
    """One that they have booked before."""
    await asked(scene, person)
    scene.model.will(Said("Booked."))
    await person.says("yes")
    await person.hears("Booked")
    [callback] = await callbacks(scene, person)
    return callback


def services(scene: Scene) -> Services:
    return scene.app.engine._parts.services


def told(request: ModelRequest) -> list[str]:
    return [str(message["content"]) for message in request.messages if message["role"] == "tool"]


def read(request: ModelRequest) -> str:
    """All that the model got to read, but for the system's prompt: nothing of a person's words is in that."""
    return orjson.dumps(list(request.messages[1:])).decode().replace('\\"', '"')


# Asked before it runs


async def test_nothing_is_written_until_the_person_has_said_yes(scene: Scene) -> None:
    ana = scene.person(ANA)
    question = await asked(scene, ana)
    assert "17:00" in question.text
    assert await booked(scene, ana) == []
    assert await scene.app.store.find(AuditEntry, {"performed_by": "agent:support"}, sort=("-timestamp",)) == []
    scene.model.will(Said("Booked: we call you at five."))
    await ana.taps("Yes")
    await ana.hears("Booked")
    assert await booked(scene, ana) == [FIVE_UTC]
    assert told(scene.model.requests[-1])[-1].startswith("booked callback")
    assert (await ana.conversation()).flow is None


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("answer", ["yes", "no"])
async def test_question_buttons_and_answers_are_in_the_persons_language(scene: Scene, language: str, answer: str) -> None:
    ana = scene.person(ANA)
    question = await asked(scene, ana, language=language)
    before, _, after = utterances(language)["confirm_book_callback"].partition("{when}")
    assert question.text.startswith(before)
    assert question.text.endswith(after)
    if answer == "yes":
        scene.model.will(Raised(ModelUnavailable("down")))
    await ana.taps(say(language, answer))
    reply = await ana.hears()
    told = "did_book_callback" if answer == "yes" else "confirm_declined"
    assert reply.text.startswith(say(language, told, when=question.text.removeprefix(before).removesuffix(after)))
    assert len(await booked(scene, ana)) == (answer == "yes")


async def test_a_short_word_of_another_language_does_not_change_the_language(scene: Scene) -> None:
    ana = scene.person(ANA)
    await asked(scene, ana, language="es")
    await ana.says("no")
    await ana.hears(say("es", "confirm_declined"))
    await asked(scene, ana, language="es")
    scene.model.will(Raised(ModelUnavailable("down")))
    await ana.says("ok")
    await ana.hears("Agendada: le llamamos")


async def test_what_runs_is_what_was_asked_about_even_when_the_models_next_step_says_otherwise(scene: Scene) -> None:
    ana = scene.person(ANA)
    await asked(scene, ana)
    scene.model.will(Called("book_callback", requested_time=AT_SIX, timezone=MEXICO, notes="something else"))
    await ana.says("yes")
    await ana.hears("Done.")  # of the first one: the model has said nothing of it
    await ana.hears("18:00")
    assert await booked(scene, ana) == [FIVE_UTC]
    [callback] = await callbacks(scene, ana)
    assert (callback.timezone, callback.notes) == (MEXICO, "the bill")
    await ana.says("no")
    await ana.hears("leave everything as it is")
    assert await booked(scene, ana) == [FIVE_UTC]


async def test_the_same_call_again_after_the_yes_runs_no_second_time_and_asks_no_second_time(scene: Scene) -> None:
    ana = scene.person(ANA)
    await asked(scene, ana)
    scene.model.will(BOOK, Said("Booked."))
    await ana.says("yes")
    await ana.hears("Booked")
    await ana.hears_nothing()
    assert await booked(scene, ana) == [FIVE_UTC]


async def test_words_that_the_model_wrote_beside_the_call_are_not_said(scene: Scene) -> None:
    """They were written as if nobody had to be asked."""
    ana = scene.person(ANA)
    await asked(scene, ana, Calls(BOOK, said="All set, your call is booked!"))
    assert not any("booked" in text for text in said(scene))


# Anything but a yes


async def test_a_correction_goes_back_to_the_model_and_the_corrected_call_is_asked_about_again(scene: Scene) -> None:
    ana = scene.person(ANA)
    await asked(scene, ana)
    scene.model.will(Called("book_callback", requested_time=AT_SIX, timezone=MEXICO, notes="the bill"))
    await ana.says("No, make it six o'clock.")
    await ana.hears("18:00")
    assert await booked(scene, ana) == []
    assert "NOT done" in read(scene.model.requests[-1])
    assert AT_FIVE in read(scene.model.requests[-1])
    scene.model.will(Said("At six, then."))
    await ana.taps("Yes")
    await ana.hears("At six")
    assert await booked(scene, ana) == [SIX_UTC]
    assert "NOT done" not in read(scene.model.requests[-1])


async def test_a_plain_no_leaves_everything_as_it_is_and_says_so_without_the_model(scene: Scene) -> None:
    ana = scene.person(ANA)
    await asked(scene, ana)
    await ana.says("No, gracias")
    await ana.hears("leave everything as it is")
    assert await booked(scene, ana) == []
    scene.model.will(Said("What can I do?"))
    await ana.says("yes")  # to nothing
    await ana.hears("What can I do")
    assert await booked(scene, ana) == []


@pytest.mark.parametrize("answers", [("yes", "how much is it?"), ("yes", "no"), ("yes?",), ("yes but at six",)])
async def test_several_messages_that_are_no_plain_yes_together_go_to_the_model(scene: Scene, answers: Sequence[str]) -> None:
    ana = scene.person(ANA)
    await asked(scene, ana)
    scene.model.will(Said("Let us see."))
    await ana.says(*answers)
    await ana.hears("Let us see")
    assert await booked(scene, ana) == []
    assert "NOT done" in read(scene.model.requests[-1])


async def test_yes_and_thanks_sent_at_once_are_a_yes(scene: Scene) -> None:
    ana = scene.person(ANA)
    await asked(scene, ana)
    scene.model.will(Said("Booked."))
    await ana.says("yes", "thanks!")
    await ana.hears("Booked")
    await ana.hears_nothing()
    assert await booked(scene, ana) == [FIVE_UTC]


async def test_a_thumb_on_the_question_is_no_yes(scene: Scene) -> None:
    ana = scene.person(ANA)
    await asked(scene, ana)
    scene.model.will(Said("Shall I book it?"))
    await ana.sends(Reaction("👍", target="wamid.any"))
    await ana.hears("Shall I book it")
    assert await booked(scene, ana) == []


# What ends a question


async def test_a_late_yes_does_nothing_and_says_so(scene: Scene) -> None:
    ana = scene.person(ANA)
    await asked(scene, ana)
    await scene.passes(3600)
    await ana.taps("Yes")
    await ana.hears("too old by now")
    assert await booked(scene, ana) == []
    assert (await ana.conversation()).flow is None


async def test_a_yes_a_moment_before_the_hour_is_over_counts(scene: Scene) -> None:
    ana = scene.person(ANA)
    await asked(scene, ana)
    await scene.passes(3580)
    scene.model.will(Said("Booked."))
    await ana.taps("Yes")
    await ana.hears("Booked")
    assert await booked(scene, ana) == [FIVE_UTC]


async def test_a_question_survives_a_restart(tmp_path: Path) -> None:
    clock = ManualClock()
    async with open_scene(tmp_path, clock=clock) as scene:
        reply = await asked(scene, scene.person(ANA))
    async with open_scene(tmp_path, clock=ManualClock(clock.now())) as scene:
        ana = scene.person(ANA)
        scene.model.will(Said("Booked."))
        await ana.sends(Choice(reply.buttons[0].id, "Yes"))
        await ana.hears("Booked")
        [callback] = await callbacks(scene, ana)
        assert (callback.requested_time.isoformat(), callback.timezone, callback.notes) == (FIVE_UTC, MEXICO, "the bill")


async def test_a_take_over_between_question_and_yes_voids_it(scene: Scene) -> None:
    ana = scene.person(ANA)
    await asked(scene, ana)
    await take_over(scene, ana)
    await ana.taps("Yes")
    await ana.hears_nothing()
    assert await booked(scene, ana) == []
    await operator_says(scene, ana, "I am Eva.")
    await ana.hears("I am Eva")
    await hand_back(scene, ana)
    await ana.taps("Yes")
    await ana.hears(say("en", "question_closed"))
    assert await booked(scene, ana) == []


async def test_a_question_from_before_a_take_over_is_void_after_the_hand_back(scene: Scene) -> None:
    ana = scene.person(ANA)
    await asked(scene, ana)
    await take_over(scene, ana)
    await hand_back(scene, ana)
    scene.model.will(Said("What can I do for you?"))
    await ana.says("yes")
    await ana.hears("What can I do")
    assert await booked(scene, ana) == []


async def test_stop_between_question_and_yes_stops_and_voids_it(scene: Scene) -> None:
    ana = scene.person(ANA)
    await asked(scene, ana)
    await ana.says("stop")
    await ana.hears("will not message you")
    assert len(await consents(scene, ana)) == 1
    scene.model.will(Said("What would you like?"))
    await ana.says("yes")
    await ana.hears("What would you like")
    assert await booked(scene, ana) == []


@pytest.mark.parametrize(("minutes", "stops"), [(59, 0), (60, 1)])
async def test_a_word_for_stopping_answers_a_question_only_while_that_still_waits(scene: Scene, minutes: int, stops: int) -> None:
    ana = scene.person(ANA)
    await asked(scene, ana, language="es")
    await scene.passes(minutes * 60)
    if not stops:
        scene.model.will(Said("¿Otra hora?"))
    await ana.says("Cancelar")
    await ana.hears(say("es", "opted_out") if stops else "Otra hora")
    assert len(await consents(scene, ana)) == stops
    assert await booked(scene, ana) == []


async def test_a_button_of_an_earlier_question_does_nothing_whether_or_not_another_one_waits(scene: Scene) -> None:
    ana = scene.person(ANA)
    older = await asked(scene, ana)
    newer = await asked(scene, ana, Called("book_callback", requested_time=AT_SIX, timezone=MEXICO))
    scene.model.will(Said("Which of the two?"))
    await ana.sends(Choice(older.buttons[0].id, "Yes"))
    await ana.hears("Which of the two")
    assert await booked(scene, ana) == []
    await ana.sends(Choice(newer.buttons[0].id, "Yes"))  # the one before took the question off the table
    await ana.hears(say("en", "question_closed"))
    assert await booked(scene, ana) == []


async def test_tapping_yes_twice_runs_it_once(scene: Scene) -> None:
    ana = scene.person(ANA)
    await asked(scene, ana)
    scene.model.will(Said("Booked."))
    await ana.taps("Yes")
    await ana.hears("Booked")
    await ana.taps("Yes")
    await ana.hears("closed already, so I did nothing more")
    assert await booked(scene, ana) == [FIVE_UTC]


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_button_of_a_closed_question_is_not_given_to_the_model_as_an_answer(scene: Scene, language: str) -> None:
    ana = scene.person(ANA)
    question = await asked(scene, ana, language=language)
    await ana.taps(say(language, "no"))
    await ana.hears(say(language, "confirm_declined"))
    await ana.taps(say(language, "yes"))
    await ana.hears(say(language, "question_closed"))
    scene.model.will(Said("At six, then."))
    await ana.sends(Choice(question.buttons[0].id, "Yes"))
    await ana.says("at six, please")  # words beside it are for the model
    await ana.hears("At six")
    assert await booked(scene, ana) == []


async def test_two_taps_at_once_are_one_yes(scene: Scene) -> None:
    ana = scene.person(ANA)
    await asked(scene, ana)
    scene.model.will(Said("Booked."))
    await ana.taps("Yes")
    await ana.taps("Yes")
    await ana.hears("Booked")
    await ana.hears_nothing()
    assert await booked(scene, ana) == [FIVE_UTC]


async def test_another_persons_button_is_nothing_to_this_one(scene: Scene) -> None:
    ana, bo = scene.person(ANA), scene.person(BO, name="Bo")
    question = await asked(scene, ana)
    await asked(scene, bo, Called("book_callback", requested_time=AT_SIX, timezone=MEXICO))
    scene.model.will(Said("Pardon?"))
    await bo.sends(Choice(question.buttons[0].id, "Yes"))
    await bo.hears("Pardon")
    assert (await booked(scene, ana), await booked(scene, bo)) == ([], [])


# What nobody is asked about


async def test_what_cannot_be_done_is_not_asked_about(scene: Scene) -> None:
    bo = scene.person(BO, name="Bo")
    scene.model.will(Called("create_ticket", subject="Bo's", description="Bo's affair"), Said("Opened."))
    await bo.says("Open a ticket, please.")
    await bo.hears("Opened")
    ana = scene.person(ANA)
    scene.model.will(Called("close_my_ticket", number="TICKET-2026-000001"), Said("You have no such ticket."))
    await ana.says("Close TICKET-2026-000001, please.")
    await ana.hears("no such ticket")
    assert told(scene.model.requests[-1])[-1].startswith("error: there is no ticket TICKET-2026-000001")
    assert (await ana.conversation()).flow is None
    assert [ticket.status for ticket in await bo.tickets()] == [TicketStatus.OPEN]


async def test_what_changes_nothing_is_not_asked_about(scene: Scene) -> None:
    ana = scene.person(ANA)
    callback = await has_callback(scene, ana)
    await services(scene).callbacks.cancel(callback.id, by="user:op-1")
    scene.model.will(Called("cancel_callback", number=number_of(callback)), Said("It is cancelled."))
    await ana.says("Cancel my call, please.")
    await ana.hears("It is cancelled")
    assert "was cancelled already" in told(scene.model.requests[-1])[-1]


async def test_a_time_that_is_over_is_not_asked_about(scene: Scene) -> None:
    ana = scene.person(ANA)
    scene.model.will(Called("book_callback", requested_time="2026-01-14T17:00:00-06:00"), Said("That is over."))
    await ana.says("Please call me yesterday.")
    await ana.hears("That is over")
    assert "must be in the future" in told(scene.model.requests[-1])[-1]


# Several calls


async def test_two_calls_that_need_a_yes_are_asked_about_one_after_the_other(scene: Scene) -> None:
    ana = scene.person(ANA)
    scene.model.will(Called("remember", what="Likes green tea"), Called("remember", what="Has a dog"), Said("Noted."))
    await ana.says("I like green tea and have a dog.")
    await ana.hears("Noted")
    forget = (Called("forget", what="green tea"), Called("forget", what="dog"))
    question = await asked(scene, ana, Calls(*forget))
    assert "green tea" in question.text
    await ana.hears_nothing()
    scene.model.will(forget[1])
    await ana.says("yes")
    await ana.hears("Done.")
    await ana.hears("dog")
    assert '"name":"forget","arguments":"{"what":"dog"}"' in read(scene.model.requests[-1])
    assert await memories(scene, ana) == ["Has a dog"]
    scene.model.will(Said("Both are forgotten."))
    await ana.says("yes")
    await ana.hears("Both")
    assert await memories(scene, ana) == []


async def memories(scene: Scene, person: ScenePerson) -> list[str]:
    found = await scene.app.store.find(UserMemory, {"user_id": (await person.customer()).id})
    return sorted(memory.content for memory in found)


async def test_a_write_behind_the_question_is_not_run_and_not_forgotten(scene: Scene) -> None:
    ana = scene.person(ANA)
    await asked(scene, ana, Calls(BOOK, Called("create_ticket", subject="Bill", description="Too high")))
    assert await ana.tickets() == []
    scene.model.will(Called("create_ticket", subject="Bill", description="Too high"), Said("Booked, and a ticket is open."))
    await ana.says("yes")
    await ana.hears("a ticket is open")
    assert "create_ticket" in read(scene.model.requests[-1])
    assert (await booked(scene, ana), len(await ana.tickets())) == ([FIVE_UTC], 1)


async def test_a_write_before_the_question_is_done(scene: Scene) -> None:
    ana = scene.person(ANA)
    await asked(scene, ana, Calls(Called("create_ticket", subject="Bill", description="Too high"), BOOK))
    assert len(await ana.tickets()) == 1
    assert await booked(scene, ana) == []


# The record changed between question and yes


async def test_a_callback_that_was_cancelled_meanwhile_is_not_moved(scene: Scene) -> None:
    ana = scene.person(ANA)
    callback = await has_callback(scene, ana)
    move = Called("move_callback", number=number_of(callback), requested_time=AT_SIX)
    question = await asked(scene, ana, move)
    assert "18:00" in question.text
    await services(scene).callbacks.cancel(callback.id, by="user:op-1")
    scene.model.will(Said("It was cancelled meanwhile."))
    await ana.says("yes")
    await ana.hears("It was cancelled meanwhile")
    result = told(scene.model.requests[-1])[-1]
    [after] = await callbacks(scene, ana)
    assert (after.status, after.requested_time) == (CallbackStatus.CANCELLED, callback.requested_time), result
    assert result.startswith("error: ")


async def test_a_question_that_would_be_another_one_by_now_is_asked_anew(scene: Scene) -> None:
    """They have said yes to the cancelling of a call at five, and there is none at five any more."""
    ana = scene.person(ANA)
    callback = await has_callback(scene, ana)
    question = await asked(scene, ana, Called("cancel_callback", number=number_of(callback)))
    assert "17:00" in question.text
    await services(scene).callbacks.move(callback.id, datetime.fromisoformat(AT_SIX), by="user:op-1")
    await ana.says("yes")
    assert "18:00" in (await ana.hears()).text
    assert await booked(scene, ana) == [SIX_UTC]
    scene.model.will(Said("Cancelled."))
    await ana.taps("Yes")
    await ana.hears("Cancelled")
    assert await booked(scene, ana) == []


async def test_a_yes_in_another_language_counts(scene: Scene) -> None:
    ana = scene.person(ANA)
    await asked(scene, ana, language="es")
    scene.model.will(Said("Booked."))
    await ana.says("हाँ जी")
    await ana.hears("Booked")
    assert await booked(scene, ana) == [FIVE_UTC]


async def test_a_ticket_that_was_closed_meanwhile_stays_closed_once(scene: Scene) -> None:
    ana = scene.person(ANA)
    scene.model.will(Called("create_ticket", subject="No line", description="Dead"), Said("Opened."))
    await ana.says("My line is dead, please open a ticket.")
    await ana.hears("Opened")
    await asked(scene, ana, Called("close_my_ticket", number="TICKET-2026-000001"))
    await services(scene).tickets.move("TICKET-2026-000001", TicketStatus.CLOSED, by="user:op-1", reason="solved")
    await ana.hears("is closed.")
    scene.model.will(Said("It is closed already."))
    await ana.says("yes")
    await ana.hears("closed already")
    assert told(scene.model.requests[-1])[-1] == "TICKET-2026-000001 was closed already"
    [ticket] = await ana.tickets()
    assert ticket.status is TicketStatus.CLOSED


# Without a word of the model


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_model_that_is_down_after_the_yes_leaves_nobody_without_an_answer(scene: Scene, language: str) -> None:
    ana = scene.person(ANA)
    await asked(scene, ana, language=language)
    scene.model.will(Raised(ModelUnavailable("down")))
    await ana.taps(say(language, "yes"))
    reply = await ana.hears()
    assert reply.text.startswith(say(language, "did_book_callback", when="\0").partition("\0")[0])
    await ana.hears_nothing()
    assert len(await booked(scene, ana)) == 1


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_confirmed_call_that_fails_while_the_model_is_down_is_told_honestly(scene: Scene, language: str) -> None:
    ana = scene.person(ANA)
    callback = await has_callback(scene, ana)
    await asked(scene, ana, Called("move_callback", number=number_of(callback), requested_time=AT_SIX), language=language)
    await services(scene).callbacks.cancel(callback.id, by="user:op-1")
    scene.model.will(Raised(ModelUnavailable("down")))
    await ana.taps(say(language, "yes"))
    assert (await ana.hears()).text == f"{say(language, 'sorry_failed')}\n\n{say(language, 'simple_mode')}"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "calls",
    [
        (Called("my_record"),),
        (Called("list_my_callbacks"),),
        (Called("recall"),),
        (Called("search_knowledge", words="prices"),),
        (Called("my_record"), Called("recall")),
    ],
    ids=lambda calls: "+".join(call.name for call in calls),
)
async def test_no_result_of_a_tool_is_ever_said_as_it_is(scene: Scene, language: str, calls: tuple[Called, ...]) -> None:
    ana = scene.person(ANA)
    scene.model.will(*calls, Raised(ModelUnavailable("down")))
    await ana.says(ASKS[language])
    reply = await ana.hears()
    assert reply.text == f"{say(language, 'no_answer')}\n\n{say(language, 'simple_mode')}"
    await ana.hears_nothing()


async def test_who_confirmed_hears_that_it_was_done_even_if_they_are_handed_to_a_person_at_once(scene: Scene) -> None:
    ana = scene.person(ANA)
    await asked(scene, ana)
    scene.model.will(Called("hand_to_person", reason="wants more"))
    await ana.says("yes")
    await ana.hears("Done.")
    await ana.hears("passing you to a person")
    assert (await ana.conversation()).assignee == Queue("support")
    assert await booked(scene, ana) == [FIVE_UTC]


async def test_who_confirmed_hears_that_it_was_done_even_if_the_agent_gives_up(tmp_path: Path) -> None:
    async with open_scene(tmp_path, bounds=Bounds(steps=2)) as scene:
        ana = scene.person(ANA)
        await asked(scene, ana)
        scene.model.will(Called("recall"), Called("my_record"))
        await ana.says("yes")
        await ana.hears("Done.")
        await ana.hears("I cannot finish this on my own")
        assert await booked(scene, ana) == [FIVE_UTC]


async def test_the_question_is_in_the_timeline_and_the_journal_says_what_became_of_it(scene: Scene) -> None:
    ana = scene.person(ANA)
    question = await asked(scene, ana)
    scene.model.will(Said("Booked."))
    await ana.says("yes")
    await ana.hears("Booked")
    ours = [message.content for message in await ana.timeline() if message.sender is not MessageSender.CUSTOMER]
    assert ours[0].startswith(question.text)
    [flow] = await ana.journal(JournalKind.FLOW)
    assert flow.body["outcome"] == "confirmed: book_callback"
