"""Calls put through to people of ours, hung up from the desk, and what the caller is told when nobody comes."""

from __future__ import annotations

import pytest

from bot.conversation import AgentRef, OperatorRef, Queue
from bot.errors import NotFound, RecordError, ServiceError, Taken
from bot.records.calls import Call, CallDirection, CallStatus, NextKind, NextStep
from bot.records.conversations import Conversation, Message, MessageSender, MessageStatus
from bot.records.users import Role, User
from bot.services.callbacks import CALLBACK_FLOW, OFFERED
from bot.services.phone_calls import PhoneCall
from bot.services.telephones import read_number, read_sip, telephone_of
from bot.store.base import Unit
from bot.testing.scene import Scene
from tests.services.desk_helpers import add_user, nobody_is_given_anything, open_hours, waits

pytestmark = pytest.mark.scenario

OURS, THEIRS, SID = "+12025550100", "+12025550123", "CA00000000000000000000000000000001"


async def on_the_line(scene: Scene, sid: str = SID) -> PhoneCall:
    calls = scene.app.phone_calls
    begun = await calls.begin(sid, ours=OURS, theirs=THEIRS, direction=CallDirection.INBOUND, agent="support", language="en")
    await calls.move(begun.call.id, CallStatus.IN_PROGRESS)
    return begun


async def now(scene: Scene, begun: PhoneCall) -> tuple[Conversation, Call]:
    conversation, call = (
        await scene.app.store.get(Conversation, begun.conversation.id),
        await scene.app.store.get(Call, begun.call.id),
    )
    assert conversation is not None
    assert call is not None
    return conversation, call


async def enters_the_queue(scene: Scene, begun: PhoneCall) -> None:
    unit = Unit()
    scene.app.conversations.assign(unit, begun.conversation, Queue("support"), by="agent:support", reason="asked for one")
    await scene.app.store.commit(unit)


async def said(scene: Scene, begun: PhoneCall) -> list[Message]:
    found = await scene.app.store.find(Message, {"conversation_id": begun.conversation.id}, sort=("timestamp",))
    return [message for message in found if message.sender is MessageSender.SYSTEM]


async def test_a_call_is_put_through_to_who_took_it_and_the_record_says_where(scene: Scene) -> None:
    begun, ana = await on_the_line(scene), await add_user(scene, "Ana", phone="+12025550177")
    await scene.app.transfer_calls.connect(begun.conversation.id, ana)
    conversation, call = await now(scene, begun)
    assert conversation.assignee == OperatorRef("ana")
    assert call.next_step == NextStep(kind=NextKind.TRANSFER, to="+12025550177")


async def test_sip_goes_before_the_number_and_a_colleague_gets_the_conversation(scene: Scene) -> None:
    begun, ana = await on_the_line(scene), await add_user(scene, "Ana")
    await add_user(scene, "Tom", phone="+12025550178", sip="sip:tom@pbx.example.com")
    await scene.app.transfer_calls.connect(begun.conversation.id, ana, to_user="tom")
    conversation, call = await now(scene, begun)
    assert conversation.assignee == OperatorRef("tom")
    assert call.next_step is not None
    assert call.next_step.to == "sip:tom@pbx.example.com"


async def test_without_a_telephone_nothing_changes_hands_and_the_reason_is_told(scene: Scene) -> None:
    begun, ana = await on_the_line(scene), await add_user(scene, "Ana")
    with pytest.raises(ServiceError, match="Ana has no telephone to be put through to; it is set on /account"):
        await scene.app.transfer_calls.connect(begun.conversation.id, ana)
    assert (await now(scene, begun))[0].assignee == AgentRef("support")
    with pytest.raises(ServiceError, match="no active user nobody"):
        await scene.app.transfer_calls.connect(begun.conversation.id, ana, to_user="nobody")


async def test_only_a_call_that_is_under_way_is_put_through_or_hung_up(scene: Scene) -> None:
    calls, ana = scene.app.phone_calls, await add_user(scene, "Ana", phone="+12025550177")
    ringing = await calls.begin(SID, ours=OURS, theirs=THEIRS, direction=CallDirection.INBOUND, agent="support")
    with pytest.raises(ServiceError, match="nobody has answered this call yet"):
        await scene.app.transfer_calls.hang_up(ringing.conversation.id, ana)
    await calls.move(ringing.call.id, CallStatus.NO_ANSWER)
    with pytest.raises(ServiceError, match="this call is over"):
        await scene.app.transfer_calls.connect(ringing.conversation.id, ana)
    _, written = await waits(scene, "12025550199")
    with pytest.raises(ServiceError, match="this conversation is no call"):
        await scene.app.transfer_calls.hang_up(written.id, ana)


async def test_another_operators_call_is_hung_up_by_them_or_a_supervisor_alone(scene: Scene) -> None:
    begun, ana, tom = await on_the_line(scene), await add_user(scene, "Ana"), await add_user(scene, "Tom")
    boss = await add_user(scene, "Eva", Role.SUPERVISOR)
    await scene.app.desk.transfers.take_over(begun.conversation.id, ana)
    with pytest.raises(Taken, match="Ana holds this conversation"):
        await scene.app.transfer_calls.hang_up(begun.conversation.id, tom)
    await scene.app.transfer_calls.hang_up(begun.conversation.id, boss)
    assert (await now(scene, begun))[1].next_step == NextStep(kind=NextKind.HANG_UP)


