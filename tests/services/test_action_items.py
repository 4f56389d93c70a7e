"""What is to be done after a call, accepted or declined by a person of ours."""

from __future__ import annotations

from datetime import timedelta

import orjson
import pytest

from bot.errors import MoveRefused, NotFound, RecordError, ServiceError
from bot.records.calls import ActionItem, ActionItemStatus, Callback
from bot.records.tickets import Ticket
from bot.testing.llm import Said
from bot.testing.scene import Scene
from tests.scenarios.helpers import set_setting
from tests.services.call_helpers import Talk, talk
from tests.services.test_call_filing import FORM

pytestmark = pytest.mark.scenario

BY = "user:boss"


async def filed(scene: Scene, *items: dict[str, object], theirs: str = "+12025550123") -> Talk:
    """A call after which this is to be done, once somebody of ours wants it."""
    await set_setting(scene, "call_action_items", "person")
    talking = await talk(scene, theirs=theirs)
    scene.model.will(Said("Of course."))
    await talking.says("Send me the contract and call me. Bye.")
    scene.model.will(Said(orjson.dumps(FORM | {"action_items": list(items)}).decode()))
    await talking.is_over()
    return talking


async def items_of(talking: Talk) -> list[ActionItem]:
    summary = (await talking.call()).ai_summary
    assert summary is not None
    return summary.action_items


async def test_nothing_is_made_before_somebody_accepts_it(scene: Scene) -> None:
    talking = await filed(scene, {"kind": "ticket", "description": "Send the contract"})
    [item] = await items_of(talking)
    assert (item.status, item.became) == (ActionItemStatus.PENDING, None)
    assert await scene.app.store.count(Ticket, {"conversation_id": talking.conversation_id}) == 0


async def test_an_accepted_item_is_a_ticket_for_its_assignee_with_its_priority_and_due_date(scene: Scene) -> None:
    due = scene.clock.now() + timedelta(days=3)
    talking = await filed(
        scene, {"kind": "ticket", "description": "Send the contract", "priority": "high", "due": due.isoformat()}
    )
    [item] = await items_of(talking)
    accepted = await scene.app.after_call.items.accept(talking.call_id, item.id or "", by=BY, assignee_id="op-1")
    [ticket] = await scene.app.store.find(Ticket, {"conversation_id": talking.conversation_id})
    assert (ticket.subject, ticket.priority, ticket.assigned_agent) == ("Send the contract", "high", "op-1")
    assert f"Due: {due:%Y-%m-%d %H:%M} UTC" in ticket.description
    assert (accepted.became, accepted.decided_by, accepted.status) == (ticket.id, BY, ActionItemStatus.COMPLETED)
    assert await items_of(talking) == [accepted]


async def test_an_accepted_callback_is_booked_at_the_time_that_somebody_gives(scene: Scene) -> None:
    talking = await filed(scene, {"kind": "callback", "description": "About the contract"})
    [item] = await items_of(talking)
    items, id_ = scene.app.after_call.items, item.id or ""
    with pytest.raises(RecordError, match="needs a time"):
        await items.accept(talking.call_id, id_, by=BY)
    due = scene.clock.now() + timedelta(days=1)
    await items.accept(talking.call_id, id_, by=BY, due=due)
    [callback] = await scene.app.store.find(Callback, {"customer_id": (await talking.call()).customer_id})
    assert (callback.requested_time, callback.notes) == (due, "About the contract")


async def test_what_was_decided_stays_so(scene: Scene) -> None:
    talking = await filed(scene, {"kind": "ticket", "description": "Send the contract"})
    [item] = await items_of(talking)
    items, id_ = scene.app.after_call.items, item.id or ""
    declined = await items.decline(talking.call_id, id_, by=BY)
    assert declined.status is ActionItemStatus.CANCELLED
    with pytest.raises(MoveRefused, match="cancelled already"):
        await items.accept(talking.call_id, id_, by=BY)
    with pytest.raises(NotFound):
        await items.decline(talking.call_id, "nothing", by=BY)
    with pytest.raises(NotFound):
        await items.decline("nobody", id_, by=BY)
    assert await scene.app.store.count(Ticket, {"conversation_id": talking.conversation_id}) == 0


async def test_who_withheld_their_number_is_not_called_back(scene: Scene) -> None:
    talking = await filed(scene, {"kind": "callback", "description": "About the contract"}, theirs="")
    [item] = await items_of(talking)
    due = scene.clock.now() + timedelta(days=1)
    with pytest.raises(ServiceError, match="no phone number"):
        await scene.app.after_call.items.accept(talking.call_id, item.id or "", by=BY, due=due)
