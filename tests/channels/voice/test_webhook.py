"""The telephone's way in: who may come in, what is made of news, and that nobody on a call hears an error of a server."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import aiohttp
import pytest
from aiohttp import web

from bot.channels.voice.call_hooks import CallHooks
from bot.channels.voice.opening import disclosure, invitation
from bot.channels.voice.rules import CallRules
from bot.channels.voice.signature import Signatures, read_form
from bot.channels.voice.webhook import MAX_BODY, Handler, routes
from bot.errors import StoreUnavailable
from bot.records.calls import CallDirection, CallStatus
from bot.resources import say
from bot.testing.llm import Said
from bot.testing.twilio import ACCOUNT_SID, AUTH_TOKEN, OURS
from bot.testing.twilio.documents import read
from bot.testing.twilio.vendor import VOICE, new_call_sid, signature
from tests.channels.voice.conftest import Line, opened

pytestmark = pytest.mark.scenario

ANA = "+12025550123"
OPENING, OURS_OPENING = (" ".join([*disclosure("en", CallRules()), invitation(direction, "en")]) for direction in CallDirection)
SPEECH: dict[str, Any] = {
    "OPENAI_BASE_URL": "http://127.0.0.1:9",
    "OPENAI_TRANSCRIPTION_MODEL": "ears",
    "OPENAI_SPEECH_MODEL": "mouth",
}
"""Without which a stream would be deaf and mute."""
POSTS = [VOICE, *(f"{VOICE}/{name}" for name in ("gather", "action", "status", "amd", "recording"))]
SOCKETS = [f"{VOICE}/relay", f"{VOICE}/stream"]
FIXTURES: dict[str, dict[str, Any]] = json.loads((Path(__file__).parent / "fixtures" / "webhooks.json").read_text())
OURS_OF_THEIRS = {
    "/twilio/voice": VOICE,
    "/twilio/gather": f"{VOICE}/gather?turn=1",
    "/twilio/partial": f"{VOICE}/gather?turn=1",
    "/twilio/status": f"{VOICE}/status",
    "/twilio/amd": f"{VOICE}/amd",
    "/twilio/recording": f"{VOICE}/recording",
    "/twilio/record": f"{VOICE}/recording",
    "/twilio/dial": f"{VOICE}/action?line=dial&turn=2",
    "/twilio/relay-ended": f"{VOICE}/action?line=relay",
    "/twilio/stream-status": f"{VOICE}/action?line=stream",
}
"""Paths of the fixtures -> our routes; the rest are for messages, which we have no route for."""


async def refused(_: web.Request) -> web.StreamResponse:
    """A websocket's handler that is not to be reached."""
    raise AssertionError("nobody has checked the handshake")


@pytest.fixture
async def sockets(tmp_path: Path) -> AsyncIterator[Line]:
    async with opened(tmp_path, lines={"relay": refused, "stream": refused}) as made:
        yield made


def form(**fields: str) -> dict[str, str]:
    sid = new_call_sid()
    return {
        "AccountSid": ACCOUNT_SID,
        "CallSid": sid,
        "From": ANA,
        "To": OURS,
        "Direction": "inbound",
        "CallStatus": "ringing",
        **fields,
    }


async def test_every_route_is_in_one_of_the_tables(sockets: Line) -> None:
    both: dict[str, Handler] = {"relay": refused, "stream": refused}
    app = sockets.app
    hooks = CallHooks(app.phone_calls, app.calling, app.after_call.recordings.recorded, app.transfer_calls.unanswered)
    made = routes(app, Signatures(AUTH_TOKEN, "https://bot.example.com"), hooks, both, CallRules())
    assert {f"{route.method} {route.path}" for route in made} == {f"POST {path}" for path in POSTS} | {
        f"GET {path}" for path in SOCKETS
    }


@pytest.mark.parametrize("path", POSTS)
async def test_what_twilio_has_not_signed_is_refused(line: Line, path: str) -> None:
    fields = form()
    pairs, url = list(fields.items()), line.vendor.public_url + path
    others = [
        signature("another token", url, pairs),
        signature(AUTH_TOKEN, url + "?turn=1", pairs),
        signature(AUTH_TOKEN, url, [*pairs, ("Digits", "1")]),
    ]
    for forged in ("", "x", "RSOYDt4T1cUTdK1PDd93/VVr8B8=", "é", *others):
        assert (await line.vendor.post(path, fields, signed=forged)).status == 403
    assert await line.app.phone_calls.by_sid(fields["CallSid"]) is None


