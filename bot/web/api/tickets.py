"""Tickets: listed, seen whole, opened, changed, moved along."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from bot.errors import NotFound
from bot.records.conversations import Priority
from bot.records.tickets import (
    ResolutionCategory,
    SlaLevel,
    Ticket,
    TicketCategory,
    TicketStatus,
)
from bot.records.users import User
from bot.store.base import Unit
from bot.web.endpoint import Call, Endpoint, Model, declared, endpoint
from bot.web.fields import Id, NoteText, Query, Remark
from bot.web.finding import found_by
from bot.web.paging import Mark, Page, Paged, next_of, stretch
from bot.web.site import Site
from bot.web.ticket_view import Line, Note, TicketView, Whole, note_shown

READ, MANAGE = "read:tickets", "manage:tickets"

Subject = Annotated[str, Field(min_length=1, max_length=200, examples=["No internet since yesterday"])]
Description = Annotated[str, Field(min_length=1, max_length=10_000, examples=["The light on the router is red."])]
Tags = Annotated[list[Annotated[str, Field(min_length=1, max_length=40)]], Field(max_length=50)]


class Wanted(Paged):
    q: Query = ""
    """Words of the subject and the description, or a number. A page may be short, even empty, and yet have a next one."""
    status: TicketStatus | None = None
    category: TicketCategory | None = None
    priority: Priority | None = None
    assigned_to: Query = ""
    """An operator's id; `me` for the caller."""
    customer_id: Query = ""
    conversation_id: Query = ""


class NewTicket(Model):
    customer_id: Id
    conversation_id: Annotated[str | None, Field(max_length=200)] = None
    subject: Subject
    description: Description
    category: TicketCategory = TicketCategory.GENERAL_INQUIRY
    priority: Priority = Priority.MEDIUM


class Changes(Model):
    """What is sent is changed, everything else stays."""

    subject: Subject = ""
    description: Description = ""
    category: TicketCategory = TicketCategory.GENERAL_INQUIRY
    subcategory: Annotated[str | None, Field(max_length=100)] = None
    priority: Priority = Priority.MEDIUM
    sla_level: SlaLevel = SlaLevel.STANDARD
    tags: Tags = []
    reason: Remark = ""


class NewNote(Model):
    text: NoteText
    is_internal: bool = True
    """The person is never told an internal one."""


class Move(Model):
    status: TicketStatus
    reason: Remark = ""


class Resolve(Model):
    summary: NoteText
    steps: Annotated[list[Annotated[str, Field(max_length=2000)]], Field(max_length=50)] = []
    category: ResolutionCategory = ResolutionCategory.SOLVED


class Escalate(Model):
    to: Id
    """A user's id."""
    reason: NoteText


class Assign(Model):
    user: Annotated[str | None, Field(max_length=200)]
    """A user's id; null for nobody."""


class GiveFeedback(Model):
    rating: Annotated[int, Field(ge=1, le=5)]
    comment: Annotated[str | None, Field(max_length=2000)] = None
    follow_up: bool = False
    """Whether somebody has to come back to them."""


