"""People: found, seen whole with what hangs on them, changed, blocked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field

from bot.conversation import ConversationStatus
from bot.records.calls import Call as PhoneCall
from bot.records.calls import Callback, CallbackStatus, CallDirection, CallStatus
from bot.records.conversations import ChannelName, Conversation, ConversationKind
from bot.records.leads import Lead, LeadStatus
from bot.records.people import Customer, CustomerSource, CustomerStatus, Identity, Segment
from bot.records.permissions import allows
from bot.records.tickets import Ticket, TicketStatus
from bot.services.callbacks import number_of as callback_number
from bot.services.masking import is_findable, masked_phone
from bot.services.numbers import number_of
from bot.store.base import In
from bot.web.endpoint import Call, Endpoint, Model, declared, endpoint
from bot.web.faults import Invalid
from bot.web.fields import At, Query, Remark
from bot.web.finding import found_by
from bot.web.paging import Mark, Page, Paged, next_of, stretch
from bot.web.rows import PersonLine, person_line, sees_whole
from bot.web.site import Site

READ, MANAGE = "read:customers", "manage:customers"
_MOST = 20
"""Of each kind of what hangs on a person."""
_WITH_PEOPLE = In((ConversationKind.CUSTOMER, ConversationKind.CALL))

_ELSEWHERE = frozenset({"reason", "language", "address", "preferred_agent"})
"""What is sent that is no field of the record, or one of its parts'."""

Short = Annotated[str, Field(max_length=100)]
Tag = Annotated[str, Field(min_length=1, max_length=40)]


class Wanted(Paged):
    q: Query = ""
    """Name, number or e-mail address, or parts of them. A page may be short, even empty, and yet have a next one."""


class Street(Model):
    street: str | None
    city: str | None
    state: str | None
    country: str
    postal_code: str | None


class Counts(Model):
    conversations: int
    messages: int
    tickets: int
    satisfaction: float | None


class TicketLine(Model):
    number: str
    subject: str
    status: TicketStatus
    created_at: At | None


class CallbackLine(Model):
    number: str
    at: At
    status: CallbackStatus
    notes: str


class CallLine(Model):
    id: str
    direction: CallDirection | None
    status: CallStatus
    started_at: At | None
    duration: int | None
    """Seconds."""


class LeadLine(Model):
    """One of the reader's own leads, or one that is nobody's."""

    number: str
    status: LeadStatus
    company: str | None


class ConversationLine(Model):
    id: str
    number: str
    channel: ChannelName
    status: ConversationStatus
    updated_at: At | None


class Person(PersonLine):
    """A person with what hangs on them; lists are empty where the reader may not see that kind."""

    status: CustomerStatus
    source: CustomerSource
    first_name: str | None
    last_name: str | None
    alternative_phones: list[str]
    address: Street | None
    """Only for who manages customers."""
    tags: list[str]
    notes: str
    custom_fields: dict[str, str]
    preferred_agent: str | None
    block_reason: str | None
    first_contact: At | None
    last_interaction: At | None
    counts: Counts
    tickets: list[TicketLine]
    callbacks: list[CallbackLine]
    calls: list[CallLine]
    leads: list[LeadLine]
    memory: list[str]
    """What we remember of them."""
    conversations: list[ConversationLine]


class NewAddress(Model):
    street: Annotated[str | None, Field(max_length=200)] = None
    city: Short | None = None
    state: Short | None = None
    country: Annotated[str, Field(min_length=2, max_length=60)] | None = None
    postal_code: Annotated[str | None, Field(max_length=20)] = None


class Changes(Model):
    """What is sent is changed, everything else stays."""

    first_name: Short | None = None
    last_name: Short | None = None
    email: Annotated[str | None, Field(max_length=200)] = None
    phone_number: Annotated[str | None, Field(max_length=40)] = None
    language: Annotated[str, Field(pattern=r"^[a-z]{2}$", examples=["es"])] | None = None
    segment: Segment | None = None
    tags: Annotated[list[Tag], Field(max_length=50)] | None = None
    notes: Annotated[str | None, Field(max_length=10_000)] = None
    custom_fields: Annotated[dict[Short, Annotated[str, Field(max_length=2000)]], Field(max_length=50)] | None = None
    preferred_agent: Annotated[str | None, Field(max_length=200)] = None
    address: NewAddress | None = None
    reason: Remark = ""


class Block(Model):
    reason: Annotated[str, Field(min_length=1, max_length=500)]


class Unblock(Model):
    reason: Remark = ""


