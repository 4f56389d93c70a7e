"""What is said at the beginning of every call, in fixed words: who speaks, that it is a program, that it is recorded."""

from __future__ import annotations

from bot.channels.voice.rules import CallRules
from bot.records.calls import CallDirection
from bot.resources import say


def disclosure(language: str, rules: CallRules, about: str = "") -> list[str]:
    """The sentences that everybody has to hear, in order; whom we call also hears what it is `about`, where that was said."""
    greeting = say(language, "call_greeting_of", company=rules.company) if rules.company else say(language, "call_greeting")
    recorded = [say(language, "call_recorded")] if rules.is_recorded else []
    purpose = [say(language, "call_about", about=about.rstrip("."))] if about else []
    return [greeting, say(language, "call_disclosure"), *recorded, *purpose]


def invitation(direction: CallDirection, language: str) -> str:
    """Whom we call is told how to be called no more; who calls us is asked what they need."""
    return say(language, "call_opt_out" if direction is CallDirection.OUTBOUND else "call_offer")
