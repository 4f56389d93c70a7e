"""What calls cost: asked of the provider until it knows, which takes minutes, sometimes hours (S5-054, S5-060)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import structlog

from bot.clock import Clock
from bot.jobs import Jobs
from bot.records.calls import Call
from bot.services.call_jobs import PRICE_JOB
from bot.services.phone_provider import PhoneProvider
from bot.store.base import Store

log = structlog.get_logger()

WAITS = (300.0, 900.0, 3600.0, 4 * 3600.0, 12 * 3600.0, 24 * 3600.0)
"""Seconds between one question and the next; after the last one the price stays unknown."""
_PLACES = Decimal("0.0001")
_DOLLAR = "USD"


class CallPrices:
    """Asks for them."""

    def __init__(self, store: Store, clock: Clock, jobs: Jobs, provider: PhoneProvider | None = None) -> None:
        self._store = store
        self._clock = clock
        self._jobs = jobs
        self._provider = provider

    async def ask(self, payload: Mapping[str, Any]) -> None:
        """The handler of the job: the price, or the next question later. Raises ChannelError: it is tried again."""
        call = await self._store.get(Call, payload["call"])
        if self._provider is None or call is None or call.call_cost is not None or call.external_call_id is None:
            return
        known = await self._provider.call_state(call.external_call_id)
        if known is not None and known.price is not None:
            cost = abs(known.price).quantize(_PLACES, ROUND_HALF_UP)
            await self._store.change(Call, {"id": call.id}, set={"call_cost": cost, "call_cost_unit": known.unit or None})
            return
        asked = int(payload.get("asked", 0))
        if asked >= len(WAITS):
            log.warning("the provider does not know what a call cost", call=call.id)
            return
        due = self._clock.now() + timedelta(seconds=WAITS[asked])
        again = {"call": call.id, "asked": asked + 1}
        await self._jobs.schedule(PRICE_JOB, due, again, id=f"{PRICE_JOB}:{call.id}:{asked + 1}")


def total_cost(call: Call, model_micros: int) -> Decimal | None:
    """What the call took in US dollars, line and models together; None while the line's part is unknown, or in other money."""
    if call.call_cost is None or call.call_cost_unit not in (None, _DOLLAR):
        return None
    return call.call_cost + Decimal(model_micros) / 1_000_000
