"""One search over people, tickets and what was said."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bot.records.conversations import ConversationKind, MessageSender
from bot.records.people import Customer
from bot.records.permissions import allows
from bot.records.tickets import TicketStatus
from bot.services.masking import is_findable
from bot.store.base import In
from bot.web.endpoint import Call, Endpoint, Model, declared, endpoint
from bot.web.fields import At
from bot.web.finding import found_by
from bot.web.rows import PersonLine, Rows, person_line, sees_whole
from bot.web.site import Site

READ = "read:conversations"
_WITH_PEOPLE = In((ConversationKind.CUSTOMER, ConversationKind.CALL))
_PREVIEW = 400


class Wanted(Model):
    q: Annotated[str, Field(min_length=1, max_length=200, examples=["router"])]
    """A few words: all of them have to be found."""
    limit: Annotated[int, Field(ge=1, le=50)] = 10
    """Of each kind, at most."""


class Said(Model):
    """Something that was said."""

    id: str
    conversation_id: str
    person: PersonLine | None
    text: str
    at: At
    by: MessageSender


class TicketLine(Model):
    number: str
    subject: str
    status: TicketStatus


class Hits(Model):
    """The newest first; empty where the caller may not see that kind."""

    people: list[PersonLine]
    messages: list[Said]
    tickets: list[TicketLine]


class Search:
    def __init__(self, site: Site) -> None:
        self._search = site.parts.services.search
        self._rows = Rows(site.parts.store)

    @endpoint("GET", "/search", READ)
    async def search(self, call: Call, query: Wanted) -> Hits:
        """Finds people, tickets and messages by words, numbers and addresses."""
        return Hits(
            people=await self._people(call, query),
            messages=await self._messages(call, query),
            tickets=await self._tickets(call, query),
        )

    async def _people(self, call: Call, query: Wanted) -> list[PersonLine]:
        if not allows(call.user.granted, "customers", "read"):
            return []
        found = await found_by(self._search.customers(query.q, limit=query.limit))
        whole = sees_whole(call.user)
        return [person_line(person, whole=whole) for person in found.records if whole or is_findable(person, query.q)]

    async def _messages(self, call: Call, query: Wanted) -> list[Said]:
        found = await found_by(self._search.messages(query.q, limit=query.limit, kind=_WITH_PEOPLE))
        people = await self._rows.by_id(Customer, (one.customer_id for one in found.records))
        whole = sees_whole(call.user)
        return [
            Said(
                id=one.id,
                conversation_id=one.conversation_id,
                person=person_line(people[one.customer_id], whole=whole) if one.customer_id in people else None,
                text=one.content[:_PREVIEW],
                at=one.timestamp,
                by=one.sender,
            )
            for one in found.records
        ]

    async def _tickets(self, call: Call, query: Wanted) -> list[TicketLine]:
        if not allows(call.user.granted, "tickets", "read"):
            return []
        found = await found_by(self._search.tickets(query.q, limit=query.limit))
        return [TicketLine(number=one.ticket_id, subject=one.subject, status=one.status) for one in found.records]


def endpoints(site: Site) -> list[Endpoint]:
    return declared(Search(site))
