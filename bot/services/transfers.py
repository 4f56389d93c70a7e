"""People of the team take conversations over, pass them on and give them back. Who loses a race is told who was faster."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.clock import Clock
from bot.conversation import AgentRef, Assignee, AssigneeKind, ConversationStatus, OperatorRef, check_move
from bot.errors import Conflict, EpochMoved, NotFound, ServiceError, Taken
from bot.live import Live
from bot.records.conversations import Conversation, ConversationKind
from bot.records.handoffs import Cause, Handoff
from bot.records.permissions import allows
from bot.records.users import Presence, User
from bot.records.work import Delivery
from bot.services.conversations import FIRST_AGENT, Conversations
from bot.services.handoff import Handoffs
from bot.services.settings import SystemSettings
from bot.services.users import name_of
from bot.store.base import Between, Change, Store, Unit

_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
_TRIES = 8
"""So often a change is tried again that somebody else's crossed: an AI hands on once or twice in a turn."""


@dataclass(frozen=True, slots=True)
class _Step:
    """What is to become of a conversation."""

    to: Assignee
    cause: Cause


_Decide = Callable[[Conversation], Awaitable[_Step | None]]


class Transfers:
    """Moves conversations between the AI, queues and operators, by compare-and-set."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        conversations: Conversations,
        queues: Handoffs,
        settings: SystemSettings,
        live: Live,
    ) -> None:
        self._store = store
        self._clock = clock
        self._conversations = conversations
        self._queues = queues
        self._settings = settings
        self._live = live

    async def take_over(self, conversation_id: str, user: User, *, note: str = "") -> Conversation:
        """From the AI or a queue to this operator; what they hold already stays as it is.

        From the commit on no reply of the AI is claimed for sending. Raises Taken where another operator holds it, MoveRefused
        where it is closed, NotFound.
        """

        async def decide(old: Conversation) -> _Step | None:
            if self._is_served_by(old, user.id):
                return None
            if old.assignee_kind is AssigneeKind.OPERATOR and old.status is ConversationStatus.ASSIGNED:
                raise await self.taken(old)
            return _Step(OperatorRef(user.id), Cause.OPERATOR_TOOK_OVER)

        return await self._move(conversation_id, user, decide, note)

    async def pull(self, conversation_id: str, user: User, *, note: str = "") -> Conversation:
        """The same out of another operator's hands: for who may assign. Raises ServiceError, MoveRefused, NotFound."""
        _require_assigning(user)

        async def decide(old: Conversation) -> _Step | None:
            return None if self._is_served_by(old, user.id) else _Step(OperatorRef(user.id), Cause.PULLED)

        return await self._move(conversation_id, user, decide, note)

    async def hand_back(self, conversation_id: str, user: User, *, note: str = "", agent: str = "") -> Conversation:
        """To the AI, which reads what was said meanwhile and the note, and does not hand it off again for the old reason.

        Raises Taken where somebody else holds it, ServiceError, MoveRefused, NotFound.
        """

        async def decide(old: Conversation) -> _Step | None:
            await self.require_holding(old, user)
            if old.assignee_kind is AssigneeKind.AGENT:
                return None
            return _Step(AgentRef(agent or await self._last_agent(old)), Cause.HANDED_BACK)

        return await self._move(conversation_id, user, decide, note)

    async def transfer(
        self, conversation_id: str, user: User, *, to_user: str = "", skill: str = "", note: str = ""
    ) -> Conversation:
        """To another operator, or else into the queue of a skill. By who holds it, or by who may assign.

        Raises Taken, ServiceError (nobody such, not there, full), MoveRefused, NotFound.
        """
        target = await self._target(to_user, user) if to_user else None
        to: Assignee = OperatorRef(target.id) if target is not None else self._queues.queue_for(skill)

        async def decide(old: Conversation) -> _Step | None:
            await self.require_holding(old, user)
            return None if old.assignee == to and old.status is not ConversationStatus.RESOLVED else _Step(to, Cause.TRANSFERRED)

        return await self._move(conversation_id, user, decide, note)

    async def assign(self, conversation_id: str, user: User, to_user: str, *, note: str = "") -> Conversation:
        """A supervisor gives it to somebody, whoever holds it now, and however much they hold. Raises as `transfer`."""
        _require_assigning(user)
        target = await self._target(to_user, user)

        async def decide(old: Conversation) -> _Step | None:
            return None if self._is_served_by(old, target.id) else _Step(OperatorRef(target.id), Cause.ASSIGNED)

        return await self._move(conversation_id, user, decide, note)

    async def history(self, conversation_id: str, limit: int = 50) -> list[Handoff]:
        """Its changes of hands, the newest first."""
        return await self._store.find(Handoff, {"conversation_id": conversation_id}, sort=("-at",), limit=limit)

    async def crossed(self, conversation_id: str) -> frozenset[str]:
        """Ids of messages of the AI that were being posted at the instant of a take-over: they may have been said after it."""
        found = await self._store.find(Delivery, {"conversation_id": conversation_id, "crossed_at": Between(low=_LONG_AGO)})
        return frozenset(delivery.message_id for delivery in found)

    async def taken(self, conversation: Conversation) -> Taken:
        """The error that says in one sentence who holds it."""
        holder = await self._store.get(User, conversation.assignee_name)
        name = (name_of(holder) if holder else "") or "Somebody else"
        at = f" since {conversation.assigned_at:%H:%M} UTC" if conversation.assigned_at else ""
        return Taken(f"{name} holds this conversation{at}", holder=conversation.assignee_name, name=name)

    async def _move(self, conversation_id: str, user: User, decide: _Decide, note: str) -> Conversation:
        for _ in range(_TRIES):
            old = await self.get(conversation_id)
            step = await decide(old)
            if step is None:
                return old
            if old.status is ConversationStatus.CLOSED:
                check_move(old.status, ConversationStatus.OPEN)
            unit = Unit()
            self._conversations.assign(unit, old, step.to, by=f"user:{user.id}", reason=note.strip(), cause=step.cause)
            if step.to == OperatorRef(user.id):  # whoever takes something is there, whatever desk they use
                unit.add(Change(User, {"id": user.id}, set={"last_seen_at": self._clock.now()}))
            try:
                await self._store.commit(unit)
            except EpochMoved:
                continue  # look who has it now
            self._live.tell(old.lane)
            return await self.get(conversation_id)
        raise Conflict("this conversation changes hands all the time; try again in a moment")

    async def get(self, conversation_id: str) -> Conversation:
        """Raises NotFound; a user's talk with the assistant is nobody else's."""
        found = await self._store.get(Conversation, conversation_id)
        if found is None or found.kind is ConversationKind.ASSISTANT:
            raise NotFound(f"there is no conversation {conversation_id}")
        return found

    @staticmethod
    def _is_served_by(conversation: Conversation, user_id: str) -> bool:
        return conversation.assignee == OperatorRef(user_id) and conversation.status is ConversationStatus.ASSIGNED

    async def require_holding(self, conversation: Conversation, user: User) -> None:
        """Only who holds it gives it away; of what nobody holds, and for who may assign, there is no such bound. Raises Taken."""
        is_anothers = conversation.assignee_kind is AssigneeKind.OPERATOR and conversation.assignee_name != user.id
        if is_anothers and not may_assign(user):
            raise await self.taken(conversation)

    async def _target(self, user_id: str, asking: User) -> User:
        target = await self._store.get(User, user_id)
        if target is None or not target.is_active:
            raise ServiceError(f"there is no active user {user_id}; choose another operator or a queue")
        if not allows(target.granted, "messages", "write"):
            raise ServiceError(f"{name_of(target)} may not write to people; choose another operator or a queue")
        if may_assign(asking):
            return target
        most = await self._settings.value("max_conversations_per_agent")
        if target.status is Presence.OFFLINE:
            raise ServiceError(f"{name_of(target)} is offline; choose another operator or a queue")
        held = target.statistics.current_active_conversations
        if isinstance(most, int) and held >= most:
            raise ServiceError(f"{name_of(target)} holds {held} of {most} conversations; choose another operator or a queue")
        return target

    async def _last_agent(self, conversation: Conversation) -> str:
        """The AI agent that had it before people of ours."""
        passed = await self._store.find(Handoff, {"conversation_id": conversation.id}, sort=("-at",), limit=50)
        return next((one.from_name for one in passed if one.from_kind is AssigneeKind.AGENT), FIRST_AGENT)


def may_assign(user: User) -> bool:
    """Whether they may decide who serves what others hold (S2: assign:conversations)."""
    return allows(user.granted, "conversations", "assign")


def _require_assigning(user: User) -> None:
    if not may_assign(user):
        raise ServiceError("this needs the permission assign:conversations, which supervisors have")
