"""The wire of Media Streams: what is read of any message, and that what is written is the JSON it should be."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.voice.frames import (
    Connected,
    Digit,
    Malformed,
    Mark,
    Outgoing,
    Start,
    Stop,
    Unknown,
    read,
    sound_of,
    text_frame,
)

pytestmark = pytest.mark.unit

SID = "MZ" + "0" * 32
CALL = "CA" + "0" * 32


def wire(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


def started(**changes: Any) -> bytes:
    start = {
        "accountSid": "AC1",
        "streamSid": SID,
        "callSid": CALL,
        "tracks": ["inbound"],
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        "customParameters": {"call": "c1"},
    }
    return wire(event="start", sequenceNumber="1", start=start | changes, streamSid=SID)


@given(sound=st.binary(max_size=2000), chunk=st.integers(1, 10**6), spaces=st.booleans())
def test_the_sound_is_what_was_sent(sound: bytes, chunk: int, spaces: bool) -> None:
    media = {"track": "inbound", "chunk": str(chunk), "timestamp": "5", "payload": base64.b64encode(sound).decode()}
    message = {"event": "media", "sequenceNumber": "2", "media": media, "streamSid": SID}
    text = json.dumps(message) if spaces else json.dumps(message, separators=(",", ":"))
    assert sound_of(text.encode()) == sound


def test_the_order_of_fields_does_not_matter() -> None:
    assert sound_of(b'{"streamSid":"MZ1","media":{"payload":"/w==","extra":[1]},"more":{},"event":"media"}') == b"\xff"


def test_our_own_side_is_no_sound_of_theirs() -> None:
    assert sound_of(wire(event="media", media={"track": "outbound", "payload": "/w=="})) == b""


@pytest.mark.parametrize(
    ("message", "event"),
    [
        (wire(event="connected", protocol="Call", version="1.0.0"), Connected()),
        (started(), Start(SID, CALL, "AC1", {"call": "c1"})),
        (wire(event="mark", streamSid=SID, mark={"name": "7"}), Mark("7")),
        (wire(event="dtmf", streamSid=SID, dtmf={"track": "inbound_track", "digit": "#"}), Digit("#")),
        (wire(event="stop", stop={"accountSid": "AC1", "callSid": CALL}), Stop()),
        (wire(event="holiday", media={"payload": "/w=="}), Unknown("holiday")),
    ],
)
def test_each_event_is_read_for_what_it_says(message: bytes, event: object) -> None:
    assert sound_of(message) is None
    assert read(message) == event


def test_a_parameter_may_be_of_any_plain_type() -> None:
    event = read(started(customParameters={"a": "x", "b": 5, "c": None, "d": True}))
    assert isinstance(event, Start)
    assert event.parameters == {"a": "x", "b": "5", "c": "", "d": "True"}


@pytest.mark.parametrize(
    "form", [{"encoding": "audio/l16"}, {"sampleRate": 16000}, {"sampleRate": "8000", "channels": 2}], ids=str
)
def test_sound_that_is_none_of_a_telephone_is_told_apart(form: dict[str, Any]) -> None:
    event = read(started(mediaFormat=form))
    assert isinstance(event, Start)
    assert not event.is_telephone


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b'{"event":5}',
        b'{"event":"start"}',
        b'{"event":"start","start":"now"}',
        b'{"event":"start","start":{"streamSid":"MZ1"}}',
        b'{"event":"mark"}',
        b'{"event":"mark","mark":{"name":5}}',
        b'{"event":"dtmf","dtmf":{"digit":"A"}}',
        b'{"event":"dtmf","dtmf":{"digit":"12"}}',
        b'{"event":"media"}',
        b'{"event":"media","media":{"payload":"!!"}}',
        b'{"event":"media","media":{"payload":7}}',
    ],
)
def test_what_makes_no_sense_is_malformed_and_raises_nothing(message: bytes) -> None:
    assert sound_of(message) is None
    assert read(message) == Malformed()


@given(
    st.binary(max_size=300) | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(lambda x: json.dumps(x).encode())
)
def test_nothing_that_comes_in_raises(message: bytes) -> None:
    sound_of(message)
    read(message)


@given(sid=st.text(), sound=st.binary(max_size=1000), name=st.text())
def test_what_is_written_is_what_json_says(sid: str, sound: bytes, name: str) -> None:
    out = Outgoing(sid)
    payload = base64.b64encode(sound).decode()
    assert json.loads(out.media(sound)) == {"event": "media", "streamSid": sid, "media": {"payload": payload}}
    assert json.loads(out.mark(name)) == {"event": "mark", "streamSid": sid, "mark": {"name": name}}
    assert json.loads(out.clear) == {"event": "clear", "streamSid": sid}


@pytest.mark.parametrize(("length", "head"), [(0, 2), (125, 2), (126, 4), (65535, 4), (65536, 10)], ids=lambda value: str(value))
def test_the_head_of_a_websocket_frame_tells_its_length(length: int, head: int) -> None:
    frame = text_frame(b"x" * length)
    assert frame[0] == 0x81
    assert len(frame) == head + length
    told = frame[1] if head == 2 else int.from_bytes(frame[2:head], "big")
    assert told == length
