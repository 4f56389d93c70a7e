"""How a call is led: what is waited for, and how long. All times are in seconds."""

from __future__ import annotations

from dataclasses import dataclass

from bot.config import Settings


@dataclass(frozen=True, slots=True)
class CallRules:
    """The same for all calls of a deployment."""

    company: str = ""
    """Who calls, in the greeting; empty where nobody has told a name."""
    is_recorded: bool = False
    """Then the person is told so before anything else is said."""
    interrupt_words: int = 1
    """So many words end what we say (BOT_INTERRUPT_WORDS)."""
    idle_seconds: float = 10.0
    """Of silence on both sides, until we ask whether somebody is there (BOT_CALL_IDLE_SECONDS)."""
    idle_prompts: int = 2
    """So often it is asked; then the call is ended."""
    most_seconds: float = 1800.0
    """Length of a call (BOT_CALL_MAX_MINUTES)."""
    filler_seconds: float = 1.5
    """Without a first word of the answer, until a short sentence says that we are at it. Twilio finds 1.4 s the most that callers
    accept from mouth to ear (PEERS, voice)."""
    hold_seconds: float = 3.0
    """Somebody speaks over us: so long a word of theirs is waited for before what we were saying counts as ended."""
    key_seconds: float = 1.5
    """After a key, until no more are expected."""
    look_seconds: float = 3.0
    """Between two looks at the timeline where nobody tells that there is something new."""
    end_seconds: float = 30.0
    """After the last sentence, until the line has to be gone."""


def rules_of(settings: Settings, *, company: str = "", is_recorded: bool = False) -> CallRules:
    """As the settings say."""
    return CallRules(
        company=company or settings.company,
        is_recorded=is_recorded,
        interrupt_words=settings.interrupt_words,
        idle_seconds=float(settings.call_idle_seconds),
        most_seconds=settings.call_max_minutes * 60.0,
    )
