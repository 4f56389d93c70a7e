"""Tickets: a yearly number, moves, notes, what the customer thinks of it (S2-143 to S2-181)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from bot.clock import Clock, new_id
from bot.errors import MoveRefused, NotFound, RecordError
from bot.records.audit import AuditAction
from bot.records.conversations import Priority
from bot.records.people import Customer
from bot.records.tickets import (
    TICKET_MOVES,
    CustomerFeedback,
    Resolution,
    ResolutionCategory,
    Ticket,
    TicketCategory,
    TicketNote,
    TicketStatus,
)
from bot.services.audit import Audit
from bot.services.editing import changed, twice
from bot.services.ratings import average_rating
from bot.store.base import Change, Put, Store, Unit

Values = Mapping[str, Any]

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
CUSTOMER = "customer"
"""Stands as the author of a note that the customer gave themselves."""

_DONE = (TicketStatus.RESOLVED, TicketStatus.CLOSED)
_FIXED = {
    "ticket_id": "it is the ticket's number",
    "customer_id": "merge customers instead",
    "status": "move, resolve or reopen the ticket",
    "notes": "add a note",
    "resolution": "resolve the ticket",
    "resolution_time": "resolve the ticket",
    "customer_feedback": "use feedback",
    "escalated": "escalate the ticket",
    "escalated_to": "escalate the ticket",
    "escalated_at": "escalate the ticket",
    "escalation_reason": "escalate the ticket",
    "assigned_agent": "assign the ticket",
    "parent_ticket": "set the parent",
    "related_tickets": "relate the tickets",
    "closed_at": "move the ticket to closed",
    "last_activity_at": "it moves by itself",
    "first_response_time": "it is counted",
}


class Tickets:
    """The only writer of tickets.

    Every change is a whole-record write against the version that was read; whoever loses a race tries once more on what is there
    by then. With a `unit` the change is put there instead, for its owner to commit.
    """

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
            subject=" ".join(_clean(subject).split()),
            description=_clean(description).strip(),
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

    async def get(self, ticket: str) -> Ticket:
        """A ticket by its id or its number. Raises NotFound."""
        found = await self._store.get(Ticket, ticket)
        if found is None:
            numbered = await self._store.find(Ticket, {"ticket_id": ticket.strip().upper()}, limit=1)
            found = numbered[0] if numbered else None
        if found is None:
            raise _no_ticket(ticket)
        return found

    async def own(self, customer_id: str, ticket: str) -> Ticket:
        """A customer's own ticket by its number. Raises NotFound, in the same words for one of somebody else's as for none."""
        found = await self._store.find(Ticket, {"ticket_id": ticket.strip().upper()}, limit=1)
        if not found or found[0].customer_id != customer_id:
            raise _no_ticket(ticket)
        return found[0]

    async def of_customer(self, customer_id: str, limit: int = 10) -> list[Ticket]:
        """A customer's own tickets, the newest first."""
        return await self._store.find(Ticket, {"customer_id": customer_id}, sort=("-created_at",), limit=limit)

    async def update(self, ticket: str, changes: Values, *, by: str, reason: str = "", unit: Unit | None = None) -> Ticket:
        """Sets fields: subject, description, category, priority, tags, labels, ... Raises RecordError, NotFound, Conflict."""
        return await self._edit(ticket, lambda found: dict(changes), by=by, reason=reason, unit=unit, fixed=_FIXED)

    async def assign(self, ticket: str, to: str | None, *, by: str, unit: Unit | None = None) -> Ticket:
        """Gives it to an operator (a user's id), or to nobody."""
        return await self._edit(ticket, lambda _: {"assigned_agent": to}, by=by, action=AuditAction.ASSIGNED, unit=unit)

    async def move(self, ticket: str, to: TicketStatus, *, by: str, reason: str = "", unit: Unit | None = None) -> Ticket:
        """Another status, by the table of moves; `resolve` is for resolved. Closed ones keep when.

        From resolved or closed it goes back to open (resolved also to in progress): that reopens it, and what was found to be
        the resolution is only in the audit log from then on. Raises MoveRefused.
        """
        if to is TicketStatus.RESOLVED:
            raise MoveRefused("a ticket becomes resolved by saying what resolved it: use resolve")
        now = self._clock.now()

        def moved(found: Ticket) -> Values:
            _check_move(found, to)
            values: dict[str, Any] = {"status": to, "closed_at": now if to is TicketStatus.CLOSED else None}
            if found.status in _DONE and to not in _DONE:
                values |= {"resolution": None, "resolution_time": None}
            return values

        def action(found: Ticket) -> AuditAction:
            if to is TicketStatus.CLOSED:
                return AuditAction.CLOSED
            return AuditAction.REOPENED if found.status in _DONE else AuditAction.UPDATED

        return await self._edit(ticket, moved, by=by, reason=reason, action=action, unit=unit)

    async def resolve(
        self,
        ticket: str,
        summary: str,
        *,
        by: str,
        steps: tuple[str, ...] = (),
        category: ResolutionCategory = ResolutionCategory.SOLVED,
        unit: Unit | None = None,
    ) -> Ticket:
        """It is resolved, and how; the minutes that it took are counted from its creation (S2-178)."""
        if not summary.strip():
            raise RecordError("Ticket.resolution.summary: is required; for example 'router restarted'")
        now = self._clock.now()

        def resolved(found: Ticket) -> Values:
            _check_move(found, TicketStatus.RESOLVED)
            how = Resolution(
                summary=summary.strip(), steps=list(steps), resolved_by=by, resolved_at=now, resolution_category=category
            )
            return {"status": TicketStatus.RESOLVED, "resolution": how, "resolution_time": self._minutes(found)}

        return await self._edit(ticket, resolved, by=by, action=AuditAction.RESOLVED, unit=unit)

    async def escalate(self, ticket: str, to: str, reason: str, *, by: str, unit: Unit | None = None) -> Ticket:
        """It goes up, to somebody and for a reason (S2-177). Resolved and closed ones have to be reopened first."""
        if not to.strip() or not reason.strip():
            raise RecordError(
                "Ticket.escalationReason: to whom and why are required; for example 'ana', 'third outage this week'"
            )
        now = self._clock.now()

        def escalated(found: Ticket) -> Values:
            if found.status in _DONE:
                raise MoveRefused(f"ticket {found.ticket_id} is {found.status}; reopen it before it is escalated")
            return {"escalated": True, "escalated_to": to, "escalated_at": now, "escalation_reason": reason.strip()}

        return await self._edit(ticket, escalated, by=by, reason=reason, action=AuditAction.ESCALATED, unit=unit)

    async def add_note(
        self, ticket: str, content: str, *, agent: str, by: str, internal: bool = True, unit: Unit | None = None
    ) -> TicketNote:
        """A note; the customer is never told an internal one (S2-179). Another one is a response, unless it is their own."""
        if not content.strip():
            raise RecordError("Ticket.notes.content: is required; for example 'called back, no answer'")
        note = TicketNote(id=new_id(), agent=agent, content=content.strip(), is_internal=internal, timestamp=self._clock.now())

        def noted(found: Ticket) -> Values:
            values: dict[str, Any] = {"notes": [*found.notes, note]}
            if not internal and agent != CUSTOMER and found.first_response_time is None:
                values["first_response_time"] = self._minutes(found)
            return values

        await self._edit(ticket, noted, by=by, action=AuditAction.COMMENTED, unit=unit)
        return note

    async def feedback(
        self, ticket: str, rating: int, *, by: str, comment: str | None = None, follow_up: bool = False, unit: Unit | None = None
    ) -> Ticket:
        """What the customer thinks of it, 1 to 5; their satisfaction score is the average of all they gave (S2-062)."""
        given = CustomerFeedback.model_construct(
            rating=rating, comment=comment, submitted_at=self._clock.now(), follow_up_needed=follow_up
        ).model_dump()

        async def rate() -> Ticket:
            found = await self.get(ticket)
            into = Unit() if unit is None else unit
            rated = self.put(into, found, {"customer_feedback": given}, AuditAction.UPDATED, by, "feedback")
            customer = await self._store.get(Customer, found.customer_id)
            if customer is not None:
                score = await average_rating(self._store, customer.id, ticket=(found.id, rating))
                was = customer.statistics.satisfaction_score
                where = {"id": customer.id, "statistics.satisfaction_score": was}
                into.add(Change(Customer, where, set={"statistics.satisfaction_score": score}, must=1))
            if unit is None:
                await self._store.commit(into)
            return rated

        return await (rate() if unit is not None else twice(f"ticket {ticket}", rate))

    # One change

    async def _edit(
        self,
        ticket: str,
        values: Callable[[Ticket], Values],
        *,
        by: str,
        reason: str = "",
        action: AuditAction | Callable[[Ticket], AuditAction] = AuditAction.UPDATED,
        unit: Unit | None = None,
        fixed: Mapping[str, str] | None = None,
    ) -> Ticket:
        async def once() -> Ticket:
            found = await self.get(ticket)
            into = Unit() if unit is None else unit
            named = action(found) if callable(action) else action
            after = self.put(into, found, values(found), named, by, reason, fixed)
            if unit is None:
                await self._store.commit(into)
            return after

        return await (once() if unit is not None else twice(f"ticket {ticket}", once))

    def put(
        self,
        unit: Unit,
        found: Ticket,
        values: Values,
        action: AuditAction,
        by: str,
        reason: str,
        fixed: Mapping[str, str] | None = None,
    ) -> Ticket:
        """Puts the changed ticket and its audit entry into the unit, for services over tickets (S2-181). Raises RecordError."""
        after = changed(found, values, fixed or {}).model_copy(update={"last_activity_at": self._clock.now()})
        unit.add(Put(after))
        unit.insert(self._audit.change(action, "ticket", found, after, by, reason=reason))
        return after

    def _minutes(self, ticket: Ticket) -> float:
        """Minutes since it was opened."""
        now = self._clock.now()
        return round((now - (ticket.created_at or now)).total_seconds() / 60, 2)


def _clean(text: str) -> str:
    """A person's text without control characters; line breaks (all as newlines) and tabs stay."""
    return _CONTROL.sub("", re.sub("\r\n?", "\n", text))


def _no_ticket(named: str) -> NotFound:
    return NotFound(f"there is no ticket {named}; a number looks like TICKET-2026-000001")


def _check_move(ticket: Ticket, to: TicketStatus) -> None:
    if to not in TICKET_MOVES[ticket.status]:
        can = ", ".join(sorted(TICKET_MOVES[ticket.status]))
        raise MoveRefused(f"ticket {ticket.ticket_id} cannot go from {ticket.status} to {to}; from there it can go to {can}")
