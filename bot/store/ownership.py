"""Who works on a store: turns, sends, jobs, imports. One process, or several that share their lanes; never both.

Others may read it and put things into it.

The embedded store is owned by a lock on its directory, which the kernel lets go of when the process ends, however it ends.
A server's database is owned by a lease on its fence: held by heartbeats on the server's clock, free a lease after the last one.
Processes that share their lanes hold that lease together; among them, each lane has a fence of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import structlog

from bot.errors import DataInUse, StoreError
from bot.records.work import Fence
from bot.running import end_tasks
from bot.store.base import SharedStore, StartsWith, Store
from bot.store.clearing import cleared
from bot.store.local import FENCE_ID, DataDirectory, raise_fence
from bot.store.versions import NAME

log = structlog.get_logger()

SHARED = "several processes that share their lanes on Redis"
"""Stands for all of them as the holder."""
_FENCED = ("turns:", "sends:")
"""How the fences of lanes begin."""


class Ownership:
    """This process may work on the store, under this fence, until `lost` is set."""

    def __init__(self, fence: int) -> None:
        self.fence = fence
        self.lost = asyncio.Event()


@asynccontextmanager
async def own_directory(path: Path, store: Store) -> AsyncIterator[Ownership]:
    """Owns the embedded store in this directory, which is opened here, inside its lock. Raises DataInUse, with the pid."""
    with DataDirectory.hold(path):
        await store.open()
        try:
            yield Ownership(await raise_fence(store))
        finally:
            await store.close()


@asynccontextmanager
async def own_database(store: SharedStore, lease: float) -> AsyncIterator[Ownership]:
    """Owns a server's database, which is opened here, with a lease of so many seconds.

    Waits for at most one lease when the last owner is silent. Raises DataInUse when it is alive.
    """
    await store.open()
    try:
        ownership = Ownership(await _take(store, lease, NAME))
        async with cleared(store, lease), _beating(store, ownership, lease):
            yield ownership
        await store.change(Fence, {"id": FENCE_ID, "value": ownership.fence}, set={"held_until": None})
    finally:
        await store.close()


@asynccontextmanager
async def share_database(store: SharedStore, lease: float) -> AsyncIterator[Ownership]:
    """Works on a server's database, which is opened here, together with others that share their lanes.

    Raises DataInUse while a process works on it that does not.
    """
    await store.open()
    try:
        ownership = Ownership(await _take(store, lease, SHARED))
        async with _beating(store, ownership, lease):
            yield ownership
    finally:
        await store.close()


@asynccontextmanager
async def beside(store: Store) -> AsyncIterator[Ownership]:
    """Opens a store on which another process works. The fence is none: nothing of this one's may be claimed work."""
    await store.open()
    try:
        yield Ownership(0)
    finally:
        await store.close()


@asynccontextmanager
async def _beating(store: Store, ownership: Ownership, lease: float) -> AsyncIterator[None]:
    beating = asyncio.create_task(_beat(store, ownership, lease))
    try:
        yield
    finally:
        await end_tasks(beating)


async def _take(store: SharedStore, lease: float, holder: str) -> int:
    """Raises the fence as soon as nobody else holds it, and joins those who share it; the number."""
    await store.insert([Fence(id=FENCE_ID)])
    seen = await _fence(store)
    while True:
        now = await store.now()
        fence = await _fence(store)
        is_joined = holder == fence.holder == SHARED
        if not is_joined and fence.held_until is not None and fence.held_until != seen.held_until:
            whose = f"another `bot` already works on this database ({fence.holder})"
            raise DataInUse(f"{whose}: stop it, or use another MONGODB_DATABASE")
        if is_joined or fence.held_until is None or fence.held_until <= now:
            if not is_joined and fence.held_until is not None:  # killed, maybe in the middle of a write under the fence
                await store.keep_clear(lease / 2)
            mine = {"holder": holder, "held_until": now + timedelta(seconds=lease)}
            as_seen = {"id": FENCE_ID, "value": fence.value}
            if await store.change(Fence, as_seen, set=mine, inc={"value": int(not is_joined)}) == 1:
                if fence.holder == SHARED and not is_joined:
                    await _raise_all(store)
                return fence.value + int(not is_joined)
            continue
        await asyncio.sleep(min(0.2, lease / 4))


async def _raise_all(store: Store) -> None:
    """Whatever one of those who shared the lanes, and was silent for a lease, still wants to commit is void from here."""
    for beginning in _FENCED:
        await store.change(Fence, {"id": StartsWith(beginning)}, inc={"value": 1})


async def _fence(store: Store) -> Fence:
    fence = await store.get(Fence, FENCE_ID)
    return fence or Fence(id=FENCE_ID)


async def _beat(store: Store, ownership: Ownership, lease: float) -> None:
    """Keeps the lease; tells when somebody else has taken it."""
    while True:
        await asyncio.sleep(lease / 3)
        try:
            until = await store.now() + timedelta(seconds=lease)
            if await store.change(Fence, {"id": FENCE_ID, "value": ownership.fence}, set={"held_until": until}) == 1:
                continue
        except StoreError as error:
            log.warning("the lease on the database could not be kept; tried again", kind=type(error).__name__)
            continue
        log.error("another process has taken over this database; this one stops working")
        ownership.lost.set()
        return


def is_directory_owned(path: Path) -> bool:
    """Whether a process works on the embedded store in this directory."""
    try:
        DataDirectory.hold(path).release()
    except DataInUse:
        return True
    return False


async def is_database_owned(store: Store) -> bool:
    """Whether a process that works on this database has beaten within its lease."""
    held_until = (await _fence(store)).held_until
    return held_until is not None and held_until > await store.now()