async def test_a_websocket_that_twilio_has_not_signed_is_refused(sockets: Line) -> None:
    for path in SOCKETS:
        url = "ws" + sockets.vendor.public_url.removeprefix("http") + path
        for forged in ("", "x", signature("another token", url), signature(AUTH_TOKEN, "http" + url.removeprefix("ws"))):
            with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
                async with sockets.vendor.socket(url, signed=forged):
                    pass
            assert caught.value.status == 403


async def test_another_account_of_twilios_is_refused(line: Line) -> None:
    without = form()
    del without["AccountSid"]
    for path in POSTS:
        for fields in (form(AccountSid="AC" + "0" * 32), without):
            assert (await line.vendor.post(path, fields)).status == 403


async def test_what_is_of_no_call_is_refused_and_never_an_error_of_ours(line: Line) -> None:
    for path in POSTS:
        for sid in ("", "CA1", "CA" + "z" * 32, "MZ00000000000000000000000000000001"):
            assert (await line.vendor.post(path, form(CallSid=sid))).status == 400


async def test_a_body_that_is_no_form_of_theirs_is_refused_and_never_an_error_of_ours(line: Line) -> None:
    bodies = [b"", b"{", b"\xff\xfe\x00", b"=&=&;;", b"&".join([b"a=1"] * 2000), b"x" * (MAX_BODY + 1)]
    for path in POSTS:
        answers = [(await line.vendor.post_raw(path, body, "RSOYDt4T1cUTdK1PDd93/VVr8B8=")).status for body in bodies]
        assert answers == [403, 403, 403, 403, 400, 413]


async def test_a_large_body_without_a_length_is_refused_before_it_is_there(line: Line) -> None:
    async def drip() -> AsyncIterator[bytes]:
        for _ in range(64):
            yield b"x" * 8192

    async with line.vendor.http.post(line.vendor.target + VOICE, data=drip()) as answer:
        assert answer.status == 413


async def test_only_posts_are_taken(line: Line) -> None:
    for path in POSTS:
        async with line.vendor.http.get(line.vendor.target + path) as answer:
            assert answer.status == 405


async def test_odd_words_and_odd_addresses_are_answered_with_a_document(tmp_path: Path) -> None:
    odd = [
        {"SpeechResult": "\x00\x1b\ufffe", "Confidence": "none"},
        {"SpeechResult": "a" * 20_000, "Confidence": "1e999"},
        {"Digits": "abc", "Confidence": "-1"},
        {"Digits": "१२"},
        {"Digits": "8" * 1000},
        {"SpeechResult": "   "},
    ]
    async with opened(tmp_path, with_model=False) as line:
        for query in ("", "?turn=1", "?turn=-1&wait=x&silence=", "?turn=99999999999&turn=2"):
            for fields in odd:
                answer = await line.vendor.post(f"{VOICE}/gather{query}", form(CallStatus="in-progress", **fields))
                assert (answer.status, answer.content_type) == (200, "text/xml")
                assert read(answer.body)


async def test_news_of_how_far_a_call_has_come_are_applied_in_any_order_and_however_often(line: Line) -> None:
    ana = line.caller(ANA, tells_status=False)
    await ana.calls()
    await line.clock.advance(42)
    for status, sequence in (("completed", 3), ("ringing", 1), ("in-progress", 2), ("completed", 3), ("initiated", 0)):
        told = {"CallDuration": "42"} if status == "completed" else {}
        assert (await ana.tells(status, sequence=sequence, **told)).status == 204
        call = await line.call(ana)
        assert (call.status, call.duration) == (CallStatus.COMPLETED, 42)


@pytest.mark.parametrize(("word", "status"), [
    ("busy", CallStatus.NO_ANSWER),
    ("no-answer", CallStatus.NO_ANSWER),
    ("failed", CallStatus.FAILED),
    ("canceled", CallStatus.CANCELLED),
])  # fmt: skip
async def test_a_call_that_nobody_took_ends_in_our_words_and_keeps_theirs(line: Line, word: str, status: CallStatus) -> None:
    phone_call = await line.app.phone_calls.begin(
        sid := new_call_sid(), ours=OURS, theirs=ANA, direction=CallDirection.OUTBOUND, agent="support"
    )
    ben = line.caller(ANA, direction="outbound-api", sid=sid)
    await ben.tells(word, CallDuration="0")
    call = await line.call(ben)
    assert (call.id, call.status, call.provider_status, call.duration) == (phone_call.call.id, status, word, 0)


