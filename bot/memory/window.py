"""The recent messages that fit the model's budget, in the Chat Completions wire format."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bot.conversation import Turn
from bot.message import EMPTY_MESSAGE, Choice, InboundMessage
from bot.records.conversations import Conversation, Direction, Message, MessageSender, MessageStatus
from bot.store.base import Store

MAX_MESSAGES = 40
MAX_TOKENS = 6000

_BYTES_PER_TOKEN = 3
"""Latin text has about 4 bytes to a token, Devanagari more: this counts rather too many than too few (CHANNELS 3.1)."""


def estimate_tokens(text: str) -> int:
    """About how many tokens a text takes, rather too many."""
    return len(text.encode()) // _BYTES_PER_TOKEN + 4


def _cut(text: str, tokens: int) -> str:
    """The beginning of a text that takes at most so many tokens."""
    return text.encode()[: max(0, (tokens - 4) * _BYTES_PER_TOKEN)].decode(errors="ignore")


async def recent(store: Store, conversation: Conversation, before: Turn) -> list[dict[str, Any]]:
    """What was said before this turn, oldest first: at most 40 messages and about 6,000 tokens.

    What we wrote but never said (refused, dead) is not among it: the model must not believe that it was heard.
    The newest message and the person's newest are there however long they are, cut to what is left of the budget.
    """
    messages = await store.find(
        Message, {"conversation_id": conversation.id}, sort=("-timestamp",), limit=MAX_MESSAGES + len(before.messages)
    )
    budget = MAX_TOKENS
    kept: list[dict[str, Any]] = []
    for message in messages:
        if message.turn_id == before.id or _was_never_said(message):
            continue
        if len(kept) == MAX_MESSAGES:
            break
        shown = _shown(message)
        if estimate_tokens(shown["content"]) > budget:
            if kept and (shown["role"] != "user" or any(other["role"] == "user" for other in kept)):
                break
            shown["content"] = _cut(shown["content"], budget)
            if not shown["content"]:
                break
        budget -= estimate_tokens(shown["content"])
        kept.append(shown)
    return kept[::-1]


def heard(messages: Sequence[InboundMessage]) -> dict[str, Any]:
    """The messages of a turn as the one thing the person now said."""
    return {"role": "user", "content": "\n".join(_words(message) for message in messages)}


def _was_never_said(message: Message) -> bool:
    return message.direction is Direction.OUTBOUND and message.status is MessageStatus.FAILED


def _shown(message: Message) -> dict[str, Any]:
    match message.sender:
        case MessageSender.CUSTOMER | MessageSender.USER:
            return {"role": "user", "content": message.content}
        case MessageSender.AGENT:
            return {"role": "assistant", "content": f"(A colleague of the team wrote:) {message.content}"}
        case _:
            return {"role": "assistant", "content": message.content}


def _words(message: InboundMessage) -> str:
    """What the model reads; a tapped button of a template carries its payload too (S2-135)."""
    content = message.content
    if isinstance(content, Choice) and not content.id.startswith("choice:"):
        return f"{content.as_text()} (button {content.id})"
    return content.as_text() or EMPTY_MESSAGE
