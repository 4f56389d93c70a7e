"""Keeps what was measured on a call once it is over: turn by turn, on record and in the metrics."""

from __future__ import annotations

import asyncio

import structlog

from bot.channels.voice.base import CallInfo
from bot.channels.voice.figures import Figures
from bot.errors import StoreError
from bot.services.call_turns import CallTurns
from bot.services.phone_calls import PhoneCalls

log = structlog.get_logger()

LOST = "lost"
"""The reason of a line that broke off: whether the call goes on is not known yet (`bot.services.stale_calls`)."""


class Keeping:
    """What `CallParts.ended` is told; it takes no time there."""

    def __init__(self, turns: CallTurns, calls: PhoneCalls, line: str) -> None:
        """`line` is `relay` or `stream`."""
        self._turns = turns
        self._calls = calls
        self._line = line
        self._tasks: set[asyncio.Task[None]] = set()

    def __call__(self, info: CallInfo, figures: Figures, reason: str) -> None:
        task = asyncio.create_task(self._keep(info.call_id, figures, reason), name="figures of a call")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Returns when everything is kept."""
        await asyncio.gather(*self._tasks)

    async def _keep(self, call_id: str, figures: Figures, reason: str) -> None:
        try:
            if reason == LOST:
                await self._calls.lost(call_id)
            before = len(await self._turns.of(call_id))  # on another line, or in another process
            for number, turn in enumerate(figures.turns, before + 1):
                await self._turns.add(
                    call_id,
                    number,
                    line=self._line,
                    ended=turn.at,
                    interrupted=turn.interrupted,
                    heard_ratio=turn.heard_ratio,
                    transcript=turn.stages.get("transcript"),
                    first_token=turn.stages.get("first_token"),
                    first_audio=turn.stages.get("first_audio"),
                )
        except StoreError as error:
            log.warning("what was measured on a call was not kept", call=call_id, error=str(error))