class People:
    def __init__(self, site: Site) -> None:
        self._store = site.parts.store
        self._services = site.parts.services
        self._people = site.parts.people
        self._users = site.parts.accounts.users

    @endpoint("GET", "/people", READ)
    async def listed(self, call: Call, query: Wanted) -> Page[PersonLine]:
        """People by words, the newest first; without words, who was heard of last comes first."""
        whole = sees_whole(call.user)
        if query.q:
            hits = await found_by(
                self._services.search.customers(query.q, limit=min(query.limit, 100), after=query.after or None)
            )
            found = [one for one in hits.records if whole or is_findable(one, query.q)]
            return Page(items=[person_line(one, whole=whole) for one in found], next=hits.after)
        mark = Mark.read(query.after)
        found = await stretch(self._store, Customer, {}, "-last_interaction", query.limit + 1, mark)
        following = next_of(found, "last_interaction", query.limit)
        return Page(items=[person_line(one, whole=whole) for one in found[: query.limit]], next=following)

    @endpoint("GET", "/people/{id}", READ)
    async def one(self, call: Call, id: str) -> Person:
        """One person, with tickets, callbacks, calls, leads, memory and conversations; the newest of each."""
        return await self._whole(call, await self._people.get(id))

    @endpoint("PATCH", "/people/{id}", MANAGE)
    async def change(self, call: Call, id: str, body: Changes) -> Person:
        """Changes what is sent; null empties a field that can be empty."""
        values = {
            name: getattr(body, name) for name in body.model_fields_set - {"reason", "language", "address", "preferred_agent"}
        }
        for name in ("segment", "tags", "custom_fields", "language"):
            if name in body.model_fields_set and getattr(body, name) is None:
                raise Invalid(f"body.{name}: cannot be null; leave it out to keep it", field=name)
        if body.language is not None:
            values["preferences.language"] = body.language
        if "preferred_agent" in body.model_fields_set:
            values["preferences.preferred_agent"] = await self._operator(body.preferred_agent)
        if body.address is not None:
            sent = body.address.model_dump(exclude_unset=True)
            values |= {f"address.{name}": value for name, value in sent.items() if value is not None or name != "country"}
        changed = await self._people.update(id, values, by=call.by, reason=body.reason) if values else await self._people.get(id)
        return await self._whole(call, changed)

    @endpoint("POST", "/people/{id}/block", MANAGE)
    async def block(self, call: Call, id: str, body: Block) -> Person:
        """From now on nothing is said to them but by an operator."""
        return await self._whole(call, await self._people.block(id, by=call.by, reason=body.reason))

    @endpoint("POST", "/people/{id}/unblock", MANAGE)
    async def unblock(self, call: Call, id: str, body: Unblock) -> Person:
        """They are answered again."""
        return await self._whole(call, await self._people.unblock(id, by=call.by, reason=body.reason))

    async def _operator(self, user_id: str | None) -> str | None:
        return (await self._users.get(user_id)).id if user_id else None

    async def _whole(self, call: Call, person: Customer) -> Person:
        whole, id, stands = sees_whole(call.user), person.id, person.statistics
        phones = person.alternative_phones
        return Person(
            **person_line(person, whole=whole).model_dump(),
            status=person.status,
            source=person.source,
            first_name=person.first_name,
            last_name=person.last_name,
            alternative_phones=phones if whole else [masked_phone(phone) for phone in phones],
            address=Street(**person.address.model_dump(include=set(Street.model_fields))) if whole else None,
            tags=person.tags,
            notes=person.notes or "",
            custom_fields=person.custom_fields,
            preferred_agent=person.preferences.preferred_agent,
            block_reason=person.block_reason,
            first_contact=person.first_contact,
            last_interaction=person.last_interaction,
            counts=Counts(
                conversations=stands.total_conversations,
                messages=stands.total_messages,
                tickets=stands.total_tickets,
                satisfaction=stands.satisfaction_score,
            ),
            tickets=await self._tickets(call, id),
            callbacks=[_callback(one) for one in await self._services.callbacks.of_customer(id, _MOST)],
            calls=[_call(one) for one in await self._store.find(PhoneCall, {"customer_id": id}, limit=_MOST)],
            leads=await self._leads(call, id),
            memory=await self._services.memories.recall(id),
            conversations=await self._conversations(call, id),
        )

    async def _tickets(self, call: Call, id: str) -> list[TicketLine]:
        if not allows(call.user.granted, "tickets", "read"):
            return []
        found = await self._services.tickets.of_customer(id, _MOST)
        return [_ticket(one) for one in found]

    async def _leads(self, call: Call, id: str) -> list[LeadLine]:
        if not allows(call.user.granted, "leads", "read"):
            return []
        known: Sequence[Identity] = await self._store.find(Identity, {"customer_id": id})
        ids = tuple(dict.fromkeys(lead for one in known for lead in one.lead_ids))
        found = await self._store.find(Lead, {"id": In(ids)}) if ids else []
        own = [one for one in found if one.user_id in (None, call.user.id)]
        return [LeadLine(number=number_of(one), status=one.status, company=one.company_name) for one in own[:_MOST]]

    async def _conversations(self, call: Call, id: str) -> list[ConversationLine]:
        if not allows(call.user.granted, "conversations", "read"):
            return []
        where: dict[str, Any] = {"customer_id": id, "kind": _WITH_PEOPLE}
        found = await self._store.find(Conversation, where, sort=("-updated_at",), limit=_MOST)
        return [
            ConversationLine(id=one.id, number=number_of(one), channel=one.channel, status=one.status, updated_at=one.updated_at)
            for one in found
        ]


def _ticket(ticket: Ticket) -> TicketLine:
    return TicketLine(number=ticket.ticket_id, subject=ticket.subject, status=ticket.status, created_at=ticket.created_at)


def _callback(callback: Callback) -> CallbackLine:
    return CallbackLine(
        number=callback_number(callback), at=callback.requested_time, status=callback.status, notes=callback.notes or ""
    )


def _call(call: PhoneCall) -> CallLine:
    return CallLine(id=call.id, direction=call.direction, status=call.status, started_at=call.started_at, duration=call.duration)


def endpoints(site: Site) -> list[Endpoint]:
    return declared(People(site))
