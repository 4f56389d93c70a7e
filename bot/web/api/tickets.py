"""Tickets: listed, seen whole, opened, changed, moved along."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from bot.errors import NotFound
from bot.records.conversations import AttachmentType, Priority
from bot.records.people import Customer
from bot.records.tickets import (
    ResolutionCategory,
    SlaLevel,
    Ticket,
    TicketAttachment,
    TicketCategory,
    TicketNote,
    TicketStatus,
)
from bot.records.users import User
from bot.store.base import Unit
from bot.web.endpoint import Call, Endpoint, Model, declared, endpoint
from bot.web.fields import At, Id, NoteText, Query, Remark
from bot.web.finding import found_by
from bot.web.paging import Mark, Page, Paged, next_of, stretch
from bot.web.rows import Named, PersonLine, Rows, named, person_line, sees_whole
from bot.web.site import Site

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


class Line(Model):
    """A ticket, in a list."""

    id: str
    number: str
    subject: str
    status: TicketStatus
    priority: Priority
    category: TicketCategory
    sla_level: SlaLevel
    person: PersonLine | None
    assigned_to: Named | None
    escalated: bool
    tags: list[str]
    conversation_id: str | None
    created_at: At | None
    updated_at: At | None


class Note(Model):
    id: str | None
    user: Named | None
    """Null where the person wrote it themselves."""
    text: str
    is_internal: bool
    at: At


class File(Model):
    id: str | None
    """Of the media store, where there is a `url`."""
    type: AttachmentType
    name: str | None
    size: int | None
    """Bytes."""
    url: str | None
    """Where it is shown to who is signed in; null for what was imported."""
    by: Named | None
    at: At


class How(Model):
    """What resolved it."""

    summary: str | None
    steps: list[str]
    category: ResolutionCategory | None
    by: str | None
    at: At | None


class Feedback(Model):
    rating: int | None
    comment: str | None
    follow_up_needed: bool


class Whole(Line):
    """A ticket with everything that is written on it."""

    description: str
    subcategory: str | None
    notes: list[Note]
    files: list[File]
    resolution: How | None
    feedback: Feedback | None
    escalated_to: Named | None
    escalation_reason: str | None
    escalated_at: At | None
    related: list[str]
    """Ids of other tickets."""
    parent: str | None
    first_response_minutes: float | None
    resolution_minutes: float | None
    closed_at: At | None


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
        self._rows = Rows(parts.store)

    @endpoint("GET", "/tickets", READ)
    async def listed(self, call: Call, query: Wanted) -> Page[Line]:
        """Tickets, the newest first; narrowed by fields and words."""
        where = _where(call, query)
        if query.q:
            hits = await found_by(self._search.tickets(query.q, limit=min(query.limit, 100), after=query.after or None, **where))
            return Page(items=await self._lines(call, hits.records), next=hits.after)
        mark = Mark.read(query.after)
        found = await stretch(self._store, Ticket, where, "-created_at", query.limit + 1, mark)
        following = next_of(found, "created_at", query.limit)
        return Page(items=await self._lines(call, found[: query.limit]), next=following)

    @endpoint("GET", "/tickets/{number}", READ)
    async def one(self, call: Call, number: str) -> Whole:
        """One ticket, by its number or its id."""
        return await self.whole(call, await self._tickets.get(number))

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
        return await self.whole(call, await self._tickets.get(made.id))

    @endpoint("PATCH", "/tickets/{number}", MANAGE)
    async def change(self, call: Call, number: str, body: Changes) -> Whole:
        """Changes what is sent."""
        values = body.model_dump(exclude_unset=True, exclude={"reason"})
        ticket = await self._tickets.get(number)
        changed = await self._tickets.update(ticket.id, values, by=call.by, reason=body.reason) if values else ticket
        return await self.whole(call, changed)

    @endpoint("POST", "/tickets/{number}/notes", MANAGE, status=201)
    async def note(self, call: Call, number: str, body: NewNote) -> Note:
        """Writes a note; one that is not internal counts as a response."""
        note = await self._tickets.add_note(number, body.text, agent=call.user.id, by=call.by, internal=body.is_internal)
        return _note(note, {call.user.id: call.user})

    @endpoint("POST", "/tickets/{number}/status", MANAGE)
    async def move(self, call: Call, number: str, body: Move) -> Whole:
        """Moves it along, by the table of moves; `resolve` is for resolved. From resolved or closed to open reopens it."""
        return await self.whole(call, await self._tickets.move(number, body.status, by=call.by, reason=body.reason))

    @endpoint("POST", "/tickets/{number}/resolve", MANAGE)
    async def resolve(self, call: Call, number: str, body: Resolve) -> Whole:
        """It is resolved, and how."""
        done = await self._tickets.resolve(number, body.summary, by=call.by, steps=tuple(body.steps), category=body.category)
        return await self.whole(call, done)

    @endpoint("POST", "/tickets/{number}/escalate", MANAGE)
    async def escalate(self, call: Call, number: str, body: Escalate) -> Whole:
        """It goes up, to somebody and for a reason."""
        await self._require_user(body.to)
        return await self.whole(call, await self._tickets.escalate(number, body.to, body.reason, by=call.by))

    @endpoint("POST", "/tickets/{number}/assign", MANAGE)
    async def assign(self, call: Call, number: str, body: Assign) -> Whole:
        """Gives it to somebody, or to nobody."""
        if body.user:
            await self._require_user(body.user)
        return await self.whole(call, await self._tickets.assign(number, body.user or None, by=call.by))

    @endpoint("POST", "/tickets/{number}/feedback", MANAGE)
    async def feedback(self, call: Call, number: str, body: GiveFeedback) -> Whole:
        """Writes down what the person thinks of it, as they told it."""
        given = await self._tickets.feedback(number, body.rating, by=call.by, comment=body.comment, follow_up=body.follow_up)
        return await self.whole(call, given)

    async def _require_user(self, user_id: str) -> None:
        user = await self._store.get(User, user_id)
        if user is None or not user.is_active:
            raise NotFound(f"there is no active user {user_id}")

    async def _lines(self, call: Call, found: list[Ticket]) -> list[Line]:
        people = await self._rows.by_id(Customer, (one.customer_id for one in found))
        users = await self._rows.by_id(User, (one.assigned_agent for one in found))
        whole = sees_whole(call.user)
        return [_line(one, people, users, whole=whole) for one in found]

    async def whole(self, call: Call, ticket: Ticket) -> Whole:
        """A ticket as it is shown by itself."""
        (line,) = await self._lines(call, [ticket])
        uploaders = (_user_in(file.uploaded_by) for file in ticket.attachments)
        users = await self._rows.by_id(User, [ticket.escalated_to, *(note.agent for note in ticket.notes), *uploaders])
        how, said = ticket.resolution, ticket.customer_feedback
        return Whole(
            **line.model_dump(),
            description=ticket.description,
            subcategory=ticket.subcategory,
            notes=[_note(note, users) for note in ticket.notes],
            files=[_file(file, users) for file in ticket.attachments],
            resolution=How(
                summary=how.summary, steps=how.steps, category=how.resolution_category, by=how.resolved_by, at=how.resolved_at
            )
            if how is not None
            else None,
            feedback=Feedback(rating=said.rating, comment=said.comment, follow_up_needed=said.follow_up_needed)
            if said is not None
            else None,
            escalated_to=named(ticket.escalated_to, users),
            escalation_reason=ticket.escalation_reason,
            escalated_at=ticket.escalated_at,
            related=ticket.related_tickets,
            parent=ticket.parent_ticket,
            first_response_minutes=ticket.first_response_time,
            resolution_minutes=ticket.resolution_time,
            closed_at=ticket.closed_at,
        )


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


def _line(ticket: Ticket, people: Mapping[str, Customer], users: dict[str, User], *, whole: bool) -> Line:
    person = people.get(ticket.customer_id)
    return Line(
        id=ticket.id,
        number=ticket.ticket_id,
        subject=ticket.subject,
        status=ticket.status,
        priority=ticket.priority,
        category=ticket.category,
        sla_level=ticket.sla_level,
        person=person_line(person, whole=whole) if person is not None else None,
        assigned_to=named(ticket.assigned_agent, users),
        escalated=ticket.escalated,
        tags=ticket.tags,
        conversation_id=ticket.conversation_id,
        created_at=ticket.created_at,
        updated_at=ticket.updated_at,
    )


def _note(note: TicketNote, users: dict[str, User]) -> Note:
    is_known = note.agent in users
    return Note(
        id=note.id,
        user=named(note.agent, users) if is_known else None,
        text=note.content,
        is_internal=note.is_internal,
        at=note.timestamp,
    )


def _file(file: TicketAttachment, users: dict[str, User]) -> File:
    uploader = _user_in(file.uploaded_by)
    is_ours = file.url is not None and file.url.startswith("/media/")
    return File(
        id=file.public_id,
        type=file.type,
        name=file.filename,
        size=file.size,
        url=file.url if is_ours else None,
        by=named(uploader, users) if uploader in users else None,
        at=file.uploaded_at,
    )


def _user_in(by: str | None) -> str | None:
    """The user's id in `user:<id>`; imported tickets name the bare id."""
    return by.removeprefix("user:") if by else None


def endpoints(site: Site) -> list[Endpoint]:
    return declared(Tickets(site))
