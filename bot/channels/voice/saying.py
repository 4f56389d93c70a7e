"""What is being said on a call: which clauses of which message, how far they were heard, and what is left of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from bot.channels.voice.base import Clause, Line, Played
from bot.channels.voice.hearing import beginning, find_words
from bot.channels.voice.speakable import speakable


@dataclass(slots=True, eq=False)
class Said:
    """One message that is being said, or was."""

    id: str = ""
    """Of the message on the timeline; empty while the turn that says it has not written it."""
    is_ours: bool = True
    """Not an operator's, who sees all of what they wrote whatever was heard of it."""
    pieces: list[Piece] = field(default_factory=list)
    is_due: bool = False
    """It has to be heard: where it is spoken over, it is said again before anything else."""
    is_whole: bool = False
    """Whether there is nothing more to come."""
    is_cut: bool = False
    begun: float | None = None
    """Seconds of the call at which its first word was heard."""
    ended: float | None = None
    is_told: bool = False

    @property
    def text(self) -> str:
        """All of it, as the model wrote it."""
        return "".join(piece.raw for piece in self.pieces).strip()

    @property
    def heard(self) -> str:
        """What the person has heard of it."""
        parts: list[str] = []
        for piece in self.pieces:
            if piece.heard < 1.0:
                part = beginning(piece.raw, piece.heard)
                blank = piece.raw[: len(piece.raw) - len(piece.raw.lstrip())]
                return "".join([*parts, blank if part else "", part]).strip()
            parts.append(piece.raw)
        return "".join(parts).strip()


@dataclass(slots=True, eq=False)
class Piece:
    """A clause of a message."""

    said: Said
    raw: str
    """As it stands in the message; empty for what is only read out, as keys to press."""
    text: str
    language: str
    fixed: bool
    number: int = 0
    """Of its clause; 0 while the line has not been given it."""
    heard: float = 0.0
    """The fraction that was heard: 1 once it has been played."""


class Saying:
    """Gives a line its clauses, and knows what was heard. Nothing here waits."""

    def __init__(self, line: Line, now: Callable[[], float], spoken: Callable[[Said], None]) -> None:
        self._line = line
        self._now = now
        """Seconds of the call."""
        self._spoken = spoken
        """Told of each message once, when all of it was heard."""
        self._pieces: list[Piece] = []
        """In order: what may still have to be cut, and what is to come."""
        self._number = 0
        self._is_paused = False
        self._until = 0.0
        """When what was heard last had ended."""

    @property
    def is_paused(self) -> bool:
        """Whether the person spoke over us, and nobody knows yet what for."""
        return self._is_paused

    @property
    def is_speaking(self) -> bool:
        """Whether the line has something left to say."""
        return not self._is_paused and any(piece.number and piece.heard < 1.0 for piece in self._pieces)

    @property
    def first_unheard(self) -> int:
        """The clause that the line is at, or was; 0 where all that it was given was heard."""
        return next((piece.number for piece in self._pieces if piece.number and piece.heard < 1.0), 0)

    @property
    def is_asking(self) -> bool:
        """Whether what is being said is the end of a question: what is said over it may be the answer."""
        left = [piece for piece in self._pieces if piece.heard < 1.0]
        return len(left) == 1 and left[0].said.is_whole and left[0].text.rstrip("\"'”’»)").endswith("?")

    def add(self, said: Said, raw: str, language: str, *, text: str | None = None, fixed: bool = False) -> None:
        """Says some more of a message, behind all that is to be said. What cannot be spoken goes with what comes before."""
        if said.is_cut:
            return
        piece = Piece(said, raw, speakable(raw, language) if text is None else text, language, fixed)
        said.pieces.append(piece)
        self._pieces.append(piece)
        if not self._is_paused:
            self._give(piece)

    def end(self, said: Said) -> None:
        """There is nothing more to come of it."""
        said.is_whole = True
        self._settle(said)

    def played(self, number: int) -> None:
        """The line says that this clause and all before it were heard."""
        news = [piece for piece in self._pieces if piece.number and piece.number <= number and piece.heard < 1.0]
        for piece in news:
            self._hear(piece)
        for piece in news:
            self._settle(piece.said)

    def silent(self) -> None:
        """All that the line was given was heard."""
        self.played(self._number)

    def pause(self, played: Played | None, words: str | None = None) -> None:
        """The person spoke, the line is silent: how far it came, as it says itself, or by the words of ours that were heard."""
        if self._is_paused:
            return
        given = [piece for piece in self._pieces if piece.number]
        place, fraction = self._reached(given, played, words)
        for index, piece in enumerate(given):
            piece.heard = 1.0 if index < place else fraction if index == place else 0.0
            if piece.heard and piece.said.begun is None:
                piece.said.begun = self._until
            if piece.heard:
                piece.said.ended = self._now()
        self._until = self._now()
        self._is_paused = True

    def resume(self) -> None:
        """It was nothing: what was broken off is said again, from the clause in which it was, and then the rest."""
        self._is_paused = False
        left = [piece for piece in self._pieces if piece.heard < 1.0]
        for piece in left:
            piece.heard, piece.number = 0.0, 0
        for piece in left:
            self._give(piece)

    def cut(self, *, everything: bool = False) -> list[Said]:
        """Nothing more of it is said: the messages of which the person has not heard all, or of which not all was said yet.

        What has to be heard waits for `resume`, unless it is `everything` that ends.
        """
        due = [] if everything else [piece for piece in self._pieces if piece.said.is_due and piece.heard < 1.0]
        cut: list[Said] = []
        for piece in self._pieces:
            said = piece.said
            if piece not in due and not said.is_cut and _is_unheard(said) and not (said.is_due and due):
                said.is_cut = said.is_told = True
                cut.append(said)
        self._pieces, self._is_paused = due, bool(due)
        return cut

    def _give(self, piece: Piece) -> None:
        if not piece.text:
            if self.is_speaking:
                piece.number = self._number  # it is heard with what comes before it
            else:
                self._hear(piece)
                self._settle(piece.said)
            return
        if not self.is_speaking:
            self._until = self._now()
        self._number += 1
        piece.number = self._number
        self._line.speak(Clause(piece.number, piece.text, piece.language, piece.fixed))

    def _hear(self, piece: Piece) -> None:
        piece.heard, said = 1.0, piece.said
        if said.begun is None:
            said.begun = self._until
        said.ended = self._until = self._now()

    def _settle(self, said: Said) -> None:
        is_heard = said.is_whole and said.id and all(piece.heard >= 1.0 for piece in said.pieces)
        if is_heard and not said.is_told and said.pieces:
            said.is_told = True
            self._spoken(said)

    def _reached(self, given: list[Piece], played: Played | None, words: str | None) -> tuple[int, float]:
        """The place, among the clauses that the line was given, that was broken off, and how much of it was heard."""
        unheard = next((index for index, piece in enumerate(given) if piece.heard < 1.0), len(given))
        if words is not None:
            found = find_words(words, [piece.text for piece in given], unheard)
            if found is not None:
                return found
            if played is None:  # nothing that we know of
                return unheard, 0.0
        if played is None:
            return len(given), 0.0
        place = next((index for index, piece in enumerate(given) if piece.number >= played.clause), len(given))
        return place, min(1.0, max(0.0, played.fraction))


def _is_unheard(said: Said) -> bool:
    return not said.is_whole or any(piece.heard < 1.0 for piece in said.pieces)
