"""Tickets: a yearly number without twins, the customer's own list."""

from __future__ import annotations

import asyncio

import pytest

from bot.clock import new_id
from bot.conversation import Queue
from bot.errors import RecordError
from bot.records.audit import AuditEntry
from bot.records.people import Customer
from bot.records.tickets import Ticket
from bot.services.audit import Audit
from bot.services.handoff import Handoffs
from bot.services.tickets import Tickets
from bot.store.base import Unit
from bot.testing.scene import Scene

pytestmark = pytest.mark.unit


class Desk:
    def __init__(self, scene: Scene) -> None:
        self.store, self.clock = scene.app.store, scene.clock
        self.tickets = Tickets(self.store, self.clock, Audit(self.clock))

    async def open(self, customer: str = "ana", subject: str = "No internet", description: str = "Since yesterday") -> Ticket:
        unit = Unit()
        ticket = await self.tickets.create(
            unit, customer_id=customer, conversation_id=None, subject=subject, description=description, by="agent:support"
        )
        await self.store.commit(unit)
        return ticket


@pytest.fixture
async def desk(scene: Scene) -> Desk:
    await scene.app.store.insert([Customer(id="ana"), Customer(id="bo")])
    return Desk(scene)


async def test_numbers_count_up_over_all_customers_and_begin_anew_each_year(desk: Desk) -> None:
    ids = [(await desk.open(customer)).ticket_id for customer in ("ana", "bo", "ana")]
    assert ids == ["TICKET-2026-000001", "TICKET-2026-000002", "TICKET-2026-000003"]
    await desk.clock.advance(365 * 24 * 3600)
    assert (await desk.open()).ticket_id == "TICKET-2027-000001"


async def test_many_at_once_get_different_numbers(desk: Desk) -> None:
    tickets = await asyncio.gather(*(desk.open() for _ in range(30)))
    assert sorted(ticket.ticket_id for ticket in tickets) == [f"TICKET-2026-{n:06d}" for n in range(1, 31)]
    ana = await desk.store.get(Customer, "ana")
    assert ana is not None
    assert ana.statistics.total_tickets == 30


async def test_a_ticket_and_its_audit_entry_are_one(desk: Desk) -> None:
    ticket = await desk.open()
    [entry] = await desk.store.find(AuditEntry, {"entity_type": "ticket", "entity_id": ticket.id})
    assert (entry.action, entry.performed_by) == ("created", "agent:support")
    assert entry.details["after"]["ticketId"] == ticket.ticket_id
    assert entry.details["changes"] == ["category", "priority", "ticketId"]


async def test_a_unit_that_is_never_committed_leaves_a_gap_and_no_ticket(desk: Desk) -> None:
    await desk.tickets.create(Unit(), customer_id="ana", conversation_id=None, subject="a", description="b", by="x")
    assert (await desk.open()).ticket_id == "TICKET-2026-000002"
    assert len(await desk.store.find(Ticket, {"customer_id": "ana"})) == 1


async def test_control_characters_are_left_out_and_the_subject_is_one_line(desk: Desk) -> None:
    ticket = await desk.open(subject=" No\x00 net\x07\r\nat\thome\x1b ", description="\x00Since\ta day\r\nor two\x08\x7f\n")
    assert ticket.subject == "No net at home"
    assert ticket.description == "Since\ta day\nor two"


@pytest.mark.parametrize(
    ("subject", "description", "told"),
    [
        ("\x00\x07", "x", r"Ticket\.subject: "),
        ("", "x", r"Ticket\.subject: "),
        ("   ", "x", r"Ticket\.subject: "),
        ("x" * 201, "x", r"Ticket\.subject: "),
        ("x", " \n ", r"Ticket\.description: "),
    ],
)
async def test_a_wrong_field_is_named_and_takes_no_number(desk: Desk, subject: str, description: str, told: str) -> None:
    with pytest.raises(RecordError, match=told):
        await desk.open(subject=subject, description=description)
    assert (await desk.open()).ticket_id == "TICKET-2026-000001"


async def test_everybody_sees_only_their_own_the_newest_first(desk: Desk) -> None:
    for number in range(12):
        await desk.open("ana", subject=f"a{number}")
        await desk.clock.advance(1)
    await desk.open("bo", subject="b")
    assert [ticket.subject for ticket in await desk.tickets.of_customer("bo")] == ["b"]
    assert [ticket.subject for ticket in await desk.tickets.of_customer("ana", limit=3)] == ["a11", "a10", "a9"]
    assert len(await desk.tickets.of_customer("ana")) == 10
    assert await desk.tickets.of_customer("nobody") == []


@pytest.mark.parametrize(
    ("skill", "queue"),
    [("", "support"), ("  ", "support"), (" Billing ", "billing"), ("sales", "sales"), ("plumbing", "support")],
)
def test_a_queue_is_named_by_its_skill_if_there_is_such_a_one(skill: str, queue: str) -> None:
    assert Handoffs(("sales", "billing")).queue_for(skill) == Queue(queue)


def test_ids_are_new_each_time() -> None:
    assert len({new_id() for _ in range(1000)}) == 1000