async def test_where_nobody_answers_the_ai_goes_on_and_offers_to_call_back_once(scene: Scene) -> None:
    begun, ana = await on_the_line(scene), await add_user(scene, "Ana", phone="+12025550177")
    await scene.app.transfer_calls.connect(begun.conversation.id, ana)
    assert await scene.app.transfer_calls.unanswered(begun.call.id)
    assert await scene.app.transfer_calls.unanswered(begun.call.id)
    conversation, call = await now(scene, begun)
    assert (conversation.assignee, call.next_step) == (AgentRef("support"), None)
    [sorry] = await said(scene, begun)
    assert (sorry.content, sorry.status) == ("I am sorry, nobody answered just now. Shall we call you back?", MessageStatus.SENT)
    assert conversation.flow is not None
    assert (conversation.flow.name, conversation.flow.step) == (CALLBACK_FLOW, OFFERED)  # a plain "yes" books it


async def test_an_unanswered_transfer_of_a_call_that_is_over_says_nothing(scene: Scene) -> None:
    begun = await on_the_line(scene)
    await scene.app.phone_calls.move(begun.call.id, CallStatus.COMPLETED)
    assert not await scene.app.transfer_calls.unanswered(begun.call.id)
    assert await said(scene, begun) == []
    with pytest.raises(NotFound):
        await scene.app.transfer_calls.unanswered("nothing")


async def test_who_waits_on_the_telephone_while_nobody_is_there_is_offered_a_call_at_once(scene: Scene) -> None:
    begun = await on_the_line(scene)
    await enters_the_queue(scene, begun)
    await scene.passes(8)
    assert (await now(scene, begun))[0].assignee == AgentRef("support")
    assert [message.content for message in await said(scene, begun)][-1].startswith("I am sorry, nobody of our team is free")


async def test_while_somebody_is_there_it_waits_a_minute_for_them(scene: Scene) -> None:
    await open_hours(scene)
    await nobody_is_given_anything(scene)
    begun, ana = await on_the_line(scene), await add_user(scene, "Ana")
    await enters_the_queue(scene, begun)
    await scene.passes(10)
    assert (await now(scene, begun))[0].assignee == Queue("support")
    await scene.app.store.change(User, {"id": ana.id}, set={"last_seen_at": scene.clock.now()})
    await scene.passes(60)
    assert (await now(scene, begun))[0].assignee == AgentRef("support")


async def test_whoever_takes_the_call_meanwhile_has_it(scene: Scene) -> None:
    await nobody_is_given_anything(scene)
    begun, ana = await on_the_line(scene), await add_user(scene, "Ana")
    await enters_the_queue(scene, begun)
    await scene.app.desk.transfers.take_over(begun.conversation.id, ana)
    await scene.passes(100)
    assert (await now(scene, begun))[0].assignee == OperatorRef("ana")
    assert await said(scene, begun) == []


def test_a_telephone_is_a_number_that_can_be_dialled_or_an_address_of_sip() -> None:
    assert read_number(" +1 (202) 555-0177 ") == "+12025550177"
    assert (read_number(""), read_sip(" ")) == (None, None)
    assert read_sip("sip:ana@pbx.example.com:5061") == "sip:ana@pbx.example.com:5061"
    for typed in ("12", "+999", "hello"):
        with pytest.raises(RecordError, match=r"^User\.phone: must be"):
            read_number(typed)
    for typed in ("ana@pbx.example.com", "sip:ana", "sip:a b@c", "sip:ana@pbx.example.com>"):
        with pytest.raises(RecordError, match=r"^User\.sip: must be an address of SIP"):
            read_sip(typed)
    assert telephone_of(User(id="1", email="a@example.com", phone="555 0177")) == ""


async def test_who_waits_on_the_telephone_is_put_through_to_who_has_one_and_is_not_on_it(scene: Scene) -> None:
    await open_hours(scene)
    await add_user(scene, "Ana")
    await add_user(scene, "Tom", phone="+12025550177")
    first, second = await on_the_line(scene), await on_the_line(scene, SID.replace("1", "2"))
    await enters_the_queue(scene, first)
    await scene.passes(1)
    conversation, call = await now(scene, first)
    assert (conversation.assignee, call.next_step) == (
        OperatorRef("tom"),
        NextStep(kind=NextKind.TRANSFER, to="+12025550177"),
    )
    await enters_the_queue(scene, second)
    await scene.passes(1)
    conversation, call = await now(scene, second)
    assert (conversation.assignee, call.next_step) == (Queue("support"), None)


async def test_while_somebody_is_at_a_desk_who_waits_on_the_line_hears_how_it_stands(scene: Scene) -> None:
    await open_hours(scene)
    await add_user(scene, "Ana")
    begun = await on_the_line(scene)
    await enters_the_queue(scene, begun)
    await scene.passes(4)
    assert [message.content for message in await said(scene, begun)] == ["You are next. Please stay on the line."]
