"""How the turns of calls went: how long was waited, what was interrupted, how much was heard; for the plot and /metrics."""

from __future__ import annotations

from bot.clock import new_id
from bot.meter import KEEPS_NOTHING, Counted, Meter, Stage
from bot.records.calls import CallTurn
from bot.store.base import Store

MOST = 1000
"""Turns of one call that are told."""
_STAGES = (
    ("transcript_ms", Stage.CALL_TRANSCRIPT),
    ("first_token_ms", Stage.CALL_FIRST_WORD),
    ("first_audio_ms", Stage.CALL_FIRST_SOUND),
)


class CallTurns:
    """Keeps them."""

    def __init__(self, store: Store, meter: Meter = KEEPS_NOTHING) -> None:
        self._store = store
        self._meter = meter

    async def add(
        self,
        call_id: str,
        number: int,
        *,
        line: str,
        ended: float,
        turn_id: str | None = None,
        transcript: float | None = None,
        first_token: float | None = None,
        first_audio: float | None = None,
        interrupted: bool = False,
        heard_ratio: float | None = None,
    ) -> bool:
        """One turn, once all of it is known; False where it is there already.

        `number` rises by one within a call, from 1. `ended` is when the person stopped speaking, in seconds of the call; the
        stages are seconds from there (what `Hears.took` tells). `heard_ratio` is 0 to 1.
        """
        turn = CallTurn(
            id=new_id(),
            call_id=call_id,
            number=number,
            turn_id=turn_id,
            line=line,
            ended=round(max(0.0, ended), 3),
            transcript_ms=_millis(transcript),
            first_token_ms=_millis(first_token),
            first_audio_ms=_millis(first_audio),
            interrupted=interrupted,
            heard_ratio=None if heard_ratio is None else round(min(1.0, max(0.0, heard_ratio)), 3),
        )
        [is_new] = await self._store.insert([turn])
        if is_new:
            self._measure(turn)
        return is_new

    async def of(self, call_id: str) -> list[CallTurn]:
        """Those of a call, in their order."""
        return await self._store.find(CallTurn, {"call_id": call_id}, sort=("number",), limit=MOST)

    def _measure(self, turn: CallTurn) -> None:
        for name, stage in _STAGES:
            millis = getattr(turn, name)
            if millis is not None:
                self._meter.took(stage, millis / 1000)
        if turn.interrupted:
            self._meter.count(Counted.INTERRUPTIONS, turn.line)


def _millis(seconds: float | None) -> float | None:
    return None if seconds is None else round(max(0.0, seconds) * 1000, 2)
