"""How many webhooks one process handles at once: what comes on top is told to come again, and nothing of it is kept.

What counts is what was read, never what a sender announces: whoever sends slowly keeps nobody out. Large bodies are few (Meta
puts up to 1,000 receipts into one) and have a few places of their own.
"""

from __future__ import annotations

import structlog

from bot.errors import Overloaded

MOST = 2000
"""Webhooks that were read and are not answered yet."""
MOST_BYTES = 32 * 1024 * 1024
MOST_LARGE = 8
LARGE = 64 * 1024
"""Bytes from which on a body needs a place before it is read."""
LARGE_SECONDS = 20.0
"""How long a large body may keep its place until it is there."""

log = structlog.get_logger()


class Gate:
    """Counts what is in hand."""

    def __init__(self, most: int = MOST, most_bytes: int = MOST_BYTES, most_large: int = MOST_LARGE) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._most_large = most_large
        self._bytes = 0
        self._in_hand = 0
        self._large = 0
        self._is_refusing = False

    def enter(self, size: int) -> None:
        """Takes one that was read, of so many bytes; `leave` gives it back. Raises Overloaded, and has then taken nothing."""
        if self._in_hand >= self._most or (self._in_hand and self._bytes + size > self._most_bytes):
            raise self._refusal()
        self._in_hand += 1
        self._bytes += size

    def leave(self, size: int) -> None:
        """It was answered."""
        self._in_hand -= 1
        self._bytes -= size
        if self._is_refusing and self._in_hand <= self._most // 2:
            self._is_refusing = False

    def enter_large(self) -> None:
        """Takes a place for a large body, before it is read; `leave_large` gives it back. Raises Overloaded."""
        if self._large >= self._most_large:
            raise self._refusal()
        self._large += 1

    def leave_large(self) -> None:
        self._large -= 1

    def _refusal(self) -> Overloaded:
        if not self._is_refusing:  # once, not for each of thousands
            self._is_refusing = True
            log.warning(
                "too many webhooks at once: some are refused", in_hand=self._in_hand, bytes=self._bytes, large=self._large
            )
        return Overloaded("Too many requests are being handled.")
