"""A line without sound, for a terminal: what is said is shown at the pace of speech, so that one can interrupt it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from bot.channels.voice.base import Clause, Hears, Played
from bot.channels.voice.scripted import CHARACTERS_PER_SECOND
from bot.clock import Clock


class PacedLine:
    """A `Line` that takes its time and plays nothing. `said` and `pressed` are what the person does."""

    def __init__(
        self,
        clock: Clock,
        answered_at: float,
        *,
        begins: Callable[[Clause], None] = lambda _: None,
        cut: Callable[[Played], None] = lambda _: None,
        pace: float = CHARACTERS_PER_SECOND,
    ) -> None:
        """`begins` is told of each clause as it is spoken, `cut` of where we fell silent before its end."""
        self._begins = begins
        self._cut = cut
        self._clock = clock
        self._answered_at = answered_at
        self._pace = pace
        self._hears: Hears | None = None
        self._waiting: deque[Clause] = deque()
        self._now: tuple[Clause, float] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._goodbye = ""
        self._is_over = False

    def open(self, hears: Hears) -> None:
        """Who is told."""
        self._hears = hears

    @property
    def is_over(self) -> bool:
        return self._is_over

    @property
    def is_speaking(self) -> bool:
        return self._now is not None

    # The person's end

    def said(self, words: str) -> None:
        """The person says this, and interrupts whatever is being said."""
        if self._hears is None or self._is_over:
            return
        if (played := self.stop()) is not None:
            self._hears.interrupted(played)
        now = self._clock.monotonic() - self._answered_at
        self._hears.heard(words, start=now, end=now, confidence=1.0)

    def pressed(self, digit: str) -> None:
        """The person presses a key."""
        if self._hears is not None and not self._is_over:
            self._hears.pressed(digit)

    def over(self, reason: str = "hung_up") -> None:
        """The person hangs up, or the line ends."""
        if not self._is_over:
            self.stop()
            self._is_over = True
            if self._hears is not None:
                self._hears.over(reason)

    # The call's end: `Line`

    def speak(self, clause: Clause) -> None:
        if not self._is_over:
            self._waiting.append(clause)
            self._next()

    def stop(self) -> Played | None:
        if self._timer is not None:
            self._timer.cancel()
        played = None
        if self._now is not None:
            clause, began = self._now
            spoken = (self._clock.monotonic() - began) * self._pace
            played = Played(clause.number, min(1.0, spoken / max(1, len(clause.text))))
            self._cut(played)
        self._waiting.clear()
        self._now = None
        return played

    def send_digits(self, digits: str) -> None:
        return

    def set_language(self, language: str) -> None:
        return

    def hang_up(self) -> None:
        self._leave("hung_up")

    def leave(self, reason: str) -> None:
        self._leave("left")

    def _leave(self, reason: str) -> None:
        self._goodbye = reason
        if self._now is None:
            self.over(reason)

    def _next(self) -> None:
        if self._now is not None or not self._waiting:
            return
        clause = self._waiting.popleft()
        self._now = (clause, self._clock.monotonic())
        self._begins(clause)
        self._timer = asyncio.get_running_loop().call_later(len(clause.text) / self._pace, self._done)

    def _done(self) -> None:
        if self._now is None or self._hears is None:
            return
        clause, _ = self._now
        self._now = None
        self._hears.played(clause.number)
        self._next()
        if self._now is None:
            self._hears.silent()
            if self._goodbye:
                self.over(self._goodbye)
