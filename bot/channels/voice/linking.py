"""Which of the messages that a turn has written were spoken while they were being written, and which were not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.channels.voice.saying import Said
from bot.records.conversations import Message


@dataclass(frozen=True, slots=True)
class Link:
    """A message of the timeline, and how it was spoken."""

    message: Message
    said: Said | None
    """What was streamed of it; None where nothing was."""
    rest: str
    """Of its text, what is still to be spoken."""


def links(streamed: Sequence[Said], messages: Sequence[Message]) -> list[Link]:
    """Each message with what was streamed of it, in order. Blanks count for nothing: models and channels trim them."""
    left = [said for said in streamed if not said.id]
    found: list[Link] = []
    for message in messages:
        said = next((one for one in left if _begins(message.content, one.text)), None)
        if said is not None:
            left = left[left.index(said) + 1 :]
        found.append(Link(message, said, message.content if said is None else _behind(message.content, said.text)))
    return found


def _begins(text: str, beginning: str) -> bool:
    """Whether a text begins so; or is itself the beginning, where it was cut at a bound."""
    text, beginning = _squeezed(text), _squeezed(beginning)
    return bool(text and beginning) and (text.startswith(beginning) or beginning.startswith(text))


def _behind(text: str, beginning: str) -> str:
    """What of a text comes behind its beginning."""
    signs = len(_squeezed(beginning))
    for place, sign in enumerate(text):
        if signs == 0:
            return text[place:]
        signs -= not sign.isspace()
    return ""


def _squeezed(text: str) -> str:
    return "".join(text.split())
