"""The calls of a process, joined with what they need; and what is kept of each once it is over."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from bot.channels.voice.keeping import Keeping
from bot.channels.voice.live_calls import LiveCalls
from bot.channels.voice.parts import CallParts
from bot.channels.voice.rules import rules_of
from bot.clock import Clock
from bot.config import Settings
from bot.engine import Engine
from bot.errors import NotFound, StoreError
from bot.live import Live
from bot.meter import Meter
from bot.records.calls import NextKind
from bot.services.call_turns import CallTurns
from bot.services.phone_calls import CHANNEL, PhoneCalls
from bot.store.base import Lanes, Store

log = structlog.get_logger()


class Calls:
    """What this process carries (`live`), the desk's wishes for it, and what is written down when a call is over."""

    def __init__(
        self,
        settings: Settings,
        engine: Engine,
        lanes: Lanes,
        store: Store,
        phone_calls: PhoneCalls,
        turns: CallTurns,
        live: Live,
        clock: Clock,
        meter: Meter,
        no_more_calls: Callable[[str, str], Awaitable[None]],
        company: str = "",
    ) -> None:
        """`no_more_calls` is given a call's id and how somebody on it said that they want none; it returns once that is kept."""
        self._phone_calls = phone_calls
        self._keeping = Keeping(turns, phone_calls, "relay" if settings.call_transport == "relay" else "stream")
        self._tasks: set[asyncio.Task[None]] = set()
        rules = rules_of(settings, company=company, is_recorded=settings.call_recording)
        do_not_call = _DoNotCall(no_more_calls)
        parts = CallParts(engine, lanes, store, phone_calls, do_not_call, live, clock, rules, meter, self._keeping)
        self.live = LiveCalls(parts, settings.max_calls)
        self._unhear = live.overhear(self._told)

    async def close(self, seconds: float = 0.0) -> None:
        """Calls that are on may end within so many seconds; what was measured is written."""
        self._unhear()
        await self.live.close(seconds)
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._keeping.close()

    # How a call goes on is decided on its record, by whoever it is, in whichever process.

    def _told(self, topic: str) -> None:
        channel, _, rest = topic.partition(":")
        sid = rest.rpartition(":")[2]
        if channel == CHANNEL and self.live.by_sid(sid) is not None:
            self._begin(self._look(sid))

    async def _look(self, sid: str) -> None:
        call, record = self.live.by_sid(sid), await self._phone_calls.by_sid(sid)
        step = record.next_step if record is not None else None
        if call is not None and step is not None:
            call.leave("" if step.kind is NextKind.HANG_UP else str(step.kind))

    def _begin(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(self._safely(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _safely(self, work: Awaitable[None]) -> None:
        try:
            await work
        except (StoreError, NotFound) as error:
            log.warning("something about a call could not be read or written", error=str(error))
        except Exception:
            log.exception("something about a call failed")


class _DoNotCall:
    """The port of `bot.channels.voice.parts.DoNotCall`."""

    def __init__(self, store: Callable[[str, str], Awaitable[None]]) -> None:
        self._store = store

    async def do_not_call(self, call_id: str, proof: str) -> None:
        await self._store(call_id, proof)
