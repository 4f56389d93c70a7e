"""A reply in the pieces that WhatsApp can carry: its limits on text, buttons and titles (CHANNELS 1.6).

Nothing that was to be said is lost: a long text becomes several messages, and an option that no button can show in full is
listed in the text with its number.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from bot.message import Button, Reply

TEXT_LIMIT = 4096
"""Characters of a text message."""
BODY_LIMIT = 1024
"""Characters of a text that has buttons under it."""
BUTTONS = 3
TITLE_LIMIT = 20
BUTTON_ID_LIMIT = 256

_BORDERS = (
    re.compile(r"\n\s*\n"),  # between paragraphs
    re.compile(r"\n"),
    re.compile(r"(?<=[.!?…])\s+|(?<=[।。！？])\s*"),  # between sentences, in Devanagari and Chinese too
    re.compile(r"\s+"),
)
_WORD = _BORDERS[-1:]
_ELLIPSIS = "…"
_JOINER = "\u200d"


def shape(reply: Reply) -> list[Reply]:
    """The pieces to send, in order, the buttons under the last. Empty if there is nothing to say.

    What fits already comes back as it is.
    """
    buttons, listed = _buttons(reply.buttons)
    text = "\n\n".join(part for part in (reply.text.strip(), "\n".join(listed)) if part)
    if not buttons:
        return [Reply(piece) for piece in _split(text, TEXT_LIMIT)]
    if not text:  # WhatsApp has no buttons without a text above them
        text = "\n".join(button.title.strip() or button.id for button in reply.buttons).strip() or _ELLIPSIS
    *before, last = _split(text, TEXT_LIMIT)
    if units(last) > BODY_LIMIT:
        head, last = _tail(last, BODY_LIMIT)
        before.append(head)
    return [*(Reply(piece) for piece in before), Reply(last, buttons)]


def units(text: str) -> int:
    """The length as UTF-16 counts it, an emoji being two: the larger of the two ways a vendor may count, so it always fits."""
    return len(text) if text.isascii() else len(text) + sum(character > "\uffff" for character in text)


def _buttons(wanted: Sequence[Button]) -> tuple[tuple[Button, ...], list[str]]:
    """The buttons that can be shown, and a numbered line for each option that a button cannot show, or not in full."""
    shown: list[Button] = []
    listed: list[str] = []
    for number, button in enumerate(wanted, start=1):
        full = " ".join(button.title.split()) or button.id
        title = _shortened(full, TITLE_LIMIT)
        possible = 0 < len(button.id) <= BUTTON_ID_LIMIT and all(
            button.id != other.id and title != other.title for other in shown
        )  # Meta refuses two buttons with one id, or with one title
        carried = possible and len(shown) < BUTTONS
        if carried:
            shown.append(Button(button.id, title))
        if not carried or title != full:
            listed.append(f"{number}. {full}")
    return tuple(shown), listed


def _shortened(title: str, limit: int) -> str:
    if units(title) <= limit:
        return title
    room = _fitting(title, limit - len(_ELLIPSIS))
    border = _last_border(title, room, _WORD)
    return title[: border or room].rstrip(" ,.;:-–—/(") + _ELLIPSIS


def _split(text: str, limit: int) -> list[str]:
    """The text in pieces of at most `limit`, each cut at the best border of its second half: paragraph, line, sentence, word."""
    pieces = []
    rest = text.strip()
    while units(rest) > limit:
        room = _fitting(rest, limit)
        cut = _last_border(rest, room, _BORDERS) or room
        pieces.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    if rest:
        pieces.append(rest)
    return pieces


def _tail(text: str, limit: int) -> tuple[str, str]:
    """The text in two, the second at most `limit` and as long as a good border allows."""
    least = len(text) - _fitting(text[::-1], limit)
    for border in _BORDERS:
        found = border.search(text, least)
        # A border close to the end would leave the buttons under a stub; a worse one further up reads better.
        if found and found.end() <= len(text) - (len(text) - least) // 2:
            return text[: found.start()].rstrip(), text[found.end() :].lstrip()
    least = _whole(text, least, step=1)
    return text[:least].rstrip(), text[least:].lstrip()


def _last_border(text: str, room: int, borders: Sequence[re.Pattern[str]]) -> int:
    """Where the last good border within `room` ends its left side; 0 if there is none in the second half."""
    for border in borders:
        last = 0
        # One character more than fits: a space right behind the last word that does is a border as well.
        for found in border.finditer(text, room // 2, room + 1):
            if found.start() <= room:
                last = found.start()
        if last:
            return last
    return 0


def _fitting(text: str, limit: int) -> int:
    """How many characters of the text fit into `limit`, without cutting a letter from its accents or an emoji in two."""
    used = 0
    for index, character in enumerate(text):
        used += 2 if character > "\uffff" else 1
        if used > limit:
            return _whole(text, index, step=-1)
    return len(text)


def _whole(text: str, index: int, step: int) -> int:
    """The next index in this direction at which a cut leaves both sides readable."""
    start = index
    while 0 < index < len(text) and (_continues(text[index]) or text[index - 1] == _JOINER):
        index += step
    return index if 0 < index < len(text) else start


def _continues(character: str) -> bool:
    return character == _JOINER or unicodedata.category(character).startswith("M") or "\U0001f3fb" <= character <= "\U0001f3ff"
