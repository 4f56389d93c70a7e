"""Taking over, passing on, giving back: one holder at any moment, every change on record, the loser told by whom."""

from __future__ import annotations

import asyncio

import pytest

from bot.conversation import AgentRef, OperatorRef, Queue
from bot.errors import MoveRefused, ServiceError, Taken
from bot.records.audit import AuditAction, AuditEntry
from bot.records.handoffs import Cause
from bot.records.users import Role
from bot.testing.llm import Said
from bot.testing.scene import Scene
from tests.scenarios.helpers import ANA, BO
from tests.services.desk_helpers import add_user, again, nobody_is_given_anything, waits

pytestmark = pytest.mark.unit


async def test_the_first_of_two_who_take_over_has_it_and_the_second_is_told_by_whom(scene: Scene) -> None:
    await nobody_is_given_anything(scene)
    nadia, omar = await add_user(scene, "Nadia"), await add_user(scene, "Omar")
    _, conversation = await waits(scene, ANA)
    transfers = scene.app.desk.transfers
    both = await asyncio.gather(
        transfers.take_over(conversation.id, nadia), transfers.take_over(conversation.id, omar), return_exceptions=True
    )
    (lost,) = [one for one in both if isinstance(one, BaseException)]
    assert isinstance(lost, Taken)
    winner = await transfers.get(conversation.id)
    assert winner.assignee == OperatorRef(lost.holder)
    assert str(lost) == f"{lost.name} holds this conversation since 10:00 UTC"
    assert lost.name in ("Nadia", "Omar")


async def test_taking_over_what_is_ones_own_changes_nothing(scene: Scene) -> None:
    await nobody_is_given_anything(scene)
    nadia = await add_user(scene, "Nadia")
    _, conversation = await waits(scene, ANA)
    first = await scene.app.desk.transfers.take_over(conversation.id, nadia)
    assert (await scene.app.desk.transfers.take_over(conversation.id, nadia)).epoch == first.epoch
    assert (await again(scene, nadia)).statistics.current_active_conversations == 1


async def test_every_change_of_hands_is_on_record_with_its_cause(scene: Scene) -> None:
    await nobody_is_given_anything(scene)
    nadia, omar = await add_user(scene, "Nadia"), await add_user(scene, "Omar")
    chief = await add_user(scene, "Chief", Role.SUPERVISOR)
    _, conversation = await waits(scene, ANA)
    transfers = scene.app.desk.transfers
    await scene.passes(60)
    await transfers.take_over(conversation.id, nadia)
    await transfers.transfer(conversation.id, nadia, to_user="omar", note="it is about bills")
    await transfers.pull(conversation.id, chief)
    await transfers.assign(conversation.id, chief, "nadia")
    await transfers.transfer(conversation.id, nadia, skill="sales")
    await transfers.hand_back(conversation.id, omar, note="solved")
    told = [(one.cause, one.by, one.to_name) for one in (await transfers.history(conversation.id))[::-1]]
    assert told == [
        (Cause.SENTIMENT, "system", "support"),
        (Cause.OPERATOR_TOOK_OVER, "user:nadia", "nadia"),
        (Cause.TRANSFERRED, "user:nadia", "omar"),
        (Cause.PULLED, "user:chief", "chief"),
        (Cause.ASSIGNED, "user:chief", "nadia"),
        (Cause.TRANSFERRED, "user:nadia", "sales"),
        (Cause.HANDED_BACK, "user:omar", "support"),
    ]
    waited = [one.waited_ms for one in (await transfers.history(conversation.id))[::-1]]
    assert waited[1] is not None
    assert 60_000 <= waited[1] < 70_000
    assert waited[2] is None
    actions = await scene.app.store.find(AuditEntry, {"entity_id": conversation.id}, sort=("timestamp",))
    assert [one.action for one in actions].count(AuditAction.TRANSFERRED) == 2


