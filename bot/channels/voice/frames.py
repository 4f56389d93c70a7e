"""The wire of a Media Stream: what comes in, and what goes out with a head that is prepared once (CHANNELS 2.6).

Fifty messages a second come in on each call, so one typed decoder reads them (0.4 us a message; `json` takes 2.2), and sound goes
out as bytes between two constant pieces. Numbers are strings on this wire; of them we need none.
"""

from __future__ import annotations

import struct
from binascii import b2a_base64
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

MAX_MESSAGE = 64 * 1024
"""Bytes of the longest message that is read. A media message has about 400; parameters of a stream are a few hundred each."""

ENCODING = "audio/x-mulaw"
SAMPLE_RATE = 8000


@dataclass(frozen=True, slots=True)
class Connected:
    """The socket speaks this protocol; nothing is known of a call yet."""


@dataclass(frozen=True, slots=True)
class Start:
    """The stream of a call begins."""

    stream_sid: str
    call_sid: str
    account_sid: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    """What our `<Stream>` was given as `<Parameter>`s."""
    is_telephone: bool = True
    """Whether the sound is mu-law, 8000 times a second, on one channel."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What was sent before this mark has been played; or a `clear` has thrown it away."""

    name: str


@dataclass(frozen=True, slots=True)
class Digit:
    """A key: one of `0-9*#`."""

    digit: str


@dataclass(frozen=True, slots=True)
class Stop:
    """The stream has ended, most often because the call has."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """An event that means nothing to us."""

    event: str


@dataclass(frozen=True, slots=True)
class Malformed:
    """No message of this protocol."""


Event = Connected | Start | Mark | Digit | Stop | Unknown | Malformed

_DIGITS = frozenset("0123456789*#")


class _Media(msgspec.Struct):
    payload: bytes = b""  # msgspec reads base64 for it
    track: str = "inbound"


class _MediaMessage(msgspec.Struct, tag_field="event", tag="media"):
    media: _Media


class _Format(msgspec.Struct, rename="camel"):
    encoding: str = ENCODING
    sample_rate: int | str = SAMPLE_RATE
    channels: int | str = 1


class _StartBody(msgspec.Struct, rename="camel"):
    call_sid: str
    stream_sid: str = ""
    account_sid: str = ""
    media_format: _Format = msgspec.field(default_factory=_Format)
    custom_parameters: dict[str, str | int | float | bool | None] = msgspec.field(default_factory=dict)


class _Mark(msgspec.Struct):
    name: str


class _Digit(msgspec.Struct):
    digit: str


class _Message(msgspec.Struct, rename="camel"):
    event: str
    stream_sid: str = ""
    start: msgspec.Raw = msgspec.Raw()
    mark: msgspec.Raw = msgspec.Raw()
    dtmf: msgspec.Raw = msgspec.Raw()


_media = msgspec.json.Decoder(_MediaMessage).decode
_message = msgspec.json.Decoder(_Message).decode
_start = msgspec.json.Decoder(_StartBody).decode
_mark = msgspec.json.Decoder(_Mark).decode
_digit = msgspec.json.Decoder(_Digit).decode


def sound_of(message: bytes) -> bytes | None:
    """The sound of the person's side that a `media` message carries; None where it is any other message."""
    try:
        media = _media(message).media
    except (msgspec.MsgspecError, UnicodeError):
        return None
    return media.payload if media.track == "inbound" else b""


def read(message: bytes) -> Event:
    """What any message but sound says; raises nothing, whatever it is."""
    try:
        said = _message(message)
        return _read(said)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return Malformed()


def _read(said: _Message) -> Event:
    match said.event:
        case "connected":
            return Connected()
        case "start":
            return _started(said)
        case "mark":
            return Mark(_mark(said.mark).name)
        case "dtmf":
            digit = _digit(said.dtmf).digit
            return Digit(digit) if digit in _DIGITS else Malformed()
        case "stop":
            return Stop()
        case "media":
            return Malformed()  # `sound_of` could not read it
        case event:
            return Unknown(event)


def _started(said: _Message) -> Event:
    start = _start(said.start)
    stream_sid = start.stream_sid or said.stream_sid
    if not stream_sid or not start.call_sid:
        return Malformed()
    shape = start.media_format
    return Start(
        stream_sid,
        start.call_sid,
        start.account_sid,
        {name: "" if value is None else str(value) for name, value in start.custom_parameters.items()},
        is_telephone=(shape.encoding, str(shape.sample_rate), str(shape.channels)) == (ENCODING, str(SAMPLE_RATE), "1"),
    )


class Outgoing:
    """What is said on one stream."""

    def __init__(self, stream_sid: str) -> None:
        sid = msgspec.json.encode(stream_sid)
        self._media = b'{"event":"media","streamSid":' + sid + b',"media":{"payload":"'
        self._mark = b'{"event":"mark","streamSid":' + sid + b',"mark":{"name":'
        self.clear = b'{"event":"clear","streamSid":' + sid + b"}"
        """Throws away what has not been played yet; its marks come back at once."""

    def media(self, sound: bytes | bytearray) -> bytes:
        """Mu-law, bare, of any length."""
        return self._media + b2a_base64(sound, newline=False) + b'"}}'

    def mark(self, name: str) -> bytes:
        """Comes back when all that was sent before has been played."""
        return self._mark + msgspec.json.encode(name) + b"}}"


_SHORT = struct.Struct("!BB").pack
_LONG = struct.Struct("!BBH").pack
_HUGE = struct.Struct("!BBQ").pack
_TEXT = 0x81  # a whole message of text


def text_frame(message: bytes) -> bytes:
    """A message as the websocket of a server sends it: unmasked, uncompressed, whole (RFC 6455, 5.2)."""
    length = len(message)
    if length < 126:
        return _SHORT(_TEXT, length) + message
    if length < 65536:
        return _LONG(_TEXT, 126, length) + message
    return _HUGE(_TEXT, 127, length) + message
