"""What is to be said and has not been said for certain.

A delivery goes  pending -> sending -> sent,  or ends as  refused  (may not or cannot be said)  or  dead  (failed too often;
can be sent again). `unconfirmed` is one that may have gone out: it waits for a receipt with our tracker, then is posted again.
What may still be said (DESIGN 5) is decided in `Outbox.take`, in the same commit that claims the delivery.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import msgspec
import structlog

from bot.clock import Clock, new_id
from bot.errors import Conflict, EpochMoved, FenceLost, SendError, StoreUnavailable
from bot.message import Address, Reply
from bot.meter import KEEPS_NOTHING, Counted, Meter, Stage
from bot.policy import Policy
from bot.records.conversations import (
    Conversation,
    Direction,
    Interactive,
    Message,
    MessageSender,
    MessageStatus,
    MessageType,
    attachment_of,
)
from bot.records.work import Author, Delivery, DeliveryState, Fence, InboxRow, InboxState, receipts_lane
from bot.store.base import Change, Claim, In, Lanes, Require, Store, Unit

log = structlog.get_logger()

MAX_ATTEMPTS = 8
"""So often a delivery is tried; then it is dead and no longer holds the next ones. About 5 minutes with the waits below."""

RECONCILE = 5.0
"""Seconds an unconfirmed delivery waits for its receipt. Meta posts `sent` within a second or two of accepting."""

HIDDEN = "••••••"
"""Stands on the timeline where a secret was said."""

_SENDERS = {Author.AI: MessageSender.AI, Author.SYSTEM: MessageSender.SYSTEM, Author.OPERATOR: MessageSender.AGENT}


@dataclass(frozen=True, slots=True)
class Taken:
    """A delivery that is ours to send, and where to."""

    delivery: Delivery
    to: Address
    is_last: bool
    """Whether nothing else is open in its lane; what is added from now on wakes the lane again."""
    before: Delivery
    """As it was before it was claimed."""


Shape = Callable[[str, Reply], list[Reply]]
"""A lane and a reply -> the pieces that the lane's channel can carry."""


Turn = Callable[[], Awaitable[float]]
"""Seconds until a send may go out; 0 where that is now, and it has to go out then."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing may be sent in this lane for so many seconds."""

    seconds: float


def backoff(attempts: int) -> float:
    """Seconds to wait after so many failures: 1, 2, 4, ... up to 120."""
    return float(min(2 ** max(attempts - 1, 0), 120))


def _type_of(reply: Reply) -> MessageType:
    if reply.buttons:
        return MessageType.INTERACTIVE
    return MessageType(attachment_of(reply.media[0]).type) if reply.media else MessageType.TEXT


def read_reply(delivery: Delivery) -> Reply:
    return msgspec.convert(delivery.reply, Reply)


