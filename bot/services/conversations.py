"""Conversations: the open one of an address, what was heard and said in it, who holds it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from bot.clock import Clock, new_id
from bot.conversation import (
    SEED_FIELDS,
    AgentRef,
    Assignee,
    AssigneeKind,
    ConversationStatus,
    Heard,
    Turn,
    check_move,
)
from bot.errors import Duplicate, EpochMoved
from bot.jobs import Jobs
from bot.message import EMPTY_MESSAGE, Address, Choice, Contacts, Content, Location, Media, Reaction, Text, Unsupported
from bot.meter import KEEPS_NOTHING, Counted, Meter
from bot.records.audit import AuditAction
from bot.records.conversations import (
    ChannelName,
    Conversation,
    ConversationKind,
    Direction,
    Interactive,
    LastMessage,
    Message,
    MessageLocation,
    MessageSender,
    MessageStatus,
    MessageType,
    WhatsAppData,
    attachment_of,
)
from bot.records.handoffs import Cause, Handoff
from bot.records.media import MediaFile, MediaState
from bot.records.people import Customer
from bot.records.users import User
from bot.services.audit import Audit
from bot.services.moves import cause_of, leaving, put_move
from bot.services.spending import spent_by
from bot.store.base import Change, Store, Unit

SUMMARY_JOB = "summarise"
"""The job that sums up for the operator what was said before."""
DESK_JOB = "desk"
"""The job that looks after who waits: it gives them to operators, and tells them how it stands."""
WAITING_CALL_JOB = "waiting-call"
"""The job that looks after who waits for a person on the telephone."""
_WAITING_CALL_SECONDS = 2.0
"""So long the sentence takes that tells them that somebody is looked for."""
FIRST_AGENT = "support"
"""The agent that holds a new conversation."""


class Conversations:
    """The only writer of conversations and their messages."""

    def __init__(self, store: Store, clock: Clock, audit: Audit, jobs: Jobs | None = None, meter: Meter = KEEPS_NOTHING) -> None:
        self._store = store
        self._meter = meter
        self._clock = clock
        self._audit = audit
        self._jobs = jobs

    async def current(self, customer: Customer, address: Address, agent: str = FIRST_AGENT) -> Conversation:
        """The conversation of this address that is not closed; begun, with this agent, when there is none (S2-056, S2-101)."""
        return await self._current(address, _with_customer(customer, address, agent))

    async def current_of_user(self, user_id: str, address: Address, agent: str) -> Conversation:
        """The same for a user, who talks to an assistant (C-19)."""
        return await self._current(address, {"kind": ConversationKind.ASSISTANT, "user_id": user_id, "assignee_name": agent})

    async def current_of_call(
        self, customer: Customer, call_id: str, address: Address, agent: str, language: str
    ) -> Conversation:
        """The same for a telephone call, which is a conversation of its own (DESIGN 3)."""
        values = {**_with_customer(customer, address, agent), "kind": ConversationKind.CALL, "call_id": call_id}
        return await self._current(address, {**values, "language": language or None})

    async def _current(self, address: Address, values: Mapping[str, Any]) -> Conversation:
        while True:
            found = await self.open_one(address)
            if found is not None:
                return found
            try:
                return await self._begin(address, values)
            except Duplicate:
                continue  # somebody began it in between

    async def open_one(self, address: Address) -> Conversation | None:
        """The conversation of this address that is not closed, if there is one."""
        found = await self._store.find(Conversation, {"lane": address.lane, "openness": "open"}, limit=1)
        return found[0] if found else None

    async def again(self, customer: Customer, last: Conversation) -> Conversation:
        """The open conversation at the address of one that is over; begun with what that one knows of the person's window."""
        window = {"last_customer_message": last.last_customer_message, "language": last.language}
        return await self._current(last.address, {**_with_customer(customer, last.address, FIRST_AGENT), **window})

    async def _begin(self, address: Address, values: Mapping[str, Any]) -> Conversation:
        conversation = Conversation(
            id=new_id(),
            lane=address.lane,
            our_address=address.ours,
            their_address=address.theirs,
            channel=ChannelName(address.channel),
            **values,
        )
        unit = Unit()
        unit.insert(conversation)
        unit.insert(self._audit.entry(AuditAction.CREATED, "conversation", conversation.id, "system"))
        if conversation.customer_id:
            unit.add(Change(Customer, {"id": conversation.customer_id}, inc={"statistics.total_conversations": 1}))
        await self._store.commit(unit)
        return conversation

    def heard(self, unit: Unit, conversation: Conversation, turn: Turn) -> list[Message]:
        """Puts a turn's messages into the timeline, with all that moves with them (S2-098)."""
        # Never before what stood on the timeline when they were heard, however late a vendor delivers.
        floor = conversation.last_message.timestamp if conversation.last_message else datetime.min.replace(tzinfo=UTC)
        messages = [self._inbound(conversation, item, turn.id, floor) for item in turn.heard]
        unit.insert(*messages)
        put_media(unit, conversation, [item.message.content for item in turn.heard])
        last = messages[-1]
        latest = min(max(item.message.sent_at for item in turn.heard), self._clock.now())
        if conversation.last_customer_message is not None:
            latest = max(latest, conversation.last_customer_message)
        unit.add(
            Change(
                Conversation,
                {"id": conversation.id},
                set={"last_message": _last(last), "last_customer_message": latest, "snoozed_until": None},
                inc={"message_count": len(messages), "unread_count": len(messages)},
            )
        )
        if not is_held_by_ai(conversation):
            silent = {"id": conversation.id, "waiting_since": None}
            unit.add(Change(Conversation, silent, set={"waiting_since": messages[0].timestamp}))
        if conversation.customer_id:
            unit.add(
                Change(
                    Customer,
                    {"id": conversation.customer_id},
                    set={"last_interaction": latest, "last_message_at": latest},
                    inc={"statistics.total_messages": len(messages)},
                )
            )
        return messages

    def said(
        self, unit: Unit, conversation: Conversation, messages: Sequence[Message], spent: Mapping[str, int] | None = None
    ) -> None:
        """Moves the conversation along with what is about to be said, and with what the model took for it (fields of Cost)."""
        more = {f"cost.{name}": amount for name, amount in (spent or {}).items() if amount}
        news: dict[str, Any] = {}
        if micros := more.get("cost.micros"):
            day = self._clock.now().date().isoformat()
            # The lane is serial: nobody else has added to it since the conversation was read.
            news |= {"cost.day": day, "cost.day_micros": spent_by(conversation, day) + micros}
        if messages:
            more["message_count"] = len(messages)
            news["last_message"] = _last(messages[-1])
        if more:
            unit.add(Change(Conversation, {"id": conversation.id}, set=news, inc=more))

    def put_close(self, unit: Unit, conversation: Conversation, *, reason: str) -> None:
        """It is over: what comes next begins another one."""
        put_close(unit, conversation, self._clock.now(), self._audit, by="system", reason=reason)

    def reopen(self, unit: Unit, conversation: Conversation) -> None:
        """A resolved conversation in which the person writes again goes on, with whoever held it (S2-101)."""
        if conversation.status is ConversationStatus.RESOLVED:
            status, _ = SEED_FIELDS[conversation.assignee_kind]
            check_move(conversation.status, status)
            resolved = {"id": conversation.id, "status": ConversationStatus.RESOLVED, "epoch": conversation.epoch}
            unit.add(Change(Conversation, resolved, set={"status": status}, must=1))
            if conversation.assigned_agent:
                again = {"statistics.current_active_conversations": 1}
                unit.add(Change(User, {"id": conversation.assigned_agent}, inc=again))
            unit.insert(self._audit.entry(AuditAction.REOPENED, "conversation", conversation.id, "system"))

    async def close(self, conversation: Conversation, *, by: str, reason: str) -> None:
        """Ends it for good: the next message of this address begins a new one (S2-101). Raises Conflict, MoveRefused."""
        unit = Unit()
        put_close(unit, conversation, self._clock.now(), self._audit, by=by, reason=reason)
        await self._store.commit(unit)

    def assign(
        self,
        unit: Unit,
        conversation: Conversation,
        to: Assignee,
        *,
        by: str,
        reason: str,
        note: str = "",
        cause: Cause | None = None,
        since: datetime | None = None,
    ) -> int:
        """Flips the assignee by compare-and-set on (assignee, epoch), in one atomic update (S2-093); the epoch after it.

        The unit is void with EpochMoved if somebody else was first. `reason` is in words; `cause` follows from the change itself
        where none is given. `since` is when the person wrote what a person of ours is to answer.
        """
        cause = cause or cause_of(conversation, to)
        now = self._clock.now()
        handoff = put_move(unit, conversation, to, now, self._audit, by=by, cause=cause, reason=reason, note=note, since=since)
        unit.then(partial(self._count, cause))
        if self._jobs is not None:
            self._follow(self._jobs, unit, handoff)
            if conversation.kind is ConversationKind.CALL and handoff.to_kind is AssigneeKind.QUEUE:
                waits = {"conversation": conversation.id, "epoch": handoff.epoch}
                id_ = f"{WAITING_CALL_JOB}:{handoff.id}"
                self._jobs.add(unit, WAITING_CALL_JOB, waits, id=id_, delay=_WAITING_CALL_SECONDS)
        return handoff.epoch

    async def _count(self, cause: Cause) -> None:
        """Once it is written: whoever lost the race has changed nothing."""
        self._meter.count(Counted.HANDOFFS, cause)

    @staticmethod
    def _follow(jobs: Jobs, unit: Unit, handoff: Handoff) -> None:
        """What comes after a change of hands: a summary for who takes it from the AI, and somebody for whoever waits."""
        if handoff.from_kind is AssigneeKind.AGENT and handoff.to_kind is not AssigneeKind.AGENT and handoff.customer_id:
            jobs.add(unit, SUMMARY_JOB, {"handoff": handoff.id}, id=f"summary:{handoff.id}")
        if handoff.to_kind is AssigneeKind.QUEUE or handoff.from_kind is AssigneeKind.OPERATOR:
            unit.then(lambda: jobs.hurry(DESK_JOB))

    def _inbound(self, conversation: Conversation, item: Heard, turn_id: str, floor: datetime) -> Message:
        message = item.message
        type_, extra = _stored(message.content)
        return Message(
            id=item.position,
            conversation_id=conversation.id,
            kind=conversation.kind,
            customer_id=conversation.customer_id,
            content=message.content.as_text() or EMPTY_MESSAGE,
            type=type_,
            direction=Direction.INBOUND,
            sender=MessageSender.USER if conversation.user_id else MessageSender.CUSTOMER,
            whatsapp_message_id=message.id,
            whatsapp_timestamp=message.sent_at,
            status=MessageStatus.DELIVERED,
            reply_to=message.reply_to or None,
            is_forwarded=message.forwarded,
            timestamp=max(floor, min(message.sent_at, self._clock.now())),
            turn_id=turn_id,
            **extra,
        )


