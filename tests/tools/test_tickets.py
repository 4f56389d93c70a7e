"""Tools on tickets: only the person's own, each change on record with who did it."""

from __future__ import annotations

from typing import Any

import pytest

from bot.records.tickets import TicketStatus
from bot.testing.llm import Called
from bot.testing.scene import Scene, ScenePerson
from tests.scenarios.helpers import ANA, BO
from tests.tools.helpers import audited, call, calls, journaled

pytestmark = pytest.mark.scenario

ONE = "TICKET-2026-000001"
TOOLS: list[tuple[str, dict[str, Any]]] = [
    ("update_ticket", {"text": "Still down."}),
    ("close_my_ticket", {}),
    ("reopen_ticket", {}),
    ("rate_ticket", {"rating": 1}),
]


async def with_ticket(scene: Scene, number: str = ANA) -> ScenePerson:
    person = scene.person(number)
    told = await call(scene, person, "create_ticket", subject="No internet", description="Since yesterday")
    assert told.startswith("opened ticket TICKET-2026-")
    return person


async def test_what_the_person_adds_is_a_note_of_theirs_and_no_response_of_ours(scene: Scene) -> None:
    ana = await with_ticket(scene)
    assert await call(scene, ana, "update_ticket", number=ONE.lower(), text=" The light is red. ") == f"added to {ONE}"
    (ticket,) = await ana.tickets()
    (note,) = ticket.notes
    assert (note.content, note.agent, note.is_internal) == ("The light is red.", "customer", False)
    assert (ticket.first_response_time, ticket.status) == (None, TicketStatus.OPEN)
    assert await audited(scene, "ticket", ticket.id) == [("commented", "agent:support"), ("created", "agent:support")]
    assert await journaled(ana) == ["create_ticket", "update_ticket"]


async def test_a_ticket_is_closed_added_to_and_reopened(scene: Scene) -> None:
    ana = await with_ticket(scene)
    assert await call(scene, ana, "close_my_ticket", number=ONE, reason="It works again.") == f"closed {ONE}"
    (ticket,) = await ana.tickets()
    assert (ticket.status, ticket.closed_at) == (TicketStatus.CLOSED, scene.clock.now())
    assert await call(scene, ana, "close_my_ticket", number=ONE) == f"{ONE} was closed already"
    told = await call(scene, ana, "update_ticket", number=ONE, text="It is down again.")
    assert told == f"added to {ONE}, which is closed; offer to reopen it"
    assert await call(scene, ana, "reopen_ticket", number=ONE) == f"reopened {ONE}"
    told = await call(scene, ana, "reopen_ticket", number=ONE)
    assert told == f"{ONE} is not closed, it is open; nothing had to be done"
    (ticket,) = await ana.tickets()
    assert (ticket.status, ticket.closed_at, len(ticket.notes)) == (TicketStatus.OPEN, None, 1)


async def test_a_ticket_that_the_team_resolved_can_be_closed_or_reopened(scene: Scene) -> None:
    ana = await with_ticket(scene)
    tickets = scene.app.engine._parts.services.tickets
    await tickets.resolve(ONE, "router restarted", by="user:op-1")
    await ana.hears(ONE)
    assert await call(scene, ana, "reopen_ticket", number=ONE, reason="No, it did not help.") == f"reopened {ONE}"
    await tickets.resolve(ONE, "router replaced", by="user:op-1")
    await ana.hears(ONE)
    assert await call(scene, ana, "close_my_ticket", number=ONE) == f"closed {ONE}"


async def test_a_rating_is_kept_and_counts_for_the_persons_score(scene: Scene) -> None:
    ana = await with_ticket(scene)
    assert await call(scene, ana, "rate_ticket", number=ONE, rating=4, comment=" Quick. ") == f"rated {ONE} with 4 of 5"
    (ticket,) = await ana.tickets()
    assert ticket.customer_feedback is not None
    assert (ticket.customer_feedback.rating, ticket.customer_feedback.comment) == (4, "Quick.")
    assert (await ana.customer()).statistics.satisfaction_score == 4


@pytest.mark.parametrize(("tool", "arguments"), TOOLS)
async def test_another_persons_ticket_is_told_like_one_that_does_not_exist_and_is_left_alone(
    scene: Scene, tool: str, arguments: dict[str, Any]
) -> None:
    ana = await with_ticket(scene)
    (before,) = await ana.tickets()
    bo = scene.person(BO, name="Bo Lee")
    others, nobodys = await calls(
        scene, bo, Called(tool, number=ONE, **arguments), Called(tool, number="TICKET-2026-000777", **arguments)
    )
    assert others == f"error: there is no ticket {ONE}; a number looks like TICKET-2026-000001; nothing was changed"
    assert others == nobodys.replace("TICKET-2026-000777", ONE)
    assert await ana.tickets() == [before]
    # Nor by the record's id, which no person is ever told.
    assert "there is no ticket" in await call(scene, bo, tool, number=before.id, **arguments)
    assert "there is no ticket" in await call(scene, ana, tool, number=before.id, **arguments)
    assert await ana.tickets() == [before]


@pytest.mark.parametrize(
    ("tool", "arguments", "told"),
    [
        ("update_ticket", {"number": ONE}, "update_ticket.text: is required"),
        ("update_ticket", {"number": ONE, "text": "  "}, "Ticket.notes.content: is required"),
        ("rate_ticket", {"number": ONE, "rating": 6}, "rate_ticket.rating: at most 5"),
        ("rate_ticket", {"number": ONE, "rating": 0}, "rate_ticket.rating: at least 1"),
        ("rate_ticket", {"number": ONE, "rating": "good"}, "rate_ticket.rating: must be a whole number"),
        ("close_my_ticket", {}, "close_my_ticket.number: is required"),
        ("close_my_ticket", {"number": ONE, "customer_id": "bo"}, "close_my_ticket.customer_id: there is no such field"),
        ("reopen_ticket", {"number": "T" * 41}, "reopen_ticket.number: at most 40 characters"),
    ],
)
async def test_a_wrong_argument_is_told_and_changes_nothing(
    scene: Scene, tool: str, arguments: dict[str, Any], told: str
) -> None:
    ana = await with_ticket(scene)
    before = await ana.tickets()
    assert (await call(scene, ana, tool, **arguments)).startswith(f"error: {told}")
    assert await ana.tickets() == before


async def test_the_same_write_twice_in_a_turn_runs_once_and_another_one_as_well(scene: Scene) -> None:
    ana = await with_ticket(scene)
    down, red = Called("update_ticket", number=ONE, text="Down."), Called("update_ticket", number=ONE, text="Red.")
    assert await calls(scene, ana, down, down, red) == [f"added to {ONE}"] * 3
    (ticket,) = await ana.tickets()
    assert [note.content for note in ticket.notes] == ["Down.", "Red."]
    assert await journaled(ana) == ["create_ticket", "update_ticket", "update_ticket"]
