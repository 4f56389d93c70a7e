"""One-time codes: six digits that follow from a secret key and a token, so that no code is ever kept anywhere."""

from __future__ import annotations

import hashlib
import hmac
from itertools import count

DIGITS = 6
_CODES = 10**DIGITS
_FAIR = 2**31 // _CODES * _CODES
"""Truncated values from here on would make some codes likelier than others; they are drawn again."""


class OneTimeCodes:
    """Derives codes. Who knows a token, but not the key, knows nothing of its code."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def code(self, token: str) -> str:
        """The code of a token: HMAC-SHA256, truncated as in RFC 4226, 5.3, with every code equally likely."""
        for draw in count():
            digest = self._digest("one-time code", f"{draw}:{token}")
            offset = digest[-1] & 0xF
            value = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFF_FFFF
            if value < _FAIR:
                return f"{value % _CODES:0{DIGITS}d}"
        raise AssertionError("not reached")

    def is_right(self, token: str, typed: str) -> bool:
        """Whether this is the token's code; takes as long for a wrong one, however wrong it is."""
        return hmac.compare_digest(self.code(token).encode(), typed.encode())

    def pseudonym(self, address: str) -> str:
        """Stands for an address where it is only counted: always the same, and not to be turned back without the key."""
        return self._digest("address", address).hex()[:32]

    def _digest(self, purpose: str, text: str) -> bytes:
        return hmac.new(self._key, f"{purpose}\0{text}".encode(), hashlib.sha256).digest()
