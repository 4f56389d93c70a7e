"""Fixed sentences that are said in other words on a telephone call, where nobody writes to anybody."""

from __future__ import annotations

from bot.records.conversations import Conversation, ConversationKind

_ON_CALL = {
    "connecting": "call_connecting",
    "connecting_upset": "call_connecting_upset",
    "connecting_unanswered": "call_connecting_unanswered",
    "trouble": "call_passed_on",
    "limit_reached": "call_passed_on",
}


def worded(conversation: Conversation, name: str) -> str:
    """The name of the utterance that says the same where this conversation takes place."""
    return _ON_CALL.get(name, name) if conversation.kind is ConversationKind.CALL else name
