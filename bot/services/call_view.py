"""A call as people look at it, while it lasts and afterwards: record, turns, what was said, recording, cost (API and desk)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from bot.errors import NotFound
from bot.records.calls import Call, Callback, CallTurn, ProcessingStatus, TranscriptSegment
from bot.records.conversations import Conversation
from bot.records.tickets import Ticket
from bot.services.call_prices import total_cost
from bot.services.call_text import segments_of, spoken_in
from bot.services.call_turns import CallTurns
from bot.services.recordings import Recordings
from bot.store.base import Store

_MOST = 100


@dataclass(frozen=True, slots=True)
class CallView:
    """One call."""

    call: Call
    conversation: Conversation | None
    turns: Sequence[CallTurn]
    segments: Sequence[TranscriptSegment]
    """What was said: of the transcript, or, before there is one, of the timeline as it stands."""
    recording_link: str | None
    """A signed path of this site that plays the recording for some hours; None where there is none to hear."""
    model_cost: Decimal
    """US dollars."""
    total_cost: Decimal | None
    """US dollars, with the line; None while its price is unknown."""
    tickets: Sequence[Ticket]
    callbacks: Sequence[Callback]


class CallViews:
    """Reads calls."""

    def __init__(self, store: Store, turns: CallTurns, recordings: Recordings) -> None:
        self._store = store
        self._turns = turns
        self._recordings = recordings

    async def of(self, call_id: str) -> CallView:
        """Raises NotFound."""
        call = await self._store.get(Call, call_id)
        if call is None:
            raise NotFound(f"there is no call {call_id}")
        conversation = await self._store.get(Conversation, call.conversation_id or "")
        micros = conversation.cost.micros if conversation is not None else 0
        return CallView(
            call=call,
            conversation=conversation,
            turns=await self._turns.of(call.id),
            segments=await self._segments(call),
            recording_link=self._recordings.link(call),
            model_cost=Decimal(micros) / 1_000_000,
            total_cost=total_cost(call, micros),
            tickets=await self._tickets(call),
            callbacks=await self._callbacks(call),
        )

    async def of_conversation(self, conversation_id: str) -> CallView:
        """The call of a conversation. Raises NotFound."""
        conversation = await self._store.get(Conversation, conversation_id)
        if conversation is None or conversation.call_id is None:
            raise NotFound(f"conversation {conversation_id} is no call")
        return await self.of(conversation.call_id)

    async def _segments(self, call: Call) -> Sequence[TranscriptSegment]:
        if call.transcript is not None and call.transcript.status is ProcessingStatus.COMPLETED:
            return call.transcript.segments
        if call.conversation_id is None:
            return []
        return [segment for _, segment in segments_of(call, await spoken_in(self._store, call.conversation_id))]

    async def _tickets(self, call: Call) -> list[Ticket]:
        if call.conversation_id is None:
            return []
        return await self._store.find(Ticket, {"conversation_id": call.conversation_id}, limit=_MOST)

    async def _callbacks(self, call: Call) -> list[Callback]:
        if call.customer_id is None or call.conversation_id is None:
            return []
        found = await self._store.find(Callback, {"customer_id": call.customer_id}, sort=("-requested_time",), limit=_MOST)
        return [callback for callback in found if callback.conversation_id == call.conversation_id]
