"""What all forms share: corrections, questions in the middle, leaving, coming back too late, misfits, hostile input."""

from __future__ import annotations

import asyncio
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.conversation import OperatorRef, Queue
from bot.dialogs.progress import LIVES
from bot.message import Choice, Contacts, Location, Media, Reaction
from bot.records.calls import Callback
from bot.records.leads import Lead
from bot.records.work import JournalKind
from bot.resources import LANGUAGES, say
from bot.store.base import Unit
from bot.testing.llm import Called, Said, ScriptedModel
from bot.testing.scene import Scene, ScenePerson, open_scene
from tests.dialogs.flows.test_flows import ANA, CALL, TICKET, callbacks, talk

pytestmark = pytest.mark.scenario

QUESTION = {
    "es": ("¿A qué hora abre la tienda?", "10:00"),
    "en": ("What time does the shop open?", "10:00"),
    "hi": ("दुकान कितने बजे खुलती है?", "10:00"),
}
SATURDAY_FIVE = datetime(2026, 1, 17, 23, tzinfo=UTC)


async def asked_for_a_topic(ana: ScenePerson, language: str = "en") -> None:
    await talk(ana, (CALL[language][0], say(language, "ask_topic")))


# Corrections


@pytest.mark.parametrize(
    ("language", "fix"),
    [
        ("es", "no, el sábado"),
        ("es", "perdón, quise decir el sábado"),
        ("es", "mejor el sábado"),
        ("en", "no, Saturday"),
        ("en", "sorry, I meant Saturday"),
        ("en", "actually, make it Saturday"),
        ("hi", "नहीं, शनिवार"),
        ("hi", "nahi, shanivar"),
    ],
)
async def test_an_earlier_answer_is_corrected_while_something_else_is_asked(offline: Scene, language: str, fix: str) -> None:
    ana = offline.person(ANA)
    await asked_for_a_topic(ana, language)
    await talk(
        ana, (fix, say(language, "ask_topic")), (f"#{say(language, 'option_skip')}", "17:00"), (say(language, "yes"), "17:00")
    )
    [callback] = await callbacks(offline, ana)
    assert callback.requested_time == SATURDAY_FIVE


@pytest.mark.parametrize(("language", "fix"), [("es", "no, a las seis"), ("en", "no, at six"), ("hi", "नहीं, छह बजे")])
async def test_what_is_read_back_is_corrected_and_read_back_again(offline: Scene, language: str, fix: str) -> None:
    ana = offline.person(ANA)
    await asked_for_a_topic(ana, language)
    await talk(ana, (CALL[language][1], "17:00"))
    question = ana._spoken()[-1].reply
    await talk(ana, (fix, "18:00"))
    await ana.sends(Choice(question.buttons[0].id, question.buttons[0].title))  # the yes of what was read back before
    await ana.hears("18:00", f"[{say(language, 'yes')}]")
    assert await callbacks(offline, ana) == []
    await talk(ana, (say(language, "yes"), "18:00"))
    assert len(await callbacks(offline, ana)) == 1


@pytest.mark.parametrize(
    ("fix", "first"),
    [("not Ana, Anna", "Anna"), ("no, not Ana but Anna", "Anna"), ("sorry, my name is Anna", "Anna"), ("Ana nahi, Anna", "Anna")],
)
async def test_a_name_is_corrected(offline: Scene, fix: str, first: str) -> None:
    ana = offline.person(ANA)
    await talk(
        ana,
        ("I want to buy internet for my office", "name"),
        ("Ana", "company"),
        (fix, "company"),
        ("#Skip", "Thank you"),
    )
    [lead] = await offline.app.store.find(Lead, {}, limit=2)
    assert lead.first_name == first


async def test_a_plain_no_asks_what_is_to_be_different_and_a_second_one_leaves_it(offline: Scene) -> None:
    ana = offline.person(ANA)
    await asked_for_a_topic(ana)
    await talk(
        ana, ("my bill", "17:00"), ("no", "to be different"), ("at six", "18:00"), ("no", "to be different"), ("no", "leave that")
    )
    assert await callbacks(offline, ana) == []


async def test_more_on_the_matter_is_added_when_it_is_read_back(offline: Scene) -> None:
    ana = offline.person(ANA)
    await talk(
        ana,
        ("open a ticket: the box in the hall hums all night", "about?"),
        ("#Skip", "hums"),
        ("it also gets very warm in the evening", "warm"),
        ("yes", "TICKET"),
    )
    [ticket] = await ana.tickets()
    assert ticket.description == "the box in the hall hums all night\nit also gets very warm in the evening"


