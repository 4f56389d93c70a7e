"""Over a bound of what waits nothing more is accepted, and nobody pays for finding out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from structlog.testing import capture_logs

from bot.backlog import Backlog
from bot.errors import Overloaded, StoreUnavailable
from bot.inbox import Inbox
from bot.message import Address, InboundMessage, Receipt, ReceiptStatus, Text
from bot.records.base import Record
from bot.records.work import InboxRow, receipts_lane
from bot.store.base import In, Store, Unit
from bot.testing.clock import ManualClock
from bot.testing.scene import Scene

pytestmark = pytest.mark.unit

ANA = Address("whatsapp", "1", "2")
MOST = 10


class Desk:
    """An inbox in which at most ten may wait, and on which nobody works."""

    def __init__(self, scene: Scene) -> None:
        self.clock: ManualClock = scene.clock
        self.store: Store = scene.app.store
        self.backlog = Backlog(self.store, scene.clock, MOST)
        lanes = scene.app.lanes
        self.inbox = Inbox(self.store, lanes.turns, lanes.receipts, self.clock, 800, self.backlog)

    async def write(self, *numbers: int) -> int:
        return await self.inbox.accept([InboundMessage(f"m{n}", ANA, Text("Hi."), self.clock.now()) for n in numbers])

    async def answer(self, *numbers: int) -> None:
        await self.store.commit(Unit(self.inbox.done([f"whatsapp:m{n}" for n in numbers])))

    async def has_room(self, seconds: float = 1.0) -> bool:
        """Whether there is room, as it is counted after so many seconds."""
        await self._looked()  # else that look would seem to have taken so long
        await self.clock.advance(seconds)
        self.backlog.has_room()
        await self._looked()
        return not self.backlog.is_full

    async def _looked(self) -> None:
        if self.backlog._looking is not None:
            await self.backlog._looking

    async def rows(self) -> int:
        return await self.store.count(InboxRow, {"lane": In([ANA.lane, receipts_lane(ANA.lane)]), "state": "waiting"})


@pytest.fixture
async def desk(scene: Scene) -> AsyncIterator[Desk]:
    await scene.app.worker.stop()
    desk = Desk(scene)
    yield desk
    await desk.backlog.close()


async def test_over_the_bound_nothing_is_accepted_and_nothing_is_written(desk: Desk) -> None:
    await desk.write(*range(MOST))
    assert not await desk.has_room()
    with pytest.raises(Overloaded, match="try again"):
        await desk.write(99)
    assert await desk.rows() == MOST


async def test_up_to_the_bound_everything_is_accepted(desk: Desk) -> None:
    await desk.write(*range(MOST - 1))
    assert await desk.has_room()
    assert await desk.write(99) == 1


async def test_messages_are_taken_again_once_a_tenth_is_answered_and_not_before(desk: Desk) -> None:
    await desk.write(*range(MOST + 2))
    assert not await desk.has_room()
    await desk.answer(0, 1)
    assert not await desk.has_room()
    await desk.answer(2)
    assert await desk.has_room()
    assert await desk.write(99) == 1


async def test_receipts_are_taken_all_the_same(desk: Desk) -> None:
    """Without them, a reply whose answer was lost would go out twice."""
    await desk.write(*range(MOST))
    assert not await desk.has_room()
    receipt = Receipt("r", ANA, "wamid.x", ReceiptStatus.DELIVERED, desk.clock.now(), tracker="t")
    assert await desk.inbox.accept([receipt]) == 1
    with pytest.raises(Overloaded):
        await desk.inbox.accept([receipt, InboundMessage("m99", ANA, Text("Hi."), desk.clock.now())])
    assert await desk.rows() == MOST + 1


async def test_what_another_process_has_accepted_counts(desk: Desk, scene: Scene) -> None:
    assert await desk.has_room()
    await Desk(scene).write(*range(MOST))
    assert not await desk.has_room()


async def test_a_thousand_messages_are_not_counted_a_thousand_times(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    count, counts = desk.store.count, 0

    async def counted(kind: type[Record], where: Mapping[str, Any]) -> int:
        nonlocal counts
        counts += 1
        return await count(kind, where)

    desk.backlog.most = 100_000
    monkeypatch.setattr(desk.store, "count", counted)
    for number in range(1000):
        await desk.write(number)
        await desk.clock.advance(0.003)
    assert 3 <= counts <= 4


async def test_a_store_that_cannot_count_leaves_it_as_it_was(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: object) -> int:
        raise StoreUnavailable("locked")

    await desk.write(*range(MOST))
    assert not await desk.has_room()
    with monkeypatch.context() as broken:
        broken.setattr(desk.store, "count", away)
        assert not await desk.has_room()
    await desk.answer(*range(MOST))
    assert await desk.has_room()


async def test_it_is_told_once_when_it_begins_and_once_when_it_ends(desk: Desk) -> None:
    with capture_logs() as logs:
        await desk.write(*range(MOST))
        for _ in range(3):
            await desk.has_room()
        await desk.answer(*range(MOST))
        for _ in range(3):
            await desk.has_room()
    assert [(line["log_level"], line["waiting"]) for line in logs] == [("warning", MOST), ("info", 0)]
