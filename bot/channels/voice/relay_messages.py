"""What ConversationRelay sends and takes, as messages (CHANNELS 2.5)."""

from __future__ import annotations

from typing import Any

import msgspec

from bot.errors import BadPayload


class Setup(msgspec.Struct, frozen=True, tag="setup", rename="camel"):
    """The first message: whose call it is."""

    call_sid: str
    session_id: str = ""
    account_sid: str = ""
    from_: str = msgspec.field(name="from", default="")
    to: str = ""
    direction: str = ""
    call_status: str = ""
    custom_parameters: dict[str, Any] = {}


class Prompt(msgspec.Struct, frozen=True, tag="prompt", rename="camel"):
    """What the person says: so far, or, with `last`, to its end."""

    voice_prompt: str
    lang: str = ""
    last: bool = True


class Dtmf(msgspec.Struct, frozen=True, tag="dtmf"):
    """A key."""

    digit: str


class Interrupt(msgspec.Struct, frozen=True, tag="interrupt", rename="camel"):
    """The person spoke over us; what they had heard by then."""

    utterance_until_interrupt: str = ""
    duration_until_interrupt_ms: float | str = 0
    """A number, or one as text: Twilio sends both."""


class Trouble(msgspec.Struct, frozen=True, tag="error"):
    """Twilio did not take a message of ours, or could not speak or hear."""

    description: str = ""


Incoming = Setup | Prompt | Dtmf | Interrupt | Trouble

_DECODER: msgspec.json.Decoder[Incoming] = msgspec.json.Decoder(Incoming)
_TYPE = msgspec.json.Decoder(dict[str, Any])
_KNOWN = frozenset(("setup", "prompt", "dtmf", "interrupt", "error"))

_ENCODER = msgspec.json.Encoder()


def read(text: str) -> Incoming | None:
    """A message; None for one of a type that we do not know yet. Raises BadPayload for whatever is none."""
    try:
        return _DECODER.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        if isinstance(error, msgspec.ValidationError) and _is_of_unknown_type(text):
            return None
        raise BadPayload("a message that cannot be read") from None


def _is_of_unknown_type(text: str) -> bool:
    try:
        kind = _TYPE.decode(text).get("type")
    except msgspec.DecodeError:
        return False
    return isinstance(kind, str) and kind not in _KNOWN


def write(type_: str, **values: object) -> str:
    """A message of ours."""
    return _ENCODER.encode({"type": type_, **values}).decode()
