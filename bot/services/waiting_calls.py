"""Who waits for a person on the telephone is not kept waiting for nobody: the AI comes back and offers to call them back.

At once where nobody of ours is at a desk, else after a while, knowing how it stands. Whoever takes the call has it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from bot.clock import Clock
from bot.conversation import ConversationStatus
from bot.jobs import Jobs
from bot.records.calls import Call, CallStatus
from bot.records.conversations import Conversation
from bot.records.users import Presence, User
from bot.resources import say, spoken
from bot.services.conversations import WAITING_CALL_JOB
from bot.services.presence import is_operator
from bot.services.queueing import Queueing, words
from bot.services.transfer_call import TransferCalls
from bot.store.base import Store

LONGEST = timedelta(seconds=45)


class WaitingCalls:
    """The handler of the job."""

    def __init__(self, store: Store, clock: Clock, jobs: Jobs, transfers: TransferCalls, queueing: Queueing) -> None:
        self._store = store
        self._queueing = queueing
        self._clock = clock
        self._jobs = jobs
        self._transfers = transfers

    async def __call__(self, payload: Mapping[str, Any]) -> None:
        """`conversation` and `epoch` as it entered the queue; `patient` once they have waited for who is there."""
        conversation = await self._store.get(Conversation, payload["conversation"])
        if (
            conversation is None
            or conversation.epoch != payload["epoch"]
            or conversation.status is not ConversationStatus.WAITING
        ):
            return
        call = await self._store.get(Call, conversation.call_id or "")
        if call is None or call.status is not CallStatus.IN_PROGRESS:
            return
        if not payload.get("patient") and await self._is_anybody_there():
            again = {**payload, "patient": True}
            id_ = f"{WAITING_CALL_JOB}:{conversation.id}:{conversation.epoch}:patient"
            await self._jobs.schedule(WAITING_CALL_JOB, self._clock.now() + LONGEST, again, id=id_)
            await self._transfers.tell(conversation, await self._standing(conversation))
            return
        await self._transfers.back_to_ai(call, "call_nobody_free", "nobody was free")

    async def _standing(self, conversation: Conversation) -> str:
        language, standing = conversation.language or "", await self._queueing.of(conversation)
        with spoken():
            place = words(language, standing) if standing is not None else ""
            return " ".join(filter(None, (place, say(language, "call_still_waiting"))))

    async def _is_anybody_there(self) -> bool:
        return any(is_operator(user) for user in await self._store.find(User, {"status": Presence.ONLINE}))