class Tickets:
    def __init__(self, site: Site) -> None:
        parts = site.parts
        self._store = parts.store
        self._tickets = parts.services.tickets
        self._search = parts.services.search
        self._people = parts.people
        self._transfers = parts.desk.transfers
        self._view = TicketView(parts.store)

    @endpoint("GET", "/tickets", READ)
    async def listed(self, call: Call, query: Wanted) -> Page[Line]:
        """Tickets, the newest first; narrowed by fields and words."""
        where = _where(call, query)
        if query.q:
            hits = await found_by(self._search.tickets(query.q, limit=min(query.limit, 100), after=query.after or None, **where))
            return Page(items=await self._view.lines(call, hits.records), next=hits.after)
        mark = Mark.read(query.after)
        found = await stretch(self._store, Ticket, where, "-created_at", query.limit + 1, mark)
        following = next_of(found, "created_at", query.limit)
        return Page(items=await self._view.lines(call, found[: query.limit]), next=following)

    @endpoint("GET", "/tickets/{number}", READ)
    async def one(self, call: Call, number: str) -> Whole:
        """One ticket, by its number or its id."""
        return await self._view.whole(call, await self._tickets.get(number))

    @endpoint("POST", "/tickets", MANAGE, status=201)
    async def open(self, call: Call, body: NewTicket) -> Whole:
        """Opens a ticket for a person."""
        customer = await self._people.get(body.customer_id)
        if body.conversation_id and (await self._transfers.get(body.conversation_id)).customer_id != customer.id:
            raise NotFound(f"there is no conversation {body.conversation_id} with this person")
        unit = Unit()
        made = await self._tickets.create(
            unit,
            customer_id=customer.id,
            conversation_id=body.conversation_id or None,
            subject=body.subject,
            description=body.description,
            category=body.category,
            priority=body.priority,
            by=call.by,
        )
        await self._store.commit(unit)
        return await self._view.whole(call, await self._tickets.get(made.id))

    @endpoint("PATCH", "/tickets/{number}", MANAGE)
    async def change(self, call: Call, number: str, body: Changes) -> Whole:
        """Changes what is sent."""
        values = body.model_dump(exclude_unset=True, exclude={"reason"})
        ticket = await self._tickets.get(number)
        changed = await self._tickets.update(ticket.id, values, by=call.by, reason=body.reason) if values else ticket
        return await self._view.whole(call, changed)

    @endpoint("POST", "/tickets/{number}/notes", MANAGE, status=201)
    async def note(self, call: Call, number: str, body: NewNote) -> Note:
        """Writes a note; one that is not internal counts as a response."""
        note = await self._tickets.add_note(number, body.text, agent=call.user.id, by=call.by, internal=body.is_internal)
        return note_shown(note, {call.user.id: call.user})

    @endpoint("POST", "/tickets/{number}/status", MANAGE)
    async def move(self, call: Call, number: str, body: Move) -> Whole:
        """Moves it along, by the table of moves; `resolve` is for resolved. From resolved or closed to open reopens it."""
        return await self._view.whole(call, await self._tickets.move(number, body.status, by=call.by, reason=body.reason))

    @endpoint("POST", "/tickets/{number}/resolve", MANAGE)
    async def resolve(self, call: Call, number: str, body: Resolve) -> Whole:
        """It is resolved, and how."""
        done = await self._tickets.resolve(number, body.summary, by=call.by, steps=tuple(body.steps), category=body.category)
        return await self._view.whole(call, done)

    @endpoint("POST", "/tickets/{number}/escalate", MANAGE)
    async def escalate(self, call: Call, number: str, body: Escalate) -> Whole:
        """It goes up, to somebody and for a reason."""
        await self._require_user(body.to)
        return await self._view.whole(call, await self._tickets.escalate(number, body.to, body.reason, by=call.by))

    @endpoint("POST", "/tickets/{number}/assign", MANAGE)
    async def assign(self, call: Call, number: str, body: Assign) -> Whole:
        """Gives it to somebody, or to nobody."""
        if body.user:
            await self._require_user(body.user)
        return await self._view.whole(call, await self._tickets.assign(number, body.user or None, by=call.by))

    @endpoint("POST", "/tickets/{number}/feedback", MANAGE)
    async def feedback(self, call: Call, number: str, body: GiveFeedback) -> Whole:
        """Writes down what the person thinks of it, as they told it."""
        given = await self._tickets.feedback(number, body.rating, by=call.by, comment=body.comment, follow_up=body.follow_up)
        return await self._view.whole(call, given)

    async def _require_user(self, user_id: str) -> None:
        user = await self._store.get(User, user_id)
        if user is None or not user.is_active:
            raise NotFound(f"there is no active user {user_id}")


def _where(call: Call, query: Wanted) -> dict[str, Any]:
    assigned = call.user.id if query.assigned_to == "me" else query.assigned_to
    asked = {
        "status": query.status,
        "category": query.category,
        "priority": query.priority,
        "assigned_agent": assigned,
        "customer_id": query.customer_id,
        "conversation_id": query.conversation_id,
    }
    return {name: value for name, value in asked.items() if value}


def endpoints(site: Site) -> list[Endpoint]:
    return declared(Tickets(site))
