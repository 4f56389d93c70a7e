"""What stands on the timeline as it is read out in one go: speakable, a line's end a pause, its buttons by their keys."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.channels.voice.clauses import speakable
from bot.message import Button
from bot.records.conversations import Message
from bot.resources import say

MOST_CHOICES = 9
"""A telephone has nine keys that name something."""

_PAUSED = re.compile(r"[.!?…।,;:]$")


def read_out(text: str, buttons: Sequence[Button], language: str) -> str:
    """The text and its choices, each with the key that stands for it."""
    lines = [line for line in map(speakable, text.splitlines()) if line]
    *before, last = [*lines[:-1], lines[-1]] if lines else [""]
    said = [line if _PAUSED.search(line) else f"{line}." for line in before]
    choices = [
        say(language, "call_press", title=speakable(button.title) or button.id, digit=digit)
        for digit, button in enumerate(buttons[:MOST_CHOICES], 1)
    ]
    return " ".join(filter(None, (*said, last, *choices)))


def read_message(message: Message, language: str) -> str:
    """The same of a message."""
    return read_out(message.content, buttons_of(message), language)


def buttons_of(message: Message) -> list[Button]:
    """What was offered with it."""
    return [Button(button.id, button.title) for button in message.interactive.buttons] if message.interactive else []
