"""Telephone calls and their records."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

from bot.message import Reply
from bot.records.calls import CALL_MOVES, TWILIO_STATUSES, Call, CallDirection, CallStatus
from bot.records.conversations import Conversation, ConversationKind, Message
from bot.records.work import Author
from bot.services.phone_calls import PhoneCall
from bot.store.base import Unit
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


async def test_a_call_lasts_the_whole_seconds_between_its_beginning_and_its_end(scene: Scene) -> None:
    calls, id_ = scene.app.phone_calls, (await begun(scene)).call.id
    await calls.move(id_, CallStatus.IN_PROGRESS, at=datetime(2026, 1, 15, 10, 2, 15, tzinfo=UTC))
    await calls.move(id_, CallStatus.COMPLETED, at=datetime(2026, 1, 15, 10, 47, 30, tzinfo=UTC))
    call = await scene.app.store.get(Call, id_)
    assert call is not None
    assert call.duration == 2715


def test_every_word_of_twilios_is_one_status_of_ours() -> None:
    told = {"queued", "initiated", "ringing", "in-progress", "completed", "busy", "failed", "no-answer", "canceled"}
    assert set(TWILIO_STATUSES) == told
    ended = {"completed", "busy", "failed", "no-answer", "canceled"}
    assert {word for word, status in TWILIO_STATUSES.items() if not CALL_MOVES[status]} == ended


@pytest.mark.parametrize("seed", range(20))
async def test_a_status_only_moves_forward_however_late_and_often_it_is_told(scene: Scene, seed: int) -> None:
    told = [*TWILIO_STATUSES, *TWILIO_STATUSES]
    random.Random(seed).shuffle(told)
    calls, id_ = scene.app.phone_calls, (await begun(scene)).call.id
    before = CallStatus.RINGING
    for word in told:
        moved = await calls.move(id_, TWILIO_STATUSES[word], provider_status=word)
        call = await scene.app.store.get(Call, id_)
        assert call is not None
        assert call.status is (TWILIO_STATUSES[word] if moved else before)
        assert not moved or call.status in CALL_MOVES[before]
        before = call.status
    assert not CALL_MOVES[before]


async def test_what_was_heard_of_an_answer_is_all_that_stands_there(scene: Scene) -> None:
    first = await begun(scene)
    unit = Unit()
    [said] = scene.app.outbox.add(unit, first.conversation, [Reply("We have three plans.")], Author.AI, spoken=True)
    await scene.app.store.commit(unit)
    await scene.app.phone_calls.spoke(said.id, start=1.7, end=2.9, heard="We have")
    message = await scene.app.store.get(Message, said.id)
    assert message is not None
    assert (message.content, message.interrupted, message.start_time, message.end_time) == ("We have", True, 1, 2)
