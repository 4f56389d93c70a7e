"""What operators write: sent once however often it is clicked, by who holds the conversation alone, where policy allows it."""

from __future__ import annotations

from collections.abc import Sequence

from bot.clock import Clock
from bot.conversation import AssigneeKind, ConversationStatus, OperatorRef
from bot.errors import Conflict, Duplicate, NotFound, RecordError, ServiceError
from bot.live import Live
from bot.message import Reply
from bot.outbox import Outbox
from bot.policy import Policy, Verdict
from bot.records.audit import AuditAction
from bot.records.conversations import ChannelName, Conversation, Message
from bot.records.people import Customer
from bot.records.users import User
from bot.records.work import Author, Delivery
from bot.services.audit import Audit
from bot.services.conversations import Conversations
from bot.services.media import Media, content_of
from bot.services.statistics import put_answer
from bot.services.transfers import Transfers
from bot.store.base import Insert, Require, Store, Unit

MAX_LENGTH = 16_000
"""Characters of one reply; a channel may post it in pieces."""
_TRIES = 8
_LATEST = 20

_WHY_NOT = {
    "whatsapp_window": "WhatsApp's 24 hours since their last message are over: only an approved template may be sent now",
    "opted_out": "they asked not to be written to any more",
    "unknown_person": "there is no record of this person any more",
    "blocked": "this person is blocked",
}


class Replies:
    """Writes for operators."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        audit: Audit,
        outbox: Outbox,
        policy: Policy,
        conversations: Conversations,
        transfers: Transfers,
        live: Live,
        media: Media,
    ) -> None:
        self._media = media
        self._store = store
        self._clock = clock
        self._audit = audit
        self._outbox = outbox
        self._policy = policy
        self._conversations = conversations
        self._transfers = transfers
        self._live = live

    async def say(
        self, conversation_id: str, user: User, text: str, *, client_id: str, attachments: Sequence[str] = ()
    ) -> Message:
        """One reply; the same `client_id` of the same user says it once, and gives back what was said.

        `attachments` are ids of files; with some it needs no text.
        Raises RecordError (no text, too long), Taken (another operator holds it), ServiceError (nobody does: take it over first;
        closed; files where the channel carries none; or policy's reason why it may not be said), NotFound.
        """
        text, key = _checked(text, is_needed=not attachments), f"{user.id}:{client_id}"
        for _ in range(_TRIES):
            if (said := await self._said(key)) is not None:
                return said
            conversation = await self._transfers.get(conversation_id)
            unit = Unit()
            await self._require_theirs(unit, conversation, user)
            files = await self._media.usable(attachments, by=f"user:{user.id}", conversation_id=conversation.id)
            try:
                message = await self._put(unit, conversation, user, Reply(text, media=tuple(map(content_of, files))), key)
                self._media.put_attached(unit, files, conversation.id)
                await self._store.commit(unit)
            except (Conflict, Duplicate):
                user = await self._store.get(User, user.id) or user
                continue  # a message, another reply or the same click crossed it: look again
            await self._outbox.wake(conversation.lane)
            self._live.tell(conversation.lane)
            return message
        raise Conflict("too much happens in this conversation at once; try again in a moment")

    async def begin(
        self, customer_id: str, user: User, text: str, *, client_id: str, channel: ChannelName = ChannelName.WHATSAPP
    ) -> Message:
        """A talk that we begin, where policy allows it: within the person's window, and not after they said stop.

        It goes on in the conversation that is open there, which the operator takes over. Raises as `say`, and as a take-over.
        """
        text = _checked(text)
        if (said := await self._said(f"{user.id}:{client_id}")) is not None:
            return said
        conversation = await self._open_with(customer_id, channel)
        if (verdict := await self.verdict(conversation, proactive=True)).allowed is False:
            raise ServiceError(_why_not(verdict))
        await self._transfers.take_over(conversation.id, user, note="began the talk")
        return await self.say(conversation.id, user, text, client_id=client_id)

    async def verdict(self, conversation: Conversation, *, proactive: bool = False) -> Verdict:
        """Whether an operator may write there now, and the rule that says no."""
        unit = Unit()
        self._outbox.add(unit, conversation, [Reply("?")], Author.OPERATOR, epoch=conversation.epoch, proactive=proactive)
        delivery = _delivery_in(unit)
        delivery.created_at = self._clock.now()
        return await self._policy.allows(delivery, conversation)

    async def _put(self, unit: Unit, conversation: Conversation, user: User, reply: Reply, key: str) -> Message:
        proactive = conversation.waiting_since is None  # nobody waits for it: after a "stop" that is not sent
        if not (verdict := await self.verdict(conversation, proactive=proactive)).allowed:
            raise ServiceError(_why_not(verdict))
        self._conversations.reopen(unit, conversation)
        said = self._outbox.add(
            unit,
            conversation,
            [reply],
            Author.OPERATOR,
            epoch=conversation.epoch,
            proactive=proactive,
            client_id=key,
        )
        put_answer(unit, conversation, user, said[0])
        self._conversations.said(unit, conversation, said)
        unit.insert(self._audit.entry(AuditAction.CREATED, "message", said[0].id, f"user:{user.id}"))
        return said[0]

    async def _require_theirs(self, unit: Unit, conversation: Conversation, user: User) -> None:
        if conversation.status is ConversationStatus.CLOSED:
            raise ServiceError("this conversation is closed; begin a new one with the person")
        if conversation.assignee != OperatorRef(user.id):
            if conversation.assignee_kind is AssigneeKind.OPERATOR:
                raise await self._transfers.taken(conversation)
            raise ServiceError("nobody of the team holds this conversation; take it over first")
        unit.add(Require(Conversation, {"id": conversation.id, "epoch": conversation.epoch}))

    async def _said(self, key: str) -> Message | None:
        found = await self._store.find(Message, {"client_id": key}, limit=1)
        return found[0] if found else None

    async def _open_with(self, customer_id: str, channel: ChannelName) -> Conversation:
        """The open conversation with a person on a channel; begun again at the address of the last one, with its window."""
        customer = await self._store.get(Customer, customer_id)
        if customer is None:
            raise NotFound(f"there is no person {customer_id}")
        found = await self._store.find(Conversation, {"customer_id": customer_id}, sort=("-updated_at",), limit=_LATEST)
        there = [conversation for conversation in found if conversation.channel is channel]
        if not there:
            raise ServiceError(f"they have never written to us on {channel}: they have to write first")
        last = next((conversation for conversation in there if conversation.openness == "open"), there[0])
        return await self._conversations.again(customer, last) if last.openness != "open" else last


def _checked(text: str, *, is_needed: bool = True) -> str:
    if is_needed and not text.strip():
        raise RecordError("Reply.text: is required; write some words")
    if len(text) > MAX_LENGTH:
        raise RecordError(f"Reply.text: has {len(text):,} characters, at most {MAX_LENGTH:,} can be sent; send it in parts")
    return text.strip()


def reason_why_not(verdict: Verdict) -> str:
    """Why something may not be said, in words for an operator."""
    return _WHY_NOT.get(verdict.rule, f"the rule {verdict.rule} forbids it")


def _why_not(verdict: Verdict) -> str:
    return f"this was not sent: {reason_why_not(verdict)}"


def _delivery_in(unit: Unit) -> Delivery:
    """The delivery that a unit inserts."""
    records = (operation.record for operation in unit.operations if isinstance(operation, Insert))
    return next(record for record in records if isinstance(record, Delivery))
