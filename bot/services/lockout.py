"""After some failed tries to sign in, a pause that grows: by address, whether anybody has it or not, and by network."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.clock import Clock
from bot.errors import LimitReached
from bot.records.access import FailedSignIns
from bot.store.base import Between, Delete, Store, Unit

BY_ADDRESS = 5
"""Failures that cost nothing."""
BY_NETWORK = 50
"""An office is one network."""
FIRST_PAUSE = 30.0
"""Seconds after the first failure too many; each further one doubles it."""
LONGEST_PAUSE = 900.0
FORGOTTEN = timedelta(hours=24)
"""After the last failure."""

_TRIES = 20


@dataclass(frozen=True, slots=True)
class Try:
    """One try, counted as failed until `Lockout.give_back`."""

    address: FailedSignIns
    network: FailedSignIns
    """Both as they were before."""


class Lockout:
    """Counts tries before they are judged, so that a hundred at once are no hundred guesses. Shared by all processes."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def begin(self, address: str, network: str) -> Try:
        """Counts a try of pseudonyms. Raises LimitReached with the seconds to wait, and counts nothing then."""
        network = f"network:{network}"
        _refuse_locked(await self._row(network), self._clock.now())  # else it would go on locking addresses
        of_address = await self._count(f"address:{address}", BY_ADDRESS)
        return Try(of_address, await self._count(network, BY_NETWORK))

    def give_back(self, unit: Unit, taken: Try) -> None:
        """It was right: nothing is held against the address any more."""
        unit.add(Delete(FailedSignIns, {"id": taken.address.id}))

    async def give_back_network(self, taken: Try) -> None:
        """It was right: the network has what it had before, less only what others have failed meanwhile."""
        before = taken.network
        as_left = {"id": before.id, "failures": before.failures + 1}
        restored = {"failures": before.failures, "locked_until": before.locked_until}
        if await self._store.change(FailedSignIns, as_left, set=restored) == 0:
            await self._store.change(FailedSignIns, {"id": before.id, "failures": Between(low=1)}, inc={"failures": -1})

    async def forget(self, address: str) -> None:
        """Who has shown otherwise that the address is theirs waits no longer."""
        await self._store.commit(Unit(Delete(FailedSignIns, {"id": f"address:{address}"})))

    async def _count(self, id_: str, free: int) -> FailedSignIns:
        for _ in range(_TRIES):
            before = await self._row(id_)
            now = self._clock.now()
            _refuse_locked(before, now)
            failures = 0 if before.expires_at <= now else before.failures
            after = {
                "failures": failures + 1,
                "locked_until": _pause_from(now, failures + 1 - free),
                "expires_at": now + FORGOTTEN,
            }
            where = {"id": id_, "failures": before.failures, "locked_until": before.locked_until}
            if await self._store.change(FailedSignIns, where, set=after) == 1:
                return before.model_copy(update={"failures": failures})
        raise _locked(1.0)

    async def _row(self, id_: str) -> FailedSignIns:
        found = await self._store.get(FailedSignIns, id_)
        if found is not None:
            return found
        now = self._clock.now()
        fresh = FailedSignIns(id=id_, locked_until=now, expires_at=now + FORGOTTEN)
        await self._store.insert([fresh])  # where somebody else did at this moment, theirs counts: the next look finds it
        return fresh


def _pause_from(now: datetime, too_many: int) -> datetime:
    if too_many < 1:
        return now
    return now + timedelta(seconds=min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(too_many - 1, 10)))


def _refuse_locked(row: FailedSignIns, now: datetime) -> None:
    if row.locked_until > now:
        raise _locked((row.locked_until - now).total_seconds())


def _locked(wait: float) -> LimitReached:
    return LimitReached(f"too many tries to sign in have failed; wait {wait:.0f} s", wait=wait)
