"""How the API shows conversations, messages and people: what each reader may see of them, and nothing else of a record.

The desk's live socket sends the same rows. A visitor's end of a web chat is a secret of their browser: no address is ever shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from bot.conversation import AssigneeKind, ConversationStatus
from bot.records.base import Record
from bot.records.calls import Call, CallDirection, CallStatus
from bot.records.conversations import Category, ChannelName, Conversation, MessageSender, Priority
from bot.records.handoffs import Cause
from bot.records.people import Customer, Segment
from bot.records.permissions import AgentPermission, allows, canonical
from bot.records.users import User
from bot.services.masking import masked_email, masked_phone
from bot.services.numbers import number_of
from bot.services.users import name_of
from bot.store.base import In, Store
from bot.web.endpoint import Model
from bot.web.fields import At

R = TypeVar("R", bound=Record)

_PREVIEW = 200
"""Characters of the last message that a row shows."""


class Named(Model):
    """Somebody of the team."""

    id: str
    name: str


class PersonLine(Model):
    """The person at the other end."""

    id: str
    number: str
    """To be read out and typed."""
    name: str
    """Empty where nobody knows it."""
    initials: str
    phone: str
    """Masked, but for who manages customers."""
    email: str
    """Masked likewise."""
    language: str | None
    segment: Segment
    is_blocked: bool


class Holder(Model):
    """Who holds a conversation: an AI agent, a queue or an operator."""

    kind: AssigneeKind
    id: str
    """The operator's id; of an agent and a queue its name."""
    name: str


class LastWords(Model):
    text: str
    at: At
    by: MessageSender


class CallState(Model):
    """The telephone call that a conversation is."""

    id: str
    status: CallStatus
    is_inbound: bool
    started_at: At | None
    """When it was answered."""
    ended_at: At | None


class Row(Model):
    """A conversation, in a list."""

    id: str
    number: str
    person: PersonLine | None
    channel: ChannelName
    holder: Holder
    status: ConversationStatus
    priority: Priority
    category: Category
    tags: list[str]
    unread: int
    last: LastWords | None
    waiting_since: At | None
    """Since when the person has waited for an answer of a person of ours."""
    reason: Cause | None
    """Why it changed hands last."""
    note: str
    """The same in words: the AI's, or a colleague's note."""
    assigned_at: At | None
    resolved_at: At | None
    snoozed_until: At | None
    language: str | None
    call: CallState | None
    """null where it is no telephone call."""
    epoch: int
    version: int
    created_at: At | None
    updated_at: At | None


class Rows:
    """Makes rows; the people and users in them are read together."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def of(self, found: Sequence[Conversation], *, whole: bool) -> list[Row]:
        """A row each. `whole` shows numbers and addresses as they are: ask `sees_whole`."""
        people = await self.by_id(Customer, (one.customer_id for one in found))
        users = await self.by_id(User, (one.assignee_name for one in found if one.assignee_kind is AssigneeKind.OPERATOR))
        calls = await self.by_id(Call, (one.call_id for one in found))
        return [row_of(one, people.get(one.customer_id or ""), users, calls.get(one.call_id or ""), whole=whole) for one in found]

    async def one(self, conversation: Conversation, *, whole: bool) -> Row:
        (row,) = await self.of([conversation], whole=whole)
        return row

    async def by_id(self, kind: type[R], ids: Iterable[str | None]) -> dict[str, R]:
        """Those of these records that there are."""
        wanted = tuple(dict.fromkeys(id_ for id_ in ids if id_))
        return {record.id: record for record in await self._store.find(kind, {"id": In(wanted)})} if wanted else {}


def sees_whole(user: User) -> bool:
    """Whether somebody sees numbers and addresses as they are: who manages customers."""
    return allows(user.granted, *canonical(AgentPermission.MANAGE_CUSTOMERS))


def row_of(
    conversation: Conversation, person: Customer | None, users: dict[str, User], call: Call | None = None, *, whole: bool
) -> Row:
    """One row. `users` by id names who holds it."""
    last, handoff = conversation.last_message, conversation.handoff
    return Row(
        id=conversation.id,
        number=number_of(conversation),
        person=person_line(person, whole=whole) if person is not None else None,
        channel=conversation.channel,
        holder=holder_of(conversation.assignee_kind, conversation.assignee_name, users),
        status=conversation.status,
        priority=conversation.priority,
        category=conversation.category,
        tags=conversation.tags,
        unread=conversation.unread_count,
        last=LastWords(text=last.content[:_PREVIEW], at=last.timestamp, by=last.sender) if last is not None else None,
        waiting_since=conversation.waiting_since,
        reason=handoff.cause if handoff is not None else None,
        note=(handoff.note or handoff.reason) if handoff is not None else "",
        assigned_at=conversation.assigned_at,
        resolved_at=conversation.resolved_at,
        snoozed_until=conversation.snoozed_until,
        language=conversation.language,
        call=_call_state(call) if call is not None else None,
        epoch=conversation.epoch,
        version=conversation.version,
        created_at=conversation.created_at,
        updated_at=conversation.updated_at,
    )


def _call_state(call: Call) -> CallState:
    return CallState(
        id=call.id,
        status=call.status,
        is_inbound=call.direction is not CallDirection.OUTBOUND,
        started_at=call.started_at,
        ended_at=call.ended_at,
    )


def holder_of(kind: AssigneeKind, name: str, users: dict[str, User]) -> Holder:
    """Who holds something, with their name."""
    user = users.get(name) if kind is AssigneeKind.OPERATOR else None
    return Holder(kind=kind, id=name, name=called(user) if user is not None else name)


def called(user: User) -> str:
    """How somebody of the team is called; never empty."""
    return name_of(user) or user.email


def named(user_id: str | None, users: dict[str, User]) -> Named | None:
    """Somebody of the team by their id; None for nobody. Who is gone keeps the id."""
    if not user_id:
        return None
    user = users.get(user_id)
    return Named(id=user_id, name=called(user) if user is not None else "")


def person_line(person: Customer, *, whole: bool) -> PersonLine:
    """A person, in a line."""
    name = " ".join(part for part in (person.first_name, person.last_name) if part)
    phone, email = person.phone_number or "", person.email or ""
    return PersonLine(
        id=person.id,
        number=number_of(person),
        name=name,
        initials="".join(word[0] for word in name.split()[:2]).upper(),
        phone=phone if whole or not phone else masked_phone(phone),
        email=email if whole or not email else masked_email(email),
        language=person.last_language or person.own_language,
        segment=person.segment,
        is_blocked=person.is_blocked,
    )
