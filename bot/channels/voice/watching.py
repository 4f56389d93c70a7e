"""Looks at a call's conversation: who holds it, in which language it is, and what others have put on its timeline."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

import structlog

from bot.channels.voice.alarms import Alarm
from bot.clock import Clock
from bot.errors import StoreUnavailable
from bot.live import Live
from bot.records.conversations import Conversation, Direction, Message, MessageStatus
from bot.running import end_tasks
from bot.store.base import Store

log = structlog.get_logger()

_LATEST = 20
"""Messages that are looked at, the newest first."""
_SOON_SECONDS = 0.2
"""Until the next look, where something is being sent."""
_SAID = frozenset({MessageStatus.SENT, MessageStatus.DELIVERED, MessageStatus.READ})


class Watcher(Protocol):
    """Whoever wants to know."""

    def changed(self, conversation: Conversation) -> None:
        """It was read, and may be another than before."""

    def written(self, message: Message) -> None:
        """Somebody else has said this. Told once, in the order of the timeline."""

    def is_own(self, message: Message) -> bool:
        """Whether the call itself has said it."""


class Watch:
    """Of one call: looks when it is told that there is something new, and now and then."""

    def __init__(self, store: Store, live: Live, clock: Clock, watcher: Watcher, *, lane: str, seconds: float) -> None:
        self._store = store
        self._live = live
        self._clock = clock
        self._watcher = watcher
        self._lane = lane
        self._seconds = seconds
        self._conversation_id = ""
        self._seen: set[str] = set()
        self._is_mute = False
        self._news = asyncio.Event()
        self._alarm = Alarm(clock, self._news.set)
        self._unlisten: Callable[[], None] | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self, conversation_id: str) -> tuple[Conversation | None, list[Message]]:
        """The conversation, and what stands on its timeline to be said and was not said yet; the rest is no news.

        Raises StoreUnavailable.
        """
        self._conversation_id = conversation_id
        latest = await self._latest()
        self._seen = {message.id for message in latest}
        self._unlisten = self._live.listen(self._lane, self._told)
        self._task = asyncio.create_task(self._look_again_and_again())
        unsaid = [message for message in reversed(latest) if _is_to_be_said(message) and message.start_time is None]
        return await self._store.get(Conversation, conversation_id), unsaid

    def look(self) -> None:
        """Something may have changed."""
        self._news.set()

    def tell_others(self) -> None:
        """The call has written something: whoever else looks at it is told."""
        self._is_mute = True
        self._live.tell(self._lane)
        self._is_mute = False

    async def stop(self) -> None:
        """Looks no more."""
        if self._unlisten is not None:
            self._unlisten()
        self._alarm.clear()
        if self._task is not None:
            await end_tasks(self._task)

    def _told(self) -> None:
        if not self._is_mute:
            self._news.set()

    async def _look_again_and_again(self) -> None:
        while True:
            self._alarm.set(self._seconds)
            await self._news.wait()
            self._news.clear()
            try:
                is_sending = await self._look()
            except StoreUnavailable as error:
                log.warning("a call's conversation could not be looked at; tried again", error=str(error))
                continue
            if is_sending:
                await self._clock.sleep(_SOON_SECONDS)
                self._news.set()

    async def _look(self) -> bool:
        """Whether something is on its way that is to be said soon."""
        conversation = await self._store.get(Conversation, self._conversation_id)
        if conversation is None:
            return False
        self._watcher.changed(conversation)
        is_sending = False
        for message in reversed(await self._latest()):
            if message.id in self._seen or message.direction is Direction.INBOUND or self._watcher.is_own(message):
                continue
            if _is_to_be_said(message):
                self._seen.add(message.id)
                self._watcher.written(message)
            else:
                is_sending = is_sending or message.status is MessageStatus.PENDING
        return is_sending

    async def _latest(self) -> list[Message]:
        where = {"conversation_id": self._conversation_id}
        return await self._store.find(Message, where, sort=("-timestamp",), limit=_LATEST)


def _is_to_be_said(message: Message) -> bool:
    """Whether it was sent: on a call that is what is to be spoken."""
    return message.direction is Direction.OUTBOUND and message.status in _SAID and bool(message.content)
