"""Telephone calls: begun, moved on by what the provider tells, ended, and what was really heard of them (S1 + S5; DESIGN 8)."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bot.clock import Clock, new_id
from bot.errors import Conflict, Duplicate, NotFound
from bot.jobs import Jobs
from bot.message import Address, Sender
from bot.records.audit import AuditAction
from bot.records.calling import CallBasis
from bot.records.calls import (
    CALL_MOVES,
    TWILIO_STATUSES,
    Call,
    CallDirection,
    CallStatus,
    CallType,
    CtiProvider,
    NextKind,
    NextStep,
)
from bot.records.conversations import Conversation, Direction, Message, MessageSender, MessageStatus
from bot.records.people import Customer
from bot.services.audit import Audit
from bot.services.call_jobs import pending, put_jobs
from bot.services.conversations import Conversations
from bot.services.people import People
from bot.store.base import Change, In, Store, Unit

CHANNEL = "voice"


@dataclass(frozen=True, slots=True)
class PhoneCall:
    """A call that is under way: its record, its conversation, and who is at the other end."""

    call: Call
    conversation: Conversation
    customer: Customer


def address_of(ours: str, sid: str) -> Address:
    """Where a call takes place: each in a lane of its own, so that a shown number joins nobody to a talk of somebody else's."""
    return Address(CHANNEL, ours, sid)


def sender_of(number: str) -> Sender:
    """Who a call says it is from; `number` is E.164, empty where it is withheld."""
    return Sender(phone=number.removeprefix("+"))


