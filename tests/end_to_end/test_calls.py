"""Whole telephone calls on each way of carrying them: greeting, interruption, tool, callback, a person; and lines that fail."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.app import App, assemble
from bot.channels.voice.call_hooks import CallHooks
from bot.channels.voice.detector import WebrtcDetector
from bot.channels.voice.lines import Lines
from bot.channels.voice.rules import rules_of
from bot.channels.voice.scripted import ScriptedRecogniser
from bot.channels.voice.signature import Signatures
from bot.channels.voice.stream import Answering, Streams
from bot.channels.voice.webhook import routes
from bot.clock import Clock, SystemClock
from bot.config import Settings
from bot.conversation import AssigneeKind, Queue
from bot.policy import CALLS
from bot.records.calls import Call, Callback, CallbackStatus, CallDirection, CallStatus, NextKind, ProcessingStatus
from bot.records.conversations import Conversation, Message
from bot.records.handoffs import Cause, Handoff
from bot.records.tickets import Ticket
from bot.services.calling_facts import To
from bot.services.dialling import State
from bot.store.base import Store
from bot.store.sqlite import SqliteStore
from bot.testing.clock import ManualClock
from bot.testing.llm import Called, Said, Step
from bot.testing.openai import FakeOpenAI
from bot.testing.processes import free_port, surroundings
from bot.testing.twilio import ACCOUNT_SID, AUTH_TOKEN, OURS, FakeCaller, Vendor
from bot.testing.twilio.stream import WordsVoice
from bot.testing.twilio_rest import FakeRest
from bot.vendors import AtEnd, telephone_routes
from bot.web.server import build_site

pytestmark = pytest.mark.end_to_end

ANA = "+12025550123"
HOURS, DOWN, CALL_ME, PERSON = (
    "Until when are you open?",
    "My internet is down, please look into it.",
    "Call me tomorrow at five.",
    "Let me talk to a human being.",
)
LONG = "We are open from nine in the morning until eight in the evening, from Monday to Saturday, and on Sundays until two."
HEARD = 5
"""Words of it, where somebody speaks over it."""


def model(body: dict[str, Any]) -> Step:
    """Knows what to answer to each thing that is said; whatever else it is asked gets a word."""
    last = body["messages"][-1]
    if last["role"] == "tool":
        return Said("I have noted it. Anything else?" if "TICKET" in str(last["content"]) else "It is booked.")
    at = "2027-01-15T17:00:00+00:00"
    answers: dict[str, Step] = {
        HOURS: Said(LONG),
        DOWN: Called("create_ticket", subject="Internet down", description=DOWN, category="technical_support"),
        CALL_ME: Called("book_callback", requested_time=at, timezone="Etc/UTC", notes="the internet"),
        PERSON: Called("hand_to_person", reason="asked for one"),
    }
    return answers.get(str(last["content"]), Said("All right."))


async def story(ana: FakeCaller, *, interrupts: bool, is_patient: bool = False) -> None:
    """The call, from greeting to hang-up; who `is_patient` waits for a person until they hear that nobody is free."""
    await ana.calls()
    await ana.hears("a program and not a person", "How can I help")
    if interrupts:
        ana.will_interrupt(DOWN, after=HEARD)
        await ana.says(HOURS)
    else:
        await ana.says(HOURS)
        await ana.hears(LONG)
        await ana.says(DOWN)
    await ana.hears("I have noted it")
    await ana.says(CALL_ME)
    await ana.hears("Shall we call you on")
    await ana.presses("1")
    await ana.hears("It is booked")
    await ana.says(PERSON)
    await ana.hears("our team")  # somebody is looked for, or nobody is there at this hour
    async with asyncio.timeout(20):
        while is_patient and not ana.has_heard("nobody of our team is free right now"):
            await ana.waits(0.1)
    await ana.hangs_up()


async def filed(store: Store, sid: str, within: float = 20.0) -> Call:
    """The record, once what comes after the call is written on it."""
    async with asyncio.timeout(within):
        while True:
            [call] = await store.find(Call, {"external_call_id": sid})
            if call.transcript is not None and call.transcript.status is ProcessingStatus.COMPLETED:
                return call
            await asyncio.sleep(0.05)


async def check_records(store: Store, call: Call, *, interrupts: bool, is_patient: bool = False) -> None:
    """All that this call should have left behind."""
    assert (call.status, call.caller_number, call.dialed_number) == (CallStatus.COMPLETED, ANA, OURS)
    assert call.started_at is not None
    assert call.ended_at is not None
    assert call.next_step is None
    conversation = await store.get(Conversation, call.conversation_id or "")
    assert conversation is not None
    assert conversation.assignee == Queue("support")  # they never got whom they asked for, also where the AI had them again
    [ticket] = await store.find(Ticket, {"customer_id": call.customer_id})
    assert ticket.subject == "Internet down"
    [callback] = await store.find(Callback, {"customer_id": call.customer_id})
    assert (callback.status, callback.requested_time.isoformat()) == (CallbackStatus.SCHEDULED, "2027-01-15T17:00:00+00:00")
    assert callback.conversation_id == conversation.id
    handoffs = await store.find(Handoff, {"conversation_id": conversation.id}, sort=("at",))
    moves = [(Cause.ASKED, AssigneeKind.QUEUE), (Cause.HANDED_BACK, AssigneeKind.AGENT), (Cause.ASKED, AssigneeKind.QUEUE)]
    assert [(handoff.cause, handoff.to_kind) for handoff in handoffs] == (moves if is_patient else moves[:1])
    said = sorted(await store.find(Message, {"conversation_id": conversation.id}), key=lambda message: message.id)
    assert all(message.start_time is not None for message in said)
    assert call.transcript is not None
    text = call.transcript.text or ""
    for words in (HOURS, DOWN, CALL_ME, PERSON):
        assert words in text
    assert ("from Monday to Saturday" in text) is not interrupts


async def test_a_whole_call_by_plain_webhooks_of_the_real_program(tmp_path: Path) -> None:
    async with FakeOpenAI(rule=model) as openai, surroundings(tmp_path / "around") as around:
        settings: dict[str, Any] = {
            "BOT_PUBLIC_URL": "https://bot.example.com",
            "BOT_DEFAULT_LANGUAGE": "en",
            "OPENAI_BASE_URL": openai.url,
            "TWILIO_ACCOUNT_SID": ACCOUNT_SID,
            "TWILIO_AUTH_TOKEN": AUTH_TOKEN,
            "TWILIO_FROM_NUMBER": OURS,
        }
        server = await started(around.bot("serve", **settings))
        assert f"telephone on: {OURS}, by gather" in server.output()
        vendor = Vendor(f"http://127.0.0.1:{around.port}", public_url="https://bot.example.com")
        ana = FakeCaller(vendor, ANA)
        try:
            await story(ana, interrupts=False)
        finally:
            await vendor.close()
        store = SqliteStore(around.data / "bot.db", SystemClock())
        await store.open()
        try:
            await check_records(store, await filed(store, ana.sid), interrupts=False)
        finally:
            await store.close()
        assert await server.stop() == 0
        assert "Traceback" not in server.output()


async def started(program: Any) -> Any:
    await program.start().ready(60)
    async with asyncio.timeout(20):
        while "telephone" not in program.output():
            await asyncio.sleep(0.02)
    return program


@dataclass
class Joined:
    """The assembled program with the telephone on, and Twilio's side."""

    app: App
    openai: FakeOpenAI
    vendor: Vendor


