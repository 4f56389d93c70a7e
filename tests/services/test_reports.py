"""What supervisors look at, counted from what happened."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.records.handoffs import Cause
from bot.testing.llm import Said
from bot.testing.scene import Scene
from tests.scenarios.helpers import ANA, BO
from tests.services.desk_helpers import add_user, nobody_is_given_anything, waits

pytestmark = pytest.mark.unit


async def test_a_day_is_counted(scene: Scene) -> None:
    await nobody_is_given_anything(scene)
    nadia = await add_user(scene, "Nadia")
    reports, begins = scene.app.desk.reports, scene.clock.now() - timedelta(minutes=1)
    ana, conversation = await waits(scene, ANA)
    (queue,) = await reports.queues()
    assert (queue.skill, queue.count) == ("support", 1)
    assert queue.oldest_since is not None
    scene.model.will(Said("Hello."))
    bo = scene.person(BO)
    await bo.says("Hello")
    await bo.hears("Hello.")
    await scene.app.desk.transfers.take_over(conversation.id, nadia)
    (load,) = await reports.loads()
    assert (load.name, load.open) == ("Nadia", 1)
    await scene.app.desk.replies.say(conversation.id, nadia, "Hello.", client_id="1")
    await scene.app.desk.closing.resolve(conversation.id, nadia, "solved")
    await ana.hears("Hello.")
    await ana.hears("How well")
    await ana.says("4")
    await ana.hears("Thank you")
    ends = scene.clock.now() + timedelta(minutes=1)
    found = await reports.period(begins, ends)
    assert (found.conversations, found.passed_to_people, found.containment) == (2, 1, 0.5)
    assert (found.rating, found.ratings) == (4, 1)
    assert found.first_response_minutes is not None
    assert found.resolution_minutes is not None
    assert await reports.causes(begins, ends) == {Cause.SENTIMENT: 1}
    assert await reports.hours_of_entry(begins, ends) == {10: 1}
    assert await reports.queues() == []


async def test_of_nothing_there_is_no_average(scene: Scene) -> None:
    days = await scene.app.desk.reports.days(2)
    assert [(day.conversations, day.containment, day.rating, day.first_response_minutes) for day in days] == [
        (0, None, None, None)
    ] * 2
