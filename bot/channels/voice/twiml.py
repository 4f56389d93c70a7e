"""The documents that tell Twilio what to do with a call (CHANNELS 2.4).

What goes in may be anything: signs that XML cannot hold are taken out, for Twilio drops a call whose document it cannot read. A
document is at most 64 KB (error 11750).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from twilio.twiml.voice_response import Connect, ConversationRelay, Dial, Gather, Start, Stream, VoiceResponse

CONTENT_TYPE = "text/xml"
MOST_BYTES = 64 * 1024
LOCALES = {"es": "es-MX", "en": "en-US", "hi": "hi-IN"}
_VOICES = {"es": "Polly.Mia", "en": "Polly.Joanna", "hi": "Polly.Aditi"}
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_MOST_SAID = 4000
"""Characters of one <Say>."""
_ROOM = MOST_BYTES - 8 * 1024
"""Bytes that may be said in a document; the rest is for its verbs."""

NO_INPUT_SECONDS = 6
END_SECONDS = 2
"""So long a silence ends what somebody says. `auto` is refused with the default model (warning 13335)."""


@dataclass(frozen=True, slots=True)
class Recording:
    """Records the call from here on, and tells of it there."""

    callback: str


def writable(text: str) -> str:
    """Without what XML cannot hold: control characters, half an emoji."""
    return _UNWRITABLE.sub("", text)


def locale(language: str) -> str:
    """The language as Twilio names it."""
    return LOCALES.get(language, LOCALES["es"])


def ask(
    said: Sequence[str],
    language: str,
    action: str,
    *,
    choices: Sequence[str] = (),
    recording: Recording | None = None,
) -> str:
    """Says this, listens meanwhile and afterwards, and posts to `action` what was said or pressed, or that nothing was.

    `choices` are what may be pressed: the recogniser is told of them, and one key is enough.
    """
    document = _begun(recording)
    listening = Gather(
        input="dtmf speech",
        action=action,
        method="POST",
        language=locale(language),
        timeout=NO_INPUT_SECONDS,
        speech_timeout=END_SECONDS,
        action_on_empty_result=True,
        barge_in=True,
        profanity_filter=False,
        hints=writable(", ".join(choice.replace(",", " ") for choice in choices))[:500] or None,
        num_digits=1 if choices else None,
    )
    _say(listening, said, language)
    document.append(listening)
    return _written(document)


def go_on(said: Sequence[str], language: str, url: str, *, pause: int = 0, recording: Recording | None = None) -> str:
    """Says this, waits for so many seconds, then asks `url` what comes next."""
    document = _begun(recording)
    _say(document, said, language)
    if pause:
        document.pause(length=pause)
    document.redirect(url, method="POST")
    return _written(document)


def hang_up(said: Sequence[str] = (), language: str = "") -> str:
    """Says this and ends the call."""
    document = VoiceResponse()
    _say(document, said, language)
    document.hangup()
    return _written(document)


def reject() -> str:
    """Does not answer, and costs nothing. Only for a call that was not answered yet."""
    document = VoiceResponse()
    document.reject(reason="rejected")
    return _written(document)


def nothing() -> str:
    """Nothing is to be done."""
    return _written(VoiceResponse())


def relay(url: str, action: str, language: str, parameters: Mapping[str, str], *, recording: Recording | None = None) -> str:
    """Hands the call to ConversationRelay: its words come over the websocket. `action` is asked when that is over."""
    document = _begun(recording)
    connect = Connect(action=action, method="POST")
    carried = ConversationRelay(
        url=url,
        language=locale(language),
        dtmf_detection=True,
        interruptible="any",
        report_input_during_agent_speech="any",
        profanity_filter=False,
        partial_prompts=True,
    )
    for code in LOCALES.values():  # it may be switched to any of them, in the voice that Twilio has for it
        carried.language(code=code)
    _parameters(carried, parameters)
    connect.append(carried)
    document.append(connect)
    return _written(document)


def stream(url: str, action: str, parameters: Mapping[str, str], *, recording: Recording | None = None) -> str:
    """Hands the call's sound to a websocket. Its URL takes no query (error 31920), so what it is to know goes as parameters."""
    document = _begun(recording)
    connect = Connect(action=action, method="POST")
    _parameters(connect.stream(url=url), parameters)
    document.append(connect)
    return _written(document)


def dial(said: Sequence[str], language: str, to: str, caller_id: str, action: str, *, seconds: int = 25) -> str:
    """Says this and rings somebody, a number (E.164) or `sip:...`; `action` is asked when that is over, or nobody answers."""
    document = VoiceResponse()
    _say(document, said, language)
    ringing = Dial(action=action, method="POST", timeout=seconds, caller_id=caller_id)
    if to.startswith(("sip:", "sips:")):
        ringing.sip(writable(to))
    else:
        ringing.number(writable(to))
    document.append(ringing)
    return _written(document)


def fitting(texts: Sequence[str]) -> int:
    """How many of these fit into one document; always one, where there are any."""
    room = _ROOM
    for index, text in enumerate(texts):
        room -= len(writable(text).encode()) + 4 * sum(text.count(sign) for sign in "&<>") + 100
        if room < 0:
            return max(1, index)
    return len(texts)


def _begun(recording: Recording | None) -> VoiceResponse:
    document = VoiceResponse()
    if recording is not None:
        start = Start()
        start.recording(
            recording_status_callback=recording.callback,
            recording_status_callback_method="POST",
            recording_status_callback_event="completed absent",
            channels="dual",
        )
        document.append(start)
    return document


def _say(into: VoiceResponse | Gather, said: Sequence[str], language: str) -> None:
    for text in said:
        words = writable(text)
        for begin in range(0, len(words), _MOST_SAID):
            into.say(words[begin : begin + _MOST_SAID], language=locale(language), voice=_VOICES.get(language, _VOICES["es"]))


def _parameters(into: ConversationRelay | Stream, parameters: Mapping[str, str]) -> None:
    for name, value in parameters.items():
        into.parameter(name=name, value=writable(value))


def _written(document: VoiceResponse) -> str:
    return str(document.to_xml())
