"""Whole calls on the plain way: a caller who does what our TwiML says, the real engine behind it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bot.channels.voice import twiml
from bot.channels.voice.gather import ANSWER_SECONDS, MOST_FILLERS
from bot.channels.voice.opening import disclosure, invitation
from bot.channels.voice.rules import CallRules
from bot.clock import new_id
from bot.message import Address, InboundMessage, Text
from bot.records.calls import CallDirection, CallStatus, NextKind
from bot.records.conversations import Conversation, Direction, Message
from bot.records.people import Customer, IdentityKind
from bot.records.users import Role
from bot.resources import say
from bot.services.people import identities_of
from bot.services.phone_calls import sender_of
from bot.testing.llm import Called, Said
from bot.testing.twilio import FakeCaller
from bot.testing.web import added
from tests.channels.voice.conftest import Line, opened

pytestmark = pytest.mark.scenario

ANA = "+12025550123"
RULES = CallRules()
OPENING = " ".join([*disclosure("en", RULES), invitation(CallDirection.INBOUND, "en")])


async def slowly(line: Line, caller: FakeCaller, words: str) -> asyncio.Task[None]:
    """They say something, and the model is at it and does not answer."""
    line.model.may_answer.clear()
    line.model.was_asked.clear()
    saying = asyncio.create_task(caller.says(words))
    await line.model.was_asked.wait()
    return saying


async def until_documents(caller: FakeCaller, count: int) -> None:
    async with asyncio.timeout(10):
        while len(caller.documents) < count:
            await asyncio.sleep(0.002)


async def test_a_caller_is_greeted_and_answered_and_the_record_tells_the_call(line: Line) -> None:
    ana = line.caller(ANA)
    await ana.calls()
    assert ana.has_heard("a program", "How can I help")
    assert (await line.call(ana)).status is CallStatus.IN_PROGRESS
    line.model.will(Said("We are open until **eight**."))
    await line.clock.advance(4)
    await ana.says("Until when are you open?")
    assert ana.heard[-1] == "We are open until eight."
    await line.clock.advance(38)
    await ana.hangs_up()
    call = await line.call(ana)
    assert (call.status, call.duration, call.provider_status) == (CallStatus.COMPLETED, 0, "completed")
    assert (call.caller_number, call.dialed_number) == (ANA, ana.ours)
    said = [(message.direction, message.content, message.start_time) for message in await line.timeline(ana)]
    assert said == [
        (Direction.OUTBOUND, OPENING, 0),
        (Direction.INBOUND, "Until when are you open?", 2),
        (Direction.OUTBOUND, "We are open until **eight**.", 4),
    ]


@pytest.mark.parametrize(("number", "locale", "word"), [("+525555550123", "es-MX", "Hola"), ("+919876543210", "hi-IN", "नमस्ते")])
async def test_a_caller_is_spoken_to_in_the_language_of_their_country(line: Line, number: str, locale: str, word: str) -> None:
    caller = line.caller(number)
    await caller.calls()
    assert caller.has_heard(word)
    assert caller.languages == [locale]
    assert caller.gather is not None
    assert caller.gather.attributes["language"] == locale


async def test_a_caller_is_spoken_to_in_the_language_that_is_set_for_them(line: Line) -> None:
    first = line.caller(ANA)
    await first.calls()
    await line.app.people.update((await line.call(first)).customer_id or "", {"preferences.language": "hi"}, by="test")
    second = line.caller(ANA)
    await second.calls()
    assert second.has_heard("नमस्ते")
    assert (await line.call(second)).customer_id == (await line.call(first)).customer_id
    assert (await line.conversation(second)).id != (await line.conversation(first)).id


@pytest.mark.parametrize("shown", ["+266696687", "sip:anna@example.com", "", "Anonymous"])
async def test_who_withholds_their_number_is_nobody_that_we_know(line: Line, shown: str) -> None:
    one, two = line.caller(shown), line.caller(shown)
    await one.calls()
    await two.calls()
    assert (await line.call(one)).customer_id != (await line.call(two)).customer_id
    assert (await line.call(one)).caller_number is None


async def test_a_webhook_that_is_posted_twice_is_heard_once_and_answered_the_same(line: Line) -> None:
    ana = line.caller(ANA)
    await ana.calls()
    assert (await ana.again()).body == ana.documents[-1]
    line.model.will(Said("Until eight."))
    await ana.says("Until when are you open?")
    assert (await ana.again()).body == ana.documents[-1]
    assert len(line.model.requests) == 1
    assert [message.content for message in await line.timeline(ana)][1:] == ["Until when are you open?", "Until eight."]


async def test_a_slow_answer_comes_after_a_filler_and_is_said_once(line: Line) -> None:
    ana = line.caller(ANA)
    await ana.calls()
    line.model.will(Said("Until eight."))
    saying = await slowly(line, ana, "Until when are you open?")
    await line.clock.advance(ANSWER_SECONDS)
    await until_documents(ana, 2)
    assert "<Redirect" in ana.documents[-1]
    assert ana.heard[-1] in [say("en", "call_filler", seed=str(seed)) for seed in range(20)]
    line.model.may_answer.set()
    await saying
    assert ana.heard.count("Until eight.") == 1
    line.model.will(Said("Yes."))
    await ana.says("On Sundays, too?")
    assert ana.heard[-1] == "Yes."
    assert ana.heard.count("Until eight.") == 1


async def test_an_answer_that_takes_for_ever_lets_them_speak_again_and_is_said_when_it_is_there(line: Line) -> None:
    ana = line.caller(ANA)
    await ana.calls()
    line.model.will(Said("Until eight."))
    saying = await slowly(line, ana, "Until when are you open?")
    for number in range(MOST_FILLERS + 1):
        await until_documents(ana, number + 1)
        for _ in range(50):
            await line.clock.advance(ANSWER_SECONDS / 25)
            await asyncio.sleep(0.002)
            if len(ana.documents) > number + 1:
                break
    await saying
    assert ana.gather is not None
    line.model.may_answer.set()
    async with asyncio.timeout(10):
        while not await line.app.call_timeline.has_news((await line.conversation(ana)).id, "none"):
            await asyncio.sleep(0.002)
    await ana.keeps_silent()
    assert ana.heard[-1] == "Until eight."


async def test_choices_are_read_out_and_a_key_chooses_one(line: Line) -> None:
    ana = line.caller(ANA)
    await ana.calls()
    line.model.will(Called("offer_choices", text="Which one?", options=["Red", "Blue"]))
    await ana.says("I want a phone")
    assert ana.heard[-1] == "Which one? For Red, press 1. For Blue, press 2."
    assert ana.gather is not None
    assert (ana.gather.attributes["numDigits"], ana.gather.attributes["hints"]) == ("1", "Red, Blue")
    await ana.presses("7")
    assert ana.heard[-1] == say("en", "call_no_choice")
    line.model.will(Said("Blue it is."))
    await ana.presses("2")
    assert ana.heard[-1] == "Blue it is."
    assert (await line.timeline(ana))[-2].content == "Blue"
    assert (await ana.again()).body == ana.documents[-1]


async def test_many_keys_are_what_they_say(line: Line) -> None:
    ana = line.caller(ANA)
    await ana.calls()
    line.model.will(Said("Thank you."))
    await ana.presses("123456")
    assert (await line.timeline(ana))[-2].content == "123456"


async def test_a_nine_ends_the_call_and_all_others_stored_first(line: Line) -> None:
    ana = line.caller(ANA)
    await ana.calls()
    await ana.presses("9")
    assert line.hooks.stopped == [((await line.call(ana)).id, "pressed 9")]
    assert ana.heard[-1] == say("en", "call_no_more_calls")
    assert ana.is_over


async def test_who_says_that_they_want_no_calls_is_let_go_and_their_words_are_the_proof(line: Line) -> None:
    ana = line.caller(ANA)
    await ana.calls()
    await ana.says("Please never call me again")
    assert line.hooks.stopped == [((await line.call(ana)).id, "Please never call me again")]
    assert [message.content for message in await line.timeline(ana)][1:] == [
        "Please never call me again",
        say("en", "call_no_more_calls"),
    ]
    assert ana.is_over
    assert line.model.requests == []


async def test_who_says_nothing_is_asked_and_then_let_go(line: Line) -> None:
    ana = line.caller(ANA)
    await ana.calls()
    for _ in range(RULES.idle_prompts):
        await ana.keeps_silent()
        assert not ana.is_over
        assert (await ana.again()).body == ana.documents[-1]
    await ana.keeps_silent()
    assert ana.heard[-1] == say("en", "call_nobody_there")
    assert (await line.call(ana)).status is CallStatus.COMPLETED


async def test_whoever_speaks_after_a_silence_is_heard_and_may_be_silent_again(line: Line) -> None:
    ana = line.caller(ANA)
    await ana.calls()
    for words in ("Hello?", "Until when are you open?"):
        await ana.keeps_silent()
        line.model.will(Said(f"You said: {words}"))
        await ana.says(words)
        assert ana.heard[-1] == f"You said: {words}"


async def test_an_operator_who_has_taken_over_is_heard_and_silence_ends_nothing(line: Line) -> None:
    ana, app = line.caller(ANA), line.app
    await ana.calls()
    operator = await added(app, "ben@example.org", Role.AGENT)
    conversation = await line.conversation(ana)
    await app.desk.transfers.take_over(conversation.id, operator)
    await app.desk.replies.say(conversation.id, operator, "Ben here. How can I help?", client_id="1")
    async with asyncio.timeout(10):
        while not await app.call_timeline.has_news(conversation.id, "none"):
            await asyncio.sleep(0.002)
    await ana.keeps_silent()
    assert ana.heard[-1] == "Ben here. How can I help?"
    for _ in range(RULES.idle_prompts + 2):
        await ana.keeps_silent()
    assert not ana.is_over
    await ana.says("My bill is wrong.")
    assert ana.heard[-1] == say("en", "call_noted")


async def test_however_much_there_is_to_be_said_all_of_it_is_in_documents_that_twilio_takes(line: Line) -> None:
    ana = line.caller(ANA)
    await ana.calls()
    words = " ".join(["a" + "&" * 9] * 1400)
    line.model.will(Said(words), Said(words))
    for _ in range(2):
        before = len(ana.heard)
        await ana.says("Read me everything")
        assert " ".join(ana.heard[before:]) == words
    assert len(ana.documents) > 3
    assert max(len(document.encode()) for document in ana.documents) <= twiml.MOST_BYTES


async def test_what_xml_cannot_hold_is_not_said(line: Line) -> None:
    ana = line.caller(ANA)
    await ana.calls()
    line.model.will(Said("Until \x00eight\x1b & <no>\ufffe later."))
    await ana.says("Until \x00when?")
    assert ana.heard[-1] == "Until eight and <no> later."


async def test_what_cannot_be_stored_is_asked_for_again(tmp_path: Path) -> None:
    async with opened(tmp_path, BOT_MAX_WAITING=1) as line:
        ana = line.caller(ANA)
        await ana.calls()
        waits = InboundMessage(new_id(), Address("whatsapp", "1", "2"), Text("Nobody works on it"), line.clock.now())
        await line.app.lanes.turns.take(waits.address.lane)
        await line.app.inbox.accept([waits])
        while line.app.backlog.has_room():  # it looks now and then
            await line.clock.advance(1)
            await asyncio.sleep(0.002)
        await ana.says("Until when are you open?")
        assert ana.heard[-1] == say("en", "call_sorry")
        assert ana.gather is not None
        assert not [message for message in await line.timeline(ana) if message.direction is Direction.INBOUND]


async def test_a_blocked_person_is_not_answered(line: Line) -> None:
    ana = line.caller(ANA)
    await ana.calls()
    await ana.hangs_up()
    await line.app.people.block((await line.call(ana)).customer_id or "", by="test", reason="sends threats")
    again = line.caller(ANA)
    await again.calls()
    assert again.heard == []
    assert again.is_over
    assert (await line.call(again)).started_at is None


@pytest.mark.parametrize(("to", "noun"), [("+12025550199", "Number"), ("sip:ben@pbx.example.com", "Sip")])
async def test_a_call_is_passed_on_to_a_number_or_an_address_of_sip(line: Line, to: str, noun: str) -> None:
    ana = line.caller(ANA)
    await ana.calls()
    await line.app.phone_calls.then((await line.call(ana)).id, NextKind.TRANSFER, to)
    await ana.keeps_silent()
    assert [(rung.to, rung.caller_id) for rung in ana.rung] == [(to, ana.ours)]
    assert f"<{noun}>" in ana.documents[-2]
    assert ana.is_over


async def test_where_nobody_answers_the_call_goes_on_with_us(line: Line) -> None:
    ana = line.caller(ANA, answers_dial=False)
    await ana.calls()
    await line.app.phone_calls.then((await line.call(ana)).id, NextKind.TRANSFER, "+12025550199")
    await ana.keeps_silent()
    assert ana.heard[-1] == say("en", "call_not_transferred")
    line.model.will(Said("Certainly."))
    await ana.says("Then call me back")
    assert ana.heard[-1] == "Certainly."


async def test_an_answer_after_which_the_call_is_to_end_is_said_before_it_does(line: Line) -> None:
    ana = line.caller(ANA)
    await ana.calls()
    await line.app.phone_calls.then((await line.call(ana)).id, NextKind.HANG_UP)
    line.model.will(Said("Goodbye, Ana."))
    await ana.says("Goodbye")
    assert ana.heard[-1] == "Goodbye, Ana."
    assert ana.is_over


async def test_a_recorded_call_says_so_before_anything_else(tmp_path: Path) -> None:
    async with opened(tmp_path, BOT_CALL_RECORDING="true") as line:
        ana = line.caller(ANA)
        await ana.calls()
        assert ana.has_heard(say("en", "call_recorded"))
        assert len(ana.recordings) == 1
        assert (await ana.tells_recording("RE1")).status == 204
        assert [news["RecordingSid"] for news in line.hooks.recordings] == ["RE1"]


async def test_without_a_model_a_call_is_served_all_the_same(tmp_path: Path) -> None:
    async with opened(tmp_path, with_model=False) as line:
        ana = line.caller(ANA)
        await ana.calls()
        await ana.says("I want to talk to a person")
        conversation = await line.conversation(ana)
        assert conversation.assignee_kind == "queue"
        assert len(ana.heard) > 1


async def test_a_call_that_is_known_by_its_number_belongs_to_the_customer_with_that_number(line: Line) -> None:
    address = Address("whatsapp", "1", ANA.removeprefix("+"))
    known = await line.app.people.recognise(address, sender_of(ANA), line.clock.now())
    ana = line.caller(ANA)
    await ana.calls()
    assert (await line.call(ana)).customer_id == known.id
    assert (IdentityKind.PHONE, ANA) in identities_of(address, sender_of(ANA))
    assert await line.app.store.get(Customer, known.id) is not None
    assert await line.app.store.count(Conversation, {"customer_id": known.id}) == 1
    assert await line.app.store.count(Message, {"conversation_id": (await line.conversation(ana)).id}) == 1