def _second(offset: float | None) -> int | None:
    """The timeline counts whole seconds of a call."""
    return None if offset is None else max(0, int(offset))


def _with_customer(customer: Customer, address: Address, agent: str) -> dict[str, Any]:
    """What a conversation with a customer begins with."""
    whatsapp = WhatsAppData(phone_number_id=address.ours) if address.channel == "whatsapp" else None
    return {"customer_id": customer.id, "assignee_name": agent, "whatsapp_data": whatsapp}


def _last(message: Message) -> LastMessage:
    return LastMessage(content=message.content[:200], timestamp=message.timestamp, sender=message.sender, type=message.type)


def _stored(content: Content) -> tuple[MessageType, dict[str, Any]]:
    """How a content is kept: the seed's message type and the fields that go with it (S2-134 to S2-137)."""
    match content:
        case Text(start=start, end=end, confidence=confidence) if start is not None or confidence is not None:
            return MessageType.TEXT, {"start_time": _second(start), "end_time": _second(end), "confidence": confidence}
        case Text() | Reaction() | Unsupported():
            return MessageType.TEXT, {}
        case Choice(id_, title, source):
            button = {"id": id_, "title": title, "payload": id_}
            kind = {"list": "list", "quick_reply": "quick_reply"}.get(source, "button")
            return MessageType.INTERACTIVE, {"interactive": Interactive.model_validate({"type": kind, "buttons": [button]})}
        case Location():
            place = MessageLocation(
                latitude=content.latitude,
                longitude=content.longitude,
                address=content.address or None,
                name=content.name or None,
            )
            return MessageType.LOCATION, {"location": place}
        case Contacts():
            return MessageType.CONTACT, {}
        case Media():
            attachment = attachment_of(content)
            return MessageType(attachment.type), {"attachments": [attachment]}


