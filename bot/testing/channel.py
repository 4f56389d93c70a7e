"""A channel that keeps what it is given to say."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from bot.errors import SendError
from bot.message import Address, Reply
from bot.pacing import Pace


@dataclass(frozen=True, slots=True)
class Spoken:
    """One reply that went out."""

    to: Address
    reply: Reply
    tracker: str


class RecordingChannel:
    """Stands in for a vendor: remembers every reply, fails when told to."""

    tracks = True
    pace: Pace
    """Only where a test sets it: from then on it is paced, and left alone when it keeps failing."""

    def __init__(self, name: str = "whatsapp") -> None:
        self.name = name
        self.spoken: list[Spoken] = []
        self._failures: deque[SendError] = deque()

    def fail(self, *errors: SendError) -> None:
        """The next sends raise these, one each, and say nothing."""
        self._failures.extend(errors)

    def works_again(self) -> None:
        """The next sends go out."""
        self._failures.clear()

    @property
    def failures_left(self) -> int:
        """How many of the errors nobody has met yet."""
        return len(self._failures)

    def shape(self, reply: Reply) -> list[Reply]:
        return [reply]

    async def send(self, to: Address, reply: Reply, tracker: str) -> str:
        if self._failures:
            raise self._failures.popleft()
        self.spoken.append(Spoken(to, reply, tracker))
        return f"{self.name}.{tracker}"

    async def close(self) -> None:
        return
