"""Twilio's REST API over real HTTP: what is asked, and every way in which it fails."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from decimal import Decimal

import pytest
import pytest_asyncio

from bot.breakers import Breaker, BreakerState, Tolerance
from bot.channels.voice.rest import TwilioRest
from bot.clock import SystemClock
from bot.errors import SendDelayed, SendError, SendRefused, SendUnconfirmed, VendorLeftAlone
from bot.services.telephone import Order
from bot.testing.twilio_rest import FakeRest, Fault

pytestmark = pytest.mark.contract

OURS, THEIRS, HERE = "+12025550100", "+12025550123", "https://bot.example.com"
CLOCK = SystemClock()
ORDER = Order("call-1", THEIRS, 30, 1800, waits_for_beep=False)


@pytest_asyncio.fixture
async def twilio() -> AsyncIterator[FakeRest]:
    async with FakeRest() as server:
        yield server


@asynccontextmanager
async def client(
    twilio: FakeRest, *, seconds: float = 5.0, token: str = "", breaker: Breaker | None = None
) -> AsyncIterator[TwilioRest]:
    rest = TwilioRest(
        twilio.account_sid,
        token or twilio.auth_token,
        OURS,
        f"{HERE}/",
        CLOCK,
        api_url=twilio.url,
        seconds=seconds,
        breaker=breaker,
    )
    try:
        yield rest
    finally:
        await rest.close()


@pytest_asyncio.fixture
async def rest(twilio: FakeRest) -> AsyncIterator[TwilioRest]:
    async with client(twilio) as made:
        yield made


async def test_a_call_is_placed_with_everything_that_twilio_has_to_ask_us(rest: TwilioRest, twilio: FakeRest) -> None:
    placed = await rest.place(ORDER)
    assert (placed.sid, placed.status, placed.number, placed.ours) == (f"CA{1:032d}", "queued", THEIRS, OURS)
    [form] = twilio.placed
    assert (form["To"], form["From"], form["Timeout"], form["TimeLimit"]) == (THEIRS, OURS, "30", "1800")
    assert form["Url"] == f"{HERE}/webhooks/twilio/voice?call=call-1"
    assert form["StatusCallback"] == f"{HERE}/webhooks/twilio/voice/status?call=call-1"
    assert form.getall("StatusCallbackEvent") == ["initiated", "ringing", "answered", "completed"]
    assert (form["MachineDetection"], form["AsyncAmd"]) == ("Enable", "true")
    assert form["AsyncAmdStatusCallback"] == f"{HERE}/webhooks/twilio/voice/amd?call=call-1"
    assert "Record" not in form


async def test_a_machine_is_waited_for_and_a_call_recorded_where_that_is_wanted(rest: TwilioRest, twilio: FakeRest) -> None:
    await rest.place(Order("call-1", THEIRS, 30, 1800, waits_for_beep=True, record=True))
    [form] = twilio.placed
    assert (form["MachineDetection"], form["Record"], form["RecordingChannels"]) == ("DetectMessageEnd", "true", "dual")
    assert form["RecordingStatusCallback"] == f"{HERE}/webhooks/twilio/voice/recording?call=call-1"


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        (Fault(429, 20429, retry_after="3"), SendDelayed, "asked too often"),
        (Fault(400, 21211), SendRefused, "no telephone number (error 21211"),
        (Fault(400, 21215), SendRefused, "geographic permissions"),
        (Fault(400, 99999), SendRefused, "Twilio refuses this (error 99999"),
        (Fault(500), SendUnconfirmed, "has failed (HTTP 500)"),
        (Fault(503, is_done=True), SendUnconfirmed, "has failed (HTTP 503)"),
        (Fault(), SendUnconfirmed, "connection to Twilio was lost"),
        (Fault(is_done=True), SendUnconfirmed, "connection to Twilio was lost"),
        (Fault(201, body="<html>"), SendUnconfirmed, "could not be read"),
        (Fault(201, body="[1]"), SendUnconfirmed, "could not be read"),
        (Fault(201, body="{}"), SendUnconfirmed, "names no call"),
        (Fault(302, body=""), SendRefused, "refuses this"),
    ],
)
async def test_what_may_have_been_placed_is_told_from_what_was_not(
    rest: TwilioRest, twilio: FakeRest, fault: Fault, kind: type[SendError], words: str
) -> None:
    twilio.faults.append(fault)
    with pytest.raises(kind) as caught:
        await rest.place(ORDER)
    assert type(caught.value) is kind
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert THEIRS not in str(caught.value)
    assert len(twilio.requests) == 1, "nothing is asked for twice"


async def test_who_is_asked_too_often_says_for_how_long(rest: TwilioRest, twilio: FakeRest) -> None:
    twilio.faults.append(Fault(429, 20429, retry_after="3"))
    with pytest.raises(SendDelayed) as caught:
        await rest.place(ORDER)
    assert (caught.value.code, caught.value.wait) == ("20429", 3.0)


async def test_an_answer_that_does_not_come_is_waited_for_only_so_long(twilio: FakeRest) -> None:
    twilio.faults.append(Fault(hangs=True, is_done=True))
    async with client(twilio, seconds=0.2) as rest:
        with pytest.raises(SendUnconfirmed, match="not answered in time"):
            await rest.place(ORDER)
    assert len(twilio.placed) == 1


async def test_where_nobody_listens_it_was_certainly_not_placed() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    rest = TwilioRest("AC1", "token", OURS, HERE, CLOCK, api_url=f"http://127.0.0.1:{port}")
    with pytest.raises(SendDelayed, match="cannot be reached") as caught:
        await rest.place(ORDER)
    assert not isinstance(caught.value, SendUnconfirmed)
    await rest.close()


async def test_a_wrong_token_is_told_by_the_settings_names(twilio: FakeRest) -> None:
    async with client(twilio, token="wrong") as rest:
        with pytest.raises(SendRefused, match="does not take TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN"):
            await rest.place(ORDER)


async def test_after_failures_in_a_row_twilio_is_left_alone(twilio: FakeRest) -> None:
    breaker = Breaker("twilio", CLOCK, Tolerance(failures=2))
    async with client(twilio, breaker=breaker) as rest:
        for _ in range(2):
            twilio.faults.append(Fault(500))
            with pytest.raises(SendUnconfirmed):
                await rest.place(ORDER)
        with pytest.raises(VendorLeftAlone):
            await rest.place(ORDER)
    assert breaker.state is BreakerState.OPEN
    assert len(twilio.requests) == 2


async def test_a_refused_call_is_not_held_against_twilio(twilio: FakeRest) -> None:
    breaker = Breaker("twilio", CLOCK, Tolerance(failures=1))
    async with client(twilio, breaker=breaker) as rest:
        twilio.faults.append(Fault(400, 21211))
        with pytest.raises(SendRefused):
            await rest.place(ORDER)
        await rest.place(ORDER)


async def test_calls_to_a_number_since_then_are_found_the_newest_first(rest: TwilioRest, twilio: FakeRest) -> None:
    before = CLOCK.now() - timedelta(seconds=5)
    await rest.place(ORDER)
    await rest.place(Order("call-2", "+12025550124", 30, 1800, waits_for_beep=False))
    await rest.place(Order("call-3", THEIRS, 30, 1800, waits_for_beep=False))
    assert [call.sid for call in await rest.calls_to(THEIRS, before)] == [f"CA{3:032d}", f"CA{1:032d}"]
    assert await rest.calls_to(THEIRS, CLOCK.now() + timedelta(seconds=5)) == []


async def test_a_call_is_read_with_its_price(rest: TwilioRest, twilio: FakeRest) -> None:
    sid = (await rest.place(ORDER)).sid
    twilio.calls[sid] |= {"status": "completed", "duration": "65", "price": "-0.0170", "answered_by": "human"}
    seen = await rest.fetch(sid)
    assert (seen.status, seen.duration, seen.price, seen.price_unit) == ("completed", 65, Decimal("0.0170"), "USD")
    assert seen.answered_by == "human"
    state = await rest.call_state(sid)
    assert state is not None
    assert (state.status, state.price, state.unit) == ("completed", Decimal("0.0170"), "USD")
    assert await rest.call_state("CAnone") is None


@pytest.mark.parametrize("strange", [{"price": "free"}, {"duration": "long"}, {"date_created": "yesterday"}, {"to": None}])
async def test_what_twilio_says_strangely_is_not_known(rest: TwilioRest, twilio: FakeRest, strange: dict[str, str]) -> None:
    sid = (await rest.place(ORDER)).sid
    twilio.calls[sid] |= strange
    assert (await rest.fetch(sid)).sid == sid


async def test_a_call_is_ended_and_redirected(rest: TwilioRest, twilio: FakeRest) -> None:
    sid = (await rest.place(ORDER)).sid
    await rest.say_and_hang_up(sid, 'A & B say "hi" <now>\x00\ud800', "hi")
    await rest.redirect_to(sid, f"{HERE}/else")
    await rest.hang_up(sid)
    with pytest.raises(SendRefused, match="has ended already"):
        await rest.hang_up(sid)
    said = '<Response><Say language="hi-IN">A &amp; B say "hi" &lt;now&gt;  </Say><Hangup/></Response>'
    assert twilio.updates == [
        (sid, {"Twiml": said}),
        (sid, {"Url": f"{HERE}/else", "Method": "POST"}),
        (sid, {"Status": "completed"}),
    ]


async def test_a_recording_is_fetched_in_parts_and_deleted_once(rest: TwilioRest, twilio: FakeRest) -> None:
    sound = bytes(range(256)) * 1024
    twilio.recordings["RE1"] = sound
    assert b"".join([part async for part in rest.fetch_recording("RE1")]) == sound
    await rest.delete_recording("RE1")
    await rest.delete_recording("RE1")
    assert not twilio.recordings
    with pytest.raises(SendRefused):
        _ = [part async for part in rest.fetch_recording("RE1")]


async def test_a_number_is_set_up_and_checked(rest: TwilioRest, twilio: FakeRest) -> None:
    with pytest.raises(SendRefused, match="this account has no number"):
        await rest.check()
    twilio.owns(OURS, "https://elsewhere.example.com")
    with pytest.raises(SendRefused, match="run `bot twilio setup`"):
        await rest.check()
    number = await rest.number(OURS)
    after = await rest.set_addresses(number, *rest.addresses)
    assert (after.voice_url, after.status_callback) == (f"{HERE}/webhooks/twilio/voice", f"{HERE}/webhooks/twilio/voice/status")
    assert await rest.check() == f"{OURS} is ours"
