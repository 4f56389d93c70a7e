"""What a call works with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from bot.channels.voice.base import CallInfo
from bot.channels.voice.figures import Figures
from bot.channels.voice.rules import CallRules
from bot.clock import Clock
from bot.engine import Engine
from bot.live import Live
from bot.meter import KEEPS_NOTHING, Meter
from bot.services.phone_calls import PhoneCalls
from bot.store.base import Lanes, Store


class DoNotCall(Protocol):
    """Who keeps the list of those that are never called again."""

    async def do_not_call(self, call_id: str, proof: str) -> None:
        """Stores, before it returns, that whoever is on this call wants no more calls; `proof` is how they said so.

        Raises StoreUnavailable, NotFound.
        """


def _nobody(info: CallInfo, figures: Figures, reason: str) -> None:
    return


@dataclass(frozen=True, slots=True)
class CallParts:
    """The same for all calls of a process."""

    engine: Engine
    lanes: Lanes
    """Of turns."""
    store: Store
    phone_calls: PhoneCalls
    do_not_call: DoNotCall
    live: Live
    clock: Clock
    rules: CallRules
    meter: Meter = KEEPS_NOTHING
    ended: Callable[[CallInfo, Figures, str], None] = _nobody
    """Told of each call once it is over and everything is written, with what was measured and why it is: `hung_up`, `lost`,
    `left`. Must not raise, nor take long."""
