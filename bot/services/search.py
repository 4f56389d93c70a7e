"""Finding people, messages, tickets, leads and knowledge by words.

Every word has to be found: by a stem it shares in Spanish, English or Hindi, or as the beginning of a word; accents and case do
not count. Digits find every phone number that contains them, an e-mail address is found by its beginning. What is found comes
newest first (messages by the moment they were said, all else by the moment it was first stored), in pages: a page may be short
and yet have a next one, because a search looks at so many records at a time.
"""

from __future__ import annotations

from typing import Any, TypeVar

from bot.records.base import Record
from bot.records.conversations import Message
from bot.records.knowledge import KnowledgeEntry
from bot.records.leads import Lead
from bot.records.people import Customer
from bot.records.tickets import Ticket
from bot.records.tokens import query_words
from bot.store.base import Found, In, Store

R = TypeVar("R", bound=Record)

PAGE = 20
LARGEST_PAGE = 100

_SPELLED = {"es": ("es", "spanish", "español"), "en": ("en", "english"), "hi": ("hi", "hindi")}
"""A language as the seeds and we write it."""


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

    async def knowledge(self, text: str, *, language: str, limit: int = 3) -> list[KnowledgeEntry]:
        """Active entries, the best first: those in this language, and only where it has none those in any other one.

        Questions are asked in other words than answers are written in, so not every word has to be found here: half of them do.
        """
        words = query_words(text)
        for where in ({"language": In(_SPELLED.get(language, (language,)))}, {}):
            hits: dict[str, tuple[int, KnowledgeEntry]] = {}
            for word in words:
                found = await self._store.search(KnowledgeEntry, [word], {**where, "is_active": True}, limit=LARGEST_PAGE)
                for entry in found.records:
                    hits[entry.id] = (hits[entry.id][0] + 1 if entry.id in hits else 1, entry)
            best = sorted((hit for hit in hits.values() if hit[0] * 2 >= len(words)), key=lambda hit: -hit[0])
            if best:
                return [entry for _, entry in best[:limit]]
        return []

    async def _search(self, kind: type[R], text: str, where: dict[str, Any], limit: int, after: str | None) -> Found[R]:
        words = query_words(text)
        return await self._store.search(kind, words, where, limit=max(1, min(limit, LARGEST_PAGE)), after=after)
