"""What is played of a call, piece by piece; who makes its sound, and who is told how the playing goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Protocol

from bot.channels.voice.base import Clause

Speak = Callable[[Clause], AsyncGenerator[bytes, None]]
"""The sound of a clause, in pieces as they come. Raises SpeechError."""


class Told(Protocol):
    """Who is told how the playing goes."""

    def sounding(self, value: bool) -> None:
        """Our voice begins to be played, or has ended, if only until the next clause is there."""

    def played(self, clause: int) -> None:
        """The person has heard this clause and all before it."""

    def silent(self) -> None:
        """All that was to be said has been played."""

    def failed(self, clause: int) -> None:
        """The voice could not speak this clause to its end; what was to follow it is dropped."""


class Piece:
    """Something to be played: a clause, or sound of our own."""

    __slots__ = ("clause", "failed", "is_whole", "mark", "sent", "sound", "task")

    def __init__(self, clause: Clause | None, sound: bytes = b"") -> None:
        self.clause = clause
        self.sound = bytearray(sound)
        self.sent = 0
        """Bytes of it."""
        self.is_whole = clause is None
        self.failed = False
        self.mark = ""
        self.task: asyncio.Task[None] | None = None
        """What makes its sound."""

    def length(self, per_character: float) -> float:
        """Bytes of the whole of it, estimated while its sound is still being made, or never will be."""
        if self.clause is None or (self.is_whole and not self.failed):
            return len(self.sound)
        return max(len(self.sound) + 1, len(self.clause.text) * per_character)

    def forget(self) -> None:
        """It is not played any more."""
        if self.task is not None:
            self.task.cancel()
