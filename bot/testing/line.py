"""A line for calls that notes what it is told, and plays it when a test says so."""

from __future__ import annotations

from bot.channels.voice.base import Clause, Hears, Played


class RecordingLine:
    """Stands in for what carries a call. `call` is who is told what is heard."""

    def __init__(self) -> None:
        self.call: Hears | None = None
        self.clauses: list[Clause] = []
        """All that it was ever given to say."""
        self.languages: list[str] = []
        self.digits: list[str] = []
        self.end = ""
        """How the call ended it: `hang_up`, or the reason for leaving."""
        self.stops = 0
        self._left: list[Clause] = []
        self._fraction = 0.0

    @property
    def said(self) -> list[str]:
        """The texts of all clauses."""
        return [clause.text for clause in self.clauses]

    @property
    def unplayed(self) -> list[str]:
        """What nobody has heard yet."""
        return [clause.text for clause in self._left]

    # The line.

    def speak(self, clause: Clause) -> None:
        assert not self.clauses or clause.number == self.clauses[-1].number + 1
        self.clauses.append(clause)
        self._left.append(clause)

    def stop(self) -> Played | None:
        self.stops += 1
        played = Played(self._left[0].number, self._fraction) if self._left else None
        self._left, self._fraction = [], 0.0
        return played

    def send_digits(self, digits: str) -> None:
        self.digits.append(digits)

    def set_language(self, language: str) -> None:
        self.languages.append(language)

    def hang_up(self) -> None:
        self.end = self.end or "hang_up"

    def leave(self, reason: str) -> None:
        self.end = self.end or reason

    # What a test does.

    def plays(self, clauses: int = 1) -> None:
        """The person hears so many more."""
        assert self.call is not None
        for clause in self._left[:clauses]:
            self._left.remove(clause)
            self._fraction = 0.0
            self.call.played(clause.number)
        if not self._left:
            self.call.silent()

    def plays_all(self) -> None:
        """The person hears all there is."""
        if self._left:
            self.plays(len(self._left))

    def is_at(self, fraction: float) -> None:
        """So much of the next clause has been played."""
        self._fraction = fraction

    def is_interrupted(self, fraction: float = 0.0, words: str | None = None) -> None:
        """The person speaks when this much of the next clause has been played, and the line falls silent by itself."""
        assert self.call is not None
        self._fraction = fraction
        self.call.interrupted(self.stop(), words)
