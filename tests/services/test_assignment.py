"""Who waits is given to who is free, by rules that are data; what an operator who is gone left behind waits again."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bot.conversation import OperatorRef, Queue
from bot.records.conversations import Conversation
from bot.records.handoffs import Cause
from bot.records.people import Customer, CustomerPreferences
from bot.records.users import Presence, Role, User, UserPreferences
from bot.testing.scene import Scene
from tests.scenarios.helpers import ANA, BO, set_setting
from tests.services.desk_helpers import ANGRY, add_user, again, nobody_is_given_anything, waits

pytestmark = pytest.mark.unit


async def put_in_queue(scene: Scene, *names: str, skill: str = "support", **fields: Any) -> list[Conversation]:
    """Conversations that wait, the first for longest, a minute apart."""
    made = []
    for name in names:
        await scene.clock.advance(60)
        customer = Customer(id=f"c-{name}", preferences=fields.pop("preferences", CustomerPreferences()))
        conversation = Conversation(
            id=name,
            lane=f"web:us:{name}",
            our_address="us",
            their_address=name,
            channel="web",
            customer_id=customer.id,
            assignee_kind="queue",
            assignee_name=skill,
            status="waiting",
            is_ai_enabled=False,
            waiting_since=scene.clock.now(),
            assigned_at=scene.clock.now(),
            **fields,
        )
        await scene.app.store.insert([customer, conversation])
        made.append(conversation)
    await scene.settle()  # what was due while the clock moved is over
    return made


async def holder(scene: Scene, id: str) -> str:
    found = await scene.app.store.get(Conversation, id)
    assert found is not None
    return found.assignee_name


async def beats(scene: Scene, *users: User) -> None:
    for user in users:
        await scene.app.desk.presence.beat(user.id)


async def test_somebody_who_enters_a_queue_is_given_to_who_is_free_at_once(scene: Scene) -> None:
    await add_user(scene, "Nadia")
    ana = scene.person(ANA)
    await ana.says(ANGRY)
    await scene.settle()
    conversation = await ana.conversation()
    assert conversation.assignee == OperatorRef("nadia")
    (last, *_) = await scene.app.desk.transfers.history(conversation.id)
    assert (last.cause, last.by) == (Cause.AUTO_ASSIGNED, "system")


async def test_the_oldest_goes_first_and_the_load_is_fair(scene: Scene) -> None:
    await set_setting(scene, "max_conversations_per_agent", 2)
    await put_in_queue(scene, "first", "second", "third", "fourth", "fifth")
    users = [await add_user(scene, name) for name in ("Nadia", "Omar")]
    await scene.app.desk.assignment.give_out()
    assert [await holder(scene, name) for name in ("first", "second", "third", "fourth", "fifth")][-1] == "support"
    assert [(await again(scene, user)).statistics.current_active_conversations for user in users] == [2, 2]
    assert {await holder(scene, "first"), await holder(scene, "second")} == {"nadia", "omar"}
    await scene.app.desk.closing.resolve("first", users[0] if await holder(scene, "first") == "nadia" else users[1], "solved")
    await scene.app.desk.assignment.give_out()
    assert await holder(scene, "fifth") == await holder(scene, "first")


async def test_who_may_not_write_is_given_nothing_whatever_their_role_or_skills(scene: Scene) -> None:
    await put_in_queue(scene, "a", "b")
    rep = await add_user(scene, "Rep", Role.SALES_REP)
    await add_user(scene, "Looks", Role.VIEWER, skills=["support"])
    writes = await add_user(scene, "Writes", Role.SALES_REP, permissions=["write:messages"])
    assert [user.id for user in await scene.app.desk.presence.operators()] == [writes.id]
    await scene.app.desk.assignment.give_out()
    assert {await holder(scene, "a"), await holder(scene, "b")} == {writes.id}
    assert (await again(scene, rep)).statistics.current_active_conversations == 0


async def test_a_higher_priority_goes_before_whoever_waits_longer(scene: Scene) -> None:
    await nobody_is_given_anything(scene)
    chief = await add_user(scene, "Chief", is_there=False)
    await put_in_queue(scene, "first", "second")
    await scene.app.desk.filing.set_priority("second", chief, "urgent")
    assert [one.id for one in await scene.app.desk.queueing.waiting("support", 5)] == ["second", "first"]


async def test_a_skill_goes_to_who_has_it_and_after_ten_minutes_to_anybody(scene: Scene) -> None:
    await put_in_queue(scene, "bill", skill="billing")
    nadia = await add_user(scene, "Nadia", skills=["support"])
    assert await scene.app.desk.assignment.give_out() == 0
    omar = await add_user(scene, "Omar", department="Billing", is_there=False)
    await scene.clock.advance(9 * 60)
    await beats(scene, nadia)
    await scene.app.desk.presence.arrive(nadia.id)
    assert await scene.app.desk.assignment.give_out() == 0
    await scene.clock.advance(60)
    await beats(scene, nadia, omar)
    await scene.app.desk.assignment.give_out()
    assert await holder(scene, "bill") == "nadia"


async def test_the_preferred_operator_comes_before_the_idle_one(scene: Scene) -> None:
    await put_in_queue(scene, "one", preferences=CustomerPreferences(preferred_agent="omar"))
    await add_user(scene, "Nadia")
    omar = await add_user(scene, "Omar")
    await scene.app.store.change(User, {"id": omar.id}, inc={"statistics.current_active_conversations": 3})
    await scene.app.desk.assignment.give_out()
    assert await holder(scene, "one") == "omar"


@pytest.mark.parametrize("status", ["busy", "away", "offline"])
async def test_who_is_not_free_is_given_nothing(scene: Scene, status: str) -> None:
    nadia = await add_user(scene, "Nadia")
    await scene.app.desk.presence.set_status(nadia.id, status)
    await put_in_queue(scene, "one")
    assert await scene.app.desk.assignment.give_out() == 0


async def test_rules_change_without_a_restart(scene: Scene) -> None:
    await nobody_is_given_anything(scene)
    await put_in_queue(scene, "one")
    await add_user(scene, "Nadia")
    assert await scene.app.desk.assignment.give_out() == 0
    await set_setting(scene, "auto_assignment_enabled", True)
    await scene.app.desk.assignment.give_out()
    assert await holder(scene, "one") == "nadia"


async def test_several_processes_at_once_give_nothing_twice_and_nobody_too_much(scene: Scene) -> None:
    await set_setting(scene, "max_conversations_per_agent", 3)
    names = [f"n{number}" for number in range(8)]
    await put_in_queue(scene, *names)
    users = [await add_user(scene, name) for name in ("Nadia", "Omar")]
    await asyncio.gather(*(scene.app.desk.assignment.give_out() for _ in range(4)))
    for user in users:
        counted = await scene.app.desk.statistics.of_user(user.id)
        assert counted["current_active_conversations"] <= 3
        assert counted["current_active_conversations"] == (await again(scene, user)).statistics.current_active_conversations


async def test_what_an_operator_who_is_gone_left_unanswered_waits_again_where_it_was(scene: Scene) -> None:
    await nobody_is_given_anything(scene)
    nadia = await add_user(scene, "Nadia")
    ana, conversation = await waits(scene, ANA)
    bo, answered = await waits(scene, BO)
    for one in (conversation, answered):
        await scene.app.desk.transfers.take_over(one.id, nadia)
    await scene.app.desk.replies.say(answered.id, nadia, "It is done.", client_id="1")
    since = (await ana.conversation()).waiting_since
    await scene.passes(180)
    found = await ana.conversation()
    assert (found.assignee, found.waiting_since) == (Queue("support"), since)
    (last, *_) = await scene.app.desk.transfers.history(conversation.id)
    assert (last.cause, last.reason) == (Cause.OPERATOR_OFFLINE, "Nadia is offline")
    assert (await again(scene, nadia)).status is Presence.OFFLINE
    assert (await bo.conversation()).assignee == OperatorRef("nadia")
    await bo.says("One more thing")
    await scene.passes(61)
    assert (await bo.conversation()).assignee == Queue("support")


async def test_a_desk_that_is_heard_of_stays_there(scene: Scene) -> None:
    nadia = await add_user(scene, "Nadia")
    for _ in range(5):
        await scene.passes(30)
        await scene.app.desk.presence.beat(nadia.id)
    assert (await again(scene, nadia)).status is Presence.ONLINE
    await scene.passes(180)
    assert (await again(scene, nadia)).status is Presence.OFFLINE
    assert await scene.app.desk.presence.arrive(nadia.id) is Presence.ONLINE


async def test_who_says_that_they_leave_leaves_what_is_unanswered_at_once(scene: Scene) -> None:
    await nobody_is_given_anything(scene)
    nadia = await add_user(scene, "Nadia")
    ana, conversation = await waits(scene, ANA)
    await scene.app.desk.transfers.take_over(conversation.id, nadia)
    await scene.app.desk.presence.set_status(nadia.id, "offline")
    await scene.settle()
    assert (await ana.conversation()).assignee == Queue("support")


async def test_who_takes_something_over_without_a_desk_has_a_while_to_answer(scene: Scene) -> None:
    await nobody_is_given_anything(scene)
    nadia = await add_user(scene, "Nadia", is_there=False)
    ana, conversation = await waits(scene, ANA)
    await scene.app.desk.transfers.take_over(conversation.id, nadia)
    await scene.passes(61)
    assert (await ana.conversation()).assignee == OperatorRef("nadia")
    await scene.passes(120)
    assert (await ana.conversation()).assignee == Queue("support")


@pytest.mark.parametrize("fields", [{"is_active": False}, {"preferences": UserPreferences(auto_assignment=False)}])
async def test_who_is_switched_off_or_wants_none_is_never_picked(scene: Scene, fields: dict[str, Any]) -> None:
    await add_user(scene, "Nadia", **fields)
    await put_in_queue(scene, "one")
    assert await scene.app.desk.assignment.give_out() == 0
