"""What a form has heard so far, and what the messages of a turn say to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from bot.clock import new_id
from bot.dialogs.flow import FlowTurn
from bot.message import Choice, InboundMessage, Reaction
from bot.records.conversations import FlowState

LIVES = timedelta(hours=1)
"""An answer that comes later than this after the question is too late."""


@dataclass
class Progress:
    """What a form knows so far."""

    id: str
    """In the ids of its buttons, so that a tap on an older one of the same form still counts."""
    values: dict[str, Any] = field(default_factory=dict)
    misses: int = 0

    @classmethod
    def of(cls, state: FlowState) -> Progress:
        kept = state.slots
        return cls(str(kept.get("id") or new_id()), dict(kept.get("values", {})), int(kept.get("misses", 0)))

    def state(self, turn: FlowTurn, step: str, **more: Any) -> FlowState:
        """What is waited for now, for an hour from now."""
        slots = {"id": self.id, "values": self.values, "misses": self.misses, "language": turn.context.language, **more}
        news = {"step": step, "slots": slots, "token": new_id(), "asked_at": turn.now, "expires_at": turn.now + LIVES}
        return turn.state.model_copy(update=news)


@dataclass(frozen=True, slots=True)
class Heard:
    """What the messages of a turn say to a form."""

    text: str
    taps: tuple[tuple[str, str], ...]
    """Slot and value of each tapped button of this form."""
    others: bool
    """Whether a button of another question was tapped."""
    answers: bool
    """Whether a yes or a no was tapped, under whichever question."""
    is_nothing: bool
    """Only reactions to what was said before."""


def heard_in(messages: Sequence[InboundMessage], id_: str) -> Heard:
    """What they say to the form with this id."""
    texts: list[str] = []
    taps: list[tuple[str, str]] = []
    others = answers = False
    is_nothing = all(isinstance(message.content, Reaction) for message in messages)
    for message in messages:
        content = message.content
        if isinstance(content, Choice):
            own = content.id.split(":", 3)
            if own[:2] == ["flow", id_] and len(own) == 4:
                taps.append((own[2], own[3]))
            elif content.id.startswith("confirm:"):
                answers = True
            else:
                others = True
                texts.append(content.title)
        elif not isinstance(content, Reaction):
            texts.append(content.as_text().strip())
    return Heard("\n".join(texts).strip(), tuple(taps), others, answers, is_nothing)