@asynccontextmanager
async def joined(folder: Path, clock: Clock, way: str, **more: Any) -> AsyncIterator[Joined]:
    """By `stream` with ears and a mouth that know the words; all else is as in `bot serve`."""
    port = free_port()
    async with FakeOpenAI(rule=model) as openai:
        settings = Settings(
            _env_file=None,
            BOT_DATA_DIR=folder,
            BOT_DEFAULT_LANGUAGE="en",
            BOT_PUBLIC_URL=f"http://127.0.0.1:{port}",
            OPENAI_BASE_URL=openai.url,
            OPENAI_TRANSCRIPTION_MODEL="ears",
            OPENAI_SPEECH_MODEL="mouth",
            TWILIO_ACCOUNT_SID=ACCOUNT_SID,
            TWILIO_AUTH_TOKEN=AUTH_TOKEN,
            TWILIO_FROM_NUMBER=OURS,
            TWILIO_VOICE=way,
            **more,
        )
        async with assemble(settings, clock=clock) as app:
            await app.worker.start()
            ends: list[AtEnd] = []
            made = _streaming(settings, app) if way == "stream" else telephone_routes(settings, app, ends.append)
            server = TestServer(build_site(made, app), port=port)
            await server.start_server()
            vendor = Vendor(settings.public_url)
            try:
                yield Joined(app, openai, vendor)
            finally:
                await vendor.close()  # whoever is on a call is gone
                await asyncio.gather(_pass(clock), *(end() for end in ends))
                await server.close()
                await app.worker.stop()


async def _pass(clock: Clock) -> None:
    """What waits for the time to pass while the server stops does not wait in vain."""
    if isinstance(clock, ManualClock):
        for _ in range(20):
            await clock.advance(1)
            await asyncio.sleep(0.01)


