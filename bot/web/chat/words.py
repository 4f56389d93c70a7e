"""What a page may send: the frames of the chat's websocket, and how much is too much."""

from __future__ import annotations

import unicodedata
from typing import Annotated

import msgspec

MAX_TEXT = 4000
"""Characters of one message."""

MAX_FRAME = 64 * 1024
"""Bytes of one frame: the longest message, every character of it written as two escapes of JSON, and the rest."""

Key = Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Za-z-]{8,64}$")]
"""A page's own id of a message, a UUID: what is sent again under it is the same message."""


class Hello(msgspec.Struct, frozen=True, tag="hello"):
    """The first frame: who, and what they have seen."""

    after: Annotated[str, msgspec.Meta(max_length=64)] = ""
    """The id of the last message that the page shows."""
    token: Annotated[str, msgspec.Meta(max_length=200)] = ""
    """Where the browser keeps no cookie, the page keeps this itself."""


class Say(msgspec.Struct, frozen=True, tag="say"):
    """Something written, or attached."""

    key: Key
    text: str
    media: Annotated[str, msgspec.Meta(max_length=64)] = ""
    """The id of a file that was sent before; it needs no text."""


class Tap(msgspec.Struct, frozen=True, tag="tap"):
    """A button that was shown."""

    key: Key
    button: Annotated[str, msgspec.Meta(max_length=500)]
    message: Annotated[str, msgspec.Meta(max_length=64)] = ""
    """The id of the message under which it stands: two questions may have buttons of the same id."""


class Types(msgspec.Struct, frozen=True, tag="typing"):
    """Something is being written; said again every few seconds."""


Frame = Hello | Say | Tap | Types

read_frame = msgspec.json.Decoder(Frame).decode
"""Raises msgspec.DecodeError, of which a ValidationError is one, and UnicodeDecodeError."""


def cleaned(text: str) -> str:
    """The text without what is no character: controls, but for line ends and tabs. A joiner or a mark of direction stays."""
    kept = (c for c in text.replace("\r\n", "\n") if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs"))
    return "".join(kept).strip()


def has_something(text: str) -> bool:
    """Whether there is anything to see in it: not only spaces and characters without a shape."""
    return any(unicodedata.category(c)[0] not in "CZ" and not _is_blank_mark(c) for c in text)


def _is_blank_mark(character: str) -> bool:
    return unicodedata.category(character) == "Mn" or character in "\u115f\u1160\u2800\u3164\uffa0"
