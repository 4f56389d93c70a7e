"""Listens in on a call between its line and the call object, and tells what it hears: the captions of the simulated phones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bot.channels.voice.base import Clause, Hears, Line, Played

Told = Callable[[dict[str, Any]], None]
"""Is told one thing that happened, as JSON has it; must not wait or raise."""


class Tap:
    """A `Line` to the call and the `Hears` of a line: passes everything on, and changes nothing."""

    def __init__(self, line: Line, tell: Told) -> None:
        self._tell = tell
        self._line = line
        self._call: Hears | None = None

    def join(self, call: Hears) -> None:
        """Who leads the talk; what is heard before is not passed on."""
        self._call = call

    # What the call tells the line

    def speak(self, clause: Clause) -> None:
        self._tell({"event": "clause", "number": clause.number, "text": clause.text, "language": clause.language})
        self._line.speak(clause)

    def stop(self) -> Played | None:
        played = self._line.stop()
        self._tell_stopped(played, by_person=False)
        return played

    def send_digits(self, digits: str) -> None:
        self._line.send_digits(digits)

    def set_language(self, language: str) -> None:
        self._line.set_language(language)

    def hang_up(self) -> None:
        self._line.hang_up()

    def leave(self, reason: str) -> None:
        self._line.leave(reason)

    # What the line tells the call

    def heard(self, text: str, *, start: float, end: float, confidence: float | None = None, language: str = "") -> None:
        self._tell({"event": "heard" if text else "unheard", "text": text, "start": start, "end": end})
        if self._call is not None:
            self._call.heard(text, start=start, end=end, confidence=confidence, language=language)

    def hearing(self, text: str) -> None:
        self._tell({"event": "hearing", "text": text})
        if self._call is not None:
            self._call.hearing(text)

    def interrupted(self, played: Played | None, words: str | None = None) -> None:
        self._tell_stopped(played, by_person=True)
        if self._call is not None:
            self._call.interrupted(played, words)

    def played(self, clause: int) -> None:
        self._tell({"event": "played", "number": clause})
        if self._call is not None:
            self._call.played(clause)

    def silent(self) -> None:
        self._tell({"event": "silent"})
        if self._call is not None:
            self._call.silent()

    def pressed(self, digit: str) -> None:
        if self._call is not None:
            self._call.pressed(digit)

    def failed(self, stage: str, clause: int | None = None) -> None:
        self._tell({"event": "failed", "stage": stage})
        if self._call is not None:
            self._call.failed(stage, clause)

    def took(self, stage: str, seconds: float) -> None:
        self._tell({"event": "took", "stage": stage, "ms": round(seconds * 1000, 1)})
        if self._call is not None:
            self._call.took(stage, seconds)

    def over(self, reason: str) -> None:
        if self._call is not None:
            self._call.over(reason)

    def _tell_stopped(self, played: Played | None, *, by_person: bool) -> None:
        if played is not None:
            place = {"number": played.clause, "fraction": round(played.fraction, 3)}
            self._tell({"event": "stopped", **place, "by_person": by_person})
