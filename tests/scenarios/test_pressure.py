"""A slow model, a slow vendor, a burst of one person: the others do not wait for it, and nothing grows without bound."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.clock import new_id
from bot.inbox import LONGEST_BURST
from bot.message import InboundMessage, Notice, Receipt, ReceiptStatus, Text
from bot.records.base import Record
from bot.records.conversations import Conversation, Message, MessageStatus
from bot.records.people import Customer
from bot.records.work import Delivery, InboxRow, InboxState, Job, JournalRow
from bot.sending import MAX_IN_A_ROW
from bot.testing.llm import Said
from bot.testing.scene import Scene, ScenePerson, open_scene
from bot.worker import MAX_RECEIPTS_TOGETHER, MAX_TURN
from tests.scenarios.helpers import ANA, BO, HeldModel, deliveries, put_in_outbox, said

pytestmark = pytest.mark.scenario


@pytest.fixture
def model() -> HeldModel:
    """Thinks about whatever is hard."""
    return HeldModel("hard", Said("One."), Said("Two."), Said("Three."))


@pytest.fixture
async def one_at_once(tmp_path: Path, model: HeldModel, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    """A worker with room for one turn and one send."""
    monkeypatch.setattr("bot.worker.MAX_TURNS", 1)
    monkeypatch.setattr("bot.worker.MAX_SENDS", 1)
    async with open_scene(tmp_path, model=model) as scene:
        yield scene


async def asks(scene: Scene, person: ScenePerson, *texts: str) -> None:
    """Writes, and the burst is over."""
    await person.says(*texts)
    await scene.clock.advance(1)


async def receipt(scene: Scene, person: ScenePerson, status: ReceiptStatus = ReceiptStatus.DELIVERED) -> None:
    [delivery, *_] = await deliveries(scene, person)
    at = scene.clock.now()
    found = Receipt(new_id(), person.address, f"whatsapp.{delivery.id}", status, at, tracker=delivery.id, raw_status=status)
    await scene.app.inbox.accept([found])


async def until_status(person: ScenePerson, status: MessageStatus) -> None:
    async with asyncio.timeout(5):
        while (await person.timeline())[-1].status is not status:
            await asyncio.sleep(0.001)


async def test_a_receipt_waits_for_no_slow_turn_of_somebody_else(one_at_once: Scene, model: HeldModel) -> None:
    scene = one_at_once
    ana, bo = scene.person(ANA), scene.person(BO, name="Bo")
    await bo.says("Hi.")
    await bo.hears("One")
    await asks(scene, ana, "A hard question.")
    await model.asked.wait()
    await receipt(scene, bo)
    await until_status(bo, MessageStatus.DELIVERED)
    model.go.set()
    await ana.hears("Two")
    await bo.says("Hi.")
    await bo.hears("Three")


async def test_a_receipt_waits_for_no_slow_turn_of_its_own_conversation_either(one_at_once: Scene, model: HeldModel) -> None:
    scene = one_at_once
    ana = scene.person(ANA)
    await ana.says("Hi.")
    await ana.hears("One")
    answer = (await ana.timeline())[-1]
    await asks(scene, ana, "A hard question.")
    await model.asked.wait()
    await receipt(scene, ana, ReceiptStatus.READ)
    async with asyncio.timeout(5):
        while (found := await scene.app.store.get(Message, answer.id)) is None or found.read_at is None:
            await asyncio.sleep(0.001)
    model.go.set()
    await ana.hears("Two")
    await ana.says("Hi.")
    await ana.hears("Three")


async def test_more_receipts_than_are_applied_at_once_are_all_applied_the_last_one_last(scene: Scene) -> None:
    ana = scene.person(ANA)
    scene.model.will(Said("Hello."))
    await ana.says("Hi.")
    await ana.hears("Hello")
    for _ in range(MAX_RECEIPTS_TOGETHER):
        await receipt(scene, ana)
    await scene.app.inbox.accept([Notice("n", ana.address, "number_changed", scene.clock.now())])
    await receipt(scene, ana, ReceiptStatus.READ)
    await scene.settle()
    assert (await ana.timeline())[-1].status is MessageStatus.READ
    assert await scene.app.store.find(InboxRow, {"state": InboxState.WAITING, "lane": f"receipts:{ana.address.lane}"}) == []


async def test_receipts_that_a_former_version_put_among_the_messages_are_applied(scene: Scene) -> None:
    ana = scene.person(ANA)
    scene.model.will(Said("Hello."))
    await ana.says("Hi.")
    await ana.hears("Hello")
    await scene.app.worker.stop()
    await receipt(scene, ana)
    where = {"lane": f"receipts:{ana.address.lane}", "state": InboxState.WAITING}
    assert await scene.app.store.change(InboxRow, where, set={"lane": ana.address.lane}) == 1
    await scene.app.worker.start()
    await until_status(ana, MessageStatus.DELIVERED)


async def test_a_burst_of_a_hundred_messages_holds_somebody_else_up_for_one_turn(one_at_once: Scene, model: HeldModel) -> None:
    scene = one_at_once
    ana, bo = scene.person(ANA), scene.person(BO, name="Bo")
    await ana.says(*(f"hard {number}." for number in range(2 * MAX_TURN)))
    await bo.says("Hi.")
    await scene.clock.advance(1)
    await model.asked.wait()
    model.go.set()
    await scene.settle()
    assert [(spoken.to.theirs, spoken.reply.text) for spoken in scene.channel.spoken] == [
        (ANA, "One."),
        (BO, "Two."),
        (ANA, "Three."),
    ]
    assert len([message for message in await ana.timeline() if message.sender == "customer"]) == 2 * MAX_TURN


async def test_who_writes_without_a_pause_is_answered_all_the_same(scene: Scene) -> None:
    ana = scene.person(ANA)
    scene.model.will(Said("Let me say something."))
    for number in range(40):
        if said(scene):
            break
        await ana.says(f"and {number}")
        await scene.passes(0.7)
    assert said(scene) == ["Let me say something."]
    assert 0.8 * LONGEST_BURST <= number * 0.7 <= 0.8 * LONGEST_BURST + 1.5


async def test_many_replies_to_one_person_give_way_to_those_of_others(one_at_once: Scene) -> None:
    scene = one_at_once
    ana, bo = scene.person(ANA), scene.person(BO, name="Bo")
    for number, person in enumerate((ana, bo)):
        await person.says("Hi.")
        await person.hears(("One", "Two")[number])
    scene.channel.spoken.clear()
    await put_in_outbox(scene, ana, *(f"part {number}" for number in range(2 * MAX_IN_A_ROW + 5)))
    await put_in_outbox(scene, bo, "For Bo.")
    for person in (ana, bo):
        await scene.app.outbox.wake(person.address.lane)
    await scene.settle()
    order = [spoken.to.theirs for spoken in scene.channel.spoken]
    assert order == [ANA] * MAX_IN_A_ROW + [BO] + [ANA] * (MAX_IN_A_ROW + 5)
    texts = [spoken.reply.text for spoken in scene.channel.spoken if spoken.to.theirs == ANA]
    assert texts == [f"part {number}" for number in range(2 * MAX_IN_A_ROW + 5)]
    await ana.says("Hi.")
    await scene.settle()


async def test_what_the_program_needs_for_its_work_goes_in_time_and_what_was_said_stays(scene: Scene) -> None:
    ana = scene.person(ANA)
    scene.model.will(Said("Hello."))
    posted = InboundMessage("wamid.1", ana.address, Text("Hi."), scene.clock.now(), ana.sender)
    await scene.app.inbox.accept([posted])
    await ana.hears("Hello")
    recurring = await scene.app.store.count(Job, {})
    await scene.app.jobs.schedule("nothing", scene.clock.now(), id="once")
    await scene.app.store.change(Job, {"id": "once"}, set={"status": "completed"})

    async def left(days: float) -> dict[str, int]:
        """Kinds -> how many there are so many days after the beginning."""
        await scene.clock.advance((posted.sent_at + timedelta(days=days) - scene.clock.now()).total_seconds())
        await scene.app.store.sweep()
        kinds: tuple[type[Record], ...] = (InboxRow, Delivery, JournalRow, Job, Message, Conversation, Customer)
        return {kind.__name__: len(await scene.app.store.find(kind, {}, limit=100)) for kind in kinds}

    kept = {"Message": 2, "Conversation": 1, "Customer": 1}
    before = await left(8)
    assert before == {"InboxRow": 1, "Delivery": 1, "JournalRow": before["JournalRow"], "Job": recurring + 1, **kept}
    assert await scene.app.inbox.accept([posted]) == 0  # vendors deliver again for up to seven days
    await scene.app.worker.stop()
    assert await left(40) == {"InboxRow": 0, "Delivery": 0, "JournalRow": 0, "Job": recurring, **kept}


async def test_a_delivery_that_is_still_to_be_made_never_goes(scene: Scene) -> None:
    ana = scene.person(ANA)
    scene.model.will(Said("Hello."))
    await ana.says("Hi.")
    await ana.hears("Hello")
    await scene.app.worker.stop()
    [waiting] = await put_in_outbox(scene, ana, "Later.")
    await scene.clock.advance(timedelta(days=400).total_seconds())
    await scene.app.store.sweep()
    assert [delivery.id for delivery in await deliveries(scene, ana)] == [waiting]
