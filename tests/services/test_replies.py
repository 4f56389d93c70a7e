"""What operators write is sent once, by who holds the conversation, where policy allows it."""

from __future__ import annotations

import asyncio

import pytest

from bot.errors import RecordError, ServiceError, Taken
from bot.records.conversations import Message, MessageSender
from bot.records.media import MediaState
from bot.testing.scene import Scene
from tests.scenarios.helpers import ANA
from tests.services.desk_helpers import add_user, again, nobody_is_given_anything, waits
from tests.services.media_samples import PNG, pieces

pytestmark = pytest.mark.unit


async def test_a_double_click_sends_once(scene: Scene) -> None:
    await nobody_is_given_anything(scene)
    nadia = await add_user(scene, "Nadia")
    ana, conversation = await waits(scene, ANA)
    await scene.app.desk.transfers.take_over(conversation.id, nadia)
    said = await asyncio.gather(
        *(scene.app.desk.replies.say(conversation.id, nadia, "Hello Ana.", client_id="click") for _ in range(3))
    )
    assert len({message.id for message in said}) == 1
    await ana.hears("Hello Ana.")
    await ana.hears_nothing()


async def test_only_who_holds_it_writes(scene: Scene) -> None:
    await nobody_is_given_anything(scene)
    nadia, omar = await add_user(scene, "Nadia"), await add_user(scene, "Omar")
    _, conversation = await waits(scene, ANA)
    say = scene.app.desk.replies.say
    with pytest.raises(ServiceError, match="take it over first"):
        await say(conversation.id, nadia, "Hello.", client_id="1")
    await scene.app.desk.transfers.take_over(conversation.id, nadia)
    with pytest.raises(Taken, match="Nadia holds"):
        await say(conversation.id, omar, "Hello.", client_id="1")
    with pytest.raises(RecordError, match="16,000"):
        await say(conversation.id, nadia, "x" * 1_000_000, client_id="1")
    with pytest.raises(RecordError, match="write some words"):
        await say(conversation.id, nadia, " ", client_id="1")


async def test_after_24_hours_of_silence_whatsapp_takes_no_words_of_ours_and_the_operator_is_told(scene: Scene) -> None:
    await nobody_is_given_anything(scene)
    nadia = await add_user(scene, "Nadia")
    ana, conversation = await waits(scene, ANA)
    await scene.app.desk.transfers.take_over(conversation.id, nadia)
    await scene.clock.advance(24 * 3600)
    with pytest.raises(ServiceError, match="24 hours since their last message are over"):
        await scene.app.desk.replies.say(conversation.id, nadia, "Are you there?", client_id="1")
    customer = await ana.customer()
    with pytest.raises(ServiceError, match="24 hours"):
        await scene.app.desk.replies.begin(customer.id, nadia, "Are you there?", client_id="2")


async def test_where_a_channel_carries_no_files_the_operator_is_told_and_nothing_is_sent(scene: Scene) -> None:
    await nobody_is_given_anything(scene)
    nadia = await add_user(scene, "Nadia")
    ana, conversation = await waits(scene, ANA)
    await scene.app.desk.transfers.take_over(conversation.id, nadia)
    file = await scene.app.media.receive(pieces(PNG), "a.png", by="user:nadia")
    with pytest.raises(ServiceError, match="files cannot be sent on whatsapp yet; say it in words"):
        await scene.app.desk.replies.say(conversation.id, nadia, "Look.", client_id="1", attachments=[file.id])
    await ana.hears_nothing()
    assert (await scene.app.media.get(file.id)).state is MediaState.LOOSE
    await scene.app.desk.replies.say(conversation.id, nadia, "In words, then.", client_id="1")
    await ana.hears("In words, then.")


async def test_a_talk_that_we_begin_goes_on_in_the_persons_conversation(scene: Scene) -> None:
    await nobody_is_given_anything(scene)
    nadia = await add_user(scene, "Nadia")
    ana, conversation = await waits(scene, ANA)
    customer = await ana.customer()
    await scene.app.desk.closing.close(conversation.id, nadia)
    await scene.app.desk.replies.begin(customer.id, nadia, "One more thing.", client_id="1")
    await scene.app.desk.replies.begin(customer.id, nadia, "One more thing.", client_id="1")
    await ana.hears("One more thing.")
    await ana.hears_nothing()
    assert (await ana.conversation()).id != conversation.id
    await ana.says("STOP")
    await ana.hears("not message you any more")
    with pytest.raises(ServiceError, match="asked not to be written to"):
        await scene.app.desk.replies.begin(customer.id, nadia, "Please!", client_id="2")


async def test_an_answer_counts_how_long_it_was_waited_for(scene: Scene) -> None:
    await nobody_is_given_anything(scene)
    nadia = await add_user(scene, "Nadia")
    ana, conversation = await waits(scene, ANA)
    await scene.app.desk.transfers.take_over(conversation.id, nadia)
    await scene.clock.advance(60)
    await scene.app.desk.replies.say(conversation.id, nadia, "Hello.", client_id="1")
    await scene.app.desk.replies.say(conversation.id, nadia, "How can I help?", client_id="2")
    found = await ana.conversation()
    assert found.first_response_time == pytest.approx(1, abs=0.2)
    assert (found.responses, found.waiting_since, found.unread_count) == (1, None, 0)
    assert (await again(scene, nadia)).statistics.average_response_time == found.average_response_time
    said = await scene.app.store.find(Message, {"agent_id": "nadia"}, sort=("timestamp",))
    assert [message.waited_ms is not None for message in said] == [True, False]
    assert {message.sender for message in said} == {MessageSender.AGENT}


async def test_after_a_stop_the_operator_answers_only_what_is_asked_later(scene: Scene) -> None:
    await nobody_is_given_anything(scene)
    nadia = await add_user(scene, "Nadia")
    ana, conversation = await waits(scene, ANA)
    await scene.app.desk.transfers.take_over(conversation.id, nadia)
    await ana.says("STOP")
    await ana.hears("not message you any more")
    with pytest.raises(ServiceError, match="asked not to be written to"):
        await scene.app.desk.replies.say(conversation.id, nadia, "But wait!", client_id="1")
    await ana.says("One question: is my router on its way?")
    await ana.hears_nothing()
    await scene.app.desk.replies.say(conversation.id, nadia, "Yes.", client_id="2")
    await ana.hears("Yes.")
