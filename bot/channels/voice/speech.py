"""The ports of speech: what turns words into sound and sound into words.

Sound is 8 kHz mu-law everywhere (G.711, as the telephone has it): 8 bytes a millisecond.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from bot.message import Text

BYTES_PER_SECOND = 8000
FRAME = 160
"""Bytes of the 20 ms that a frame holds."""


class Voice(Protocol):
    """Text to speech."""

    name: str

    def speak(self, text: str, language: str) -> AsyncGenerator[bytes, None]:
        """The sound of a clause, in pieces as they come. Raises SpeechError. Closing the generator ends the request."""

    async def close(self) -> None:
        """Lets go of its connections."""


@runtime_checkable
class Keeps(Protocol):
    """A voice that keeps the sound of sentences that are always the same (`Clause.fixed`)."""

    def kept(self, text: str, language: str) -> AsyncGenerator[bytes, None]:
        """As `speak`, but what was made once is not made again. Never for words that are somebody's."""


class Listening(Protocol):
    """The recogniser of one utterance: fed while somebody speaks, asked once they have ended."""

    def feed(self, sound: bytes) -> None:
        """More of what they say. Never waits."""

    def partial(self) -> str:
        """The words so far, where they are known before the end; else empty."""

    async def finish(self) -> Text:
        """What they said; with `confidence` where it is known, and empty where nothing was understood. Raises SpeechError."""

    def cancel(self) -> None:
        """Nobody wants to know."""


class Recogniser(Protocol):
    """Speech to text."""

    name: str

    def listen(self, language: str) -> Listening:
        """Begins an utterance. `language` is what is expected."""

    async def close(self) -> None:
        """Lets go of its connections."""


@dataclass(frozen=True, slots=True)
class Speech:
    """What a process speaks and understands with."""

    voice: Voice
    recogniser: Recogniser

    async def close(self) -> None:
        """Closes both."""
        await self.voice.close()
        await self.recogniser.close()
