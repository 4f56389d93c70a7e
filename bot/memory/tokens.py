"""How many tokens something takes, estimated from its bytes: no vendor's tokenizer, rather too many than too few."""

from __future__ import annotations

import orjson

BYTES_PER_TOKEN = 3
"""Latin text has about 4 bytes to a token, Devanagari more: this counts rather too many than too few (CHANNELS 3.1)."""

_OPTIONS = orjson.OPT_NON_STR_KEYS


def estimate_tokens(text: str) -> int:
    """About how many tokens a text takes, rather too many."""
    return len(text.encode()) // BYTES_PER_TOKEN + 4


def bytes_on_the_wire(value: object) -> int:
    """How many bytes something takes as JSON; what is no JSON counts as its text."""
    try:
        return len(orjson.dumps(value, default=str, option=_OPTIONS))
    except TypeError:  # half a surrogate pair, a recursion: whoever sends it will say so
        return len(str(value))


def tokens_on_the_wire(value: object) -> int:
    """About how many tokens something takes as JSON, rather too many."""
    return bytes_on_the_wire(value) // BYTES_PER_TOKEN
