"""What becomes of a ticket after it was opened (S2-062, S2-177 to S2-181, S2-209)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bot.errors import Conflict, MoveRefused, NotFound, RecordError, ServiceError
from bot.records.people import Customer
from bot.records.tickets import TICKET_MOVES, ResolutionCategory, Ticket, TicketStatus
from bot.services.audit import Audit, History
from bot.services.relations import Relations
from bot.services.tickets import Tickets
from bot.store.base import Unit
from bot.store.sqlite import SqliteStore
from bot.testing.clock import ManualClock

pytestmark = pytest.mark.unit

BY = "user:olga"


class Desk:
    def __init__(self, store: SqliteStore, clock: ManualClock) -> None:
        self.store, self.clock = store, clock
        self.tickets = Tickets(store, clock, Audit(clock))
        self.relations = Relations(store, self.tickets)

    async def opened(self, subject: str = "No internet", customer: str = "ana") -> Ticket:
        unit = Unit()
        made = await self.tickets.create(
            unit, customer_id=customer, conversation_id=None, subject=subject, description="Since yesterday", by="agent:support"
        )
        await self.store.commit(unit)
        return made

    async def actions(self, ticket: Ticket) -> list[str]:
        return [str(entry.action) for entry in await History(self.store).of("ticket", ticket.id)][::-1]


@pytest.fixture
async def desk(store: SqliteStore, clock: ManualClock) -> Desk:
    await store.insert([Customer(id="ana", first_name="Ana"), Customer(id="bo")])
    return Desk(store, clock)


async def test_any_change_moves_the_last_activity(desk: Desk) -> None:
    """S2-181."""
    ticket = await desk.opened()
    await desk.clock.advance(60)
    changed = await desk.tickets.update(ticket.id, {"priority": "high", "tags": ["vip"]}, by=BY, reason="called again")
    assert changed.last_activity_at == changed.updated_at == desk.clock.now()
    [_, entry] = (await History(desk.store).of("ticket", ticket.id))[::-1]
    assert entry.details["changes"] == ["lastActivityAt", "priority", "tags"]
    assert (entry.details["before"]["priority"], entry.details["after"]["priority"]) == ("medium", "high")
    assert entry.details["reason"] == "called again"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"subject": "x" * 201}, r"Ticket\.subject: at most 200 characters \(it has 201\).*"),
        ({"category": "party"}, r"Ticket\.category: must be one of technical_support, .*"),
        ({"status": "closed"}, r"Ticket\.status: cannot be set; move, resolve or reopen the ticket"),
        ({"labels": [{"name": "x", "color": "red"}]}, r"Ticket\.labels\.0\.color: .*'#1A2B3C'"),
        ({"subjct": "x"}, r"Ticket\.subjct: there is no such field; did you mean subject\?"),
    ],
)
async def test_what_breaks_a_rule_is_refused_by_name(desk: Desk, changes: dict[str, Any], message: str) -> None:
    ticket = await desk.opened()
    with pytest.raises(RecordError, match=f"^{message}$"):
        await desk.tickets.update(ticket.id, changes, by=BY)


async def test_a_resolved_ticket_says_how_by_whom_and_how_long_it_took(desk: Desk) -> None:
    """S2-178."""
    ticket = await desk.opened()
    await desk.clock.advance(90 * 60)
    resolved = await desk.tickets.resolve(
        ticket.ticket_id, "Router restarted", by=BY, steps=("unplugged", "plugged"), category=ResolutionCategory.WORKAROUND
    )
    assert (resolved.status, resolved.resolution_time) == ("resolved", 90.0)
    how = resolved.resolution
    assert how is not None
    assert (how.summary, how.steps, how.resolved_by) == ("Router restarted", ["unplugged", "plugged"], BY)
    assert (how.resolved_at, how.resolution_category) == (desk.clock.now(), "workaround")
    assert await desk.tickets.get(ticket.id) == resolved
    assert await desk.actions(ticket) == ["created", "resolved"]


async def test_statuses_move_by_the_table_and_by_nothing_else(desk: Desk) -> None:
    for start in TicketStatus:
        for to in set(TicketStatus) - {TicketStatus.RESOLVED}:
            ticket = await desk.opened()
            await desk.store.change(Ticket, {"id": ticket.id}, set={"status": start})
            if to in TICKET_MOVES[start]:
                moved = await desk.tickets.move(ticket.id, to, by=BY)
                assert moved.status is to
                assert moved.closed_at == (desk.clock.now() if to is TicketStatus.CLOSED else None)
            else:
                with pytest.raises(MoveRefused, match=f"cannot go from {start} to {to}; from there it can go to"):
                    await desk.tickets.move(ticket.id, to, by=BY)
    with pytest.raises(MoveRefused, match="use resolve"):
        await desk.tickets.move(ticket.id, TicketStatus.RESOLVED, by=BY)


async def test_a_reopened_ticket_is_not_resolved_any_more_but_the_log_keeps_how_it_was(desk: Desk) -> None:
    """S2-209: resolved, closed, reopened are written down as such."""
    ticket = await desk.opened()
    await desk.tickets.resolve(ticket.id, "Router restarted", by=BY)
    await desk.tickets.move(ticket.id, TicketStatus.CLOSED, by=BY)
    again = await desk.tickets.move(ticket.id, TicketStatus.OPEN, by=BY, reason="down again")
    assert (again.status, again.resolution, again.resolution_time, again.closed_at) == ("open", None, None, None)
    assert await desk.actions(ticket) == ["created", "resolved", "closed", "reopened"]
    newest = (await History(desk.store).of("ticket", ticket.id))[0]
    assert newest.details["before"]["resolution"]["summary"] == "Router restarted"


async def test_a_ticket_is_escalated_to_somebody_and_for_a_reason(desk: Desk) -> None:
    """S2-177."""
    ticket = await desk.opened()
    up = await desk.tickets.escalate(ticket.id, "rosa", "third outage this week", by=BY)
    assert (up.escalated, up.escalated_to, up.escalated_at) == (True, "rosa", desk.clock.now())
    assert up.escalation_reason == "third outage this week"
    with pytest.raises(RecordError, match="required"):
        await desk.tickets.escalate(ticket.id, "rosa", " ", by=BY)
    await desk.tickets.resolve(ticket.id, "done", by=BY)
    with pytest.raises(MoveRefused, match="reopen it"):
        await desk.tickets.escalate(ticket.id, "rosa", "again", by=BY)
    assert await desk.actions(ticket) == ["created", "escalated", "resolved"]


async def test_notes_are_internal_unless_said_and_the_first_other_one_is_the_first_response(desk: Desk) -> None:
    """S2-179."""
    ticket = await desk.opened()
    await desk.clock.advance(60)
    await desk.tickets.add_note(ticket.id, "customer sounds angry", agent="olga", by=BY)
    await desk.clock.advance(120)
    await desk.tickets.add_note(ticket.id, "We are on it.", agent="olga", by=BY, internal=False)
    await desk.tickets.add_note(ticket.id, "Still on it.", agent="olga", by=BY, internal=False)
    found = await desk.tickets.get(ticket.id)
    assert [(note.content, note.is_internal) for note in found.notes] == [
        ("customer sounds angry", True),
        ("We are on it.", False),
        ("Still on it.", False),
    ]
    assert len({note.id for note in found.notes}) == 3
    assert found.first_response_time == 3.0
    with pytest.raises(RecordError, match=r"Ticket\.notes\.content: is required"):
        await desk.tickets.add_note(ticket.id, " ", agent="olga", by=BY)
    assert await desk.actions(ticket) == ["created", "commented", "commented", "commented"]


async def test_it_is_given_to_an_operator_and_taken_back(desk: Desk) -> None:
    ticket = await desk.opened()
    assert (await desk.tickets.assign(ticket.id, "olga", by=BY)).assigned_agent == "olga"
    assert (await desk.tickets.assign(ticket.id, None, by=BY)).assigned_agent is None
    assert await desk.actions(ticket) == ["created", "assigned", "assigned"]


async def test_a_rating_counts_into_the_customers_average(desk: Desk) -> None:
    """S2-062."""
    first, second, other = await desk.opened(), await desk.opened(), await desk.opened(customer="bo")
    for ticket, rating in ((first, 5), (second, 2), (other, 1), (second, 3)):
        await desk.tickets.feedback(ticket.id, rating, by="person:ana", comment="ok", follow_up=rating < 3)
    ana, bo = await desk.store.get(Customer, "ana"), await desk.store.get(Customer, "bo")
    assert ana is not None
    assert bo is not None
    assert (ana.statistics.satisfaction_score, bo.statistics.satisfaction_score) == (4.0, 1.0)
    found = (await desk.tickets.get(second.id)).customer_feedback
    assert found is not None
    assert (found.rating, found.comment, found.submitted_at) == (3, "ok", desk.clock.now())
    for wrong in (0, 6):
        with pytest.raises(RecordError, match=r"Ticket\.customerFeedback\.rating: at (least 1|most 5)"):
            await desk.tickets.feedback(first.id, wrong, by="person:ana")


async def test_related_tickets_name_each_other(desk: Desk) -> None:
    one, other = await desk.opened(), await desk.opened()
    await desk.relations.relate(one.ticket_id, other.ticket_id, by=BY)
    await desk.relations.relate(one.id, other.id, by=BY)
    assert (await desk.tickets.get(one.id)).related_tickets == [other.id]
    assert (await desk.tickets.get(other.id)).related_tickets == [one.id]
    with pytest.raises(ServiceError, match="to itself"):
        await desk.relations.relate(one.id, one.ticket_id, by=BY)


async def test_no_ticket_is_above_itself(desk: Desk) -> None:
    """S2-180."""
    top, middle, low = await desk.opened(), await desk.opened(), await desk.opened()
    await desk.relations.set_parent(middle.id, top.id, by=BY)
    await desk.relations.set_parent(low.id, middle.ticket_id, by=BY)
    for child, parent in ((top, top), (top, middle), (top, low), (middle, low)):
        with pytest.raises(ServiceError, match="above itself"):
            await desk.relations.set_parent(child.id, parent.id, by=BY)
    assert [part.id for part in await desk.relations.parts_of(middle.id)] == [low.id]
    await desk.relations.set_parent(low.id, None, by=BY)
    await desk.relations.set_parent(top.id, low.id, by=BY)
    with pytest.raises(NotFound):
        await desk.relations.set_parent(low.id, "TICKET-2026-999999", by=BY)


async def test_a_circle_is_not_closed_from_two_sides_at_once(desk: Desk) -> None:
    """S2-180."""
    for _ in range(5):
        one, other = await desk.opened(), await desk.opened()
        results = await asyncio.gather(
            desk.relations.set_parent(one.id, other.id, by=BY),
            desk.relations.set_parent(other.id, one.id, by=BY),
            return_exceptions=True,
        )
        assert [isinstance(result, ServiceError | Conflict) for result in results].count(True) == 1


async def test_of_two_changes_at_once_both_are_kept_and_of_very_many_some_are_told(desk: Desk) -> None:
    ticket = await desk.opened()
    await asyncio.gather(
        desk.tickets.add_note(ticket.id, "one", agent="olga", by=BY), desk.tickets.add_note(ticket.id, "two", agent="rosa", by=BY)
    )
    assert {note.content for note in (await desk.tickets.get(ticket.id)).notes} == {"one", "two"}
    tries = (desk.tickets.add_note(ticket.id, str(number), agent="olga", by=BY) for number in range(10))
    results = await asyncio.gather(*tries, return_exceptions=True)
    lost = [result for result in results if isinstance(result, Conflict)]
    assert all("being changed by somebody else; look at it again" in str(error) for error in lost)
    assert len((await desk.tickets.get(ticket.id)).notes) == 2 + 10 - len(lost)


async def test_with_a_unit_the_change_waits_for_its_owner(desk: Desk) -> None:
    ticket = await desk.opened()
    unit = Unit()
    await desk.tickets.escalate(ticket.id, "rosa", "angry", by=BY, unit=unit)
    assert not (await desk.tickets.get(ticket.id)).escalated
    await desk.store.commit(unit)
    assert (await desk.tickets.get(ticket.id)).escalated


async def test_nothing_by_that_number_is_said_with_an_example(desk: Desk) -> None:
    with pytest.raises(NotFound, match="there is no ticket 7; a number looks like TICKET-2026-000001"):
        await desk.tickets.get("7")
    ticket = await desk.opened()
    assert (await desk.tickets.get(ticket.ticket_id.lower())).id == ticket.id
