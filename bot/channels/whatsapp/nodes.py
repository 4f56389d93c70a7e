"""Reading values out of a vendor's JSON, where any node may be missing or of the wrong type."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final

Node = dict[str, Any]
"""A JSON object, as orjson gives it."""

NOTHING: Final[Node] = {}

TEXT_LIMIT = 16 * 1024
"""Bytes of UTF-8 that are kept of one text; WhatsApp's own limit is 4,096 characters (CHANNELS 1.6)."""
_ID_LIMIT = 512
_BEHIND = timedelta(days=8)
"""Meta redelivers for up to 7 days (CHANNELS 1.4): what says to be older was made up, captured or replayed."""
_AHEAD = timedelta(hours=1)
_KIND = re.compile(r"[a-z][a-z0-9_]{0,39}")


def object_in(node: Node, key: str) -> Node:
    """The object under a key; an empty one if there is none."""
    value = node.get(key)
    return value if type(value) is dict else NOTHING


def list_in(node: Node, key: str) -> list[Any]:
    """The list under a key; an empty one if there is none."""
    value = node.get(key)
    return value if type(value) is list else []


def text_in(node: Node, key: str) -> str:
    """The text under a key, without NUL characters and cut to TEXT_LIMIT; empty if there is none."""
    value = node.get(key)
    if type(value) is not str:
        return ""
    return _tidied(value) if "\x00" in value or len(value) > TEXT_LIMIT // 4 else value


def id_in(node: Node, key: str) -> str:
    """The id under a key; empty if there is none, or one that no vendor would give (endless, or with control characters)."""
    value = node.get(key)
    if type(value) is int:  # some providers in front of Meta send ids of digits as numbers
        value = str(value) if abs(value) < 10**40 else ""
    if type(value) is str and value and len(value) <= _ID_LIMIT and value.isprintable():
        return value
    return ""


def number_id_in(node: Node, key: str) -> str:
    """Like `id_in`, for a telephone number or wa_id: written as digits, whatever was typed around them."""
    value = id_in(node, key)
    if not value or (value.isascii() and value.isdigit()):
        return value
    digits = value.translate(_AROUND_DIGITS)
    return digits if digits.isascii() and digits.isdigit() else value


def moment_in(node: Node, key: str, otherwise: datetime) -> datetime:
    """The unix seconds under a key (text or number) as UTC.

    `otherwise`, the moment it was received, if they are missing or cannot be true: older than any redelivery, or more than an
    hour ahead.
    """
    value = node.get(key)
    kind = type(value)
    if (kind is not str or len(value) > 20) and kind is not int:  # type: ignore[arg-type]  # `kind` says it is a str
        return otherwise
    try:
        moment = datetime.fromtimestamp(int(value), UTC)  # type: ignore[arg-type]
    except (ValueError, OverflowError, OSError):
        return otherwise
    return moment if otherwise - _BEHIND <= moment <= otherwise + _AHEAD else otherwise


def kind_named(value: object) -> str:
    """A vendor's word for a kind, safe to be logged and shown: anything that is not such a word becomes `unknown`."""
    return value if type(value) is str and _KIND.fullmatch(value) else "unknown"


_AROUND_DIGITS = str.maketrans("", "", "+-() ")


def _tidied(text: str) -> str:
    text = text.replace("\x00", "")
    raw = text.encode()
    return text if len(raw) <= TEXT_LIMIT else raw[:TEXT_LIMIT].decode(errors="ignore")
