"""What is made of a call's transcript: by a model, or by rules where there is none or it fails (S1-073, S5-070)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from bot.policy import plain, plain_words
from bot.records.calls import ActionKind, Callback, CallSentiment, Opportunity, Speaker, TranscriptSegment
from bot.records.conversations import Outcome
from bot.records.tickets import Ticket
from bot.resources import moment, say
from bot.services.sentiment import sentiment_of

RULES = "rules"
"""Stands as the model where none had a part in it."""
_QUOTED = 4
_LENGTH = 240


@dataclass(frozen=True, slots=True)
class CallFacts:
    """What is certain of a call: it is told to a model, and overrules it."""

    language: str
    segments: Sequence[TranscriptSegment]
    ended_at: datetime
    callbacks: Sequence[Callback] = ()
    """Booked in this call."""
    tickets: Sequence[Ticket] = ()
    """Opened in this call."""
    opted_out: bool = False
    """They said in this call that they want no more of them."""
    person_asked: bool = False
    """It was passed to a person."""
    midway: bool = False
    """It broke off in the middle of something."""
    failed: bool = False

    @property
    def said(self) -> list[str]:
        """What the other end said."""
        return [segment.text for segment in self.segments if segment.speaker is Speaker.CUSTOMER]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Something that is to be done after the call."""

    kind: ActionKind
    description: str
    due: datetime | None = None
    priority: str = "medium"


@dataclass(frozen=True, slots=True)
class Taken:
    """What a model took for it."""

    steps: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    micros: int = 0
    """Millionths of a US dollar."""


@dataclass(frozen=True, slots=True)
class CallReading:
    """A call, summed up."""

    model: str
    summary: str
    sentiment: CallSentiment
    outcome: Outcome
    intent: str | None = None
    key_points: list[str] = field(default_factory=list)
    wanted: list[Wanted] = field(default_factory=list)
    topics: list[str] = field(default_factory=list)
    next_steps: str = ""
    opportunities: list[Opportunity] = field(default_factory=list)


class CallReader(Protocol):
    """A model that reads transcripts."""

    async def read(self, facts: CallFacts) -> tuple[CallReading | None, Taken]:
        """What it makes of a call, None where it failed or answered nothing that can be used; and what it took all the same."""


def read_by_rules(facts: CallFacts) -> CallReading:
    """An extract: says nothing that was not said or is not on record."""
    return CallReading(
        model=RULES,
        summary="\n".join(_summary(facts)),
        sentiment=sentiment_of(facts.said),
        outcome=outcome_of(facts),
        intent=_intent(facts),
        key_points=[_cut(text) for text in _ends(facts.said)],
        topics=list(dict.fromkeys(str(ticket.category) for ticket in facts.tickets)),
        next_steps=_next_steps(facts),
        opportunities=_opportunities(facts),
    )


def outcome_of(facts: CallFacts, read: Outcome | None = None) -> Outcome:
    """Exactly one of the four: what is on record first, then what was `read`, or the words that were said (S5-070 to S5-072).

    A callback is one only where it is booked.
    """
    if facts.opted_out:
        return Outcome.NOT_INTERESTED
    if facts.callbacks:
        return Outcome.CALLBACK
    if facts.midway or facts.failed or not facts.said:
        return Outcome.DISCONNECTED
    if read is not None and read is not Outcome.CALLBACK:
        return read
    is_refusal = any(_speaks_of(text, "no_interest_words") for text in facts.said)
    return Outcome.NOT_INTERESTED if is_refusal and not facts.tickets else Outcome.INTERESTED


def is_midway(spoken_over: bool, segments: Sequence[TranscriptSegment]) -> bool:
    """Whether a call broke off: our last words were not heard whole, or their last ones are unanswered and no goodbye."""
    if not segments:
        return True
    last = segments[-1]
    if last.speaker is Speaker.AGENT:
        return spoken_over
    return not _speaks_of(last.text, "farewell_words")


def _summary(facts: CallFacts) -> list[str]:
    language = facts.language
    lines = [say(language, "call_they_said", text=_cut(text)) for text in _ends(facts.said)] or [say(language, "call_silent")]
    lines += [f"Ticket {ticket.ticket_id}: {_cut(ticket.subject)}" for ticket in facts.tickets]
    lines += [say(language, "call_booked", when=_when(language, callback)) for callback in facts.callbacks]
    if facts.person_asked:
        lines.append(say(language, "call_person"))
    if facts.opted_out:
        lines.append(say(language, "call_opted_out"))
    if facts.midway:
        lines.append(say(language, "call_midway"))
    return lines


def _next_steps(facts: CallFacts) -> str:
    language = facts.language
    steps = [say(language, "call_next_callback", when=_when(language, callback)) for callback in facts.callbacks]
    steps += [say(language, "call_next_ticket", ticket_id=ticket.ticket_id) for ticket in facts.tickets]
    if facts.person_asked:
        steps.append(say(language, "call_next_person"))
    return "\n".join(steps) or say(language, "call_next_none")


def _when(language: str, callback: Callback) -> str:
    try:
        zone = ZoneInfo(callback.timezone) if callback.timezone else None
    except (ValueError, OSError):  # imported from elsewhere: UTC it is
        zone = None
    return moment(language, callback.requested_time, zone)


def _intent(facts: CallFacts) -> str | None:
    """By the names of our flows; None where nothing that was done tells it."""
    if facts.opted_out:
        return "opt_out"
    if facts.callbacks:
        return "book_callback"
    if facts.tickets:
        return "open_ticket"
    return "talk_to_person" if facts.person_asked else None


def _opportunities(facts: CallFacts) -> list[Opportunity]:
    """Their own words, where they speak of wanting something."""
    if facts.opted_out:
        return []
    found = [text for text in facts.said if _speaks_of(text, "interest_words") and not _speaks_of(text, "no_interest_words")]
    return [Opportunity(type="interest", description=_cut(text)) for text in found[:_QUOTED]]


def _speaks_of(text: str, name: str) -> bool:
    said = f" {plain(text)} "
    return any(f" {phrase} " in said for phrase in plain_words(name))


def _ends(texts: Sequence[str]) -> list[str]:
    """The first and the last of what was said."""
    return list(texts) if len(texts) <= _QUOTED else [texts[0], *texts[-(_QUOTED - 1) :]]


def _cut(text: str, length: int = _LENGTH) -> str:
    text = " ".join(text.split())
    return text if len(text) <= length else f"{text[: length - 1]}…"
