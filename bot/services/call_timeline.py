"""What stands on a call's timeline and is to be spoken: each thing once, whoever asks, and however often."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.clock import Clock
from bot.errors import Duplicate
from bot.message import Reply
from bot.outbox import Outbox
from bot.records.calls import Call
from bot.records.conversations import Conversation, Direction, Message, MessageStatus
from bot.records.work import Author
from bot.services.conversations import Conversations
from bot.store.base import Change, Store, Unit

_LATEST = 200
_SAID = frozenset({MessageStatus.SENT, MessageStatus.DELIVERED, MessageStatus.READ})
_PART = "part"
"""Of a message's metadata: with which answer to the provider it was spoken."""
CHARACTERS_PER_SECOND = 14
"""As synthetic voices speak; only the provider knows better, and does not tell."""


@dataclass(frozen=True, slots=True)
class Part:
    """What is spoken in one go."""

    messages: Sequence[Message]
    has_more: bool = False
    """Whether not all that is to be said fitted."""


class CallTimeline:
    """Puts sentences of the runtime on a call's timeline, and hands out what is to be spoken of it."""

    def __init__(self, store: Store, clock: Clock, outbox: Outbox, conversations: Conversations) -> None:
        self._store = store
        self._clock = clock
        self._outbox = outbox
        self._conversations = conversations

    async def say(self, call: Call, conversation: Conversation, text: str, key: str) -> None:
        """A sentence in fixed words, to be spoken next; with the same `key` there is it once in a call."""
        unit = Unit()
        client_id = f"call:{call.external_call_id}:{key}"
        said = self._outbox.add(unit, conversation, [Reply(text)], Author.SYSTEM, spoken=True, client_id=client_id)
        self._conversations.said(unit, conversation, said)
        try:
            await self._store.commit(unit)
        except Duplicate:
            return

    async def take(self, call: Call, conversation_id: str, part: str, fits: Callable[[Sequence[Message]], int]) -> Part:
        """What was not spoken yet, and is from now on; asked again for the same `part` the same.

        `fits` tells how many of them fit.
        """
        ours = await self._ours(conversation_id)
        again = [message for message in ours if message.metadata.get(_PART) == part]
        if again:
            return Part(again, any(message.start_time is None for message in ours))
        unsaid = [message for message in ours if message.start_time is None]
        taken = unsaid[: fits(unsaid)]
        unit, start = Unit(), self.seconds(call)
        for message in taken:
            end = start + len(message.content) / CHARACTERS_PER_SECOND
            spoken = {"start_time": int(start), "end_time": int(end), "metadata": {**message.metadata, _PART: part}}
            unit.add(Change(Message, {"id": message.id, "start_time": None}, set=spoken))
            start = end
        if taken:
            await self._store.commit(unit)
        return Part(taken, len(taken) < len(unsaid))

    async def has_news(self, conversation_id: str, part: str) -> bool:
        """Whether there is something to be spoken for this part."""
        return any(
            message.start_time is None or message.metadata.get(_PART) == part for message in await self._ours(conversation_id)
        )

    async def _ours(self, conversation_id: str) -> list[Message]:
        latest = await self.latest(conversation_id)
        return [message for message in latest if message.direction is Direction.OUTBOUND and message.status in _SAID]

    async def latest(self, conversation_id: str) -> list[Message]:
        """The end of the timeline, the oldest first."""
        found = await self._store.find(Message, {"conversation_id": conversation_id}, sort=("-timestamp",), limit=_LATEST)
        return sorted(found, key=lambda message: message.id)

    def seconds(self, call: Call) -> float:
        """Of the call, until now; 0 before it was answered."""
        return max(0.0, (self._clock.now() - call.started_at).total_seconds()) if call.started_at else 0.0


def part_of(message: Message) -> str:
    """With which answer to the provider it was spoken; empty where it was not."""
    return str(message.metadata.get(_PART, ""))
