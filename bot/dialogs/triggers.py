"""What hands a conversation to a person before any model is asked: anger in their words, and the rules that somebody has set.

Rules are data, the system setting `handoff_rules`; a change counts within seconds. One that cannot be read is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.dialogs.wishes import undenied
from bot.message import InboundMessage
from bot.policy import plain, plain_words
from bot.records.conversations import Conversation, Priority
from bot.records.handoffs import Cause

_READ = 2000
"""Characters of a message that are looked at."""
UNANSWERED_TURNS = 2


@dataclass(frozen=True, slots=True)
class Trigger:
    """Why a person is needed, and which one."""

    cause: Cause
    reason: str
    skill: str = ""
    priority: Priority | None = None


def trigger_of(rules: object, messages: Sequence[InboundMessage], conversation: Conversation, *, asked: bool) -> Trigger | None:
    """The first rule that the words match, then anger; None where nothing does.

    What was written before somebody gave the conversation back to the AI is settled, and not judged again. Where they were
    `asked` something, what they describe in their answer is no anger at us.
    """
    own: Mapping[str, Any] = rules if isinstance(rules, Mapping) else {}
    said = [f" {plain(message.content.as_text()[:_READ])} " for message in messages if _is_new(message, conversation)]
    for rule in _read(own.get("words"), conversation.channel):
        if any(f" {phrase} " in text for phrase in rule.phrases for text in said):
            return Trigger(Cause.RULE, rule.name, rule.skill, rule.priority)
    if asked or own.get("anger", True) is not True:
        return None
    angry = plain_words("angry_words")
    if any(undenied(text.strip(), phrase) for phrase in angry for text in said):
        return Trigger(Cause.SENTIMENT, "wrote in anger", priority=Priority.HIGH)
    return None


def unanswered_turns(rules: object) -> int:
    """After so many turns in a row without an answer a person is asked; 0 is never."""
    value = rules.get("unanswered_turns", UNANSWERED_TURNS) if isinstance(rules, Mapping) else UNANSWERED_TURNS
    return value if isinstance(value, int) and value >= 0 else UNANSWERED_TURNS


@dataclass(frozen=True, slots=True)
class _Rule:
    name: str
    phrases: tuple[str, ...]
    skill: str
    priority: Priority | None


def _read(rules: object, channel: str) -> Iterator[_Rule]:
    for rule in rules if isinstance(rules, list) else ():
        if not isinstance(rule, Mapping) or rule.get("channel") not in (None, "", channel):
            continue
        words = rule.get("words")
        phrases = tuple(filter(None, (plain(str(word)) for word in words))) if isinstance(words, list) else ()
        priority = rule.get("priority")
        known = Priority(priority) if priority in list(Priority) else None
        yield _Rule(str(rule.get("name") or "a rule"), phrases, str(rule.get("skill") or ""), known)


def _is_new(message: InboundMessage, conversation: Conversation) -> bool:
    last = conversation.handoff
    return last is None or last.cause is not Cause.HANDED_BACK or message.sent_at > last.at
