"""Finding people, messages, tickets and leads by words.

Every word has to be found: by a stem it shares in Spanish, English or Hindi, or as the beginning of a word; accents and case do
not count. Digits find every phone number that contains them, an e-mail address is found by its beginning. What is found comes
newest first (messages by the moment they were said, all else by the moment it was first stored), in pages: a page may be short
and yet have a next one, because a search looks at so many records at a time.
"""

from __future__ import annotations

from typing import Any, TypeVar

from bot.records.base import Record
from bot.records.conversations import Message
from bot.records.leads import Lead
from bot.records.people import Customer
from bot.records.tickets import Ticket
from bot.records.tokens import query_words
from bot.store.base import Found, Store

R = TypeVar("R", bound=Record)

PAGE = 20
LARGEST_PAGE = 100


class Search:
    """Searches. Every method raises RecordError where the text holds nothing to search for."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def customers(self, text: str, *, limit: int = PAGE, after: str | None = None) -> Found[Customer]:
        """By name, phone number and e-mail address (S2-054, S2-061)."""
        return await self._search(Customer, text, {}, limit, after)

    async def messages(
        self,
        text: str,
        *,
        conversation_id: str = "",
        customer_id: str = "",
        limit: int = PAGE,
        after: str | None = None,
        **also: Any,
    ) -> Found[Message]:
        """By what was said, everywhere or in one conversation or with one customer; `also` narrows by fields (S2-129, S2-142)."""
        named = {"conversation_id": conversation_id, "customer_id": customer_id}
        where = {name: value for name, value in named.items() if value}
        return await self._search(Message, text, {**also, **where}, limit, after)

    async def tickets(
        self, text: str, *, customer_id: str = "", limit: int = PAGE, after: str | None = None, **also: Any
    ) -> Found[Ticket]:
        """By subject and description; by its number where the text is one; `also` narrows by fields (S2-172)."""
        number = text.strip().upper()
        if number.startswith("TICKET-") and after is None:
            found = await self._store.find(Ticket, {"ticket_id": number}, limit=1)
            if found and customer_id in ("", found[0].customer_id):
                return Found(found)
        where = {"customer_id": customer_id} if customer_id else {}
        return await self._search(Ticket, text, {**also, **where}, limit, after)

    async def leads(
        self, text: str, user_id: str | None, *, limit: int = PAGE, after: str | None = None, **also: Any
    ) -> Found[Lead]:
        """A user's own leads (None: those that are nobody's) by name, e-mail address, phone number and company; `also` narrows
        by fields (S4-035, S4-036).
        """
        return await self._search(Lead, text, {**also, "user_id": user_id}, limit, after)

    async def _search(self, kind: type[R], text: str, where: dict[str, Any], limit: int, after: str | None) -> Found[R]:
        words = query_words(text)
        return await self._store.search(kind, words, where, limit=max(1, min(limit, LARGEST_PAGE)), after=after)
