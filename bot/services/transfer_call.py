"""Calls and people of ours: put through to somebody's telephone, and what is said to the caller when nobody comes.

How a call goes on stands on its record (`Call.next_step`): whichever process holds the line is told, sees it and leaves the line;
the provider then asks us what comes next, and is told to dial. So it works from any desk, on any line.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

from bot.clock import Clock, new_id
from bot.conversation import AgentRef, AssigneeKind
from bot.errors import Conflict, NotFound, ServiceError
from bot.live import Live
from bot.message import Reply
from bot.outbox import Outbox
from bot.records.audit import AuditAction
from bot.records.calls import CALL_MOVES, Call, CallStatus, NextKind, NextStep
from bot.records.conversations import Conversation, FlowState
from bot.records.handoffs import Cause, Handoff
from bot.records.users import User
from bot.records.work import Author
from bot.resources import LANGUAGES, say
from bot.services.audit import Audit
from bot.services.callbacks import CALLBACK_FLOW, OFFERED
from bot.services.conversations import FIRST_AGENT, Conversations
from bot.services.telephones import telephone_of
from bot.services.transfers import Transfers
from bot.services.users import name_of
from bot.store.base import Change, Require, Store, Unit

_OFFER_LIVES = timedelta(minutes=30)


class TransferCalls:
    """The desk's hand on calls that are under way."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        audit: Audit,
        outbox: Outbox,
        conversations: Conversations,
        transfers: Transfers,
        live: Live,
    ) -> None:
        self._store = store
        self._clock = clock
        self._audit = audit
        self._outbox = outbox
        self._conversations = conversations
        self._transfers = transfers
        self._live = live

    async def connect(self, conversation_id: str, user: User, *, to_user: str = "", note: str = "") -> Conversation:
        """Puts the caller through to the telephone of this operator, or of a colleague; the conversation is theirs from now on.

        Raises ServiceError (it is no call, is over, or they have no telephone), and what `Transfers.transfer` raises.
        """
        conversation, call = await self._under_way(conversation_id)
        target = await self._store.get(User, to_user) if to_user else user
        if target is None or not target.is_active:
            raise ServiceError(f"there is no active user {to_user}; choose somebody else")
        to = telephone_of(target)
        if not to:
            raise ServiceError(f"{name_of(target)} has no telephone to be put through to; it is set on /account")
        if target.id == user.id:
            moved = await self._transfers.take_over(conversation.id, user, note=note)
        else:
            moved = await self._transfers.transfer(conversation.id, user, to_user=target.id, note=note)
        await self._decide(conversation, call, NextStep(kind=NextKind.TRANSFER, to=to), user)
        return moved

    async def hang_up(self, conversation_id: str, user: User) -> None:
        """Ends a call. Raises ServiceError where it is none, or over; Taken where another operator holds it."""
        conversation, call = await self._under_way(conversation_id)
        await self._transfers.require_holding(conversation, user)
        await self._decide(conversation, call, NextStep(kind=NextKind.HANG_UP), user)

    async def unanswered(self, call_id: str) -> bool:
        """Nobody came to the telephone that the provider dialled: the AI has the call again, and says so; False where it is over.

        Asked twice, it is said once.
        """
        call = await self._store.get(Call, call_id)
        if call is None:
            raise NotFound(f"there is no call {call_id}")
        transfer = {"id": call.id, "next_step.kind": NextKind.TRANSFER}
        if await self._store.change(Call, transfer, set={"next_step": None}):
            await self.back_to_ai(call, "call_no_answer", "nobody answered the telephone")
        return bool(CALL_MOVES[call.status])

    async def back_to_ai(self, call: Call, sentence: str, reason: str) -> bool:
        """The AI goes on with a call, beginning with this sentence of ours and the offer to call back.

        False where nobody of ours had it, and where it is over.
        """
        conversation = await self._store.get(Conversation, call.conversation_id or "")
        if conversation is None or conversation.openness != "open" or conversation.assignee_kind is AssigneeKind.AGENT:
            return False
        unit = Unit()
        agent = AgentRef(await self._last_agent(conversation))
        epoch = self._conversations.assign(unit, conversation, agent, by="system", reason=reason, cause=Cause.HANDED_BACK)
        language = str(conversation.language) if conversation.language in LANGUAGES else LANGUAGES[0]
        said = self._outbox.add(unit, conversation, [Reply(say(language, sentence))], Author.SYSTEM, spoken=True)
        self._conversations.said(unit, conversation, said)
        offer = self._offer(agent.name, epoch, (said[0].content if said else ""))
        unit.add(Change(Conversation, {"id": conversation.id}, set={"flow": offer}))
        try:
            await self._store.commit(unit)
        except Conflict:
            return False  # somebody has them now
        self._live.tell(conversation.lane)
        return True

    async def tell(self, conversation: Conversation, text: str) -> None:
        """A sentence of ours, said to who waits; nothing where it changed hands."""
        unit = Unit(Require(Conversation, {"id": conversation.id, "epoch": conversation.epoch}))
        said = self._outbox.add(unit, conversation, [Reply(text)], Author.SYSTEM, spoken=True)
        self._conversations.said(unit, conversation, said)
        with suppress(Conflict):
            await self._store.commit(unit)
            self._live.tell(conversation.lane)

    def _offer(self, agent: str, epoch: int, asked: str) -> FlowState:
        """What the conversation waits for from then on: whether they want to be called back."""
        now = self._clock.now()
        return FlowState(
            name=CALLBACK_FLOW,
            step=OFFERED,
            slots={"asked": asked},
            token=new_id(),
            agent=agent,
            epoch=epoch,
            asked_at=now,
            expires_at=now + _OFFER_LIVES,
        )

    async def _under_way(self, conversation_id: str) -> tuple[Conversation, Call]:
        conversation = await self._transfers.get(conversation_id)
        call = await self._store.get(Call, conversation.call_id or "")
        if call is None:
            raise ServiceError("this conversation is no call")
        if not CALL_MOVES[call.status]:
            raise ServiceError("this call is over")
        if call.status is not CallStatus.IN_PROGRESS:
            raise ServiceError("nobody has answered this call yet")
        return conversation, call

    async def _decide(self, conversation: Conversation, call: Call, step: NextStep, user: User) -> None:
        unit = Unit(Change(Call, {"id": call.id, "status": CallStatus.IN_PROGRESS}, set={"next_step": step}, must=1))
        unit.insert(self._audit.entry(AuditAction.UPDATED, "call", call.id, f"user:{user.id}", reason=str(step.kind)))
        try:
            await self._store.commit(unit)
        except Conflict:
            raise ServiceError("this call is over") from None
        self._live.tell(conversation.lane)

    async def _last_agent(self, conversation: Conversation) -> str:
        """The AI agent that had it before people of ours."""
        passed = await self._store.find(Handoff, {"conversation_id": conversation.id}, sort=("-at",), limit=50)
        return next((one.from_name for one in passed if one.from_kind is AssigneeKind.AGENT), FIRST_AGENT)
