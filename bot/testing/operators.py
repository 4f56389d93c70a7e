"""Operators who take conversations from the AI in the middle and give them back: by compare-and-set, as a desk does."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence

from bot.channels.whatsapp import CHANNEL
from bot.clock import SystemClock
from bot.conversation import AgentRef, Assignee, OperatorRef
from bot.errors import Conflict, StoreUnavailable
from bot.message import Address
from bot.records.conversations import Conversation
from bot.records.work import Delivery
from bot.services.audit import Audit
from bot.services.conversations import Conversations, agent_of, is_held_by_ai
from bot.store.base import Store, Unit
from bot.testing.audit import TakeOver
from bot.testing.whatsapp.server import PHONE_ID

_OPERATOR = OperatorRef("operator-1")


class Operators:
    """Take over a conversation now and then, one at a time each."""

    def __init__(self, store: Store, active: Callable[[], Sequence[str]], seed: float) -> None:
        """`active` tells who is in the middle of a conversation."""
        self.taken: list[TakeOver] = []
        self._store = store
        self._clock = SystemClock()
        self._conversations = Conversations(store, self._clock, Audit(self._clock))
        self._active = active
        self._dice = random.Random(seed)

    async def work(self, stop: asyncio.Event) -> None:
        """Until it is told to stop; then nobody is held by an operator any more."""
        while not stop.is_set():
            await asyncio.sleep(self._dice.uniform(0.5, 2.0))
            if active := self._active():
                await self._serve(self._dice.choice(active))

    async def _serve(self, who: str) -> None:
        conversation = await self._conversations.open_one(Address(CHANNEL, PHONE_ID, who))
        if conversation is None or not is_held_by_ai(conversation):
            return
        begun_at = self._clock.now()
        epoch = await self._assign(conversation, _OPERATOR) or await self._taken_all_the_same(conversation)
        if epoch is None:
            return
        taken_at = self._clock.now()
        still_open = await self._store.find(Delivery, {"openness": "open", "lane": conversation.lane})
        await asyncio.sleep(self._dice.uniform(0.1, 1.5))
        await self._give_back(conversation)
        tries = {delivery.id: delivery.attempts for delivery in still_open}
        self.taken.append(TakeOver(conversation.id, who, epoch, begun_at, taken_at, self._clock.now(), tries))

    async def _taken_all_the_same(self, before: Conversation) -> int | None:
        """The epoch, where a commit was done of which nobody could say so: its repetition was then refused."""
        now = await self._store.get(Conversation, before.id)
        return now.epoch if now is not None and now.assignee == _OPERATOR and now.epoch == before.epoch + 1 else None

    async def _assign(self, conversation: Conversation, to: Assignee) -> int | None:
        """The epoch after it; None when somebody else was faster. While the store is away it is tried again."""
        while True:
            unit = Unit()
            epoch = self._conversations.assign(unit, conversation, to, by=_OPERATOR.id, reason="chaos")
            try:
                await self._store.commit(unit)
            except Conflict:
                return None
            except StoreUnavailable:
                await asyncio.sleep(0.1)
            else:
                return epoch

    async def _give_back(self, taken: Conversation) -> None:
        while True:
            now = await self._store.get(Conversation, taken.id)
            if now is None or now.assignee != _OPERATOR or await self._assign(now, AgentRef(agent_of(taken))) is not None:
                return
