"""After the talk: resolved with notes, asked how it was, opened again or begun anew."""

from __future__ import annotations

import pytest

from bot.conversation import ConversationStatus, OperatorRef
from bot.errors import MoveRefused, RecordError, Taken
from bot.message import Choice
from bot.records.audit import AuditAction, AuditEntry
from bot.records.users import User
from bot.testing.scene import Scene, ScenePerson
from tests.scenarios.helpers import ANA, set_setting
from tests.services.desk_helpers import add_user, again, nobody_is_given_anything, waits

pytestmark = pytest.mark.unit


async def resolved(scene: Scene, name: str = "Nadia") -> tuple[ScenePerson, User]:
    """Somebody whose matter an operator has settled, and who was asked how it was."""
    await nobody_is_given_anything(scene)
    user = await add_user(scene, name)
    person, conversation = await waits(scene, ANA)
    await scene.app.desk.transfers.take_over(conversation.id, user)
    await scene.app.desk.closing.resolve(conversation.id, user, "sent a new router")
    await person.hears("How well did we help you?")
    return person, user


async def test_a_resolved_conversation_says_how_by_whom_and_when(scene: Scene) -> None:
    ana, nadia = await resolved(scene)
    found = await ana.conversation()
    assert (found.status, found.resolved_by, found.resolution_notes) == ("resolved", nadia.id, "sent a new router")
    assert found.resolved_at is not None
    own = (await again(scene, nadia)).statistics
    assert (own.current_active_conversations, own.resolved_conversations) == (0, 1)
    entries = await scene.app.store.find(AuditEntry, {"entity_id": found.id})
    assert AuditAction.RESOLVED in {entry.action for entry in entries}


@pytest.mark.parametrize(
    ("answer", "rating", "comment"),
    [("5", 5, ""), ("4/5", 4, ""), ("⭐⭐⭐", 3, ""), ("2, it took too long", 2, "it took too long"), ("1!", 1, "")],
)
async def test_what_they_answer_is_their_rating_and_opens_nothing_again(
    scene: Scene, answer: str, rating: int, comment: str
) -> None:
    ana, _ = await resolved(scene)
    await ana.says(answer)
    await ana.hears("Thank you for your rating")
    found = await ana.conversation()
    assert found.customer_satisfaction is not None
    assert (found.customer_satisfaction.rating, found.customer_satisfaction.comment or "") == (rating, comment)
    assert (found.status, found.waiting_since) == (ConversationStatus.RESOLVED, None)
    assert (await ana.customer()).statistics.satisfaction_score == rating


async def test_a_tapped_rating_counts_and_a_second_one_takes_its_place(scene: Scene) -> None:
    ana, _ = await resolved(scene)
    await ana.taps("⭐⭐⭐")
    await ana.hears("Thank you")
    await ana.taps("⭐⭐⭐⭐⭐")
    await ana.hears("Thank you")
    assert (await ana.customer()).statistics.satisfaction_score == 5


async def test_whatever_else_they_write_opens_it_again_with_who_had_it(scene: Scene) -> None:
    ana, nadia = await resolved(scene)
    await ana.says("It is still broken, 5 hours now")
    await ana.hears_nothing()
    found = await ana.conversation()
    assert (found.status, found.assignee, found.customer_satisfaction) == ("assigned", OperatorRef(nadia.id), None)
    assert found.waiting_since is not None
    assert (await again(scene, nadia)).statistics.current_active_conversations == 1


async def test_a_button_that_is_none_of_the_question_rates_nothing(scene: Scene) -> None:
    ana, _ = await resolved(scene)
    conversation = await ana.conversation()
    await ana.sends(Choice(f"csat:{conversation.id}:9", "9"))
    await ana.hears_nothing()
    assert (await ana.conversation()).customer_satisfaction is None


async def test_nobody_is_asked_where_it_is_switched_off_or_nothing_may_be_sent(scene: Scene) -> None:
    await nobody_is_given_anything(scene)
    await set_setting(scene, "csat_enabled", False)
    nadia = await add_user(scene, "Nadia")
    ana, conversation = await waits(scene, ANA)
    await scene.app.desk.closing.resolve(conversation.id, nadia, "solved")
    await ana.hears_nothing()
    await ana.says("5")
    await ana.hears_nothing()
    assert (await ana.conversation()).status is ConversationStatus.WAITING


async def test_notes_are_required_and_another_operators_is_not_resolved(scene: Scene) -> None:
    await nobody_is_given_anything(scene)
    nadia, omar = await add_user(scene, "Nadia"), await add_user(scene, "Omar")
    _, conversation = await waits(scene, ANA)
    await scene.app.desk.transfers.take_over(conversation.id, nadia)
    with pytest.raises(RecordError, match="resolutionNotes: is required"):
        await scene.app.desk.closing.resolve(conversation.id, nadia, " ")
    with pytest.raises(Taken, match="Nadia holds"):
        await scene.app.desk.closing.resolve(conversation.id, omar, "mine")


async def test_resolving_what_was_just_resolved_is_refused(scene: Scene) -> None:
    ana, nadia = await resolved(scene)
    with pytest.raises(MoveRefused, match="cannot go from resolved to resolved"):
        await scene.app.desk.closing.resolve((await ana.conversation()).id, nadia, "again")


async def test_a_resolved_one_is_opened_again_by_an_operator(scene: Scene) -> None:
    ana, _ = await resolved(scene)
    omar = await add_user(scene, "Omar")
    reopened = await scene.app.desk.closing.reopen((await ana.conversation()).id, omar)
    assert (reopened.status, reopened.assignee) == ("assigned", OperatorRef("omar"))