# Questions in the middle


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_question_in_the_middle_is_answered_and_the_open_one_asked_again(offline: Scene, language: str) -> None:
    ana = offline.person(ANA)
    await asked_for_a_topic(ana, language)
    question, answer = QUESTION[language]
    await talk(ana, (question, answer))
    await ana.hears(say(language, "ask_topic"))
    await talk(ana, (CALL[language][1], "17:00"), (say(language, "yes"), "17:00"))
    [callback] = await callbacks(offline, ana)
    assert callback.notes


async def test_with_a_model_the_agent_answers_the_question_in_the_middle(tmp_path: Path) -> None:
    async with open_scene(tmp_path) as scene:
        ana = scene.person(ANA)
        scene.model.will(Called("start_flow", name="book_callback", about="tomorrow at five"))
        await talk(ana, ("Can you have me called tomorrow at five?", "What is the call to be about?"))
        scene.model.will(Said("We open at ten."))
        await talk(ana, ("What time do you open?", "We open at ten."))
        await ana.hears("What is the call to be about?")
        assert "book_callback" in str(scene.model.requests[-1].messages[0]["content"])
        scene.model.will(Said("Booked, see you then."))
        await talk(ana, ("my bill", "17:00"), ("yes", "Booked, see you then."))
        assert len(await callbacks(scene, ana)) == 1
        assert len(scene.model.requests) == 3


async def test_an_agent_is_told_which_flows_there_are(tmp_path: Path) -> None:
    async with open_scene(tmp_path) as scene:
        ana = scene.person(ANA)
        scene.model.will(Called("start_flow", name="order_pizza"), Said("No pizza."))
        await talk(ana, ("pizza", "No pizza"))
        [row] = await ana.journal(JournalKind.TOOL)
        assert "book_callback" in row.body["result"]


async def test_another_wish_takes_the_place_of_the_first_and_says_so(offline: Scene) -> None:
    ana = offline.person(ANA)
    await talk(ana, ("call me back", "When shall we call you?"))
    await talk(ana, ("I want to open a ticket", "I leave the call for now"))
    await ana.hears("What has happened?")


async def test_asking_for_a_person_in_the_middle_gives_one(offline: Scene) -> None:
    ana = offline.person(ANA)
    await asked_for_a_topic(ana)
    await talk(ana, ("I want to talk to a person", "passing you to a person"))
    await ana.hears_nothing()
    assert (await ana.conversation()).assignee == Queue("support")


# Leaving it


@pytest.mark.parametrize(
    ("language", "word"),
    [("es", "cancelar"), ("es", "déjalo"), ("en", "cancel"), ("en", "never mind"), ("hi", "rehne do"), ("hi", "रद्द करें")],
)
async def test_it_is_left_by_a_word_and_nobody_is_opted_out(offline: Scene, language: str, word: str) -> None:
    ana = offline.person(ANA)
    await asked_for_a_topic(ana, language)
    await talk(ana, (word, say(language, "flow_cancelled")))
    assert (await ana.conversation()).flow is None
    await talk(ana, (CALL[language][0], say(language, "ask_topic")))


async def test_an_hour_later_it_is_over_and_that_is_said(offline: Scene) -> None:
    ana = offline.person(ANA)
    await asked_for_a_topic(ana)
    await offline.clock.advance(LIVES.total_seconds() + 1)
    await talk(ana, ("what time does the shop open?", "is from a while ago"))
    await ana.hears("10:00")
    await ana.hears_nothing()


async def test_a_late_tap_is_told_and_no_more(offline: Scene) -> None:
    ana = offline.person(ANA)
    await asked_for_a_topic(ana)
    await offline.clock.advance(LIVES.total_seconds() + 1)
    await talk(ana, ("#Skip", "is from a while ago"))
    await ana.hears_nothing()


async def test_it_goes_on_after_a_restart(tmp_path: Path) -> None:
    async with open_scene(tmp_path, with_model=False) as scene:
        await asked_for_a_topic(scene.person(ANA))
        clock = scene.clock
    async with open_scene(tmp_path, with_model=False, clock=clock) as scene:
        ana = scene.person(ANA)
        await talk(ana, ("no, Saturday", "about?"), ("my bill", "Saturday 17 January at 17:00"), ("yes", "Booked"))
        assert len(await callbacks(scene, ana)) == 1


async def test_who_takes_over_takes_the_question_too(offline: Scene) -> None:
    ana = offline.person(ANA)
    await asked_for_a_topic(ana)
    await ana.says("my bill")
    await ana.hears("17:00")
    conversation, unit = await ana.conversation(), Unit()
    conversations = offline.app.conversations
    conversations.assign(unit, conversation, OperatorRef("op-1"), by="user:op-1", reason="takes over")
    await offline.app.store.commit(unit)
    await ana.says("yes")
    await ana.hears_nothing()
    assert await callbacks(offline, ana) == []


# What does not fit


