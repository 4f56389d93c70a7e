"""What operators write on a conversation: notes, tags, priority, category, when to be reminded, what was read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar

from bot.clock import Clock
from bot.conversation import ConversationStatus
from bot.errors import RecordError, ServiceError
from bot.jobs import Jobs
from bot.live import Live
from bot.records.audit import AuditAction
from bot.records.conversations import QUEUE_RANKS, Category, Conversation, InternalNote, Priority
from bot.records.users import User
from bot.services.audit import Audit
from bot.services.transfers import Transfers
from bot.store.base import Change, Store, Unit

W = TypeVar("W", Priority, Category)

SNOOZE_JOB = "snooze"
MOST_NOTES = 500
MOST_TAGS = 30
_NOTE_LENGTH = 10_000
_TAG_LENGTH = 40


class Filing:
    """Keeps what is written on a conversation; each change stands in the audit log with who made it."""

    def __init__(self, store: Store, clock: Clock, audit: Audit, jobs: Jobs, transfers: Transfers, live: Live) -> None:
        self._store = store
        self._clock = clock
        self._audit = audit
        self._jobs = jobs
        self._transfers = transfers
        self._live = live

    async def note(self, conversation_id: str, user: User, text: str, *, is_visible: bool = False) -> InternalNote:
        """A note for the team. Raises RecordError (no text, too long), ServiceError (too many), NotFound."""
        if not text.strip():
            raise RecordError("InternalNote.content: is required; write some words")
        if len(text) > _NOTE_LENGTH:
            raise RecordError(
                f"InternalNote.content: has {len(text):,} characters, at most {_NOTE_LENGTH:,} are kept; shorten it"
            )
        conversation = await self._transfers.get(conversation_id)
        if len(conversation.internal_notes) >= MOST_NOTES:
            raise ServiceError(f"this conversation has {MOST_NOTES} notes; that is the most it can have")
        note = InternalNote(agent=user.id, content=text.strip(), timestamp=self._clock.now(), is_visible=is_visible)
        unit = Unit(Change(Conversation, {"id": conversation_id}, push={"internal_notes": note}, must=1))
        await self._write(unit, conversation, user, AuditAction.COMMENTED)
        return note

    async def tag(self, conversation_id: str, user: User, *tags: str) -> list[str]:
        """These tags and no others, each once, as they are left. Raises RecordError, NotFound."""
        wanted = list(dict.fromkeys(" ".join(tag.split()) for tag in tags if tag.strip()))
        long = next((tag for tag in wanted if len(tag) > _TAG_LENGTH), None)
        if long is not None or len(wanted) > MOST_TAGS:
            raise RecordError(
                f"Conversation.tags: at most {MOST_TAGS} tags of at most {_TAG_LENGTH} characters; for example 'vip'"
            )
        conversation = await self._transfers.get(conversation_id)
        await self._set(conversation, user, {"tags": wanted})
        return wanted

    async def set_priority(self, conversation_id: str, user: User, priority: Priority | str) -> Conversation:
        """Also where it stands in its queue. Raises RecordError, NotFound."""
        wanted = _word(Priority, priority, "Conversation.priority")
        conversation = await self._transfers.get(conversation_id)
        await self._set(conversation, user, {"priority": wanted, "queue_rank": QUEUE_RANKS[wanted]})
        return await self._transfers.get(conversation_id)

    async def set_category(self, conversation_id: str, user: User, category: Category | str) -> Conversation:
        """Raises RecordError, NotFound."""
        wanted = _word(Category, category, "Conversation.category")
        conversation = await self._transfers.get(conversation_id)
        await self._set(conversation, user, {"category": wanted})
        return await self._transfers.get(conversation_id)

    async def read(self, conversation_id: str) -> None:
        """Everything in it has been read by who holds it."""
        await self._store.change(Conversation, {"id": conversation_id}, set={"unread_count": 0})

    async def snooze(self, conversation_id: str, user: User, until: datetime | None) -> Conversation:
        """Out of sight until then, or until the person writes; None ends it.

        For who holds it, or may assign: it goes out of the holder's sight. Raises Taken, RecordError, ServiceError, NotFound.
        """
        conversation = await self._transfers.get(conversation_id)
        await self._transfers.require_holding(conversation, user)
        if until is not None and until <= self._clock.now():
            raise RecordError("Conversation.snoozedUntil: is over already; give a moment to come")
        if until is not None and conversation.status is not ConversationStatus.ASSIGNED:
            raise ServiceError("only a conversation that an operator holds can be snoozed; take it over first")
        await self._set(conversation, user, {"snoozed_until": until})
        if until is not None:
            payload = {"conversation": conversation_id, "until": until.isoformat()}
            await self._jobs.schedule(SNOOZE_JOB, until, payload, id=f"snooze:{conversation_id}:{until.isoformat()}")
        return await self._transfers.get(conversation_id)

    async def wake(self, payload: Mapping[str, Any]) -> None:
        """The handler of the job: it is back, unless it was snoozed anew."""
        until = datetime.fromisoformat(payload["until"])
        found = {"id": payload["conversation"], "snoozed_until": until}
        if await self._store.change(Conversation, found, set={"snoozed_until": None}):
            conversation = await self._transfers.get(payload["conversation"])
            self._live.tell(conversation.lane)

    async def _set(self, conversation: Conversation, user: User, news: Mapping[str, Any]) -> None:
        unit = Unit(Change(Conversation, {"id": conversation.id}, set=news, must=1))
        stored = {name: conversation.shape.stored_name(name) for name in news}
        before = {stored[name]: _plain(getattr(conversation, name)) for name in news}
        after = {stored[name]: _plain(value) for name, value in news.items()}
        await self._write(unit, conversation, user, AuditAction.UPDATED, before=before, after=after)

    async def _write(self, unit: Unit, conversation: Conversation, user: User, action: AuditAction, **values: Any) -> None:
        unit.insert(self._audit.entry(action, "conversation", conversation.id, f"user:{user.id}", **values))
        await self._store.commit(unit)
        self._live.tell(conversation.lane)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _word(kind: type[W], value: str, field: str) -> W:
    try:
        return kind(value)
    except ValueError:
        raise RecordError(f"{field}: {str(value)[:40]!r} is none of {', '.join(kind)}") from None
