"""What users may look up of others: people, tickets, leads, conversations. It only reads; the tools choose what is shown.

A user's conversations with the assistant are their own: none of them is found here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from bot.conversation import AssigneeKind, ConversationStatus
from bot.errors import NotFound
from bot.records.base import Record
from bot.records.calls import Callback, CallbackStatus
from bot.records.conversations import Conversation, ConversationKind, Message
from bot.records.leads import Lead
from bot.records.people import Customer
from bot.records.tickets import Ticket, TicketStatus
from bot.records.users import User
from bot.services.leads import Leads
from bot.services.numbers import by_number
from bot.services.search import Search
from bot.services.users import name_of
from bot.store.base import Found, In, Store

R = TypeVar("R", bound=Record)

_PAGES = 5
"""Of a search, before it counts as having found no more."""
_WITH_PEOPLE = In((ConversationKind.CUSTOMER, ConversationKind.CALL))
_UNFINISHED = tuple(status for status in TicketStatus if status not in (TicketStatus.RESOLVED, TicketStatus.CLOSED))


@dataclass(frozen=True, slots=True)
class PersonCard:
    """One person, and how things stand with them."""

    person: Customer
    open_tickets: int
    callbacks: int
    """Booked ones."""
    conversation: Conversation | None
    """The last one."""


@dataclass(frozen=True, slots=True)
class TicketCard:
    """One ticket, with whose it is and who looks after it."""

    ticket: Ticket
    person: Customer | None
    operator: str
    """Name of the user; empty where there is none."""


@dataclass(frozen=True, slots=True)
class ConversationCard:
    """One conversation, with whom it is and who holds it."""

    conversation: Conversation
    person: Customer | None
    operator: str
    """Name of the user who holds it; empty where none does."""
    found: Message | None = None
    """What a search for words has found in it."""


class Directory:
    """Looks up. Every question is served by an index."""

    def __init__(self, store: Store, search: Search, leads: Leads) -> None:
        self._store = store
        self._search = search
        self._leads = leads

    async def people(self, words: str, limit: int) -> list[Customer]:
        """By name, phone number or e-mail address, the newest first. Raises RecordError where there is nothing to search for."""
        return await _first(lambda after: self._search.customers(words, limit=limit, after=after), limit)

    async def person(self, number: str) -> PersonCard:
        """Raises NotFound."""
        person = await by_number(self._store, Customer, number)
        if person is None:
            raise NotFound(f"there is no person {number.strip()}; find_people tells their numbers")
        own = {"customer_id": person.id}
        tickets = await self._store.count(Ticket, {**own, "status": In(_UNFINISHED)})
        callbacks = await self._store.count(Callback, {**own, "status": CallbackStatus.SCHEDULED})
        last = await self._store.find(Conversation, {**own, "kind": _WITH_PEOPLE}, sort=("-updated_at",), limit=1)
        return PersonCard(person, tickets, callbacks, last[0] if last else None)

    async def tickets(self, words: str, status: TicketStatus | None, limit: int) -> list[Ticket]:
        """By words or a ticket's number, or else all in a status (all unfinished ones where none is given), the newest first."""
        if words.strip():
            also = {"status": status} if status is not None else {}
            return await _first(lambda after: self._search.tickets(words, limit=limit, after=after, **also), limit)
        where = {"status": In(_UNFINISHED) if status is None else status}
        return await self._store.find(Ticket, where, sort=("-updated_at",), limit=limit)

    async def ticket(self, number: str) -> TicketCard:
        """By its number and nothing else. Raises NotFound."""
        found = await self._store.find(Ticket, {"ticket_id": number.strip().upper()}, limit=1)
        if not found:
            raise NotFound(f"there is no ticket {number.strip()}; a number looks like TICKET-2026-000001")
        ticket = found[0]
        person = await self._store.get(Customer, ticket.customer_id)
        operator = await self._store.get(User, ticket.assigned_agent) if ticket.assigned_agent else None
        return TicketCard(ticket, person, name_of(operator) if operator else "")

    async def leads(self, user_id: str, words: str, limit: int) -> list[Lead]:
        """The user's own, then those that are nobody's, each the newest first: never another user's (S4-035)."""
        found: list[Lead] = []
        for owner in (user_id, None):
            if words.strip():
                found += await _first(partial(self._leads_page, words, owner, limit), limit)
            else:
                found += await self._leads.page(owner, limit=limit)
        return found[:limit]

    async def _leads_page(self, words: str, owner: str | None, limit: int, after: str | None) -> Found[Lead]:
        return await self._search.leads(words, owner, limit=limit, after=after)

    async def conversations(self, status: ConversationStatus, limit: int) -> list[ConversationCard]:
        """Those that wait for a person, or that one holds: whoever does so longest comes first."""
        where = {"status": status, "kind": _WITH_PEOPLE}
        return await self._cards(await self._store.find(Conversation, where, sort=("assigned_at",), limit=limit))

    async def conversations_with(self, words: str, status: ConversationStatus | None, limit: int) -> list[ConversationCard]:
        """Those in which something was said, the latest first. Raises RecordError where there is nothing to search for."""
        messages = await _first(lambda after: self._search.messages(words, after=after, kind=_WITH_PEOPLE), limit * 4)
        said: dict[str, Message] = {}
        for message in messages:
            said.setdefault(message.conversation_id, message)
        found = await self._store.find(Conversation, {"id": In(tuple(said)), "kind": _WITH_PEOPLE}) if said else []
        by_id = {conversation.id: conversation for conversation in found if status in (None, conversation.status)}
        return await self._cards([by_id[id_] for id_ in said if id_ in by_id][:limit], said)

    async def conversation(self, number: str, limit: int) -> tuple[ConversationCard, list[Message]]:
        """One conversation and its last messages, in their order. Raises NotFound."""
        found = await by_number(self._store, Conversation, number, {"kind": _WITH_PEOPLE})
        if found is None:
            raise NotFound(f"there is no conversation {number.strip()}; find_conversations tells their numbers")
        last = await self._store.find(Message, {"conversation_id": found.id}, sort=("-timestamp",), limit=limit)
        (card,) = await self._cards([found])
        return card, last[::-1]

    async def _cards(self, found: list[Conversation], said: dict[str, Message] | None = None) -> list[ConversationCard]:
        people = await self._all(Customer, (conversation.customer_id for conversation in found))
        held = {one.id: one.assignee_name for one in found if one.assignee_kind is AssigneeKind.OPERATOR}
        users = await self._all(User, held.values())
        return [
            ConversationCard(
                conversation,
                people.get(conversation.customer_id or ""),
                name_of(users[held[conversation.id]]) if held.get(conversation.id) in users else "",
                (said or {}).get(conversation.id),
            )
            for conversation in found
        ]

    async def _all(self, kind: type[R], ids: Iterable[str | None]) -> dict[str, R]:
        wanted = tuple(dict.fromkeys(id_ for id_ in ids if id_))
        return {record.id: record for record in await self._store.find(kind, {"id": In(wanted)})} if wanted else {}


async def _first(page: Callable[[str | None], Awaitable[Found[R]]], limit: int) -> list[R]:
    """So many of what a search finds: one of its pages may be short, and yet not the last."""
    records: list[R] = []
    after: str | None = None
    for _ in range(_PAGES):
        found = await page(after)
        records += found.records
        after = found.after
        if len(records) >= limit or after is None:
            break
    return records[:limit]
