"""What the parts of a call expect of each other.

A *line* carries a call: it speaks what it is given and tells what it hears. Twilio's ConversationRelay is one (it speaks and
recognises by itself), a Media Stream with our own ears and mouth is another. The *call* (`bot.channels.voice.call`) leads the
talk over any line; the engine answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from bot.records.calls import CallDirection


@dataclass(frozen=True, slots=True)
class CallInfo:
    """What is known of a call when its line opens."""

    call_id: str
    """Of our record."""
    sid: str
    """The provider's id of it."""
    conversation_id: str
    ours: str
    """E.164."""
    theirs: str
    """E.164; empty where it is withheld."""
    direction: CallDirection
    language: str
    """`es`, `en` or `hi`: what is spoken at first."""
    answered_at: float
    """Seconds of our monotonic clock: the zero of all offsets of the call."""
    about: str = ""
    """What a call of ours is about, where whoever placed it has said so."""


@dataclass(frozen=True, slots=True)
class Clause:
    """A piece of what is said: as much as is spoken in one go, and as little as can be taken back."""

    number: int
    """Rises by one within a call."""
    text: str
    language: str
    fixed: bool = False
    """A sentence of ours that is always the same: its audio may be kept."""


@dataclass(frozen=True, slots=True)
class Played:
    """How far the person has heard: all clauses before `clause` whole, of this one the `fraction` from its beginning."""

    clause: int
    fraction: float = 0.0
    """0 to 1."""


class Line(Protocol):
    """Carries one call. Nothing here waits or raises: a line that is gone forgets what it is told."""

    def speak(self, clause: Clause) -> None:
        """Speaks this after all that it was given before. Tells `Hears.played` when the person has heard it."""

    def stop(self) -> Played | None:
        """Falls silent at once and forgets what it had still to say; how far it came, None where it was silent already."""

    def send_digits(self, digits: str) -> None:
        """Sends keys (`0-9*#w`)."""

    def set_language(self, language: str) -> None:
        """What is heard and spoken from now on."""

    def hang_up(self) -> None:
        """Ends the call once all is spoken."""

    def leave(self, reason: str) -> None:
        """Ends the line but not the call, once all is spoken: the provider asks us what comes next, and is told by `reason`."""


class Hears(Protocol):
    """What a line tells: the call. Nothing here waits or raises."""

    def heard(self, text: str, *, start: float, end: float, confidence: float | None = None, language: str = "") -> None:
        """The person has said this and has ended; `start` and `end` in seconds of the call."""

    def hearing(self, text: str) -> None:
        """The person is saying something; the words so far where the recogniser tells them, else empty."""

    def interrupted(self, played: Played | None, words: str | None = None) -> None:
        """The person spoke over us and the line has fallen silent: how far it came, or the very words that were heard."""

    def played(self, clause: int) -> None:
        """The person has heard this clause and all before it."""

    def silent(self) -> None:
        """All that was to be said has been played."""

    def pressed(self, digit: str) -> None:
        """A key: one of `0-9*#`."""

    def failed(self, stage: str, clause: int | None = None) -> None:
        """Speech failed: `voice` could not speak this clause to its end, and what was to follow it is dropped; `recogniser` could
        not tell what the person has said."""

    def took(self, stage: str, seconds: float) -> None:
        """A stage of this turn took so long, since the person ended: `transcript`, `first_token`, `first_audio`."""

    def over(self, reason: str) -> None:
        """The line is gone: `hung_up`, `lost`, `left`."""
