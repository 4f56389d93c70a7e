"""A vendor that is away, or takes no more: what is to be said waits, nothing is lost, and whoever writes is still heard."""

from __future__ import annotations

import pytest

from bot.errors import Reach, SendDelayed, SendUnconfirmed
from bot.outbox import MAX_ATTEMPTS, RECONCILE
from bot.pacing import Pace, Rate
from bot.records.work import Delivery, DeliveryState
from bot.testing.llm import Said
from bot.testing.scene import Scene, ScenePerson
from tests.scenarios.helpers import ANA, BO, put_in_outbox, said

pytestmark = pytest.mark.scenario

AWAY = SendDelayed("away", reach=Reach.VENDOR)
MANY = 1000
HOUR = 3600.0


@pytest.fixture(autouse=True)
def with_a_vendor(scene: Scene) -> None:
    scene.channel.pace = Pace(sender=Rate(80, 80), person=Rate(5, 1 / 6))


async def greeted(scene: Scene, number: str) -> ScenePerson:
    person = scene.person(number)
    scene.model.will(Said(f"Hello, {number[-1]}."))
    await person.says("Hi.")
    await person.hears("Hello")
    return person


async def say(scene: Scene, person: ScenePerson, *texts: str) -> list[str]:
    ids = await put_in_outbox(scene, person, *texts)
    await scene.app.outbox.wake(person.address.lane)
    return ids


async def deliveries(scene: Scene, ids: list[str]) -> list[Delivery]:
    return [delivery for id_ in ids if (delivery := await scene.app.store.get(Delivery, id_)) is not None]


async def test_while_the_vendor_is_away_for_hours_nothing_dies_and_all_of_it_is_said_in_order_afterwards(scene: Scene) -> None:
    people = [await greeted(scene, number) for number in (ANA, BO, "12025550125")]
    scene.channel.fail(*[AWAY] * MANY)
    ids = [id_ for person in people for id_ in await say(scene, person, f"{person.number} one", f"{person.number} two")]
    await scene.passes(3 * HOUR)
    waiting = await deliveries(scene, ids)
    assert {delivery.state for delivery in waiting} == {DeliveryState.PENDING}
    assert max(delivery.attempts for delivery in waiting) < MAX_ATTEMPTS
    assert MANY - scene.channel.failures_left < 60, "it was left alone"
    assert set(await scene.app.shared.breakers.left_alone()) == {"whatsapp:106540352242922"}
    scene.channel.works_again()
    await scene.passes(310)
    assert {delivery.state for delivery in await deliveries(scene, ids)} == {DeliveryState.SENT}
    for person in people:
        assert [text for text in said(scene) if text.startswith(person.number)] == [
            f"{person.number} one",
            f"{person.number} two",
        ]
    assert await scene.app.shared.breakers.left_alone() == {}


async def test_who_writes_meanwhile_is_heard_and_answered_when_it_is_back(scene: Scene) -> None:
    ana = await greeted(scene, ANA)
    scene.channel.fail(*[AWAY] * MANY)
    await say(scene, ana, "one")
    await scene.passes(60)
    scene.model.will(Said("Yes, until six."))
    await ana.says("Are you open?")
    await scene.passes(60)
    assert said(scene) == ["Hello, 3."]
    assert len(scene.model.requests) == 2
    scene.channel.works_again()
    await scene.passes(310)
    assert said(scene) == ["Hello, 3.", "one", "Yes, until six."]


async def test_what_may_have_gone_out_counts_so_that_nobody_gets_it_without_end(scene: Scene) -> None:
    ana = await greeted(scene, ANA)
    scene.channel.fail(*[SendUnconfirmed("no answer", reach=Reach.VENDOR)] * MANY)
    [id_] = await say(scene, ana, "one")
    await scene.passes(HOUR)
    [delivery] = await deliveries(scene, [id_])
    assert (delivery.state, delivery.attempts) == (DeliveryState.DEAD, MAX_ATTEMPTS)
    assert MANY - scene.channel.failures_left == MAX_ATTEMPTS
    assert RECONCILE < HOUR


async def test_when_too_much_came_from_our_number_everybody_waits_as_long_as_the_vendor_says(scene: Scene) -> None:
    ana, bo = await greeted(scene, ANA), await greeted(scene, BO)
    scene.channel.fail(SendDelayed("slow down", code="130429", wait=30, reach=Reach.SENDER))
    await say(scene, ana, "for Ana")
    await scene.passes(1)
    [id_] = await say(scene, bo, "for Bo")
    await scene.passes(28)
    assert "for Bo" not in said(scene)
    assert (await deliveries(scene, [id_]))[0].attempts == 0
    await scene.passes(3)
    assert sorted(said(scene)[-2:]) == ["for Ana", "for Bo"]


async def test_when_one_person_got_too_much_nobody_else_waits(scene: Scene) -> None:
    ana, bo = await greeted(scene, ANA), await greeted(scene, BO)
    scene.channel.fail(SendDelayed("pair limit", code="131056", wait=30, reach=Reach.PERSON))
    await say(scene, ana, "for Ana")
    await scene.passes(1)
    await say(scene, bo, "for Bo")
    await scene.passes(1)
    assert said(scene)[-1] == "for Bo"
    await say(scene, ana, "more for Ana")
    await scene.passes(40)
    assert said(scene)[-2:] == ["for Ana", "more for Ana"]
    assert await scene.app.shared.breakers.left_alone() == {}


async def test_one_person_is_sent_no_more_than_the_vendor_takes_for_them_in_order(scene: Scene) -> None:
    ana = await greeted(scene, ANA)
    await scene.passes(60)
    texts = [f"number {number}" for number in range(8)]
    ids = await say(scene, ana, *texts)
    await scene.passes(1)
    assert said(scene)[1:] == texts[:5]
    await scene.passes(18)
    assert said(scene)[1:] == texts
    assert {delivery.attempts for delivery in await deliveries(scene, ids)} == {1}
