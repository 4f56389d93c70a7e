"""What all open desks of a process are told: whatever happens is looked up and rendered once, and the same bytes go to everybody.

It is speed, never truth: a desk that was not told reads the same from the API when it looks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Collection, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import msgspec
import structlog

from bot.errors import StoreUnavailable
from bot.records.conversations import Conversation, ConversationKind
from bot.store.base import Between, In
from bot.web.desk.counts import counts
from bot.web.desk.seats import Seat
from bot.web.rows import Row, Rows
from bot.web.site import Parts

log = structlog.get_logger()

PRESENCE = "presence"
"""The topic of who is there and how they are."""

_PAUSE_SECONDS = 0.02
"""Between two looks, however much happens."""
_LOOK_SECONDS = 10.0
"""How often to look for what nobody told of: what another process did, where they share no Redis."""
_COUNT_SECONDS = 1.0
_OVERLAP = timedelta(seconds=2)
_AT_ONCE = 200
_REMEMBERED = 20_000

_encode = msgspec.json.Encoder().encode


def frame_of(**values: Any) -> str:
    return _encode(values).decode()


class Feed:
    """One in each process; it rests while no desk is open."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._seats: set[Seat] = set()
        self._told: dict[str, None] = {}
        self._news, self._to_count = asyncio.Event(), asyncio.Event()
        self._rows = Rows(parts.store)
        self._ids: dict[str, str] = {}
        self._shown: dict[tuple[str, bool], str] = {}
        self._counted = ""
        self._since: datetime | None = None
        self._task: asyncio.Task[None] | None = None
        self._end = parts.live.overhear(self._hear)

    # Who is there

    def sit(self, seat: Seat) -> None:
        """A desk is open."""
        self._seats.add(seat)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())
        self._parts.live.tell(PRESENCE)

    def leave(self, seat: Seat) -> None:
        self._seats.discard(seat)
        self._parts.live.tell(PRESENCE)

    def beside(self, seat: Seat) -> list[Seat]:
        """Others who have the same conversation open."""
        there = (other for other in self._seats if other.conversation_id == seat.conversation_id != "")
        return [other for other in there if other.user.id != seat.user.id]

    async def close(self) -> None:
        """The process ends."""
        self._end()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    # What is new

    def _hear(self, topic: str) -> None:
        if self._seats:
            self._told[topic] = None
            self._news.set()

    async def _run(self) -> None:
        await asyncio.gather(self._keep_telling(), self._keep_counting())

    async def _keep_telling(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._news.wait()
            self._news.clear()
            topics, self._told = self._told, {}
            await self._safely(self._tell(topics))
            self._to_count.set()
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _keep_counting(self) -> None:
        while True:
            await self._to_count.wait()
            self._to_count.clear()
            await self._safely(self._count())
            await asyncio.sleep(_COUNT_SECONDS)

    @staticmethod
    async def _safely(doing: Awaitable[None]) -> None:
        """What is not told now is told with what comes next, or seen when a desk looks."""
        try:
            await doing
        except StoreUnavailable:
            await asyncio.sleep(_COUNT_SECONDS)
        except Exception:  # one conversation that cannot be shown takes no desk away from anybody
            log.exception("open desks were not told something")

    async def _tell(self, topics: Collection[str]) -> None:
        if not self._seats:
            return
        lanes = [topic for topic in topics if topic != PRESENCE]
        if PRESENCE in topics:
            self._everybody(frame_of(type="presence"))
        changed = await self._changed(lanes) if topics else await self._unheard()
        for start in range(0, len(changed), _AT_ONCE):
            await self._show(changed[start : start + _AT_ONCE])

    async def _changed(self, lanes: Sequence[str]) -> list[Conversation]:
        store, found = self._parts.store, []
        for start in range(0, len(lanes), _AT_ONCE):
            some = lanes[start : start + _AT_ONCE]
            found += await store.find(Conversation, {"lane": In(some), "openness": "open"})
        there = {conversation.lane for conversation in found}
        over = [self._ids[lane] for lane in lanes if lane not in there and lane in self._ids]
        return found + [one for id in over if (one := await store.get(Conversation, id)) is not None]

    async def _unheard(self) -> list[Conversation]:
        """What has changed since the last look, whoever did it."""
        now = self._parts.clock.now()
        since, self._since = self._since, now
        if since is None:
            return []
        where = {"updated_at": Between(low=since - _OVERLAP)}
        return await self._parts.store.find(Conversation, where, sort=("-updated_at",), limit=_AT_ONCE)

    async def _show(self, conversations: Sequence[Conversation]) -> None:
        shown = [one for one in conversations if one.kind is not ConversationKind.ASSISTANT]
        for whole in {seat.sees_whole for seat in self._seats}:
            for row in await self._rows.of(shown, whole=whole):
                self._tell_row(row, whole=whole)
        for conversation in shown:
            self._remember(conversation)
            self._tell_onlookers(conversation)

    def _tell_row(self, row: Row, *, whole: bool) -> None:
        """The same bytes for all who see the same of it: numbers are whole for some, masked for others."""
        frame = f'{{"type":"row","row":{row.model_dump_json()}}}'
        if self._shown.get((row.id, whole)) == frame:
            return
        self._shown[row.id, whole] = frame
        for seat in self._seats:
            if seat.sees_whole is whole:
                seat.put(frame)

    def _tell_onlookers(self, conversation: Conversation) -> None:
        onlookers = [seat for seat in self._seats if seat.conversation_id == conversation.id]
        if not onlookers:
            return
        typing = self._parts.desk.typing.who(conversation.lane)
        frames = [frame_of(type="timeline", id=conversation.id)]
        if "person" in typing:
            frames.append(frame_of(type="typing", id=conversation.id, who="person", name=typing["person"]))
        for seat in onlookers:
            for frame in frames:
                seat.put(frame)

    async def _count(self) -> None:
        if not self._seats:
            return
        frame = frame_of(type="queues", **await counts(self._parts))
        if frame != self._counted:
            self._counted = frame
            self._everybody(frame)

    def _everybody(self, frame: str) -> None:
        for seat in self._seats:
            seat.put(frame)

    def _remember(self, conversation: Conversation) -> None:
        """So that a conversation is found when it is closed, and is not told of twice."""
        if len(self._ids) >= _REMEMBERED:
            self._ids.clear()
            self._shown.clear()
        self._ids[conversation.lane] = conversation.id
