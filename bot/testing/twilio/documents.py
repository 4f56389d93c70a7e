"""TwiML as whoever obeys it reads it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element, fromstring

MOST_BYTES = 64 * 1024


class BadDocument(AssertionError):
    """Twilio would drop the call (error 12100 and its like)."""


@dataclass(frozen=True, slots=True)
class Verb:
    """One thing that is to be done."""

    name: str
    attributes: dict[str, str]
    text: str
    nested: tuple[Verb, ...] = ()

    def all(self, name: str) -> list[Verb]:
        """Those of that name within it."""
        return [verb for verb in self.nested if verb.name == name]


def _names(*lines: str) -> frozenset[str]:
    return frozenset(name for line in lines for name in line.split())


_KNOWN: dict[str, frozenset[str]] = {
    "Say": _names("voice language loop"),
    "Play": _names("loop digits"),
    "Pause": _names("length"),
    "Redirect": _names("method"),
    "Hangup": _names(),
    "Reject": _names("reason"),
    "Gather": _names(
        "input action method timeout speechTimeout maxSpeechTime profanityFilter finishOnKey numDigits partialResultCallback",
        "partialResultCallbackMethod language hints bargeIn actionOnEmptyResult speechModel enhanced debug",
    ),
    "Dial": _names("action method timeout callerId record answerOnBridge timeLimit hangupOnStar ringTone"),
    "Connect": _names("action method"),
    "Start": _names("action method"),
}
"""Verbs at the top of a document, and the attributes that they take (CHANNELS 2.4)."""


def read(document: str) -> Sequence[Verb]:
    """The verbs of a document, in order. Raises BadDocument for one that Twilio would not take."""
    if len(document.encode()) > MOST_BYTES:
        raise BadDocument(f"a document of {len(document.encode())} bytes; Twilio takes 64 KB")
    try:
        root = fromstring(document)  # noqa: S314 - our own
    except SyntaxError as error:
        raise BadDocument(f"no XML: {error}; {document[:200]}") from None
    if root.tag != "Response":
        raise BadDocument(f"a <{root.tag}> in place of a <Response>")
    verbs = [_verb(element) for element in root]
    for verb in verbs:
        strange = set(verb.attributes) - _KNOWN.get(verb.name, frozenset())
        if strange or verb.name not in _KNOWN:
            raise BadDocument(f"<{verb.name}> with {verb.attributes}: there is no such verb, or no such attribute")
    return verbs


def _verb(element: Element) -> Verb:
    return Verb(element.tag, dict(element.attrib), (element.text or "").strip(), tuple(map(_verb, element)))