async def test_only_who_holds_it_or_may_assign_gives_it_away(scene: Scene) -> None:
    await nobody_is_given_anything(scene)
    nadia, omar = await add_user(scene, "Nadia"), await add_user(scene, "Omar")
    _, conversation = await waits(scene, ANA)
    transfers = scene.app.desk.transfers
    await transfers.take_over(conversation.id, nadia)
    with pytest.raises(Taken, match="Nadia holds this conversation"):
        await transfers.hand_back(conversation.id, omar)
    with pytest.raises(ServiceError, match="assign:conversations"):
        await transfers.pull(conversation.id, omar)
    await add_user(scene, "Away", is_there=False)
    with pytest.raises(ServiceError, match="Away is offline; choose another operator or a queue"):
        await transfers.transfer(conversation.id, nadia, to_user="away")


@pytest.mark.parametrize("role", [Role.VIEWER, Role.USER, Role.SALES_HEAD])
async def test_nothing_is_given_to_somebody_who_may_not_write(scene: Scene, role: Role) -> None:
    await nobody_is_given_anything(scene)
    nadia, chief = await add_user(scene, "Nadia"), await add_user(scene, "Chief", Role.SUPERVISOR)
    looks = await add_user(scene, "Looks", role)
    _, conversation = await waits(scene, ANA)
    transfers = scene.app.desk.transfers
    with pytest.raises(ServiceError, match="Looks may not write to people"):
        await transfers.assign(conversation.id, chief, looks.id)
    with pytest.raises(ServiceError, match="Looks may not write to people"):
        await transfers.transfer(conversation.id, nadia, to_user=looks.id)
    assert (await transfers.get(conversation.id)).assignee == conversation.assignee


async def test_a_closed_conversation_is_not_taken_over(scene: Scene) -> None:
    await nobody_is_given_anything(scene)
    nadia = await add_user(scene, "Nadia")
    _, conversation = await waits(scene, ANA)
    await scene.app.desk.closing.close(conversation.id, nadia, "spam")
    assert (await scene.app.desk.transfers.get(conversation.id)).closed_at is not None
    with pytest.raises(MoveRefused):
        await scene.app.desk.transfers.take_over(conversation.id, nadia)


async def test_after_it_was_given_back_the_ai_knows_what_was_said_and_the_old_anger_is_settled(scene: Scene) -> None:
    await nobody_is_given_anything(scene)
    nadia = await add_user(scene, "Nadia")
    ana, conversation = await waits(scene, ANA)
    await scene.app.desk.transfers.take_over(conversation.id, nadia)
    await scene.app.desk.replies.say(conversation.id, nadia, "I have sent you a new router.", client_id="1")
    await ana.hears("new router")
    await scene.app.desk.transfers.hand_back(conversation.id, nadia, note="waits for a router")
    assert (await ana.conversation()).assignee == AgentRef("support")
    scene.model.will(Said("It is on its way."))
    await ana.says("When will it come?")
    await ana.hears("on its way")
    request = scene.model.requests[-1]
    assert "A colleague of the team wrote:) I have sent you a new router." in str(request.messages)
    assert "given the conversation back to you" in str(request.messages[0])
    assert "waits for a router" in str(request.messages[0])
    assert (await ana.conversation()).assignee == AgentRef("support")
    await ana.says("This is unacceptable, again!")
    await ana.hears("passing you to a person")
    assert (await ana.conversation()).assignee == Queue("support")


async def test_what_was_written_before_it_was_given_back_is_not_judged_again(scene: Scene) -> None:
    await nobody_is_given_anything(scene)
    nadia = await add_user(scene, "Nadia")
    bo, conversation = await waits(scene, BO)
    await scene.app.desk.transfers.take_over(conversation.id, nadia)
    await bo.says("This is a joke")  # waits for the burst to end while it is given back
    await scene.app.desk.transfers.hand_back(conversation.id, nadia)
    scene.model.will(Said("How can I help?"))
    await bo.hears("How can I help?")
    assert (await bo.conversation()).assignee == AgentRef("support")