class PhoneCalls:
    """The only writer of calls."""

    def __init__(
        self, store: Store, clock: Clock, audit: Audit, people: People, conversations: Conversations, jobs: Jobs
    ) -> None:
        self._jobs = jobs
        self._store = store
        self._clock = clock
        self._audit = audit
        self._people = people
        self._conversations = conversations

    async def by_sid(self, sid: str) -> Call | None:
        """The call that the provider calls so."""
        found = await self._store.find(Call, {"external_call_id": sid}, limit=1)
        return found[0] if found else None

    async def find(self, sid: str, call_id: str = "") -> Call | None:
        """The call that the provider calls so; or the one of ours with this id, of which it had not told yet what it calls it.

        `call_id` is what we wrote into the address that the provider asks (its signature covers that).
        """
        found = await self.by_sid(sid)
        if found is not None or not call_id:
            return found
        await self.bind(call_id, sid)
        return await self.by_sid(sid)

    async def begin(
        self,
        sid: str,
        *,
        ours: str,
        theirs: str,
        direction: CallDirection,
        agent: str,
        language: str = "",
        call_id: str = "",
    ) -> PhoneCall:
        """The call with this provider's id and its conversation, made where they are not there yet; done twice it is the same.

        `ours` and `theirs` are E.164; `theirs` is empty where the number is withheld. A call that we have placed is known by its
        `call_id`, and begins in the language that was said when it was placed.
        """
        call = await self.find(sid, call_id)
        language = (call.language if call is not None else None) or language
        address, now = address_of(ours, sid), self._clock.now()
        customer = await self._people.recognise(address, sender_of(theirs), now)
        if call is None:
            call = await self._insert(self._new(sid, ours, theirs, direction, customer))
        conversation = await self._conversations.current_of_call(customer, call.id, address, agent, language)
        if call.conversation_id != conversation.id or call.customer_id != customer.id:
            joined = {"conversation_id": conversation.id, "customer_id": customer.id}
            await self._store.change(Call, {"id": call.id}, set=joined)
            call = call.model_copy(update=joined)
        return PhoneCall(call, conversation, customer)

    def _new(self, sid: str, ours: str, theirs: str, direction: CallDirection, customer: Customer) -> Call:
        is_inbound = direction is CallDirection.INBOUND
        return Call(
            id=new_id(),
            customer_id=customer.id,
            type=CallType.INBOUND if is_inbound else CallType.OUTBOUND,
            direction=direction,
            status=CallStatus.RINGING,
            cti_provider=CtiProvider.TWILIO,
            external_call_id=sid,
            dialed_number=(ours if is_inbound else theirs) or None,
            caller_number=(theirs if is_inbound else ours) or None,
            created_by="system",
        )

    async def _insert(self, call: Call) -> Call:
        unit = Unit()
        unit.insert(call)
        unit.insert(self._audit.entry(AuditAction.CREATED, "call", call.id, "system"))
        try:
            await self._store.commit(unit)
        except Duplicate:  # the same webhook on another process
            known = await self.by_sid(call.external_call_id or "")
            if known is None:
                raise
            return known
        return call

    # Calls that we place (`bot.services.dialling`)

    def intend(
        self,
        unit: Unit,
        *,
        ours: str,
        theirs: str,
        basis: CallBasis,
        by: str,
        about: str = "",
        language: str = "",
        customer_id: str = "",
        lead_id: str = "",
        callback_id: str = "",
    ) -> Call:
        """A call that is to be placed, in the unit: it is on record before the provider hears of it."""
        call = Call(
            id=new_id(),
            customer_id=customer_id or None,
            lead_id=lead_id or None,
            callback_id=callback_id or None,
            type=CallType.OUTBOUND,
            direction=CallDirection.OUTBOUND,
            status=CallStatus.SCHEDULED,
            scheduled_at=self._clock.now(),
            cti_provider=CtiProvider.TWILIO,
            dialed_number=theirs,
            caller_number=ours or None,
            notes=about or None,
            language=language or None,
            basis=basis,
            created_by=by,
        )
        unit.insert(call)
        after = {"direction": str(call.direction), "basis": str(basis), "status": str(call.status)}
        unit.insert(self._audit.entry(AuditAction.CREATED, "call", call.id, by, after=after))
        return call

    async def dialling(self, call_id: str) -> bool:
        """From here on the provider may have it: True for the one who is to ask it."""
        where = {"id": call_id, "status": CallStatus.SCHEDULED, "dialled_at": None, "external_call_id": None}
        return await self._store.change(Call, where, set={"dialled_at": self._clock.now()}) == 1

    async def not_dialled(self, call_id: str) -> None:
        """The provider has certainly not got it: it may be asked again."""
        where = {"id": call_id, "status": CallStatus.SCHEDULED, "external_call_id": None}
        await self._store.change(Call, where, set={"dialled_at": None})

    async def bind(self, call_id: str, sid: str) -> bool:
        """The provider calls it so; False where it has another name already, or is none of ours that was placed."""
        where = {"id": call_id, "direction": CallDirection.OUTBOUND, "external_call_id": None}
        news = {"external_call_id": sid, "dialled_at": self._clock.now()}
        try:
            if not await self._store.change(Call, where, set=news):
                return False
        except Duplicate:
            return False
        await self.move(call_id, CallStatus.INITIATED, provider_status="queued")
        return True

    async def answered(self, call_id: str, answered_by: str) -> None:
        """What the provider takes the other end for."""
        await self._store.change(Call, {"id": call_id}, set={"answered_by": answered_by[:40]})

    async def told(self, call_id: str, provider_status: str, duration: int | None = None) -> bool:
        """Moves a call on by the provider's own word; a word that nobody knows changes nothing. Raises NotFound."""
        to = TWILIO_STATUSES.get(provider_status)
        return to is not None and await self.move(call_id, to, provider_status=provider_status, duration=duration)

    # What becomes of a call

    async def move(
        self,
        call_id: str,
        to: CallStatus,
        *,
        provider_status: str = "",
        at: datetime | None = None,
        duration: int | None = None,
    ) -> bool:
        """Moves a call on, only ever forward (S5-058); False where it was there or further already. Raises NotFound.

        The first `in-progress` sets `started_at`, an end sets `ended_at` and the whole seconds between the two (S1-068), or the
        `duration` that the provider tells: the answer's own news may have been lost, or come later. What comes after a call
        (`bot.services.after_call`) is planned in the write that ends it.
        """
        call = await self._store.get(Call, call_id)
        if call is None:
            raise NotFound(f"there is no call {call_id}")
        if to not in CALL_MOVES[call.status]:
            return False
        at = at or self._clock.now()
        news: dict[str, Any] = {"status": to} | ({"provider_status": provider_status} if provider_status else {})
        if to is CallStatus.IN_PROGRESS:
            news["started_at"] = call.started_at or at
        elif not CALL_MOVES[to]:
            if call.started_at is None and duration:
                news["started_at"] = at - timedelta(seconds=duration)
            measured = int((at - call.started_at).total_seconds()) if call.started_at else 0
            news |= {"ended_at": at, "next_step": None, "duration": max(0, measured if duration is None else duration)}
            news |= pending(call.model_copy(update=news))
        unit = Unit(Change(Call, {"id": call_id, "status": call.status}, set=news, must=1))
        if not CALL_MOVES[to]:
            put_jobs(unit, self._jobs, call_id)
        try:
            await self._store.commit(unit)
        except Conflict:
            return False
        return True

    async def lost(self, call_id: str) -> None:
        """The line of a call that is under way broke off, and the provider has not said that it is over (`stale_calls`)."""
        under_way = {"id": call_id, "status": CallStatus.IN_PROGRESS}
        await self._store.change(Call, under_way, set={"line_lost_at": self._clock.now()})

    async def then(self, call_id: str, kind: NextKind, to: str = "") -> None:
        """How the call goes on when the provider asks us next; `to` is E.164 or `sip:...`. It is durable when this returns.

        One that is over goes on no more.
        """
        under_way = {"id": call_id, "status": In([status for status, moves in CALL_MOVES.items() if moves])}
        await self._store.change(Call, under_way, set={"next_step": NextStep(kind=kind, to=to or None)})

    async def did(self, call_id: str) -> None:
        """What was decided is done: we go on talking."""
        await self._store.change(Call, {"id": call_id}, set={"next_step": None})

    async def said(
        self,
        conversation_id: str,
        text: str,
        *,
        id: str,
        sender: MessageSender = MessageSender.SYSTEM,
        turn_id: str | None = None,
    ) -> None:
        """Puts on the timeline what is being spoken outside of any turn: a fixed sentence; done twice it is there once.

        `id` is the message's; `spoke` tells later when it was heard. Raises NotFound.
        """
        conversation = await self._store.get(Conversation, conversation_id)
        if conversation is None:
            raise NotFound(f"there is no conversation {conversation_id}")
        message = Message(
            id=id,
            conversation_id=conversation.id,
            kind=conversation.kind,
            customer_id=conversation.customer_id,
            content=text,
            direction=Direction.OUTBOUND,
            sender=sender,
            status=MessageStatus.SENT,
            timestamp=self._clock.now(),
            turn_id=turn_id,
        )
        unit = Unit()
        unit.insert(message)
        self._conversations.said(unit, conversation, [message])
        with suppress(Duplicate):  # a former try had arrived
            await self._store.commit(unit)

    async def spoke(self, message_id: str, *, start: float, end: float, heard: str | None = None) -> None:
        """When something of ours was spoken, in seconds of the call; with `heard`, what the person heard of it before they spoke.

        The timeline then holds only that: the next question to a model tells nothing that nobody heard.
        """
        times: dict[str, Any] = {"start_time": max(0, int(start)), "end_time": max(0, int(end))}
        cut = {} if heard is None else {"content": heard, "interrupted": True}
        await self._store.change(Message, {"id": In([message_id])}, set=times | cut)
