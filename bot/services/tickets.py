"""Tickets: a yearly number, the customer's own list (S2-143 to S2-181)."""

from __future__ import annotations

from bot.clock import Clock, new_id
from bot.records.audit import AuditAction
from bot.records.conversations import Priority
from bot.records.people import Customer
from bot.records.tickets import Ticket, TicketCategory
from bot.services.audit import Audit
from bot.store.base import Change, Store, Unit


class Tickets:
    """The only writer of tickets."""

    def __init__(self, store: Store, clock: Clock, audit: Audit) -> None:
        self._store = store
        self._clock = clock
        self._audit = audit

    async def create(
        self,
        unit: Unit,
        *,
        customer_id: str,
        conversation_id: str | None,
        subject: str,
        description: str,
        category: TicketCategory = TicketCategory.GENERAL_INQUIRY,
        priority: Priority = Priority.MEDIUM,
        by: str,
    ) -> Ticket:
        """Puts a new ticket into the unit. Raises RecordError that names the field and the rule.

        The number is taken from the year's counter before the unit commits: a crash in between leaves a gap, never a twin.
        """
        now = self._clock.now()
        draft = Ticket.new(
            id=new_id(),
            ticket_id=f"TICKET-{now.year:04d}-000000",
            customer_id=customer_id,
            conversation_id=conversation_id,
            subject=subject.strip(),
            description=description.strip(),
            category=category,
            priority=priority,
            last_activity_at=now,
        )
        number = await self._store.next_number(f"tickets:{now.year}")
        ticket = draft.model_copy(update={"ticket_id": f"TICKET-{now.year:04d}-{number:06d}"})
        unit.insert(ticket)
        unit.insert(
            self._audit.entry(
                AuditAction.CREATED,
                "ticket",
                ticket.id,
                by,
                after={"ticketId": ticket.ticket_id, "category": str(category), "priority": str(priority)},
            )
        )
        unit.add(Change(Customer, {"id": customer_id}, inc={"statistics.total_tickets": 1}))
        return ticket

    async def of_customer(self, customer_id: str, limit: int = 10) -> list[Ticket]:
        """A customer's own tickets, the newest first."""
        return await self._store.find(Ticket, {"customer_id": customer_id}, sort=("-created_at",), limit=limit)
