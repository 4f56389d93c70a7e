"""Who is told an answer while it is written: a telephone call, which begins to speak before the last word is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from bot.records.conversations import Message


class Speaker(Protocol):
    """Speaks the answer to one turn. What it is told must take no time and never raise."""

    def say(self, words: str) -> None:
        """Some more of one reply, as the model writes it; it may end in mid-word."""

    def end(self) -> None:
        """The reply that `say` began is complete."""

    def written(self, messages: Sequence[Message]) -> None:
        """What the turn has put on the timeline, in order, once it is committed.

        Replies that were given to `say` are among it, and so is all that is said in fixed words: to be spoken now.
        """
