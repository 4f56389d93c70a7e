"""Telephone calls and their records."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.records.calls import Call, CallDirection, CallStatus
from bot.records.conversations import Conversation, ConversationKind
from bot.services.phone_calls import PhoneCall
from bot.testing.scene import Scene

pytestmark = pytest.mark.scenario

OURS, THEIRS, SID = "+12025550100", "+12025550123", "CA00000000000000000000000000000001"


async def begun(scene: Scene, sid: str = SID, theirs: str = THEIRS) -> PhoneCall:
    calls = scene.app.phone_calls
    return await calls.begin(sid, ours=OURS, theirs=theirs, direction=CallDirection.INBOUND, agent="support")


async def test_a_call_is_begun_once_however_often_its_webhook_comes(scene: Scene) -> None:
    first, second = await begun(scene), await begun(scene)
    assert (first.call.id, first.conversation.id) == (second.call.id, second.conversation.id)
    assert first.conversation.kind is ConversationKind.CALL
    assert first.conversation.call_id == first.call.id
    assert second.call.conversation_id == first.conversation.id


async def test_two_calls_from_one_number_are_one_person_and_two_conversations(scene: Scene) -> None:
    first, second = await begun(scene), await begun(scene, "CA00000000000000000000000000000002")
    assert first.customer.id == second.customer.id
    assert first.conversation.id != second.conversation.id
    assert await scene.app.store.count(Conversation, {"customer_id": first.customer.id}) == 2


async def test_two_callers_who_withhold_their_number_are_two_people(scene: Scene) -> None:
    first, second = await begun(scene, theirs=""), await begun(scene, "CA00000000000000000000000000000002", theirs="")
    assert first.customer.id != second.customer.id
    assert first.customer.phone_number is None


async def test_a_call_moves_only_forward_and_lasts_whole_seconds(scene: Scene) -> None:
    calls, id_ = scene.app.phone_calls, (await begun(scene)).call.id
    assert await calls.move(id_, CallStatus.IN_PROGRESS)
    assert not await calls.move(id_, CallStatus.RINGING)
    await scene.passes(65.9)
    assert await calls.move(id_, CallStatus.COMPLETED, provider_status="completed")
    assert not await calls.move(id_, CallStatus.FAILED)
    call = await scene.app.store.get(Call, id_)
    assert call is not None
    assert (call.status, call.duration) == (CallStatus.COMPLETED, 65)
    assert call.started_at is not None
    assert call.ended_at == call.started_at + timedelta(seconds=65.9)