class Outbox:
    """Keeps deliveries, hands them out in order, and marks what became of them."""

    def __init__(
        self, store: Store, lanes: Lanes, clock: Clock, policy: Policy, shape: Shape, meter: Meter = KEEPS_NOTHING
    ) -> None:
        self._shape = shape
        self._meter = meter
        self._store = store
        self._lanes = lanes
        self._clock = clock
        self._policy = policy

    def add(
        self,
        unit: Unit,
        conversation: Conversation,
        replies: Sequence[Reply],
        author: Author,
        *,
        epoch: int = 0,
        turn_id: str | None = None,
        proactive: bool = False,
        hidden: str = "",
        client_id: str | None = None,
        spoken: bool = False,
    ) -> list[Message]:
        """Puts replies into a unit, in the pieces the channel can carry: a message for the timeline and a delivery for each.

        `hidden` is said, but stands on the timeline as dots: a secret that is for the person alone. With a `client_id` that
        there is already the unit is void with Duplicate. `wake` the lane after the commit. What is `spoken` by whoever holds the
        call has no delivery: it stands on the timeline as said.
        """
        said: list[Message] = []
        for piece in (piece for reply in replies for piece in self._shape(conversation.lane, reply)):
            message = self._message(conversation, piece, author, turn_id)
            if hidden:
                message.content = message.content.replace(hidden, HIDDEN)
            if not said:
                message.client_id = client_id
            if spoken:
                message.status = MessageStatus.SENT
            unit.insert(message)
            said.append(message)
            if spoken:
                continue
            unit.insert(
                Delivery(
                    id=new_id(),
                    lane=conversation.lane,
                    position=new_id(),
                    conversation_id=conversation.id,
                    message_id=message.id,
                    author=author,
                    epoch=epoch,
                    reply=msgspec.to_builtins(piece),
                    proactive=proactive,
                    due_at=self._clock.now(),
                )
            )
        return said

    def _message(self, conversation: Conversation, reply: Reply, author: Author, turn_id: str | None) -> Message:
        buttons = [{"id": button.id, "title": button.title} for button in reply.buttons]
        return Message(
            id=new_id(),
            conversation_id=conversation.id,
            kind=conversation.kind,
            customer_id=conversation.customer_id,
            content=reply.with_files(),
            type=_type_of(reply),
            direction=Direction.OUTBOUND,
            sender=_SENDERS[author],
            agent_id=conversation.assigned_agent if author is Author.OPERATOR else None,
            interactive=Interactive.model_validate({"type": "button", "buttons": buttons}) if buttons else None,
            attachments=[attachment_of(file) for file in reply.media],
            timestamp=self._clock.now(),
            turn_id=turn_id,
        )

    async def wake(self, lane: str) -> None:
        """There is something new to send in this lane."""
        await self._lanes.wake(lane)

    async def recover(self) -> int:
        """Brings every lane to mind in which a delivery is open: at start-up, and when somebody may have written untold."""
        lanes = await self._store.distinct(Delivery, "lane", {"openness": "open"})
        for lane in lanes:
            await self._lanes.remind(lane)
        return len(lanes)

    async def take(self, claim: Claim, *, tracks: bool, wait: Turn | None = None) -> Taken | Wait | None:
        """Claims the lane's next delivery if it may still be said; None when the lane is empty.

        Deliveries that may not be said are refused on the way. `tracks` tells whether the lane's channel echoes our tracker.
        `wait` is asked before one is claimed: while its vendor is left alone or takes no more, it waits and no try is counted.
        Raises FenceLost.
        """
        while True:
            heads = await self._store.find(Delivery, {"openness": "open", "lane": claim.lane}, sort=("position",), limit=2)
            if not heads:
                return None
            head = heads[0]
            if head.state is DeliveryState.SENDING:
                head = await self._give_up_on(head)
            early = (head.due_at - self._clock.now()).total_seconds()
            if early > 0:
                return Wait(early)
            if head.state is DeliveryState.UNCONFIRMED and (not tracks or head.attempts >= MAX_ATTEMPTS):
                await self._close(head, DeliveryState.DEAD, "unconfirmed", "it may have gone out; not sent again")
            elif head.state is DeliveryState.UNCONFIRMED and await self._is_receipt_waiting(head):
                return Wait(RECONCILE)
            elif wait is not None and (seconds := await wait()) > 0:
                return Wait(seconds)
            elif (to := await self._claim(claim, head)) is not None:
                if not head.attempts:
                    self._meter.took(Stage.DELIVERY_WAITED, self._age(head))
                claimed = {"state": DeliveryState.SENDING, "claimed_by": claim.fence, "attempts": head.attempts + 1}
                return Taken(head.model_copy(update=claimed), to, is_last=len(heads) == 1, before=head)

    def is_sure(self, claim: Claim) -> bool:
        """Whether nobody else can have this lane yet: false for a process that slept for longer than its lease."""
        return self._lanes.is_sure(claim)

    async def put_back(self, taken: Taken) -> None:
        """It was not posted: as if it had not been claimed, unless somebody else has found it meanwhile."""
        before, claimed = taken.before, taken.delivery
        log.warning("delivery given back: this process slept after claiming it", delivery=before.id)
        await self._store.change(
            Delivery,
            {"id": before.id, "state": DeliveryState.SENDING, "claimed_by": claimed.claimed_by},
            set={"state": before.state},
            inc={"attempts": -1, "resends": -int(before.state is DeliveryState.UNCONFIRMED)},
        )

    def _age(self, delivery: Delivery) -> float:
        """Seconds since it was committed."""
        return (self._clock.now() - delivery.created_at).total_seconds() if delivery.created_at else 0.0

    async def _give_up_on(self, delivery: Delivery) -> Delivery:
        """A delivery found in `sending` was being posted by a worker that is gone: nobody knows whether it went out."""
        due = self._clock.now() + timedelta(seconds=RECONCILE)
        await self._store.change(
            Delivery,
            {"id": delivery.id, "state": DeliveryState.SENDING},
            set={"state": DeliveryState.UNCONFIRMED, "due_at": due},
        )
        return delivery.model_copy(update={"state": DeliveryState.UNCONFIRMED, "due_at": due})

    async def _is_receipt_waiting(self, delivery: Delivery) -> bool:
        """Whether the receipt has come, but is not applied yet."""
        lanes = In([receipts_lane(delivery.lane), delivery.lane])  # the latter by a former version
        rows = await self._store.find(InboxRow, {"state": InboxState.WAITING, "lane": lanes})
        return any(delivery.id in row.item for row in rows)

    async def _claim(self, claim: Claim, delivery: Delivery) -> Address | None:
        """pending|unconfirmed -> sending; where to. None when a rule forbids it (it is refused then) or somebody was faster."""
        conversation = await self._store.get(Conversation, delivery.conversation_id)
        if conversation is None:
            await self._close(delivery, DeliveryState.REFUSED, "unknown_conversation", "its conversation is gone")
            return None
        verdict = await self._policy.allows(delivery, conversation)
        if not verdict.allowed:
            self._meter.count(Counted.REFUSALS, verdict.rule)
            await self._close(delivery, DeliveryState.REFUSED, verdict.rule, f"refused by the rule {verdict.rule}")
            return None
        try:
            await self._store.commit(self._claiming(claim, delivery))
        except EpochMoved:
            self._meter.count(Counted.REFUSALS, "epoch")
            await self._close(delivery, DeliveryState.REFUSED, "epoch", "the conversation changed hands before it was said")
            return None
        except FenceLost:
            raise
        except Conflict:
            return None  # a receipt or another process changed it in between: look again
        return conversation.address

    def _claiming(self, claim: Claim, delivery: Delivery) -> Unit:
        unit = Unit(Require(Fence, {"id": claim.fence_id, "value": claim.fence}, FenceLost))
        if delivery.author is Author.AI:
            unit.add(Require(Conversation, {"id": delivery.conversation_id, "epoch": delivery.epoch}, EpochMoved))
        unit.add(
            Change(
                Delivery,
                {"id": delivery.id, "state": delivery.state},
                set={"state": DeliveryState.SENDING, "claimed_by": claim.fence},
                inc={"attempts": 1, "resends": int(delivery.state is DeliveryState.UNCONFIRMED)},
                must=1,
            )
        )
        return unit

    async def turn_of(self, delivery: Delivery) -> str | None:
        """The turn that said it; None of what answers nothing, and while the store is away: no trace is worth a delivery."""
        try:
            message = await self._store.get(Message, delivery.message_id)
        except StoreUnavailable:
            return None
        return message.turn_id if message is not None else None

    async def sent(self, delivery: Delivery, provider_id: str) -> None:
        """The vendor took it. Where a receipt was faster, it has said all this already, and more."""
        closed = {"state": DeliveryState.SENT, "openness": "closed", "error_code": "", "error": ""}
        status = {"status": MessageStatus.SENT, "whatsapp_status": MessageStatus.SENT}
        unit = Unit(
            Change(
                Delivery,
                {"id": delivery.id, "openness": "open"},
                set={**closed, "provider_id": provider_id, "sent_at": self._clock.now()},
            ),
            Change(
                Message,
                {"id": delivery.message_id, "status": MessageStatus.PENDING},
                set={**status, "whatsapp_message_id": provider_id},
            ),
        )
        await self._store.commit(unit)
        self._count(delivery, "sent")

    async def failed(self, delivery: Delivery, error: SendError, *, unconfirmed: bool, counts: bool = True) -> float | None:
        """A try went wrong; seconds until the next one, or None when the delivery is now closed.

        Where it does not count, it was nothing but a look at whether the vendor works again.
        """
        if not unconfirmed and not error.retryable:
            await self._close(delivery, DeliveryState.REFUSED, error.code, str(error))
            return None
        if counts and delivery.attempts >= MAX_ATTEMPTS:
            await self._close(delivery, DeliveryState.DEAD, error.code, str(error))
            return None
        wait = RECONCILE if unconfirmed else max(error.wait, backoff(delivery.attempts))
        state = DeliveryState.UNCONFIRMED if unconfirmed else DeliveryState.PENDING
        due = self._clock.now() + timedelta(seconds=wait)
        await self._store.change(
            Delivery,
            {"id": delivery.id, "state": DeliveryState.SENDING, "claimed_by": delivery.claimed_by},
            set={"state": state, "due_at": due, "error_code": error.code, "error": str(error)},
            inc={} if counts else {"attempts": -1},
        )
        self._count(delivery, "unconfirmed" if unconfirmed else "retry")
        self._meter.count(Counted.RETRIES, "deliveries")
        log.warning("delivery is tried again", delivery=delivery.id, state=str(state), code=error.code, attempt=delivery.attempts)
        return wait

    async def _close(self, delivery: Delivery, state: DeliveryState, code: str, why: str) -> None:
        """Ends it unsaid, unless a receipt or another worker was faster."""
        as_known = {"id": delivery.id, "state": delivery.state, "claimed_by": delivery.claimed_by}
        changes: dict[str, Any] = {"state": state, "openness": "closed", "error_code": code, "error": why}
        unit = Unit(
            Change(Delivery, as_known, set=changes, must=1),
            Change(
                Message,
                {"id": delivery.message_id},
                set={"status": MessageStatus.FAILED, "whatsapp_error": {"code": code, "title": why}},
            ),
        )
        try:
            await self._store.commit(unit)
        except Conflict:
            return
        self._count(delivery, str(state))
        if state is DeliveryState.DEAD:
            self._meter.count(Counted.SET_ASIDE, "deliveries")
        about = {"delivery": delivery.id, "conversation": delivery.conversation_id}
        log.warning("delivery not sent", **about, state=str(state), code=code)

    def _count(self, delivery: Delivery, outcome: str) -> None:
        self._meter.count(Counted.DELIVERIES, delivery.lane.partition(":")[0], outcome)

    async def resend(self, delivery_id: str) -> bool:
        """Opens a dead delivery again, with a fresh count of tries; False if it is not dead."""
        unit = Unit(
            Change(
                Delivery,
                {"id": delivery_id, "state": DeliveryState.DEAD},
                set={"state": DeliveryState.PENDING, "openness": "open", "attempts": 0, "due_at": self._clock.now()},
                must=1,
            )
        )
        delivery = await self._store.get(Delivery, delivery_id)
        if delivery is None:
            return False
        unit.add(Change(Message, {"id": delivery.message_id}, set={"status": MessageStatus.PENDING, "whatsapp_error": None}))
        try:
            await self._store.commit(unit)
        except Conflict:
            return False
        await self.wake(delivery.lane)
        return True
