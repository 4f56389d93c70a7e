"""A promise that is not kept is written down once, whoever has to know is told, and the ticket goes up step by step."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.records.audit import AuditAction
from bot.records.people import Customer
from bot.records.tickets import Ticket, TicketStatus
from bot.records.users import NotificationPreferences, Role, UserPreferences
from bot.records.work import Job
from bot.services.audit import History
from bot.services.deadlines import JOB
from bot.services.service_levels import ESCALATION, LEVELS
from bot.testing.scene import Scene, open_scene
from tests.scenarios.helpers import set_setting
from tests.services.desk_helpers import add_user

pytestmark = pytest.mark.scenario

MINUTE = 60.0
PROMISED = {"standard": {"first_response": 30, "resolution": 120, "business_hours": False}}
BY = "user:olga"


class Mails:
    """Takes mail."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []

    async def send(self, to: str, subject: str, text: str, key: str) -> None:
        self.sent.append((to.partition("@")[0], text))


@pytest.fixture
def mails() -> Mails:
    return Mails()


@pytest.fixture
async def office(tmp_path: Path, mails: Mails) -> AsyncIterator[Scene]:
    async with open_scene(tmp_path, mailer=mails) as scene:
        await set_setting(scene, LEVELS, PROMISED)
        english = UserPreferences(language="en", notifications=NotificationPreferences(email=True))
        await add_user(scene, "Olga", preferences=english)
        await add_user(scene, "Rosa", Role.SUPERVISOR, preferences=english)
        await add_user(scene, "Vera", Role.ADMIN, preferences=english)
        await scene.app.store.insert([Customer(id="ana")])
        yield scene


async def opened(scene: Scene) -> Ticket:
    tickets = scene.app.ticketing.tickets
    made = await tickets.open(customer_id="ana", subject="No internet", description="Since yesterday", by="agent:support")
    return await tickets.assign(made.id, "olga", by=BY)


async def jumps(scene: Scene, minutes: float) -> None:
    """So much time, at whose end the job has looked once more; what it would do in between is not waited for."""
    await scene.clock.advance(minutes * MINUTE - 61)
    await scene.passes(61)


async def again(scene: Scene, ticket: Ticket) -> Ticket:
    return await scene.app.ticketing.tickets.get(ticket.id)


async def test_a_late_answer_is_a_breach_of_which_assignee_and_supervisor_hear_once(office: Scene, mails: Mails) -> None:
    """S2-175."""
    ticket = await opened(office)
    opened_at = ticket.created_at
    assert opened_at is not None
    await office.passes(29 * MINUTE)
    assert mails.sent == []
    assert not (await again(office, ticket)).escalated
    await office.passes(2 * MINUTE)
    late = await again(office, ticket)
    assert late.sla is not None
    assert late.sla.response is not None
    assert late.sla.response.breached_at == opened_at + timedelta(minutes=30)
    told = [who for who, text in mails.sent if "has not been answered" in text]
    assert sorted(told) == ["olga", "rosa"]
    assert "Ana" not in " ".join(text for _, text in mails.sent)
    before = list(mails.sent)
    await office.passes(10 * MINUTE)
    assert mails.sent == before
    assert (await again(office, ticket)).version == late.version, "it was looked at again for nothing"


async def test_it_goes_up_level_by_level_with_who_and_when_and_is_logged(office: Scene, mails: Mails) -> None:
    """S2-177."""
    ticket = await opened(office)
    await jumps(office, 31)
    [first] = (await again(office, ticket)).escalations
    assert (first.level, first.to, first.by, first.reason) == (1, "rosa", "system", "first response overdue")
    await jumps(office, 240)
    up = await again(office, ticket)
    assert [(each.level, each.to) for each in up.escalations] == [(1, "rosa"), (2, "vera")]
    assert (up.escalated, up.escalated_to, up.escalated_at) == (True, "vera", up.escalations[-1].at)
    entries = await History(office.app.store).of("ticket", ticket.id)
    assert [entry.action for entry in entries].count(AuditAction.ESCALATED) == 2
    assert [who for who, text in mails.sent if "escalated to you" in text] == ["rosa", "vera"]
    await jumps(office, 10_000)
    assert len((await again(office, ticket)).escalations) == 2


