"""What the processes of a deployment share beside the Store: speed and manners, never truth."""

from __future__ import annotations

from dataclasses import dataclass

from bot.breakers import Breakers
from bot.cache import Cache, LocalCache
from bot.clock import Clock
from bot.limits import Limits, LocalLimits
from bot.live import Live
from bot.pacing import LocalPacer, Pacer


@dataclass(frozen=True, slots=True)
class Shared:
    """In memory where one process does everything, else by Redis."""

    breakers: Breakers
    pacer: Pacer
    limits: Limits
    cache: Cache
    live: Live


def alone(clock: Clock) -> Shared:
    """For one process."""
    return Shared(Breakers(clock), LocalPacer(clock), LocalLimits(clock), LocalCache(clock), Live())