def put_media(unit: Unit, conversation: Conversation, contents: Iterable[Content]) -> None:
    """Files of our own store belong to the conversation in which they were said."""
    ids = (content.media_id for content in contents if isinstance(content, Media) and content.media_id)
    attached = {"state": MediaState.ATTACHED, "conversation_id": conversation.id}
    unit.add(*(Change(MediaFile, {"id": id_}, set=attached) for id_ in ids))


def is_held_by_ai(conversation: Conversation) -> bool:
    return conversation.assignee_kind is AssigneeKind.AGENT


def agent_of(conversation: Conversation) -> str:
    """The name of the agent that holds it. Only for conversations held by one."""
    assignee = conversation.assignee
    if not isinstance(assignee, AgentRef):
        raise EpochMoved(f"conversation {conversation.id} is not held by an agent")
    return assignee.name


def put_close(unit: Unit, left: Conversation, now: datetime, audit: Audit, *, by: str, reason: str) -> None:
    """Puts the end of a conversation into a unit. The epoch rises, so that nothing more is said in it. Raises MoveRefused."""
    check_move(left.status, ConversationStatus.CLOSED)
    closed = {"openness": left.id, "status": ConversationStatus.CLOSED, "closed_at": now, "flow": None}
    as_known = {"id": left.id, "epoch": left.epoch, "status": left.status}
    unit.add(Change(Conversation, as_known, set=closed, inc={"epoch": 1}, must=1), *leaving(left))
    unit.insert(audit.entry(AuditAction.CLOSED, "conversation", left.id, by, reason=reason))
