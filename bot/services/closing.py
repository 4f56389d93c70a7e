"""The end of a talk: resolved with notes, the person asked how it was, closed or opened again (S2-099 to S2-101)."""

from __future__ import annotations

import re
from datetime import timedelta

from bot.clock import Clock
from bot.conversation import AssigneeKind, ConversationStatus, check_move
from bot.errors import Conflict, MoveRefused, RecordError
from bot.live import Live
from bot.message import Button, Choice, InboundMessage, Reply, Text
from bot.outbox import Outbox
from bot.records.audit import AuditAction
from bot.records.conversations import Conversation
from bot.records.users import User
from bot.records.work import Author
from bot.resources import LANGUAGES, say
from bot.services.audit import Audit
from bot.services.conversations import Conversations
from bot.services.moves import leaving
from bot.services.replies import Replies
from bot.services.settings import SystemSettings
from bot.services.transfers import Transfers, may_assign
from bot.store.base import Change, Store, Unit

ANSWERED_WITHIN = timedelta(days=2)
"""So long a number alone counts as the answer to how it was."""
_STARS = (5, 3, 1)
_BUTTON = "csat:"
_GIVEN = re.compile(r"^\s*([1-5])(?:\s*/\s*5)?(?:[\s.,:;!-]+(.*))?$", re.DOTALL)


class Closing:
    """Ends conversations."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        audit: Audit,
        outbox: Outbox,
        conversations: Conversations,
        transfers: Transfers,
        replies: Replies,
        settings: SystemSettings,
        live: Live,
    ) -> None:
        self._store = store
        self._clock = clock
        self._audit = audit
        self._outbox = outbox
        self._conversations = conversations
        self._transfers = transfers
        self._replies = replies
        self._settings = settings
        self._live = live

    async def resolve(self, conversation_id: str, user: User, notes: str, *, ask: bool = True) -> Conversation:
        """What was to be done is done. The person is asked once how it was, where that may be sent.

        Raises RecordError (no notes), Taken (another operator holds it), MoveRefused, Conflict, NotFound.
        """
        if not notes.strip():
            raise RecordError("Conversation.resolutionNotes: is required; say in a line how it was solved")
        old = await self._transfers.get(conversation_id)
        check_move(old.status, ConversationStatus.RESOLVED)
        if old.assignee_kind is AssigneeKind.OPERATOR and old.assignee_name != user.id and not may_assign(user):
            raise await self._transfers.taken(old)
        now = self._clock.now()
        unit = Unit()
        resolved = {
            "status": ConversationStatus.RESOLVED,
            "resolved_at": now,
            "resolved_by": user.id,
            "resolution_notes": notes.strip(),
            "waiting_since": None,
            "snoozed_until": None,
            "unread_count": 0,
            "flow": None,
        }
        as_read = {"id": old.id, "epoch": old.epoch, "status": old.status, "message_count": old.message_count}
        unit.add(Change(Conversation, as_read, set=resolved, must=1), *leaving(old))
        unit.add(Change(User, {"id": user.id}, inc={"statistics.resolved_conversations": 1}))
        unit.insert(
            self._audit.entry(AuditAction.RESOLVED, "conversation", old.id, f"user:{user.id}", reason=notes.strip()[:500])
        )
        if ask:
            await self._ask(unit, old)
        try:
            await self._store.commit(unit)
        except Conflict:
            raise Conflict("something happened in this conversation meanwhile; look at it, then resolve it") from None
        await self._outbox.wake(old.lane)
        self._live.tell(old.lane)
        return await self._transfers.get(conversation_id)

    async def reopen(self, conversation_id: str, user: User) -> Conversation:
        """A resolved one goes on with this operator. Raises MoveRefused, Taken, NotFound."""
        old = await self._transfers.get(conversation_id)
        if old.status is not ConversationStatus.RESOLVED:
            raise MoveRefused(f"only a resolved conversation is opened again; this one is {old.status}")
        return await self._transfers.take_over(conversation_id, user, note="opened again")

    async def close(self, conversation_id: str, user: User, reason: str = "") -> None:
        """For good: what they write next begins another one. Raises Taken, MoveRefused, Conflict, NotFound."""
        old = await self._transfers.get(conversation_id)
        if old.assignee_kind is AssigneeKind.OPERATOR and old.assignee_name != user.id and not may_assign(user):
            raise await self._transfers.taken(old)
        await self._conversations.close(old, by=f"user:{user.id}", reason=reason)
        self._live.tell(old.lane)

    async def _ask(self, unit: Unit, conversation: Conversation) -> None:
        if conversation.customer_id is None or conversation.customer_satisfaction is not None:
            return
        verdict = await self._replies.verdict(conversation, proactive=True)
        if await self._settings.value("csat_enabled") is not True or not verdict.allowed:
            return
        language = conversation.language if conversation.language in LANGUAGES else LANGUAGES[0]
        buttons = tuple(Button(f"{_BUTTON}{conversation.id}:{stars}", "⭐" * stars) for stars in _STARS)
        question = Reply(say(language, "csat_ask"), buttons)
        said = self._outbox.add(unit, conversation, [question], Author.SYSTEM, proactive=True)
        self._conversations.said(unit, conversation, said)
        unit.add(Change(Conversation, {"id": conversation.id}, set={"rating_asked_at": self._clock.now()}))


def rating_in(message: InboundMessage, conversation: Conversation) -> tuple[int, str] | None:
    """The rating and comment in an answer to how it was; None where it is something else.

    A button of the question always is one; a number only while the conversation is resolved and was asked of late.
    """
    content = message.content
    if isinstance(content, Choice) and content.id.startswith(f"{_BUTTON}{conversation.id}:"):
        tapped = content.id.rpartition(":")[2]
        return (int(tapped), "") if tapped in ("1", "2", "3", "4", "5") else None
    asked = conversation.rating_asked_at
    if asked is None or conversation.status is not ConversationStatus.RESOLVED or not isinstance(content, Text):
        return None
    if not asked <= message.sent_at <= asked + ANSWERED_WITHIN or conversation.customer_satisfaction is not None:
        return None
    given = _GIVEN.match(content.as_text())
    if given is not None:
        return int(given.group(1)), (given.group(2) or "").strip()[:2000]
    stars = content.as_text().count("⭐")
    return (stars, "") if 1 <= stars <= 5 and not content.as_text().replace("⭐", "").replace("\ufe0f", "").strip() else None