@pytest.mark.parametrize("language", LANGUAGES)
async def test_after_three_answers_that_do_not_fit_a_person_is_offered_and_a_right_one_still_counts(
    offline: Scene, language: str
) -> None:
    ana = offline.person(ANA)
    wish, problem = TICKET[language]
    await talk(ana, (wish, say(language, "ask_description")), (problem, say(language, "ask_category")))
    await talk(ana, ("xq", say(language, "flow_not_understood")), ("zzz", say(language, "flow_not_understood")))
    await ana.says("😀")
    reply = await ana.hears(say(language, "flow_offers_person"))
    assert say(language, "option_person") in [button.title for button in reply.buttons]
    await talk(ana, ("1", say(language, "category_technical_support")), (say(language, "yes"), "TICKET-2026-000001"))


async def test_the_person_that_is_offered_comes(offline: Scene) -> None:
    ana = offline.person(ANA)
    await talk(ana, ("call me back", "When"), ("xq", "not understand"), ("zz", "not understand"), ("qq", "talk to a person"))
    await ana.taps("Talk to a person")
    await ana.hears("passing you to a person")
    assert (await ana.conversation()).assignee == Queue("support")


async def test_a_time_that_is_over_or_half_said_is_asked_for(offline: Scene) -> None:
    ana = offline.person(ANA)
    await talk(
        ana,
        ("call me back", "When shall we call you?"),
        ("on Friday", "At what time?"),
        ("at five", "about?"),
        ("#Skip", "Friday 16 January at 17:00"),
    )


# Hostile and odd input

ODD = {
    "emoji": "😀😀😀",
    "long": "palabra " * 500,
    "right to left": "\u202eمرحبا שלום\u202c",
    "zero width": "\u200b\u200d\u2060\ufeff",
    "html": "<script>alert(1)</script><b>hola</b>",
    "braces": "{when} {0} %s {what!r}",
    "null": "a\x00b",
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
@pytest.mark.parametrize("language", LANGUAGES)
async def test_odd_input_is_answered_and_the_question_stays(offline: Scene, language: str, odd: str) -> None:
    ana = offline.person(ANA)
    await talk(ana, (TICKET[language][0], say(language, "ask_description")), (odd, ""))
    flow = (await ana.conversation()).flow
    assert flow is not None
    assert flow.name == "open_ticket"


async def test_ten_messages_at_once_are_one_answer(offline: Scene) -> None:
    ana = offline.person(ANA)
    await talk(ana, ("open a ticket", "What has happened?"))
    await ana.says(*(f"line {number} of it" for number in range(10)))
    await ana.hears("What is it about?")
    await ana.hears_nothing()
    await talk(ana, ("#Skip", "line 0 of it; line 1 of it"), ("yes", "TICKET"))


async def test_a_reaction_is_no_answer_and_the_question_stays(offline: Scene) -> None:
    ana = offline.person(ANA)
    await asked_for_a_topic(ana)
    await ana.sends(Reaction("👍", "m"))
    await ana.hears_nothing()
    assert (await ana.conversation()).flow is not None


@pytest.mark.parametrize("content", [Media("image", "x"), Location(1.0, 2.0), Contacts(()), Choice("choice:9", "What?")])
async def test_what_is_no_text_crashes_nothing(offline: Scene, content: Media | Location | Contacts | Choice) -> None:
    ana = offline.person(ANA)
    await talk(ana, ("call me back", "When"))
    await ana.sends(content)
    await ana.hears()
    assert (await ana.conversation()).flow is not None


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.one_of(st.text(max_size=80), st.sampled_from([*ODD.values(), "no, Friday", "1", "not x, y", "no", "mejor"])),
        max_size=5,
    )
)
def test_no_text_crashes_a_flow_or_loses_its_state_in_silence(texts: list[str]) -> None:
    asyncio.run(_survives([text for text in texts if text]))


async def _survives(texts: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with open_scene(Path(folder), with_model=False) as scene:
            ana = scene.person(ANA)
            await talk(ana, ("call me back", "When shall we call you?"))
            for text in texts:
                before = len(ana._spoken())
                await ana.says(text)
                await scene.settle()
                assert len(ana._spoken()) > before, f"silence after {text!r}"
            assert await scene.app.store.find(Callback, {}, limit=1) == []


async def test_a_scripted_model_has_no_part_in_answers_that_fit(tmp_path: Path) -> None:
    model = ScriptedModel(Called("start_flow", name="rate"))
    async with open_scene(tmp_path, model=model) as scene:
        ana = scene.person(ANA)
        await talk(ana, ("I want to leave a rating", "from 1"), ("5", "add anything"))
        assert len(model.requests) == 1
        model.will(Said("Thanks!"))
        await talk(ana, ("#Skip", "Thanks!"))