def _streaming(settings: Settings, app: App) -> list[web.RouteDef]:
    lines = Lines(ACCOUNT_SID, app.store, app.clock, app.phone_calls, app.calls)
    answering = Answering(lines.of_stream, app.calls.live.open, lines.over)
    streams = Streams(WordsVoice(), ScriptedRecogniser(), WebrtcDetector, app.clock, answering)
    hooks = CallHooks(app.phone_calls, app.calling, app.after_call.recordings.recorded, app.transfer_calls.unanswered)
    signatures = Signatures(AUTH_TOKEN, settings.public_url)
    return routes(app, signatures, hooks, {"stream": streams.serve}, rules_of(settings), app.calls.live.may_begin)


def asked(openai: FakeOpenAI, words: str) -> list[dict[str, Any]]:
    """What the model was told when this had been said last."""
    return next(request.body["messages"] for request in openai.requests if request.body["messages"][-1]["content"] == words)


def check_that_only_what_was_heard_was_told(openai: FakeOpenAI) -> None:
    """The model that answers whoever spoke over us knows nothing of what they did not hear."""
    told = [message["content"] for message in asked(openai, DOWN) if message["role"] == "assistant"]
    assert LONG.startswith(told[-1].rstrip(" .,"))
    assert len(told[-1].split()) <= HEARD + 2
    assert "Saturday" not in str(told)


async def test_a_whole_call_by_conversation_relay(tmp_path: Path) -> None:
    clock = ManualClock(datetime(2026, 1, 15, 17, tzinfo=UTC))  # somebody might be there
    async with joined(tmp_path, clock, "relay") as line:
        ana = FakeCaller(line.vendor, ANA, passes=clock.advance)
        await story(ana, interrupts=True, is_patient=True)
        check_that_only_what_was_heard_was_told(line.openai)
        await clock.advance(10)
        await check_records(line.app.store, await filed(line.app.store, ana.sid), interrupts=True, is_patient=True)
        assert ana.trouble is None


async def test_a_whole_call_by_media_streams(tmp_path: Path) -> None:
    async with joined(tmp_path, SystemClock(), "stream") as line:
        ana = FakeCaller(line.vendor, ANA)
        await story(ana, interrupts=True)
        check_that_only_what_was_heard_was_told(line.openai)
        await check_records(line.app.store, await filed(line.app.store, ana.sid), interrupts=True)
        assert ana.trouble is None


async def test_the_programs_own_routes_are_those_of_the_way_that_is_set(tmp_path: Path) -> None:
    async with joined(tmp_path, ManualClock(), "gather") as line:
        ends: list[AtEnd] = []
        for way, sockets in (("gather", 0), ("relay", 1), ("stream", 1)):
            settings = line.app.settings.model_copy(update={"twilio_voice": way})
            made = list(telephone_routes(settings, line.app, ends.append))
            assert len([route for route in made if isinstance(route, web.RouteDef) and route.method == "GET"]) == sockets
        for end in ends:
            await end()


def clock_of(way: str) -> Any:
    """Sound takes its real time; words over a websocket take what the test's clock says."""
    return SystemClock() if way == "stream" else ManualClock()


def caller_of(line: Joined, **options: Any) -> FakeCaller:
    clock = line.app.clock
    return FakeCaller(line.vendor, ANA, passes=clock.advance if isinstance(clock, ManualClock) else None, **options)


@pytest.mark.parametrize("way", ["relay", "stream"])
async def test_where_the_websocket_breaks_off_the_same_conversation_goes_on_by_plain_webhooks(tmp_path: Path, way: str) -> None:
    async with joined(tmp_path, clock_of(way), way) as line:
        ana = caller_of(line)
        await ana.calls()
        await ana.hears("How can I help")
        await ana.breaks()
        await ana.is_listened_to()
        await ana.says(HOURS)
        await ana.hears(LONG)
        await ana.hangs_up()
        [call] = await line.app.store.find(Call, {"external_call_id": ana.sid})
        assert call.status is CallStatus.COMPLETED
        assert await line.app.store.count(Conversation, {"call_id": call.id}) == 1
        said = sum("a program and not a person" in text for text in ana.heard)
        assert said == 1, ana.heard


@pytest.mark.parametrize("way", ["gather", "relay", "stream"])
async def test_who_wants_no_more_calls_is_on_the_list_before_the_call_ends(tmp_path: Path, way: str) -> None:
    async with joined(tmp_path, clock_of(way), way) as line:
        ana = caller_of(line)
        await ana.calls()
        await ana.hears("How can I help")
        await ana.says("Never call me again.")
        await ana.hears("will not call you any more")
        await ana.ends()
        listed = await line.app.calling.do_not_call.listed(ANA)
        assert listed is not None
        [call] = await line.app.store.find(Call, {"external_call_id": ana.sid})
        assert call.status is CallStatus.COMPLETED


