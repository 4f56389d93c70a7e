"""A reply in words that can be spoken: without the signs that are for eyes, its buttons read out."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from bot.message import Button
from bot.records.conversations import Message
from bot.resources import say

MOST_CHOICES = 9
"""A telephone has nine keys that name something."""

_LINK = re.compile(r"!?\[([^\]\n]*)\]\((?:[^)\s]*)\)")
_URL = re.compile(r"(?:https?://|www\.)[^\s<>()\[\]]*[^\s<>()\[\].,;:!?]", re.IGNORECASE)
_HEADING = re.compile(r"^\s{0,3}#{1,6}\s+", re.MULTILINE)
_BULLET = re.compile(r"^\s*(?:[-*+•]|>)\s+", re.MULTILINE)
_MARKS = re.compile(r"\*\*|__|~~|`+|(?<!\w)[*_](?=\S)|(?<=\S)[*_](?!\w)")
_RULE = re.compile(r"^\s*(?:[-*_]\s*){3,}$", re.MULTILINE)
_LINE_END = re.compile(r"(?<=[^\s.!?…।:;,])[ \t]*\n+")
_SYMBOLS = frozenset(("So", "Sk", "Cs", "Co", "Cn"))
"""Emoji and the like, and what is no character at all."""


def speakable(text: str) -> str:
    """The words of a text: no markdown, no emoji, no addresses of pages but for their host; a line's end is a pause."""
    text = _LINK.sub(r"\1", text)
    text = _URL.sub(lambda found: _host(found[0]), text)
    for signs in (_RULE, _HEADING, _BULLET, _MARKS):
        text = signs.sub("", text)
    text = "".join(c for c in text if c in "\n\u200c\u200d" or not _is_unspoken(c))
    return " ".join(_LINE_END.sub(". ", text.strip()).split())


def read_out(text: str, buttons: Sequence[Button], language: str) -> str:
    """The text and its choices, each with the key that stands for it."""
    choices = [
        say(language, "call_choice", title=speakable(button.title) or button.id, number=number)
        for number, button in enumerate(buttons[:MOST_CHOICES], 1)
    ]
    return " ".join(filter(None, (speakable(text), *choices)))


def read_message(message: Message, language: str) -> str:
    """The same of what stands on the timeline."""
    return read_out(message.content, buttons_of(message), language)


def buttons_of(message: Message) -> list[Button]:
    """What was offered with it."""
    return [Button(button.id, button.title) for button in message.interactive.buttons] if message.interactive else []


def _host(url: str) -> str:
    return re.sub(r"^(?:https?://)?(?:www\.)?", "", url, flags=re.IGNORECASE).partition("/")[0].partition("?")[0]


def _is_unspoken(character: str) -> bool:
    kind = unicodedata.category(character)
    return kind in _SYMBOLS or (kind in ("Cc", "Cf") and not character.isspace()) or "\ufe00" <= character <= "\ufe0f"
