"""Tickets as the API shows them: a line in a list, or one with everything that is written on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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
from bot.store.base import Store
from bot.web.endpoint import Call, Model
from bot.web.fields import At
from bot.web.rows import Named, PersonLine, Rows, named, person_line, sees_whole


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


class TicketView:
    """Looks up whom a ticket names."""

    def __init__(self, store: Store) -> None:
        self._rows = Rows(store)

    async def lines(self, call: Call, found: Sequence[Ticket]) -> list[Line]:
        """Tickets as a list shows them."""
        people = await self._rows.by_id(Customer, (one.customer_id for one in found))
        users = await self._rows.by_id(User, (one.assigned_agent for one in found))
        whole = sees_whole(call.user)
        return [_line(one, people, users, whole=whole) for one in found]

    async def whole(self, call: Call, ticket: Ticket) -> Whole:
        """A ticket as it is shown by itself."""
        (line,) = await self.lines(call, [ticket])
        uploaders = (_user_in(file.uploaded_by) for file in ticket.attachments)
        users = await self._rows.by_id(User, [ticket.escalated_to, *(note.agent for note in ticket.notes), *uploaders])
        how, said = ticket.resolution, ticket.customer_feedback
        return Whole(
            **line.model_dump(),
            description=ticket.description,
            subcategory=ticket.subcategory,
            notes=[note_shown(note, users) for note in ticket.notes],
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


def note_shown(note: TicketNote, users: dict[str, User]) -> Note:
    """A note. `users` by id names who wrote it."""
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
