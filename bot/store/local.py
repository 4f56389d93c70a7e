"""One process alone on a data directory: its lanes in memory, and the lock that keeps a second worker out."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
from collections import deque
from heapq import heappop, heappush
from itertools import count
from pathlib import Path
from typing import Self

from bot.clock import Clock
from bot.errors import DataInUse, StoreUnavailable
from bot.records.work import Fence
from bot.store.base import Claim, Store

FENCE_ID = "local"
"""The id of the one Fence of a data directory."""
_LOCK_FILE = "worker.lock"
_HELD_SECONDS = 0.005
_EARLY = 1e-6
"""Seconds by which a timer may come too soon (rounding) and still counts as due."""


class LocalLanes:
    """Lanes of one process. Every claim carries the fence number that the process took at its start."""

    def __init__(self, fence: int, clock: Clock) -> None:
        self.fence = fence
        self._clock = clock
        self._due: dict[str, float] = {}
        self._heap: list[tuple[float, int, str]] = []
        """Due times of lanes; an entry that no longer says what `_due` says is skipped when it comes up."""
        self._order = count()
        self._held: dict[str, Claim] = {}
        self._claimers: deque[asyncio.Future[Claim]] = deque()
        self._timer: asyncio.Task[None] | None = None
        self._timer_due = 0.0

    async def wake(self, lane: str, delay: float = 0.0) -> None:
        if self._remember(lane, delay) and self._claimers:
            self._serve()

    async def claim(self) -> Claim:
        """Waits for a lane that is due and that nobody holds, and takes it. Lanes come in the order in which they fell due."""
        if not self._claimers:
            lane = self._next_lane()
            if lane is not None:
                return self._take(lane)
        claimer: asyncio.Future[Claim] = asyncio.get_running_loop().create_future()
        self._claimers.append(claimer)
        self._set_timer()
        try:
            return await claimer
        except asyncio.CancelledError:
            if claimer.done() and not claimer.cancelled():  # handed out in the very moment the claimer gave up
                self._give_back(claimer.result(), 0.0)
            raise

    async def take(self, lane: str) -> Claim:
        while lane in self._held:  # somebody of this process ends what they have begun
            await asyncio.sleep(_HELD_SECONDS)
        self._due.pop(lane, None)
        claim = self._held[lane] = Claim(lane, FENCE_ID, self.fence)
        return claim

    async def claim_some(self, most: int) -> list[Claim]:
        """One: in memory the next costs no less."""
        return [await self.claim()]

    async def remind(self, lane: str, delay: float = 0.0) -> None:
        await self.wake(lane, delay)

    @property
    def beat_seconds(self) -> float | None:
        return None

    async def beat(self, claim: Claim) -> bool:
        """True while the claim is held; in one process nobody can take it away."""
        return self._held.get(claim.lane) is claim

    def is_sure(self, claim: Claim) -> bool:
        """True, likewise."""
        return True

    async def release(self, claim: Claim, again: float | None = None) -> None:
        self._give_back(claim, again)

    def next_due(self) -> float | None:
        """Seconds until the earliest lane that nobody holds is due, 0 when one is due now; None when there is none."""
        self._skip_stale()
        return max(0.0, self._heap[0][0] - self._clock.monotonic()) if self._heap else None

    def idle(self) -> bool:
        """Whether nothing is held and nothing is due now."""
        return not self._held and self._next_lane() is None

    def close(self) -> None:
        """Ends the timer; whoever still waits for a lane is cancelled."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._claimers:
            self._claimers.popleft().cancel()

    def _remember(self, lane: str, delay: float) -> bool:
        """Notes when a lane is due; False if that changes nothing."""
        due = self._clock.monotonic() + delay
        known = self._due.get(lane)
        if known is not None and due >= known:
            return False
        self._due[lane] = due
        if lane in self._held:
            return False
        heappush(self._heap, (due, next(self._order), lane))
        return True

    def _give_back(self, claim: Claim, again: float | None) -> None:
        lane = claim.lane
        if self._held.get(lane) is not claim:
            return
        del self._held[lane]
        due = self._due.get(lane)
        if due is not None:  # woken while it was held
            heappush(self._heap, (due, next(self._order), lane))
        if again is not None:
            self._remember(lane, again)
        if self._claimers:
            self._serve()

    def _take(self, lane: str) -> Claim:
        heappop(self._heap)
        del self._due[lane]
        claim = self._held[lane] = Claim(lane, FENCE_ID, self.fence)
        return claim

    def _skip_stale(self) -> None:
        heap, due, held = self._heap, self._due, self._held
        while heap and (due.get(heap[0][2]) != heap[0][0] or heap[0][2] in held):
            heappop(heap)

    def _next_lane(self) -> str | None:
        """The lane that is due first, if it is due now."""
        self._skip_stale()
        if self._heap and self._heap[0][0] <= self._clock.monotonic() + _EARLY:
            return self._heap[0][2]
        return None

    def _serve(self) -> None:
        """Hands lanes that are due to those who wait, and sees to it that somebody looks again when the next one is."""
        while self._claimers:
            if self._claimers[0].done():  # given up
                self._claimers.popleft()
                continue
            lane = self._next_lane()
            if lane is None:
                self._set_timer()
                return
            self._claimers.popleft().set_result(self._take(lane))

    def _set_timer(self) -> None:
        self._skip_stale()
        if not self._heap:
            return
        due = self._heap[0][0]
        if self._timer is not None:
            if self._timer_due <= due:
                return
            self._timer.cancel()
        self._timer_due = due
        self._timer = asyncio.get_running_loop().create_task(self._ring(due))

    async def _ring(self, due: float) -> None:
        await self._clock.sleep(due - self._clock.monotonic())
        self._timer = None
        self._serve()


class DataDirectory:
    """A data directory that this process alone works on. The kernel lets go of it when the process ends, however it ends."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor: int | None = descriptor

    @classmethod
    def hold(cls, path: Path) -> Self:
        """Takes the directory (made if need be) for this process.

        Raises DataInUse, which names the process that holds it, and StoreUnavailable where no lock file can be written.
        """
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(path / _LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StoreUnavailable(f"{path}: cannot be used as data directory ({error.strerror}). Set BOT_DATA_DIR") from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 32).decode().strip() or "unknown"
            os.close(descriptor)
            raise DataInUse(
                f"another `bot` already works on {path} (pid {holder}): stop it, or set BOT_DATA_DIR to another directory"
            ) from None
        with contextlib.suppress(OSError):  # a full disk: the lock itself holds all the same
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        return cls(path, descriptor)

    def release(self) -> None:
        """Lets go of the directory; a second time does nothing."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


async def raise_fence(store: Store) -> int:
    """Raises the directory's fence by one and returns it: whatever an earlier process still wants to commit is void from here."""
    while True:
        fence = await store.get(Fence, FENCE_ID)
        if fence is None:
            if (await store.insert([Fence(id=FENCE_ID, value=1)])) == [True]:
                return 1
        elif await store.change(Fence, {"id": FENCE_ID, "value": fence.value}, inc={"value": 1}) == 1:
            return fence.value + 1
