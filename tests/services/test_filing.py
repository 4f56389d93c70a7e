"""What operators write on a conversation, and the replies that they keep."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.errors import NotFound, RecordError, ServiceError, Taken
from bot.records.audit import AuditAction, AuditEntry
from bot.records.users import Role
from bot.services.typing import LASTS
from bot.testing.llm import Said
from bot.testing.scene import Scene
from tests.scenarios.helpers import ANA
from tests.services.desk_helpers import add_user, nobody_is_given_anything, waits

pytestmark = pytest.mark.unit


async def test_notes_tags_priority_and_category_are_kept_with_who_wrote_them(scene: Scene) -> None:
    await nobody_is_given_anything(scene)
    nadia = await add_user(scene, "Nadia")
    ana, conversation = await waits(scene, ANA)
    filing = scene.app.desk.filing
    await filing.note(conversation.id, nadia, "Has a dog.")
    assert await filing.tag(conversation.id, nadia, " vip ", "vip", "new  line", "") == ["vip", "new line"]
    await filing.set_priority(conversation.id, nadia, "low")
    await filing.set_category(conversation.id, nadia, "billing")
    found = await ana.conversation()
    assert [(note.agent, note.content, note.is_visible) for note in found.internal_notes] == [("nadia", "Has a dog.", False)]
    assert (found.tags, found.priority, found.queue_rank, found.category) == (["vip", "new line"], "low", 3, "billing")
    entries = await scene.app.store.find(AuditEntry, {"performed_by": "user:nadia"})
    assert [entry.action for entry in entries].count(AuditAction.UPDATED) == 3
    assert [entry.action for entry in entries].count(AuditAction.COMMENTED) == 1
    assert "Has a dog." not in str([entry.details for entry in entries])


async def test_what_is_no_word_of_ours_is_refused_with_the_field(scene: Scene) -> None:
    nadia = await add_user(scene, "Nadia")
    _, conversation = await waits(scene, ANA)
    filing = scene.app.desk.filing
    with pytest.raises(RecordError, match=r"Conversation.priority: 'soon' is none of low, medium, high, urgent"):
        await filing.set_priority(conversation.id, nadia, "soon")
    with pytest.raises(RecordError, match="tags"):
        await filing.tag(conversation.id, nadia, "x" * 41)
    with pytest.raises(RecordError, match="write some words"):
        await filing.note(conversation.id, nadia, "\n")
    with pytest.raises(NotFound):
        await filing.note("nothing", nadia, "Hello.")


async def test_a_snoozed_conversation_comes_back_at_its_time_or_when_the_person_writes(scene: Scene) -> None:
    await nobody_is_given_anything(scene)
    nadia = await add_user(scene, "Nadia")
    ana, conversation = await waits(scene, ANA)
    filing = scene.app.desk.filing
    later = scene.clock.now() + timedelta(minutes=1)
    with pytest.raises(ServiceError, match="take it over first"):
        await filing.snooze(conversation.id, nadia, later)
    await scene.app.desk.transfers.take_over(conversation.id, nadia)
    with pytest.raises(RecordError, match="moment to come"):
        await filing.snooze(conversation.id, nadia, scene.clock.now())
    assert (await filing.snooze(conversation.id, nadia, later)).snoozed_until == later
    await scene.passes(61)
    assert (await ana.conversation()).snoozed_until is None
    await filing.snooze(conversation.id, nadia, scene.clock.now() + timedelta(days=1))
    await ana.says("Hello?")
    await ana.hears_nothing()
    assert (await ana.conversation()).snoozed_until is None


async def test_nobody_puts_out_of_sight_what_somebody_else_holds(scene: Scene) -> None:
    await nobody_is_given_anything(scene)
    nadia, omar = await add_user(scene, "Nadia"), await add_user(scene, "Omar")
    chief = await add_user(scene, "Chief", Role.SUPERVISOR)
    ana, conversation = await waits(scene, ANA)
    await scene.app.desk.transfers.take_over(conversation.id, nadia)
    later = scene.clock.now() + timedelta(days=30)
    with pytest.raises(Taken, match="Nadia holds this conversation"):
        await scene.app.desk.filing.snooze(conversation.id, omar, later)
    assert (await ana.conversation()).snoozed_until is None
    assert (await scene.app.desk.filing.snooze(conversation.id, chief, later)).snoozed_until == later


async def test_canned_replies_are_found_by_their_beginning_and_filled_in(scene: Scene) -> None:
    await nobody_is_given_anything(scene)
    nadia = await add_user(scene, "Nadia")
    chief = await add_user(scene, "Chief", Role.SUPERVISOR)
    _, conversation = await waits(scene, ANA)
    canned = scene.app.desk.canned
    await canned.save(chief, "/Hello", "Greeting", "Hello {name}, I am {operator} .", language="en", is_shared=True)
    own = await canned.save(nadia, "hello", "Mine", "Hi {name}!", language="en")
    await canned.save(nadia, "bye", "Goodbye", "Goodbye.", language="en")
    assert [reply.title for reply in await canned.all(nadia, beginning="/he")] == ["Mine"]
    assert [reply.title for reply in await canned.all(chief)] == ["Greeting"]
    (shared,) = await canned.all(chief)
    assert await canned.fill(shared, conversation, nadia) == "Hello Ana, I am Nadia."
    await canned.save(nadia, "hello", "Changed", "Hi!", language="en", id=own.id)
    assert [reply.title for reply in await canned.all(nadia, beginning="hello")] == ["Changed"]
    await canned.delete(own.id, nadia)
    assert [reply.title for reply in await canned.all(nadia, beginning="hello")] == ["Greeting"]


async def test_a_canned_reply_that_cannot_be_is_refused_in_one_line(scene: Scene) -> None:
    nadia, omar = await add_user(scene, "Nadia"), await add_user(scene, "Omar")
    canned = scene.app.desk.canned
    with pytest.raises(RecordError, match=r"there is no blank \{phone\}; there are name, operator, number"):
        await canned.save(nadia, "hello", "A", "Call {phone}")
    with pytest.raises(RecordError, match="shortcut"):
        await canned.save(nadia, "hello there", "A", "Hello")
    with pytest.raises(ServiceError, match="save it as your own"):
        await canned.save(nadia, "hello", "A", "Hello", is_shared=True)
    own = await canned.save(nadia, "hello", "A", "Hello")
    with pytest.raises(ServiceError, match="/hello is taken in es already"):
        await canned.save(nadia, "hello", "B", "Hello")
    with pytest.raises(NotFound):
        await canned.delete(own.id, omar)


async def test_a_sign_of_typing_is_told_live_and_forgotten(scene: Scene) -> None:
    told: list[str] = []
    scene.app.live.listen("lane", lambda: told.append("told"))
    typing = scene.app.desk.typing
    typing.types("lane", "nadia", "Nadia")
    assert typing.who("lane") == {"nadia": "Nadia"}
    await scene.clock.advance(LASTS)
    assert typing.who("lane") == {}
    typing.types("lane", "nadia", "Nadia")
    typing.stops("lane", "nadia")
    typing.stops("lane", "nadia")
    assert typing.who("lane") == {}
    assert len(told) == 3


async def test_what_was_heard_counts_as_unread_until_it_is_opened(scene: Scene) -> None:
    await nobody_is_given_anything(scene)
    ana, conversation = await waits(scene, ANA)
    await ana.says("Hello?")
    await ana.hears_nothing()
    found = await ana.conversation()
    assert (found.unread_count, found.message_count) == (2, 3)
    assert found.last_message is not None
    assert found.last_message.content == "Hello?"
    await scene.app.desk.filing.read(conversation.id)
    assert (await ana.conversation()).unread_count == 0


async def test_a_note_for_the_team_reaches_neither_the_model_nor_the_person(scene: Scene) -> None:
    await nobody_is_given_anything(scene)
    nadia = await add_user(scene, "Nadia")
    ana, conversation = await waits(scene, ANA)
    await scene.app.desk.transfers.take_over(conversation.id, nadia)
    await scene.app.desk.filing.note(conversation.id, nadia, "Secret-of-the-house.")
    await scene.app.desk.transfers.hand_back(conversation.id, nadia)
    scene.model.will(Said("Hello."))
    await ana.says("Hello")
    await ana.hears("Hello.")
    assert "Secret-of-the-house" not in str(scene.model.requests[-1])
