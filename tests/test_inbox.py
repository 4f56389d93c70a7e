"""Accepted means durable; what waits is handed out in order; what is done stays known."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from bot.backlog import Backlog
from bot.errors import StoreUnavailable
from bot.inbox import KEEP_DONE, Inbox, read_item
from bot.message import Address, Choice, InboundMessage, Incoming, Media, Notice, Receipt, ReceiptStatus, Text
from bot.records.work import InboxRow, InboxState, receipts_lane
from bot.store.base import Store, Unit
from bot.store.local import LocalLanes
from bot.testing.clock import ManualClock
from bot.testing.scene import Scene

pytestmark = pytest.mark.unit

ANA = Address("whatsapp", "1", "2")
BO = Address("whatsapp", "1", "3")


class Wakes(LocalLanes):
    """Lanes that only note who was woken."""

    def __init__(self) -> None:
        super().__init__(1, ManualClock())
        self.woken: list[tuple[str, float]] = []

    async def wake(self, lane: str, delay: float = 0.0) -> None:
        self.woken.append((lane, delay))


class Desk:
    def __init__(self, store: Store, clock: ManualClock) -> None:
        self.store, self.clock = store, clock
        self.lanes = Wakes()
        self.receipts = Wakes()
        self.inbox = Inbox(store, self.lanes, self.receipts, clock, 800, Backlog(store, clock, 1000))

    def message(self, id_: str, text: str = "Hi.", address: Address = ANA) -> InboundMessage:
        return InboundMessage(id_, address, Text(text), self.clock.now())

    async def rows(self, address: Address = ANA) -> list[str]:
        return [row.id for row in await self.inbox.waiting(address.lane)]


@pytest.fixture
async def desk(scene: Scene) -> Desk:
    await scene.app.worker.stop()  # nobody else works on what is accepted here
    return Desk(scene.app.store, scene.clock)


async def test_what_is_accepted_waits_in_the_order_in_which_it_came(desk: Desk) -> None:
    await desk.inbox.accept([desk.message("b"), desk.message("a"), desk.message("x", address=BO)])
    await desk.inbox.accept([desk.message("c")])
    assert await desk.rows() == ["whatsapp:b", "whatsapp:a", "whatsapp:c"]
    assert await desk.rows(BO) == ["whatsapp:x"]


async def test_what_is_read_is_what_was_accepted(desk: Desk) -> None:
    items: list[Incoming] = [
        desk.message("m", "héllo \u0000 🙏"),
        Receipt("r", ANA, "wamid.x", ReceiptStatus.READ, desk.clock.now(), tracker="t"),
        Notice("n", ANA, "number_changed", desk.clock.now()),
    ]
    await desk.inbox.accept(items)
    lanes = (ANA.lane, receipts_lane(ANA.lane))
    assert [read_item(row) for lane in lanes for row in await desk.inbox.waiting(lane)] == items


async def test_duplicates_are_counted_out_and_wake_nobody(desk: Desk) -> None:
    assert await desk.inbox.accept([desk.message("a"), desk.message("a"), desk.message("b")]) == 2
    desk.lanes.woken.clear()
    assert await desk.inbox.accept([desk.message("a"), desk.message("b")]) == 0
    assert desk.lanes.woken == []


async def test_the_same_id_of_two_channels_is_two_messages(desk: Desk) -> None:
    other = Address("console", "1", "2")
    assert await desk.inbox.accept([desk.message("a"), desk.message("a", address=other)]) == 2


async def test_of_many_deliveries_at_once_one_is_new(desk: Desk) -> None:
    counts = await asyncio.gather(*(desk.inbox.accept([desk.message("a")]) for _ in range(50)))
    assert sum(counts) == 1


async def test_nothing_is_accepted_when_the_store_cannot_write(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(_: Sequence[object]) -> list[bool]:
        raise StoreUnavailable("disk full")

    monkeypatch.setattr(desk.store, "insert", full)
    with pytest.raises(StoreUnavailable):
        await desk.inbox.accept([desk.message("a")])
    assert desk.lanes.woken == []


@pytest.mark.parametrize(
    ("content", "window"),
    [
        (Text("well"), 0.8),
        (Text("Well."), 0.2),
        (Text("Really?!  "), 0.2),
        (Text("ठीक है।"), 0.2),
        (Text(""), 0.8),
        (Choice("a", "A"), 0.2),
        (Media("image"), 0.8),
    ],
)
async def test_a_finished_message_waits_a_quarter_of_the_window(desk: Desk, content: Text, window: float) -> None:
    item = InboundMessage("m", ANA, content, desk.clock.now())
    accepted = desk.clock.now()
    assert desk.inbox.quiet_for(item, accepted) == pytest.approx(window)
    await desk.clock.advance(0.15)
    assert desk.inbox.quiet_for(item, accepted) == pytest.approx(window - 0.15)
    await desk.clock.advance(10)
    assert desk.inbox.quiet_for(item, accepted) == 0.0


async def test_receipts_and_notices_wait_for_nothing(desk: Desk) -> None:
    now = desk.clock.now()
    assert desk.inbox.quiet_for(Receipt("r", ANA, "x", ReceiptStatus.SENT, now), now) == 0.0
    assert desk.inbox.quiet_for(Notice("n", ANA, "k", now), now) == 0.0


async def row(desk: Desk, id_: str) -> InboxRow:
    found = await desk.store.get(InboxRow, id_)
    assert found is not None
    return found


async def test_done_rows_stay_known_for_twice_as_long_as_vendors_redeliver(desk: Desk) -> None:
    await desk.inbox.accept([desk.message("a"), desk.message("b")])
    await desk.store.commit(Unit(desk.inbox.done(["whatsapp:a"])))
    assert await desk.rows() == ["whatsapp:b"]
    done = await row(desk, "whatsapp:a")
    assert (done.state, done.expires_at) == (InboxState.DONE, desk.clock.now() + KEEP_DONE)
    assert await desk.inbox.accept([desk.message("a")]) == 0
    await desk.clock.advance(timedelta(days=7).total_seconds())
    await desk.store.sweep()
    assert await desk.inbox.accept([desk.message("a")]) == 0
    await desk.clock.advance(timedelta(days=8).total_seconds())
    await desk.store.sweep()
    assert await desk.store.get(InboxRow, "whatsapp:a") is None
    assert await desk.rows() == ["whatsapp:b"]


async def test_failures_are_counted_and_kept(desk: Desk) -> None:
    await desk.inbox.accept([desk.message("a")])
    assert await desk.inbox.failed(await row(desk, "whatsapp:a"), "first") == 1
    assert await desk.inbox.failed(await row(desk, "whatsapp:a"), "second") == 2
    kept = await row(desk, "whatsapp:a")
    assert (kept.state, kept.attempts, kept.error) == (InboxState.WAITING, 2, "second")


async def test_rows_set_aside_are_out_of_the_way_and_kept_for_a_person(desk: Desk) -> None:
    await desk.inbox.accept([desk.message("a"), desk.message("b")])
    await desk.inbox.set_aside(["whatsapp:a"], "cannot be read")
    assert await desk.rows() == ["whatsapp:b"]
    dead = await row(desk, "whatsapp:a")
    assert (dead.state, dead.error, dead.expires_at) == (InboxState.DEAD, "cannot be read", None)
    assert await desk.inbox.accept([desk.message("a")]) == 0


async def test_after_a_restart_every_lane_with_something_waiting_is_woken_once(desk: Desk) -> None:
    await desk.inbox.accept([desk.message("a"), desk.message("b"), desk.message("c", address=BO)])
    await desk.store.commit(Unit(desk.inbox.done(["whatsapp:c"])))
    desk.lanes.woken.clear()
    assert await desk.inbox.recover() == 1
    assert desk.lanes.woken == [(ANA.lane, 0.0)]
    assert isinstance(desk.clock.now(), datetime)
