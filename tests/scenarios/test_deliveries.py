"""From "to be said" to "said for certain": retries, bounds, and what may have gone out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bot.errors import SendDelayed, SendRefused, SendUnconfirmed
from bot.message import Address, Receipt, ReceiptStatus, Reply
from bot.outbox import MAX_ATTEMPTS, RECONCILE, Taken, backoff
from bot.records.conversations import Conversation, Message, MessageStatus
from bot.records.work import Author, Delivery, DeliveryState
from bot.sending import Sending
from bot.store.base import Claim, Unit
from bot.testing.clock import ManualClock
from bot.testing.llm import Called, Said
from bot.testing.scene import Scene, ScenePerson, open_scene
from tests.scenarios.helpers import ANA, BO, HeldModel, deliveries, put_in_outbox, said

pytestmark = pytest.mark.scenario


async def in_conversation(scene: Scene) -> ScenePerson:
    ana = scene.person(ANA)
    scene.model.will(Said("Hello."))
    await ana.says("Hi.")
    await ana.hears("Hello")
    return ana


async def say(scene: Scene, ana: ScenePerson, *texts: str) -> list[str]:
    ids = await put_in_outbox(scene, ana, *texts)
    await scene.app.outbox.wake(ana.address.lane)
    return ids


async def state_of(scene: Scene, id_: str) -> Delivery:
    delivery = await scene.app.store.get(Delivery, id_)
    assert delivery is not None
    return delivery


async def message_of(scene: Scene, id_: str) -> Message:
    message = await scene.app.store.get(Message, (await state_of(scene, id_)).message_id)
    assert message is not None
    return message


async def test_a_delayed_send_is_tried_again_with_growing_waits_and_the_next_ones_keep_their_place(scene: Scene) -> None:
    ana = await in_conversation(scene)
    scene.channel.fail(SendDelayed("busy"), SendDelayed("busy"), SendDelayed("busy"))
    await say(scene, ana, "one", "two")
    await scene.passes(1 + 2 + 3.9)
    assert said(scene) == ["Hello."]
    await scene.passes(0.2)
    assert said(scene) == ["Hello.", "one", "two"]


async def test_each_try_that_fails_is_logged_with_code_and_number_and_nothing_personal(scene: Scene) -> None:
    ana = await in_conversation(scene)
    scene.channel.fail(SendDelayed("busy with Ana", code="130429"), SendUnconfirmed("lost for Ana"))
    with capture_logs() as logs:
        [id_] = await say(scene, ana, "one")
        await scene.passes(1.1)
    tries = [line for line in logs if line["event"] == "delivery is tried again"]
    assert [(line["log_level"], line["delivery"], line["code"], line["attempt"]) for line in tries] == [
        ("warning", id_, "130429", 1),
        ("warning", id_, "", 2),
    ]
    assert "Ana" not in str(tries)


async def test_the_vendors_own_wait_is_kept(scene: Scene) -> None:
    ana = await in_conversation(scene)
    scene.channel.fail(SendDelayed("slow down", wait=30))
    await say(scene, ana, "one")
    await scene.passes(29)
    assert said(scene) == ["Hello."]
    await scene.passes(2)
    assert said(scene) == ["Hello.", "one"]


async def test_after_its_bound_a_delivery_is_dead_and_the_next_ones_go_on(scene: Scene) -> None:
    ana = await in_conversation(scene)
    scene.channel.fail(*[SendDelayed("busy", code="130429")] * MAX_ATTEMPTS)
    [first, second] = await say(scene, ana, "one", "two")
    await scene.passes(sum(backoff(number) for number in range(1, MAX_ATTEMPTS)) + 1)
    assert said(scene) == ["Hello.", "two"]
    dead = await state_of(scene, first)
    assert (dead.state, dead.attempts, dead.error_code, dead.openness) == (DeliveryState.DEAD, MAX_ATTEMPTS, "130429", "closed")
    assert (await message_of(scene, first)).status is MessageStatus.FAILED
    assert (await state_of(scene, second)).state is DeliveryState.SENT


async def test_a_dead_delivery_can_be_sent_again_once(scene: Scene) -> None:
    ana = await in_conversation(scene)
    scene.channel.fail(*[SendDelayed("busy")] * MAX_ATTEMPTS)
    [dead] = await say(scene, ana, "one")
    await scene.passes(600)
    assert await scene.app.outbox.resend(dead) is True
    assert (await message_of(scene, dead)).status is MessageStatus.PENDING
    await scene.settle()
    assert said(scene) == ["Hello.", "one"]
    message = await message_of(scene, dead)
    assert (message.status, message.whatsapp_error) == (MessageStatus.SENT, None)
    assert await scene.app.outbox.resend(dead) is False
    assert await scene.app.outbox.resend("nothing") is False


async def test_a_refused_send_is_closed_with_its_code_and_the_next_one_goes_on(scene: Scene) -> None:
    ana = await in_conversation(scene)
    scene.channel.fail(SendRefused("not on WhatsApp", code="131026"))
    [first, second] = await say(scene, ana, "one", "two")
    await scene.settle()
    assert said(scene) == ["Hello.", "two"]
    refused = await state_of(scene, first)
    assert (refused.state, refused.error_code, refused.error) == (DeliveryState.REFUSED, "131026", "not on WhatsApp")
    message = await message_of(scene, first)
    assert message.whatsapp_error is not None
    assert message.whatsapp_error.title == "not on WhatsApp"
    assert (await state_of(scene, second)).state is DeliveryState.SENT


# What may have gone out


async def receipt(scene: Scene, ana: ScenePerson, id_: str, status: ReceiptStatus = ReceiptStatus.SENT) -> None:
    await scene.app.inbox.accept(
        [Receipt(f"{id_}:{status}", ana.address, f"wamid.{id_}", status, scene.clock.now(), tracker=id_, raw_status=status)]
    )


async def test_an_unconfirmed_send_whose_receipt_comes_is_not_posted_again(scene: Scene) -> None:
    ana = await in_conversation(scene)
    scene.channel.fail(SendUnconfirmed("the answer was lost"))
    [first, second] = await say(scene, ana, "one", "two")
    await scene.passes(1)
    assert (await state_of(scene, first)).state is DeliveryState.UNCONFIRMED
    await receipt(scene, ana, first)
    await scene.passes(60)
    assert said(scene) == ["Hello.", "two"]
    done = await state_of(scene, first)
    assert (done.state, done.resends, done.provider_id) == (DeliveryState.SENT, 0, f"wamid.{first}")
    assert (await message_of(scene, first)).status is MessageStatus.SENT
    assert (await state_of(scene, second)).state is DeliveryState.SENT


async def test_an_unconfirmed_send_without_a_receipt_is_posted_again_once_and_counted(scene: Scene) -> None:
    ana = await in_conversation(scene)
    scene.channel.fail(SendUnconfirmed("the answer was lost"))
    [first, _] = await say(scene, ana, "one", "two")
    await scene.passes(RECONCILE - 0.1)
    assert said(scene) == ["Hello."]
    await scene.passes(60)
    assert said(scene) == ["Hello.", "one", "two"]
    done = await state_of(scene, first)
    assert (done.state, done.resends, done.attempts) == (DeliveryState.SENT, 1, 2)


async def test_a_receipt_that_waits_behind_a_running_turn_keeps_the_send_from_being_repeated(tmp_path: Path) -> None:
    model = HeldModel("hard", Said("Hello."), Said("42."))
    async with open_scene(tmp_path, model=model) as scene:
        ana = scene.person(ANA)
        await ana.says("Hi.")
        await ana.hears("Hello")
        scene.channel.fail(SendUnconfirmed("the answer was lost"))
        [first] = await say(scene, ana, "one")
        await scene.passes(0.5)
        await ana.says("A hard question.")
        await scene.clock.advance(1)
        await model.asked.wait()
        await receipt(scene, ana, first)
        for _ in range(10):
            await scene.clock.advance(RECONCILE)
        assert said(scene) == ["Hello."]
        model.go.set()
        await scene.passes(10)
        assert said(scene) == ["Hello.", "42."]
        assert (await state_of(scene, first)).state is DeliveryState.SENT


async def test_a_failed_receipt_for_an_unconfirmed_send_closes_it(scene: Scene) -> None:
    ana = await in_conversation(scene)
    scene.channel.fail(SendUnconfirmed("the answer was lost"))
    [first] = await say(scene, ana, "one")
    await scene.passes(1)
    await receipt(scene, ana, first, ReceiptStatus.FAILED)
    await scene.passes(60)
    assert said(scene) == ["Hello."]
    assert (await state_of(scene, first)).state is DeliveryState.REFUSED
    assert (await message_of(scene, first)).status is MessageStatus.FAILED


async def test_a_send_that_is_never_confirmed_ends_dead_and_a_late_receipt_sets_that_right(scene: Scene) -> None:
    ana = await in_conversation(scene)
    scene.channel.fail(*[SendUnconfirmed("the answer was lost")] * MAX_ATTEMPTS)
    [first, _] = await say(scene, ana, "one", "two")
    await scene.passes(RECONCILE * MAX_ATTEMPTS + 60)
    assert said(scene) == ["Hello.", "two"]
    assert (await state_of(scene, first)).state is DeliveryState.DEAD
    await receipt(scene, ana, first, ReceiptStatus.DELIVERED)
    await scene.settle()
    assert (await state_of(scene, first)).state is DeliveryState.SENT
    message = await message_of(scene, first)
    assert (message.status, message.whatsapp_error) == (MessageStatus.DELIVERED, None)
    assert await scene.app.outbox.resend(first) is False


async def test_where_the_vendor_echoes_no_tracker_an_unconfirmed_send_is_never_repeated(scene: Scene) -> None:
    scene.channel.tracks = False
    ana = await in_conversation(scene)
    scene.channel.fail(SendUnconfirmed("the answer was lost"))
    [first, _] = await say(scene, ana, "one", "two")
    await scene.passes(60)
    assert said(scene) == ["Hello.", "two"]
    dead = await state_of(scene, first)
    assert (dead.state, dead.error_code, dead.resends) == (DeliveryState.DEAD, "unconfirmed", 0)


async def test_a_receipt_that_is_faster_than_the_vendors_own_answer_stands(scene: Scene) -> None:
    ana = await in_conversation(scene)
    [first] = await put_in_outbox(scene, ana, "one")
    post = scene.channel.send

    async def slow(to: Address, reply: Reply, tracker: str) -> str:
        await receipt(scene, ana, tracker, ReceiptStatus.FAILED)
        async with asyncio.timeout(5):
            while (await state_of(scene, tracker)).openness == "open":
                await asyncio.sleep(0.001)
        await post(to, reply, tracker)
        return f"wamid.{tracker}"

    scene.channel.send = slow  # type: ignore[method-assign]
    await scene.app.outbox.wake(ana.address.lane)
    await scene.passes(60)
    assert (await state_of(scene, first)).state is DeliveryState.REFUSED
    assert (await message_of(scene, first)).status is MessageStatus.FAILED


async def test_a_receipt_that_comes_while_the_last_try_fails_is_believed(scene: Scene) -> None:
    ana = await in_conversation(scene)
    [first] = await put_in_outbox(scene, ana, "one")
    await scene.app.store.change(Delivery, {"id": first}, set={"attempts": MAX_ATTEMPTS - 1})

    async def lost(to: Address, reply: Reply, tracker: str) -> str:
        await receipt(scene, ana, tracker, ReceiptStatus.READ)
        async with asyncio.timeout(5):
            while (await state_of(scene, tracker)).openness == "open":
                await asyncio.sleep(0.001)
        raise SendUnconfirmed("the answer was lost")

    scene.channel.send = lost  # type: ignore[method-assign]
    await scene.app.outbox.wake(ana.address.lane)
    await scene.passes(60)
    assert (await state_of(scene, first)).state is DeliveryState.SENT
    assert (await message_of(scene, first)).status is MessageStatus.READ


async def test_a_channel_that_breaks_counts_as_unconfirmed_and_loses_nothing(scene: Scene) -> None:
    ana = await in_conversation(scene)
    post = scene.channel.send
    tries: list[str] = []

    async def breaks_once(to: Address, reply: Reply, tracker: str) -> str:
        tries.append(tracker)
        if len(tries) == 1:
            raise ZeroDivisionError
        return await post(to, reply, tracker)

    scene.channel.send = breaks_once  # type: ignore[method-assign]
    [first] = await say(scene, ana, "one")
    await scene.passes(60)
    assert said(scene) == ["Hello.", "one"]
    assert (await state_of(scene, first)).resends == 1


async def test_a_channel_that_hangs_holds_its_conversation_only_for_a_time(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    ana, bo = await in_conversation(scene), scene.person(BO, name="Bo")
    monkeypatch.setattr("bot.sending._POST_SECONDS", 0.05)
    post = scene.channel.send
    tries: list[str] = []

    async def hangs_once(to: Address, reply: Reply, tracker: str) -> str:
        tries.append(tracker)
        if len(tries) == 1:
            await asyncio.Event().wait()
        return await post(to, reply, tracker)

    scene.channel.send = hangs_once  # type: ignore[method-assign]
    scene.model.will(Said("Hello Bo."))
    await say(scene, ana, "one")
    await bo.says("Hi.")
    await bo.hears("Hello Bo")
    await scene.passes(10)
    assert said(scene)[-1] == "one"


async def test_a_vendor_that_gives_every_message_the_same_id_is_not_posted_to_for_ever(scene: Scene) -> None:
    ana = await in_conversation(scene)
    posted: list[str] = []

    async def send(to: Address, reply: Reply, tracker: str) -> str:
        posted.append(reply.text)
        return "wamid.always-the-same"

    scene.channel.send = send  # type: ignore[method-assign]
    [_, second] = await say(scene, ana, "one", "two")
    await scene.passes(300)
    assert posted[0] == "one"
    assert len(posted) <= MAX_ATTEMPTS + 1
    assert (await state_of(scene, second)).state is DeliveryState.DEAD


# Restarts


class Crash(BaseException):
    """The process dies."""


@asynccontextmanager
async def dies(folder: Path, clock: ManualClock) -> AsyncIterator[Scene]:
    with suppress(Crash):
        async with open_scene(folder, clock=clock) as scene:
            yield scene
            raise Crash


async def test_a_send_in_flight_at_a_crash_waits_for_its_receipt_and_is_posted_again_without_one(tmp_path: Path) -> None:
    clock = ManualClock()
    begun = asyncio.Event()

    async def hangs(to: Address, reply: Reply, tracker: str) -> str:
        begun.set()
        await asyncio.Event().wait()
        raise AssertionError

    async with dies(tmp_path, clock) as scene:
        ana = await in_conversation(scene)
        scene.channel.send = hangs  # type: ignore[method-assign]
        [first] = await say(scene, ana, "one")
        await begun.wait()
        for crew in scene.app.worker._crews:
            for task in crew._in_hand:
                task.cancel()
    async with open_scene(tmp_path, clock=ManualClock(clock.now())) as scene:
        await scene.passes(RECONCILE - 0.1)
        assert said(scene) == []
        await scene.passes(1)
        assert said(scene) == ["one"]
        assert (await state_of(scene, first)).resends == 1


async def test_what_was_to_be_said_before_a_restart_is_said_after_it(tmp_path: Path) -> None:
    clock = ManualClock()
    async with open_scene(tmp_path, clock=clock) as scene:
        ana = await in_conversation(scene)
        await put_in_outbox(scene, ana, "one", "two")
    async with open_scene(tmp_path, clock=ManualClock(clock.now())) as scene:
        await scene.settle()
        assert said(scene) == ["one", "two"]


async def test_a_delivery_of_a_channel_that_is_switched_off_waits_until_it_is_on_again(scene: Scene) -> None:
    ana = await in_conversation(scene)
    sending = Sending(scene.app.outbox, {}, scene.app.shared)
    [first] = await put_in_outbox(scene, ana, "one")
    assert await sending.work(Claim(ana.address.lane, "local", 1)) == 60.0
    assert (await state_of(scene, first)).state is DeliveryState.PENDING


# A process that slept (SIGSTOP, a suspended machine) between the claim and the post


def wake_up_unsure(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next delivery that is claimed is claimed by a process that sleeps then, for longer than its lease."""
    answers = iter([False])
    monkeypatch.setattr(scene.app.lanes.sends, "is_sure", lambda _: next(answers, True))


