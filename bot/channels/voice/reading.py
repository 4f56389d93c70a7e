"""What stands on the timeline as it is read out in one go: speakable, a line's end a pause, its choices by their keys."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from bot.channels.voice.speakable import speakable
from bot.message import Button
from bot.records.conversations import Message
from bot.resources import say

MOST_CHOICES = 9
"""A telephone has nine keys that name something."""

_PAUSED = re.compile(r"[.!?…।,;:]$")
_SAID_ANYWAY = re.compile(r"confirm:|flow:[^:]*:[^:]*:$")
"""Ids of buttons that nobody has to be told of: yes and no to a question, and what skips or leaves one. Their keys count."""
_OFFER = "choice:"
"""What the ids of the buttons of a general offer begin with."""


class Menus:
    """What was read out in a call: a general offer is once, and not behind each answer."""

    def __init__(self, before: Iterable[Sequence[Button]] = ()) -> None:
        self._read: set[tuple[str, ...]] = set()
        for buttons in before:
            self.read(buttons)

    def read(self, buttons: Sequence[Button]) -> list[tuple[int, Button]]:
        """The choices that are to be read out now, each with its key."""
        titles = tuple(button.title for button in buttons)
        is_known = titles in self._read and all(button.id.startswith(_OFFER) for button in buttons)
        self._read.add(titles)
        numbered = enumerate(buttons[:MOST_CHOICES], 1)
        return [] if is_known else [(digit, button) for digit, button in numbered if not _SAID_ANYWAY.match(button.id)]


def read_choice(button: Button, digit: int, language: str) -> str:
    """Which key stands for it."""
    return say(language, "call_press", title=speakable(button.title, language) or button.id, digit=digit)


def read_out(text: str, choices: Sequence[tuple[int, Button]], language: str) -> str:
    """The text and these choices, each with the key that stands for it."""
    lines = [line for written in text.splitlines() if (line := speakable(written, language))]
    *before, last = [*lines[:-1], lines[-1]] if lines else [""]
    said = [line if _PAUSED.search(line) else f"{line}." for line in before]
    return " ".join(filter(None, (*said, last, *(read_choice(button, digit, language) for digit, button in choices))))


def read_message(message: Message, language: str, menus: Menus) -> str:
    """The same of a message."""
    return read_out(message.content, menus.read(buttons_of(message)), language)


def buttons_of(message: Message) -> list[Button]:
    """What was offered with it."""
    return [Button(button.id, button.title) for button in message.interactive.buttons] if message.interactive else []