async def test_a_status_that_we_do_not_know_changes_nothing(line: Line) -> None:
    ana = line.caller(ANA)
    await ana.calls()
    for status in ("", "sleeping", "in-progress "):
        assert (await ana.tells(status)).status == 204
    assert (await line.call(ana)).status is CallStatus.IN_PROGRESS


async def test_news_of_a_call_that_nobody_knows_are_taken_and_forgotten(line: Line) -> None:
    stranger = line.caller(ANA)
    assert (await stranger.tells("completed")).status == 204
    assert (await stranger.tells_machine("human")).status == 204
    assert (await stranger.tells_recording("RE1")).status == 204
    assert await line.app.phone_calls.by_sid(stranger.sid) is None


async def test_a_time_that_has_not_come_or_cannot_be_read_counts_as_now(line: Line) -> None:
    for when in ("Thu, 20 Nov 2099 07:28:49 +0000", "soon", ""):
        ana = line.caller(ANA, tells_status=False)
        await ana.calls()
        await ana.tells("completed", CallDuration="x" * 30, Timestamp=when)
        assert (await line.call(ana)).ended_at == line.clock.now()


async def test_who_has_picked_up_is_passed_on_and_a_machine_is_told_what_it_is_to_be_told(line: Line) -> None:
    line.hooks.voicemail = "Please call us back."
    machine = line.caller(ANA, direction="outbound-api")
    await machine.calls(AnsweredBy="machine_end_beep")
    assert machine.heard == ["Please call us back."]
    assert machine.is_over
    line.hooks.voicemail = ""
    human = line.caller(ANA, direction="outbound-api")
    await human.calls(AnsweredBy="human")
    assert human.has_heard("press 9")
    await human.tells_machine("human")
    assert [answered_by for _, answered_by in line.hooks.found] == ["machine_end_beep", "human", "human"]


async def test_a_call_of_ours_says_who_calls_and_is_known_by_the_id_that_we_gave_it(line: Line) -> None:
    ana = line.caller(ANA, direction="outbound-api", url=f"{VOICE}?call=intended")
    await ana.calls()
    assert ana.heard == [OURS_OPENING]
    assert line.hooks.placed_calls == [("intended", ana.sid)]
    call = await line.call(ana)
    assert (call.direction, call.dialed_number, call.caller_number) == ("outbound", ANA, OURS)


@pytest.mark.parametrize(("way", "element"), [("relay", "<ConversationRelay "), ("stream", "<Stream ")])
async def test_a_call_is_handed_to_a_websocket_with_what_it_is_to_know(tmp_path: Path, way: str, element: str) -> None:
    async with opened(tmp_path, lines={way: refused}, TWILIO_VOICE=way, **SPEECH) as line:
        answer = await line.vendor.post(VOICE, fields := form())
        call = await line.app.phone_calls.by_sid(fields["CallSid"])
        assert call is not None
        assert element in answer.body
        assert f'url="ws{line.vendor.public_url.removeprefix("http")}{VOICE}/{way}"' in answer.body
        assert f'<Parameter name="call" value="{call.id}" />' in answer.body
        assert f'action="{line.vendor.public_url}{VOICE}/action?line={way}"' in answer.body


@pytest.mark.parametrize(("way", "failed"), [
    ("relay", {"SessionStatus": "failed", "SessionId": "VX1", "ErrorCode": "64101"}),
    ("stream", {"StreamEvent": "stream-error"}),
    ("stream", {}),
])  # fmt: skip
async def test_where_a_websocket_fails_the_same_conversation_goes_on_the_plain_way(
    tmp_path: Path, way: str, failed: dict[str, str]
) -> None:
    async with opened(tmp_path, lines={way: refused}, TWILIO_VOICE=way, **SPEECH) as line:
        ana = line.caller(ANA)
        fields = {**ana.fields()}
        await line.vendor.post(VOICE, fields)
        before = await line.conversation(ana)
        ana.url = f"{VOICE}/action?line={way}"
        ana.status = "in-progress"
        await ana.calls(**failed)
        assert ana.heard == [OPENING]
        line.model.will(Said("Until eight."))
        await ana.says("Until when are you open?")
        assert ana.heard[-1] == "Until eight."
        assert (await line.conversation(ana)).id == before.id


async def test_whatever_a_websocket_hands_over_the_call_goes_on(line: Line) -> None:
    for data in ("", "{", "[]", '{"reasonCode": 1}', "[" * 15_000):
        answer = await line.vendor.post(f"{VOICE}/action?line=relay", form(CallStatus="in-progress", HandoffData=data))
        assert [verb.name for verb in read(answer.body)] == ["Gather"]