async def test_who_answers_in_time_is_left_in_peace_until_the_next_promise(office: Scene, mails: Mails) -> None:
    ticket = await opened(office)
    await jumps(office, 20)
    await office.app.ticketing.tickets.add_note(ticket.id, "We are on it.", agent="olga", by=BY, internal=False)
    await jumps(office, 90)
    assert mails.sent == []
    await jumps(office, 15)
    assert sorted(who for who, text in mails.sent if "has not been resolved" in text) == ["olga", "rosa"]


async def test_while_the_customer_has_to_answer_no_time_counts(office: Scene, mails: Mails) -> None:
    """S2-176."""
    ticket = await opened(office)
    tickets = office.app.ticketing.tickets
    await jumps(office, 20)
    await tickets.move(ticket.id, TicketStatus.WAITING_CUSTOMER, by=BY)
    await jumps(office, 3000)
    assert mails.sent == []
    await tickets.add_note(ticket.id, "It works with the other cable.", agent="customer", by="person:ana", internal=False)
    assert (await again(office, ticket)).status is TicketStatus.IN_PROGRESS
    await jumps(office, 9)
    assert mails.sent == []
    await jumps(office, 2)
    assert mails.sent


@pytest.mark.parametrize("ends", ["resolve", "close"])
async def test_a_ticket_that_is_done_has_no_deadline_left(office: Scene, mails: Mails, ends: str) -> None:
    ticket = await opened(office)
    tickets = office.app.ticketing.tickets
    if ends == "resolve":
        await tickets.resolve(ticket.id, "Router restarted", by=BY)
    else:
        await tickets.move(ticket.id, TicketStatus.CLOSED, by=BY)
    await jumps(office, 5000)
    done = await again(office, ticket)
    assert done.sla is not None
    assert (done.sla.next_at, done.sla.running_since) == (None, None)
    assert mails.sent == []
    await tickets.move(ticket.id, TicketStatus.OPEN, by=BY)
    await jumps(office, 121)
    assert (await again(office, ticket)).escalations, "opened again, the clock goes on"


async def test_a_deadline_that_passed_while_nothing_ran_is_found_at_the_start(tmp_path: Path, mails: Mails) -> None:
    async with open_scene(tmp_path, mailer=mails) as scene:
        await set_setting(scene, LEVELS, PROMISED)
        await add_user(scene, "Rosa", Role.SUPERVISOR)
        await scene.app.store.insert([Customer(id="ana")])
        ticket = await scene.app.ticketing.tickets.open(customer_id="ana", subject="Down", description="All of it", by=BY)
        clock = scene.clock
    await clock.advance(3 * 3600)
    async with open_scene(tmp_path, mailer=mails, clock=clock) as scene:
        await scene.settle()
        late = await again(scene, ticket)
        assert late.sla is not None
        assert late.sla.response is not None
        assert late.sla.resolution is not None
        assert late.sla.response.breached_at is not None
        assert late.sla.resolution.breached_at is not None
        assert len(mails.sent) == 3  # answer, resolution, and that it was escalated


async def test_the_job_comes_back_when_the_next_promise_ends_not_only_every_minute(office: Scene) -> None:
    await set_setting(office, LEVELS, {"standard": {"first_response": 1.5, "business_hours": False}})
    ticket = await opened(office)
    due = ticket.created_at
    assert due is not None
    await office.passes(89)
    job = await office.app.store.get(Job, f"every:{JOB}")
    assert job is not None
    assert job.due_at == due + timedelta(seconds=90)
    await office.passes(2)
    assert (await again(office, ticket)).escalations


async def test_without_anybody_to_escalate_to_it_is_still_written_down(office: Scene) -> None:
    await set_setting(office, ESCALATION, {"levels": [{"after_minutes": 0, "to": "nobody-of-this-id"}]})
    ticket = await opened(office)
    await jumps(office, 31)
    late = await again(office, ticket)
    assert [each.to for each in late.escalations] == [None]
    assert (late.escalated, late.escalated_to) == (True, None)
