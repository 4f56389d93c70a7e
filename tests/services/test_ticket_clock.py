"""The clocks of a ticket through any life it may have: what counted is what a recount of its history says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from bot.records.conversations import Priority
from bot.records.settings import WEEKDAYS
from bot.records.tickets import SlaClock, Ticket, TicketCategory, TicketStatus
from bot.services.hours import read_hours
from bot.services.service_levels import Step, Terms
from bot.services.ticket_clock import STILL, begun, broken, followed, looked_at
from bot.services.working_time import counted

pytestmark = pytest.mark.unit

OFFICE = read_hours({day: {"start": "09:00", "end": "18:00"} for day in WEEKDAYS[:5]}, "America/Mexico_City")
BEGIN = datetime(2026, 11, 20, 16, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def terms(response: float = 60, resolution: float = 240, *, by_hours: bool = True) -> Terms:
    return Terms(response, resolution, by_hours, OFFICE, (Step(0, "supervisor"), Step(30, "admin")))


def opened(now: datetime, promised: Terms) -> Ticket:
    ticket = Ticket(
        id="t",
        ticket_id="TICKET-2026-000001",
        customer_id="ana",
        subject="No internet",
        description="Since yesterday",
        category=TicketCategory.OTHER,
        last_activity_at=now,
    )
    return ticket.model_copy(update={"sla": begun(ticket, promised, now)})


def changed(ticket: Ticket, promised: Terms, now: datetime, **values: object) -> Ticket:
    after = ticket.model_copy(update=values)
    return after.model_copy(update={"sla": followed(ticket, after, promised, now)})


def clock(ticket: Ticket, name: str = "resolution") -> SlaClock:
    assert ticket.sla is not None
    found = getattr(ticket.sla, name)
    assert isinstance(found, SlaClock)
    return found


steps = some.lists(
    some.tuples(some.integers(0, 600), some.sampled_from([*TicketStatus, "answer", "look"])),
    max_size=12,
)


@settings(max_examples=200, deadline=None)
@given(steps, some.booleans())
def test_what_counted_is_a_recount_of_the_minutes_in_which_we_had_to_act(
    life: list[tuple[int, TicketStatus | str]], by_hours: bool
) -> None:
    """S2-176: neither while the customer had to answer, nor while it was resolved, nor at night where hours count."""
    promised, now = terms(by_hours=by_hours), BEGIN
    hours = OFFICE if by_hours else None
    ticket, owed = opened(now, promised), timedelta()
    broken_once: datetime | None = None
    for minutes, what in life:
        later = now + minutes * MINUTE
        if ticket.status not in STILL:
            owed += counted(hours, now, later)
        now = later
        if what == "answer":
            ticket = changed(ticket, promised, now, first_response_time=ticket.first_response_time or 1.0)
        elif what == "look" and ticket.sla is not None:
            ticket = ticket.model_copy(update={"sla": looked_at(ticket.sla, ticket, promised, now, escalated=0)})
        elif isinstance(what, TicketStatus):
            ticket = changed(ticket, promised, now, status=what)
        resolution, since = clock(ticket), ticket.sla.running_since if ticket.sla else None
        running = counted(hours, since, now) if since is not None else timedelta()
        assert timedelta(milliseconds=resolution.spent_ms) + running == owed
        assert (since is None) == (ticket.status in STILL)
        if broken_once is not None:
            assert resolution.breached_at == broken_once, "it is written down once"
        broken_once = resolution.breached_at
        if broken_once is not None:
            assert owed >= 240 * MINUTE
        elif resolution.due_at is not None:
            left = 240 * MINUTE - owed
            assert counted(hours, now, resolution.due_at) == max(left, timedelta())


def test_what_is_answered_late_is_broken_though_nobody_had_looked() -> None:
    promised = terms(by_hours=False)
    late = changed(opened(BEGIN, promised), promised, BEGIN + 61 * MINUTE, first_response_time=61.0)
    assert clock(late, "response").breached_at == BEGIN + 60 * MINUTE
    assert clock(late, "response").met_at == BEGIN + 61 * MINUTE
    assert broken(late.sla) == {"response"}


def test_another_priority_is_another_promise_and_what_was_used_is_used() -> None:
    ticket = opened(BEGIN, terms(by_hours=False))
    urgent = changed(ticket, terms(15, 60, by_hours=False), BEGIN + 10 * MINUTE, priority=Priority.URGENT)
    assert clock(urgent).due_at == BEGIN + 60 * MINUTE
    assert clock(urgent, "response").due_at == BEGIN + 15 * MINUTE


def test_a_changed_setting_breaks_no_promise_that_was_given() -> None:
    ticket = opened(BEGIN, terms(by_hours=False))
    shorter = terms(1, 2, by_hours=False)
    waiting = changed(ticket, shorter, BEGIN + 10 * MINUTE, status=TicketStatus.WAITING_CUSTOMER)
    again = changed(waiting, shorter, BEGIN + 70 * MINUTE, status=TicketStatus.OPEN)
    assert clock(again).due_at == BEGIN + 300 * MINUTE
    assert broken(again.sla) == frozenset()


def test_where_nothing_is_promised_there_is_no_clock() -> None:
    assert begun(opened(BEGIN, terms()), terms(0, 0), BEGIN) is None
    only = begun(opened(BEGIN, terms()), terms(0, 60, by_hours=False), BEGIN)
    assert only is not None
    assert only.response is None
    assert only.next_at == BEGIN + 60 * MINUTE
