"""Tickets: a yearly number, moves, notes, what the customer thinks of it (S2-143 to S2-181)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bot.clock import Clock, new_id
from bot.errors import MoveRefused, RecordError
from bot.records.audit import AuditAction
from bot.records.conversations import Priority
from bot.records.people import Customer
from bot.records.tickets import (
    CustomerFeedback,
    Resolution,
    ResolutionCategory,
    SlaLevel,
    Ticket,
    TicketAttachment,
    TicketCategory,
    TicketEscalation,
    TicketNote,
    TicketStatus,
)
from bot.services.audit import Audit
from bot.services.editing import changed, twice
from bot.services.ratings import average_rating
from bot.services.service_levels import ServiceLevels
from bot.services.ticket_clock import begun, followed
from bot.services.ticket_news import TicketNews
from bot.services.ticket_rules import CUSTOMER, DONE, FIXED, check_move, clean, is_team, no_ticket
from bot.store.base import Change, Put, Store, Unit

Values = Mapping[str, Any]


class Tickets:
    """The only writer of tickets.

    Every change is a whole-record write against the version that was read; whoever loses a race tries once more on what is there
    by then. With a `unit` the change is put there instead, for its owner to commit.
    """

    def __init__(
        self, store: Store, clock: Clock, audit: Audit, levels: ServiceLevels | None = None, news: TicketNews | None = None
    ) -> None:
        """Without `levels` nothing is promised for new tickets; without `news` no customer is told of anything."""
        self._store = store
        self._clock = clock
        self._audit = audit
        self._levels = levels
        self._news = news

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
        sla_level: SlaLevel = SlaLevel.STANDARD,
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
            subject=" ".join(clean(subject).split()),
            description=clean(description).strip(),
            category=category,
            priority=priority,
            sla_level=sla_level,
            last_activity_at=now,
        )
        promised = None if self._levels is None else begun(draft, await self._levels.terms(draft), now)
        number = await self._store.next_number(f"tickets:{now.year}")
        ticket = draft.model_copy(update={"ticket_id": f"TICKET-{now.year:04d}-{number:06d}", "sla": promised})
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

    async def open(self, *, by: str, **values: Any) -> Ticket:
        """The same, written at once: for who has no unit of their own. Raises RecordError."""
        unit = Unit()
        made = await self.create(unit, by=by, **{"conversation_id": None, **values})
        await self._store.commit(unit)
        return made

    async def get(self, ticket: str) -> Ticket:
        """A ticket by its id or its number. Raises NotFound."""
        found = await self._store.get(Ticket, ticket)
        if found is None:
            numbered = await self._store.find(Ticket, {"ticket_id": ticket.strip().upper()}, limit=1)
            found = numbered[0] if numbered else None
        if found is None:
            raise no_ticket(ticket)
        return found

    async def own(self, customer_id: str, ticket: str) -> Ticket:
        """A customer's own ticket by its number. Raises NotFound, in the same words for one of somebody else's as for none."""
        found = await self._store.find(Ticket, {"ticket_id": ticket.strip().upper()}, limit=1)
        if not found or found[0].customer_id != customer_id:
            raise no_ticket(ticket)
        return found[0]

    async def of_customer(self, customer_id: str, limit: int = 10) -> list[Ticket]:
        """A customer's own tickets, the newest first."""
        return await self._store.find(Ticket, {"customer_id": customer_id}, sort=("-created_at",), limit=limit)

    async def update(self, ticket: str, changes: Values, *, by: str, reason: str = "", unit: Unit | None = None) -> Ticket:
        """Sets fields: subject, description, category, priority, tags, labels, ... Raises RecordError, NotFound, Conflict."""
        return await self._edit(ticket, lambda found: dict(changes), by=by, reason=reason, unit=unit, fixed=FIXED)

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
            check_move(found, to, by)
            values: dict[str, Any] = {"status": to, "closed_at": now if to is TicketStatus.CLOSED else None}
            if found.status in DONE and to not in DONE:
                values |= {"resolution": None, "resolution_time": None}
            return values

        def action(found: Ticket) -> AuditAction:
            if to is TicketStatus.CLOSED:
                return AuditAction.CLOSED
            return AuditAction.REOPENED if found.status in DONE else AuditAction.UPDATED

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
            check_move(found, TicketStatus.RESOLVED, by)
            how = Resolution(
                summary=summary.strip(), steps=list(steps), resolved_by=by, resolved_at=now, resolution_category=category
            )
            answered = self._minutes(found) if found.first_response_time is None else found.first_response_time
            values = {"status": TicketStatus.RESOLVED, "resolution": how, "resolution_time": self._minutes(found)}
            return {**values, "first_response_time": answered}

        return await self._edit(ticket, resolved, by=by, action=AuditAction.RESOLVED, unit=unit)

    async def escalate(self, ticket: str, to: str, reason: str, *, by: str, unit: Unit | None = None) -> Ticket:
        """It goes up, to somebody and for a reason (S2-177). Resolved and closed ones have to be reopened first."""
        if not to.strip() or not reason.strip():
            raise RecordError(
                "Ticket.escalationReason: to whom and why are required; for example 'ana', 'third outage this week'"
            )
        now = self._clock.now()

        def escalated(found: Ticket) -> Values:
            if found.status in DONE:
                raise MoveRefused(f"ticket {found.ticket_id} is {found.status}; reopen it before it is escalated")
            return escalation_of(found, TicketEscalation(level=0, to=to, at=now, reason=reason.strip(), by=by))

        return await self._edit(ticket, escalated, by=by, reason=reason, action=AuditAction.ESCALATED, unit=unit)

    async def add_note(
        self,
        ticket: str,
        content: str,
        *,
        agent: str,
        by: str,
        internal: bool = True,
        attachments: tuple[TicketAttachment, ...] = (),
        unit: Unit | None = None,
    ) -> TicketNote:
        """A note; the customer is never told an internal one (S2-179). Another one is a response, unless it is their own.

        Where their answer was waited for, it has come: the ticket is open again.
        """
        if not content.strip():
            raise RecordError("Ticket.notes.content: is required; for example 'called back, no answer'")
        now, files = self._clock.now(), list(attachments)
        note = TicketNote(
            id=new_id(), agent=agent, content=content.strip(), is_internal=internal, timestamp=now, attachments=files
        )

        def noted(found: Ticket) -> Values:
            values: dict[str, Any] = {"notes": [*found.notes, note]}
            if not internal and agent != CUSTOMER and found.first_response_time is None:
                values["first_response_time"] = self._minutes(found)
            if agent == CUSTOMER and found.status is TicketStatus.WAITING_CUSTOMER:
                values["status"] = TicketStatus.IN_PROGRESS if found.assigned_agent else TicketStatus.OPEN
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
            wanted = values(found)
            changed(found, wanted, fixed or {})
            after = self.put(into, found, await self._with_clock(found, wanted), named, by, reason)
            if self._news is not None and is_team(by):
                self._news.put(into, found, after)
            if unit is None:
                await self._store.commit(into)
            return after

        return await (once() if unit is not None else twice(f"ticket {ticket}", once))

    async def _with_clock(self, found: Ticket, values: Values) -> Values:
        """The values, and what they do to the clocks."""
        if self._levels is None or found.sla is None:
            return values
        wanted = changed(found, values, {})
        return {**values, "sla": followed(found, wanted, await self._levels.terms(wanted), self._clock.now())}

    def put(self, unit: Unit, found: Ticket, values: Values, action: AuditAction, by: str, reason: str) -> Ticket:
        """Puts the changed ticket and its audit entry into the unit, for services over tickets (S2-181). Raises RecordError.

        What the clocks of a promise go by (status, level, priority, first response) is changed by the methods above.
        """
        after = changed(found, values, {}).model_copy(update={"last_activity_at": self._clock.now()})
        unit.add(Put(after))
        unit.insert(self._audit.change(action, "ticket", found, after, by, reason=reason))
        return after

    def _minutes(self, ticket: Ticket) -> float:
        """Minutes since it was opened."""
        now = self._clock.now()
        return round((now - (ticket.created_at or now)).total_seconds() / 60, 2)


def escalation_of(ticket: Ticket, escalation: TicketEscalation) -> Values:
    """The fields of a ticket that has gone up."""
    fields = {
        "escalated": True,
        "escalated_to": escalation.to,
        "escalated_at": escalation.at,
        "escalation_reason": escalation.reason,
    }
    return {**fields, "escalations": [*ticket.escalations, escalation]}