@pytest.mark.parametrize("way", ["gather", "relay", "stream"])
async def test_a_call_is_put_through_and_comes_back_where_nobody_answers(tmp_path: Path, way: str) -> None:
    async with joined(tmp_path, clock_of(way), way) as line:
        ana = caller_of(line, answers_dial=False)
        await ana.calls()
        await ana.hears("How can I help")
        [call] = await line.app.store.find(Call, {"external_call_id": ana.sid})
        conversation = await line.app.store.get(Conversation, call.conversation_id or "")
        assert conversation is not None
        await line.app.phone_calls.then(call.id, NextKind.TRANSFER, "+12025550199")
        line.app.live.tell(conversation.lane)
        if way == "gather":
            await ana.keeps_silent()
        await ana.is_listened_to()
        assert [rung.to for rung in ana.rung] == ["+12025550199"]
        await ana.says(HOURS)
        await ana.hears(LONG)
        await ana.hangs_up()


@pytest.mark.parametrize("way", ["relay", "stream"])
async def test_a_websocket_that_twilio_did_not_ask_for_is_refused_and_a_second_one_of_a_call_too(
    tmp_path: Path, way: str
) -> None:
    async with joined(tmp_path, clock_of(way), way) as line:
        ana = caller_of(line)
        await ana.calls()
        await ana.hears("How can I help")
        second = caller_of(line, sid=ana.sid, tells_status=False)
        stranger = caller_of(line, tells_status=False)
        [call] = await line.app.store.find(Call, {"external_call_id": ana.sid})
        for other, parameters in ((second, {"call": call.id}), (second, {"call": "another"}), (second, {}), (stranger, {})):
            await other.opens(way, **parameters)
            assert other.heard == []
        await ana.says(HOURS)
        await ana.hears("in the morning")
        await ana.hangs_up()
        assert len(line.app.calls.live) == 0


async def placed(line: Joined, rest: FakeRest) -> FakeCaller:
    """Somebody whom we call with their consent; their telephone rings."""
    await line.app.consents.record(ANA, CALLS, source="form of 2026-01-02", by="user:vera")
    done = await line.app.calling.dialling.place(To(number=ANA), by="user:vera", about="the renewal")
    assert done.state is State.PLACED, done
    ana = FakeCaller.called(line.vendor, list(rest.calls)[-1], rest.placed[-1], passes=getattr(line.app.clock, "advance", None))
    for status, sequence in (("ringing", 1), ("initiated", 0)):
        await ana.tells(status, sequence=sequence)
    return ana


@pytest.mark.parametrize("way", ["gather", "relay"])
async def test_whom_we_call_is_told_who_calls_and_how_not_to_be_called_again(tmp_path: Path, way: str) -> None:
    clock = ManualClock(datetime(2026, 1, 15, 17, tzinfo=UTC))
    async with FakeRest(clock) as rest, joined(tmp_path, clock, way, TWILIO_API_URL=rest.url) as line:
        ana = await placed(line, rest)
        await ana.tells("in-progress", sequence=2)
        await ana.calls()
        await ana.tells_machine("human")
        await ana.hears("a program and not a person", "press 9")
        await ana.presses("9")
        await clock.advance(3)
        await ana.hears("will not call you any more")
        await ana.ends()
        [call] = await line.app.store.find(Call, {"external_call_id": ana.sid})
        assert (call.status, call.direction, call.notes) == (CallStatus.COMPLETED, CallDirection.OUTBOUND, "the renewal")
        again = await line.app.calling.dialling.place(To(number=ANA), by="user:vera")
        assert again.state is State.REFUSED


async def test_a_machine_that_answers_is_not_talked_to(tmp_path: Path) -> None:
    clock = ManualClock(datetime(2026, 1, 15, 17, tzinfo=UTC))
    async with FakeRest(clock) as rest, joined(tmp_path, clock, "gather", TWILIO_API_URL=rest.url) as line:
        ana = await placed(line, rest)
        await ana.calls()
        await ana.tells_machine("machine_end_beep")
        assert [sid for sid, _ in rest.updates] == [ana.sid]
        await ana.hangs_up()
        [call] = await line.app.store.find(Call, {"external_call_id": ana.sid})
        assert (call.status, call.answered_by) == (CallStatus.COMPLETED, "machine_end_beep")