async def test_who_slept_after_claiming_a_delivery_claims_it_again_before_it_is_posted(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana = await in_conversation(scene)
    wake_up_unsure(scene, monkeypatch)
    with capture_logs() as logs:
        [first] = await say(scene, ana, "one")
        await scene.settle()
    assert said(scene) == ["Hello.", "one"]
    assert (await state_of(scene, first)).attempts == 1
    assert sum("slept" in line["event"] for line in logs) == 1


async def test_what_somebody_else_has_found_meanwhile_is_not_given_back(scene: Scene) -> None:
    ana = await in_conversation(scene)
    [first] = await put_in_outbox(scene, ana, "one")
    before = await state_of(scene, first)
    found = {"state": DeliveryState.UNCONFIRMED, "claimed_by": before.claimed_by + 2, "attempts": 1}
    await scene.app.store.change(Delivery, {"id": first}, set=found)
    claimed = before.model_copy(update={"state": DeliveryState.SENDING, "claimed_by": before.claimed_by + 1})
    await scene.app.outbox.put_back(Taken(claimed, ana.address, is_last=True, before=before))
    after = await state_of(scene, first)
    assert (after.state, after.attempts) == (DeliveryState.UNCONFIRMED, 1)


# Policy at the moment of sending


async def last_wrote(scene: Scene, ana: ScenePerson, ago: timedelta) -> None:
    where = {"id": (await ana.conversation()).id}
    await scene.app.store.change(Conversation, where, set={"last_customer_message": scene.clock.now() - ago})


async def test_outside_whatsapps_window_nothing_is_posted(scene: Scene) -> None:
    ana = await in_conversation(scene)
    await last_wrote(scene, ana, timedelta(hours=24, seconds=-10))
    [within] = await say(scene, ana, "just in time")
    await scene.settle()
    await scene.passes(30)
    [beyond] = await say(scene, ana, "too late")
    await scene.settle()
    assert said(scene) == ["Hello.", "just in time"]
    assert (await state_of(scene, within)).state is DeliveryState.SENT
    refused = await state_of(scene, beyond)
    assert (refused.state, refused.error_code) == (DeliveryState.REFUSED, "whatsapp_window")


async def test_a_reply_that_waited_too_long_is_refused_when_its_turn_comes(scene: Scene) -> None:
    ana = await in_conversation(scene)
    scene.channel.fail(SendDelayed("account locked", wait=120))
    [first] = await say(scene, ana, "one")
    await last_wrote(scene, ana, timedelta(hours=24, seconds=-60))
    await scene.passes(180)
    assert said(scene) == ["Hello."]
    assert (await state_of(scene, first)).error_code == "whatsapp_window"


async def test_buttons_and_words_of_one_turn_go_out_in_order(scene: Scene) -> None:
    ana = scene.person(ANA)
    scene.channel.fail(SendDelayed("busy"))
    scene.model.will(Called("hand_to_person", reason="wants one"))
    await ana.says("A person, please.")
    await ana.hears("passing you")
    assert [delivery.attempts for delivery in await deliveries(scene, ana)] == [2]


async def test_what_is_hidden_is_said_and_stands_on_the_timeline_as_dots(scene: Scene) -> None:
    ana = await in_conversation(scene)
    unit = Unit()
    replies = [Reply("The code is 123456."), Reply("Again: 123456, 123456.")]
    scene.app.outbox.add(unit, await ana.conversation(), replies, Author.SYSTEM, hidden="123456")
    await scene.app.store.commit(unit)
    await scene.app.outbox.wake(ana.address.lane)
    await scene.settle()
    assert said(scene)[-2:] == ["The code is 123456.", "Again: 123456, 123456."]
    shown = [message.content for message in await ana.timeline()]
    assert shown[-2:] == ["The code is ••••••.", "Again: ••••••, ••••••."]
