"""What was measured on a call, turn by turn."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class TurnFigures:
    """Of one turn. Stages are in seconds since the person ended: `transcript`, `first_token`, `first_audio`."""

    at: float
    """Seconds of the call at which the person ended."""
    stages: dict[str, float] = field(default_factory=dict)
    interrupted: bool = False
    """Whether the person spoke over what was said to them after it, and meant it."""
    said_letters: int = 0
    heard_letters: int = 0

    @property
    def heard_ratio(self) -> float | None:
        """How much of what was said to them after it they heard; None where nothing was."""
        return self.heard_letters / self.said_letters if self.said_letters else None


@dataclass(slots=True)
class Figures:
    """Of one call."""

    turns: list[TurnFigures] = field(default_factory=list)
    interruptions: int = 0
    """So often the person spoke over us and meant it."""
    false_alarms: int = 0
    """So often they seemed to."""
    said_letters: int = 0
    heard_letters: int = 0
    _early: dict[str, float] = field(default_factory=dict)

    @property
    def heard_ratio(self) -> float:
        """How much of what we said was heard; 1 where we said nothing."""
        return self.heard_letters / self.said_letters if self.said_letters else 1.0

    def heard(self, at: float) -> None:
        """A turn begins: the person has ended, at this second of the call."""
        self.turns.append(TurnFigures(at, self._early))
        self._early = {}

    def interrupted(self) -> None:
        """The person speaks over us and means it: over the answer to the turn that was heard last."""
        self.interruptions += 1
        if self.turns:
            self.turns[-1].interrupted = True

    def spoken(self, said: int, heard: int) -> None:
        """A message of ours of so many letters was heard so far."""
        self.said_letters += said
        self.heard_letters += heard
        if self.turns:
            self.turns[-1].said_letters += said
            self.turns[-1].heard_letters += heard

    def took(self, stage: str, seconds: float) -> None:
        """A stage of the turn that was heard last; the first word of it counts. The transcript is there before the turn is."""
        if stage == "transcript":
            self._early[stage] = round(seconds, 4)
        elif self.turns:
            self.turns[-1].stages.setdefault(stage, round(seconds, 4))
