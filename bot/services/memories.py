"""What we remember of a person, in sentences: told by them, seen by them, forgotten at their word."""

from __future__ import annotations

from bot.clock import Clock, new_id
from bot.errors import RecordError, ServiceError
from bot.records.audit import AuditAction
from bot.records.knowledge import UserMemory, UserMemoryData, UserMemoryType
from bot.records.tokens import Word, document_tokens, fold, query_words
from bot.services.audit import Audit
from bot.store.base import Delete, Store, Unit

MOST = 200
"""So much is remembered of one person: beyond that something has to be forgotten first."""
_READ = 1000
"""Memories of one person that are looked through, the newest first; more than MOST where they were imported."""


class Memories:
    """The only writer of what is remembered of people. Every change is put into a unit of the caller's.

    The audit log says that something was remembered or forgotten, and never what: forgotten is forgotten.
    """

    def __init__(self, store: Store, clock: Clock, audit: Audit) -> None:
        self._store = store
        self._clock = clock
        self._audit = audit

    async def remember(self, unit: Unit, customer_id: str, content: str, *, conversation_id: str | None, agent: str) -> bool:
        """Remembers one thing; False where the same is remembered already. Raises RecordError, ServiceError where it is full."""
        text = " ".join(content.split())
        normal = _normal(text)
        if not normal:
            raise RecordError("UserMemory.content: is required; for example 'is vegetarian'")
        known = await self._of(customer_id)
        if any(_normal(memory.content) == normal for memory in known):
            return False
        if len(known) >= MOST:
            raise ServiceError(f"{MOST} things are remembered already; forget one that no longer matters first")
        memory = UserMemory.new(
            id=new_id(),
            user_id=customer_id,
            memory_type=UserMemoryType.INSIGHT,
            content=text,
            metadata=UserMemoryData(conversation_id=conversation_id, timestamp=self._clock.now()),
            agent_name=agent,
        )
        unit.insert(memory, self._audit.entry(AuditAction.CREATED, "memory", memory.id, f"agent:{agent}"))
        return True

    async def recall(self, customer_id: str, about: str = "", *, limit: int = 20) -> list[str]:
        """What is remembered, the newest first; `about` some words, those first that have most of them."""
        known = await self._of(customer_id)
        if about.strip():
            words = query_words(about)
            tokens = {memory.id: document_tokens([memory.content]) for memory in known}
            hits = {memory.id: sum(word.is_in(tokens[memory.id]) for word in words) for memory in known}
            known = sorted((memory for memory in known if hits[memory.id]), key=lambda memory: -hits[memory.id])
        return [memory.content for memory in known[:limit]]

    async def forget(self, unit: Unit, customer_id: str, what: str, *, agent: str) -> list[str]:
        """Forgets what says exactly this, or else everything in which all these words are; what it was."""
        known = await self._of(customer_id)
        gone = [memory for memory in known if _normal(memory.content) == _normal(what)]
        if not gone:
            words = query_words(what)
            gone = [memory for memory in known if all(_says(memory.content, word) for word in words)]
        for memory in gone:
            unit.add(Delete(UserMemory, {"id": memory.id, "user_id": customer_id}))
            unit.insert(self._audit.entry(AuditAction.DELETED, "memory", memory.id, f"agent:{agent}"))
        return [memory.content for memory in gone]

    async def _of(self, customer_id: str) -> list[UserMemory]:
        return await self._store.find(UserMemory, {"user_id": customer_id}, sort=("-created_at",), limit=_READ)


def _says(content: str, word: Word) -> bool:
    """Whether it is said as a whole word: who wants "tea" forgotten has said nothing about a teacher."""
    tokens = document_tokens([content])
    return not word.tokens.isdisjoint(tokens) if word.tokens else word.is_in(tokens)


def _normal(text: str) -> str:
    """The same for texts that differ in nothing but case, accents, spaces and the punctuation around them."""
    return " ".join(fold(text).split()).strip(" .,;:!?¡¿\"'।")
