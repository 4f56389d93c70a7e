"""What the vendor tells about our replies: forward only, each time once, and a proof that it was said."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.clock import new_id
from bot.message import Notice, Receipt, ReceiptStatus
from bot.records.conversations import Message, MessageStatus
from bot.records.work import DeliveryState, InboxRow, InboxState
from bot.testing.llm import Said
from bot.testing.scene import Scene, ScenePerson, open_scene
from tests.scenarios.helpers import ANA, BO, deliveries

pytestmark = pytest.mark.scenario

_RANK = {"pending": 0, "sent": 1, "delivered": 2, "read": 3}


async def answered(scene: Scene) -> ScenePerson:
    """Somebody who has got one answer."""
    ana = scene.person(ANA)
    scene.model.will(Said("Hello."))
    await ana.says("Hi.")
    await ana.hears("Hello")
    return ana


async def tells(scene: Scene, ana: ScenePerson, status: str, at: datetime, *, tracked: bool = True, times: int = 1) -> None:
    [delivery] = await deliveries(scene, ana)
    for _ in range(times):
        receipt = Receipt(
            id=f"{delivery.id}:{status}:{new_id()}",  # a vendor that forgets its own ids: nothing is dropped by them
            address=ana.address,
            provider_id=f"whatsapp.{delivery.id}",
            status=ReceiptStatus(status),
            at=at,
            tracker=delivery.id if tracked else "",
            raw_status=status,
            error_code="131026" if status == "failed" else "",
        )
        await scene.app.inbox.accept([receipt])


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(["sent", "delivered", "read", "failed"]), min_size=1, max_size=8), st.booleans(), st.booleans())
def test_receipts_in_any_order_and_number_move_a_message_only_forwards(order: list[str], together: bool, tracked: bool) -> None:
    async def check(folder: Path) -> None:
        async with open_scene(folder) as scene:
            ana = await answered(scene)
            began = scene.clock.now()
            seen = [(await ana.timeline())[-1].status]
            for number, status in enumerate(order):
                await tells(scene, ana, status, began + timedelta(seconds=number), tracked=tracked)
                if not together:
                    await scene.settle()
                    seen.append((await ana.timeline())[-1].status)
            await scene.settle()
            message = (await ana.timeline())[-1]
            _check(message, order, began)
            ranks = [_RANK[status] for status in seen if status is not MessageStatus.FAILED]
            assert ranks == sorted(ranks)
            [delivery] = await deliveries(scene, ana)
            assert delivery.openness == "closed"
            await ana.hears_nothing()

    with TemporaryDirectory() as folder:
        asyncio.run(check(Path(folder)))


def _check(message: Message, order: list[str], began: datetime) -> None:
    def first(*statuses: str) -> datetime | None:
        return next((began + timedelta(seconds=i) for i, status in enumerate(order) if status in statuses), None)

    assert message.delivered_at == first("delivered", "read")
    assert message.read_at == first("read")
    reached = [status for status in order if status != "failed"]
    best = max(reached, key=lambda status: _RANK[status], default="sent")
    failed_first = "failed" in order and not {"delivered", "read"} & set(order[: order.index("failed")])
    assert message.status == ("failed" if failed_first else best)


async def test_the_same_receipt_again_is_dropped(scene: Scene) -> None:
    ana = await answered(scene)
    await ana.gets(ReceiptStatus.DELIVERED)
    first = (await ana.timeline())[-1].delivered_at
    await scene.passes(5)
    await ana.gets(ReceiptStatus.DELIVERED)
    assert (await ana.timeline())[-1].delivered_at == first


async def test_a_failed_receipt_says_why_and_closes_the_delivery(scene: Scene) -> None:
    ana = await answered(scene)
    await ana.gets(ReceiptStatus.FAILED, error="131026")
    message = (await ana.timeline())[-1]
    assert message.whatsapp_error is not None
    assert (message.status, message.whatsapp_error.code) == (MessageStatus.FAILED, "131026")
    [delivery] = await deliveries(scene, ana)
    assert (delivery.state, delivery.error_code) == (DeliveryState.REFUSED, "131026")


async def test_what_failed_is_not_shown_to_the_model_as_said(scene: Scene) -> None:
    ana = await answered(scene)
    await ana.gets(ReceiptStatus.FAILED, error="131026")
    scene.model.will(Said("Hello again."))
    await ana.says("Are you there?")
    await ana.hears("again")
    assert [message["content"] for message in scene.model.requests[-1].messages[1:]] == ["Hi.", "Are you there?"]


async def test_a_receipt_for_a_message_that_is_not_ours_changes_nothing(scene: Scene) -> None:
    ana = await answered(scene)
    before = await ana.timeline()
    strange = Receipt("r1", ana.address, "wamid.strange", ReceiptStatus.READ, scene.clock.now(), tracker="nobody")
    await scene.app.inbox.accept([strange])
    await scene.settle()
    assert await ana.timeline() == before
    row = await scene.app.store.get(InboxRow, "whatsapp:r1")
    assert row is not None
    assert row.state is InboxState.DONE


async def test_a_receipt_that_cannot_be_applied_is_set_aside_and_holds_nothing_up(scene: Scene) -> None:
    ana = await answered(scene)
    bo = scene.person(BO, name="Bo")
    scene.model.will(Said("Hello Bo."))
    await bo.says("Hi.")
    await bo.hears("Hello Bo")
    taken = (await bo.timeline())[-1].whatsapp_message_id
    [delivery] = await deliveries(scene, ana)
    mixed_up = Receipt("r1", ana.address, str(taken), ReceiptStatus.DELIVERED, scene.clock.now(), tracker=delivery.id)
    right = Receipt("r2", ana.address, f"whatsapp.{delivery.id}", ReceiptStatus.READ, scene.clock.now(), tracker=delivery.id)
    scene.model.will(Said("Yes."))
    await scene.app.inbox.accept([mixed_up, right])
    await ana.says("Still there?")
    await ana.hears("Yes")
    rows = [await scene.app.store.get(InboxRow, f"whatsapp:{id_}") for id_ in ("r1", "r2")]
    assert [row.state for row in rows if row] == [InboxState.DEAD, InboxState.DONE]
    assert (await ana.timeline())[1].status is MessageStatus.READ


async def test_a_notice_of_the_channel_is_noted_and_finished(scene: Scene) -> None:
    ana = scene.person(ANA)
    await scene.app.inbox.accept([Notice("n1", ana.address, "number_changed", scene.clock.now(), "to another one")])
    await ana.hears_nothing()
    row = await scene.app.store.get(InboxRow, "whatsapp:n1")
    assert row is not None
    assert row.state is InboxState.DONE
