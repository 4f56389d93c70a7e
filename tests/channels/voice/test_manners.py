"""What a caller hears: words for the ear, no sources, each menu once, and the truth about people of ours."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.records.calls import Callback, CallStatus
from bot.records.conversations import MessageSender
from bot.resources import LANGUAGES, say, spoken
from bot.store.base import In
from bot.testing.scene import Scene, open_scene
from tests.channels.voice.calls import THEIRS, Phone, on_the_phone
from tests.channels.voice.conftest import opened

pytestmark = pytest.mark.scenario

HOURS = "What are your opening hours?"
PERSON = {
    "en": "I want to talk to a person",
    "es": "Quiero hablar con una persona",
    "hi": "मुझे किसी व्यक्ति से बात करनी है",
}
TALKS = {
    "en": ("yes, of course", "tomorrow at five in the afternoon", "skip", "yes please"),
    "es": ("sí, claro", "mañana a las cinco de la tarde", "omitir", "sí, claro"),
    "hi": ("हाँ जी", "कल शाम 5 बजे", "छोड़ें", "हाँ जी"),
}
MENU = ["For a ticket, press 1.", "For a call back, press 2.", "For a person, press 3."]


@pytest.fixture
async def offline(tmp_path: Path) -> AsyncIterator[Scene]:
    async with open_scene(tmp_path, with_model=False) as scene:
        await scene.app.knowledge.ensure()
        yield scene


@asynccontextmanager
async def talking(scene: Scene, language: str = "en", theirs: str = THEIRS) -> AsyncIterator[Phone]:
    """A call whose provider has told that it was answered."""
    async with on_the_phone(scene, language=language, theirs=theirs) as phone:
        await scene.app.phone_calls.move(phone.begun.call.id, CallStatus.IN_PROGRESS)
        yield phone


async def hears_on(phone: Phone, *, after: int) -> list[str]:
    """What is said by itself a few seconds later."""
    await phone.passes(4)
    await phone.rests()
    phone.line.plays_all()
    await phone.rests()
    return phone.line.said[after:]


async def test_an_answer_is_heard_without_its_source_and_the_menu_once(offline: Scene) -> None:
    async with talking(offline) as phone:
        first = await phone.answers(HOURS)
        again = await phone.answers(HOURS)
        answers = [message for message in await phone.messages() if message.sender is MessageSender.AI]
    assert "open Monday to Saturday from 10 AM to 7 PM" in " ".join(first)
    assert first[-3:] == MENU
    assert not any("From:" in words for words in (*first, *again))
    assert not set(again) & set(MENU)
    assert [message.metadata["sources"] for message in answers] == [["Opening hours"]] * 2
    assert not any("From:" in message.content for message in answers)


async def test_a_key_of_a_menu_that_was_not_read_again_still_counts(offline: Scene) -> None:
    async with talking(offline) as phone:
        await phone.answers(HOURS)
        await phone.answers(HOURS)
        before = len(phone.line.said)
        phone.call.pressed("2")
        await phone.rests()
        assert phone.line.said[before].startswith("When shall we call you?")


async def test_by_plain_webhooks_the_menu_is_read_once_too(tmp_path: Path) -> None:
    async with opened(tmp_path, with_model=False) as line:
        await line.app.knowledge.ensure()
        ana = line.caller("+12025550123")
        await ana.calls()
        await ana.says(HOURS)
        assert ana.heard[-1].endswith(" ".join(MENU))
        await ana.says(HOURS)
        assert "10 AM to 7 PM" in ana.heard[-1]
        assert "press" not in ana.heard[-1]


@pytest.mark.parametrize("language", LANGUAGES)
async def test_who_asks_for_a_person_while_nobody_is_there_is_called_back_on_a_yes(offline: Scene, language: str) -> None:
    yes, when, skip, confirmed = TALKS[language]
    async with talking(offline, language) as phone:
        said = await phone.answers(PERSON[language])
        with spoken():
            assert " ".join(said).startswith(say(language, "connecting"))
        said = await hears_on(phone, after=len(phone.line.said))
        assert " ".join(" ".join(said).split()) == say(language, "call_nobody_free")
        assert "".join(await phone.answers(yes)).startswith(say(language, "ask_when")[:12])
        await phone.answers(when)
        question = " ".join(await phone.answers(skip))
        assert question.endswith("?")
        await phone.answers(confirmed)
        [booked] = await offline.app.store.find(Callback, {"customer_id": In([phone.begun.customer.id])})
    assert booked.conversation_id == phone.begun.conversation.id
    assert booked.notes is None


async def test_who_wants_no_call_back_is_asked_what_else(offline: Scene) -> None:
    async with talking(offline) as phone:
        await phone.answers(PERSON["en"])
        await hears_on(phone, after=0)
        assert " ".join(await phone.answers("no, thank you")) == "All right. What else can I do for you?"


async def test_a_time_instead_of_a_yes_is_taken(offline: Scene) -> None:
    async with talking(offline) as phone:
        await phone.answers(PERSON["en"])
        await hears_on(phone, after=0)
        assert "What is the call to be about" in " ".join(await phone.answers("tomorrow at five in the afternoon"))


async def test_a_number_that_does_not_show_is_asked_for_and_read_back(offline: Scene) -> None:
    async with talking(offline, theirs="") as phone:
        await phone.answers(PERSON["en"])
        await hears_on(phone, after=0)
        assert "Your number does not show." in await phone.answers("yes")
        await phone.answers("it is 202 555 0123")
        await phone.answers("tomorrow at five in the afternoon")
        question = " ".join(await phone.answers("skip"))
        assert "on the number 1, 2 0 2, 5 5 5, 0 1 2 3?" in question
        await phone.answers("yes")
        [booked] = await offline.app.store.find(Callback, {"customer_id": In([phone.begun.customer.id])})
    assert booked.notes == "On the number that they said: +12025550123"


async def test_who_speaks_while_they_wait_for_somebody_is_not_left_in_silence(offline: Scene) -> None:
    async with talking(offline) as phone:
        await phone.answers(PERSON["en"])
        assert await phone.answers("hello?") == ["Please stay on the line."]
