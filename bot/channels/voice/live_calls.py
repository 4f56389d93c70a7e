"""The calls that this process carries: who they are, whether one more may begin, and how they end when it does."""

from __future__ import annotations

import asyncio

import structlog

from bot.channels.voice.base import CallInfo, Line
from bot.channels.voice.call import LiveCall
from bot.channels.voice.lag import Lag
from bot.channels.voice.parts import CallParts
from bot.errors import StoreUnavailable
from bot.meter import Held

log = structlog.get_logger()

MOST_CALLS = 200
"""BOT_MAX_CALLS: what a core carries with its own ears and mouth (DESIGN 11)."""
MOST_LAG = 0.04
"""Seconds: the lag up to which nobody hears it (DESIGN 11)."""
_LEAVE_SECONDS = 8.0
"""For the sentence that the call goes on, when the process ends."""


class LiveCalls:
    """The registry of one process."""

    def __init__(self, parts: CallParts, most: int = MOST_CALLS) -> None:
        self._parts = parts
        self._most = most
        self._calls: dict[str, LiveCall] = {}
        self._watches: set[asyncio.Task[None]] = set()
        self._lag = Lag(parts.clock)
        self._is_closing = False

    def __len__(self) -> int:
        return len(self._calls)

    def __bool__(self) -> bool:
        return True

    def by_sid(self, sid: str) -> LiveCall | None:
        """The call that the provider calls so, where this process carries it."""
        return self._calls.get(sid)

    def may_begin(self) -> bool:
        """Whether one more call would be carried well. Asked before one is dialled, and before one that comes in is taken."""
        return not self._is_closing and len(self._calls) < self._most and self._lag.seconds <= MOST_LAG

    async def open(self, info: CallInfo, line: Line) -> LiveCall | None:
        """Begins to lead a call over a line; the line tells the call that comes back what it hears, and `over` at the end.

        None where there is a line for this call already, no room, or no store: the line is to be closed then, and the provider
        asks what comes next.
        """
        if info.sid in self._calls or self._is_closing or len(self._calls) >= self._most:
            why = "it has a line already" if info.sid in self._calls else "no room"
            log.warning("the line of a call is refused", call=info.call_id, why=why)
            return None
        call = self._calls[info.sid] = LiveCall(info, line, self._parts)
        try:
            await call.start()
        except StoreUnavailable as error:
            del self._calls[info.sid]
            log.warning("the line of a call is refused: the store is away", call=info.call_id, error=str(error))
            return None
        except BaseException:
            del self._calls[info.sid]
            raise
        self._count()
        self._lag.start()
        watch = asyncio.create_task(self._forget(call))
        self._watches.add(watch)
        watch.add_done_callback(self._watches.discard)
        return call

    async def close(self, seconds: float) -> None:
        """Takes no more calls; lets those that are on end within so many seconds, and then leaves them to other processes."""
        self._is_closing = True
        await self._wait(seconds)
        for call in tuple(self._calls.values()):
            call.move_on()
        await self._wait(_LEAVE_SECONDS)
        for call in tuple(self._calls.values()):
            call.over("left")
        if self._watches:
            await asyncio.wait(self._watches)
        await self._lag.stop()

    async def _wait(self, seconds: float) -> None:
        if self._watches:
            limit = asyncio.ensure_future(self._parts.clock.sleep(seconds))
            done = asyncio.ensure_future(asyncio.wait(set(self._watches)))
            await asyncio.wait({limit, done}, return_when=asyncio.FIRST_COMPLETED)
            limit.cancel()
            done.cancel()

    async def _forget(self, call: LiveCall) -> None:
        await call.ended()
        del self._calls[call.info.sid]
        self._count()
        if not self._calls:
            await self._lag.stop()

    def _count(self) -> None:
        self._parts.meter.holds(Held.CALLS, len(self._calls))