async def test_a_websocket_that_we_have_ended_ends_the_call(line: Line) -> None:
    ended = json.dumps({"reasonCode": "hang_up"})
    answer = await line.vendor.post(
        f"{VOICE}/action?line=relay", form(CallStatus="in-progress", HandoffData=ended, SessionStatus="ended")
    )
    assert [verb.name for verb in read(answer.body)] == ["Hangup"]


async def test_a_caller_who_hangs_up_ends_the_call_also_where_only_the_websocket_tells(line: Line) -> None:
    ana = line.caller(ANA, tells_status=False)
    await ana.calls()
    ana.url, ana.status = f"{VOICE}/action?line=relay", "completed"
    await ana.calls(SessionStatus="completed")
    assert (await line.call(ana)).status is CallStatus.COMPLETED


async def test_a_webhook_of_a_call_that_is_over_says_nothing_more(line: Line) -> None:
    ana = line.caller(ANA)
    await ana.calls()
    await ana.hangs_up()
    for path in (VOICE, f"{VOICE}/gather?turn=1", f"{VOICE}/action?line=dial"):
        answer = await line.vendor.post(path, {**ana.fields(), "CallStatus": "in-progress", "SpeechResult": "Hello?"})
        assert [verb.name for verb in read(answer.body)] == ["Hangup"]
    assert len(await line.timeline(ana)) == 1


async def test_while_the_store_is_away_a_caller_hears_a_sentence(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    ana = line.caller(ANA)
    await ana.calls()

    async def away(*_: object, **__: object) -> None:
        raise StoreUnavailable("the disk is full")

    monkeypatch.setattr(type(line.app.store), "find", away)
    assert say("en", "call_trouble") in (await line.vendor.post(VOICE, form())).body
    lost = await line.vendor.post(f"{VOICE}/gather?turn=3", {**ana.fields(), "SpeechResult": "Hello?"})
    assert say("en", "call_sorry") in lost.body
    assert "gather?turn=3" in lost.body
    assert (await line.vendor.post(f"{VOICE}/status", {**ana.fields(), "CallStatus": "completed"})).status == 503


@pytest.mark.parametrize("name", FIXTURES)
def test_the_signature_of_every_captured_webhook_is_known(name: str) -> None:
    captured = FIXTURES[name]
    parts = urlsplit(captured["url"])
    given = Signatures(captured["auth_token"], f"{parts.scheme}://{parts.netloc}")
    from_wire = urlencode(captured["params"]).encode()
    assert given.webhook(parts.path, read_form(from_wire), captured["x_twilio_signature"])


async def test_every_captured_webhook_is_taken(tmp_path: Path) -> None:
    async with opened(tmp_path, with_model=False, TWILIO_FROM_NUMBER="+14155550199") as line:
        answers = {}
        for name, captured in FIXTURES.items():
            path = OURS_OF_THEIRS.get(urlsplit(captured["url"]).path)
            fields = {**captured["params"], "CallSid": new_call_sid()}
            if path is None:
                assert "CallSid" not in captured["params"], name
                continue
            answer = await line.vendor.post(path, fields)
            answers[name] = answer.status
            if answer.status == 200:
                assert read(answer.body) is not None
        assert set(answers.values()) == {200, 204}
        assert len(answers) == len(FIXTURES) - 3


async def test_the_captured_webhooks_of_one_call_make_one_record(tmp_path: Path) -> None:
    async with opened(tmp_path, with_model=False, TWILIO_FROM_NUMBER="+14155550199") as line:
        sid = FIXTURES["voice_inbound"]["params"]["CallSid"]
        turns = {"gather_speech": 1, "gather_speech_hindi": 2, "gather_empty": 3}
        for name in ("voice_inbound", *turns, "recording_status", "status_completed"):
            captured = FIXTURES[name]
            path = OURS_OF_THEIRS[urlsplit(captured["url"]).path]
            turn = turns.get(name)
            answer = await line.vendor.post(path if turn is None else f"{VOICE}/gather?turn={turn}", captured["params"])
            assert answer.status in (200, 204)
        call = await line.app.phone_calls.by_sid(sid)
        assert call is not None
        assert (call.status, call.duration, call.caller_number) == (CallStatus.COMPLETED, 42, "+919876543210")
        said = {message.content for message in await line.timeline(line.caller("+919876543210", sid=sid))}
        assert {"I want to reschedule my appointment.", "हाँ, कल शाम को कॉल कीजिए"} <= said
