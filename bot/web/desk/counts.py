"""How many conversations are where, for the tabs of the desk."""

from __future__ import annotations

from bot.conversation import ConversationStatus
from bot.records.conversations import Conversation, ConversationKind
from bot.store.base import In
from bot.web.site import Parts

_WITH_PEOPLE = In((ConversationKind.CUSTOMER, ConversationKind.CALL))


async def counts(parts: Parts) -> dict[str, int]:
    """By the names of the tabs; every question is served by an index."""
    waiting = await parts.desk.queueing.lengths()
    open_ones = {"kind": _WITH_PEOPLE, "status": ConversationStatus.OPEN}
    return {
        "waiting": sum(waiting.values()),
        "ai": await parts.store.count(Conversation, open_ones),
        "team": await parts.store.count(Conversation, {"status": ConversationStatus.ASSIGNED}),
    }
