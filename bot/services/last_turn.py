"""The way that the last message of a conversation took: how it was answered, by whom, who holds it now, what was delivered.

Read from the timeline, the journal and the outbox, as `bot replay` is; for the front page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from bot.conversation import AssigneeKind
from bot.records.conversations import Conversation, Direction, Message, MessageStatus
from bot.records.work import Delivery, JournalKind, JournalRow
from bot.store.base import Store

_LOOK = 50
"""Messages among which the last turn is looked for."""


class How(StrEnum):
    """Who found the answer."""

    MODEL = "model"
    OFFLINE = "offline"
    """Simple mode: no model was asked, or none answered."""
    FLOW = "flow"
    """A flow alone: what it waited for was said."""
    RULE = "rule"
    """A word like "stop", by policy alone."""
    HELD = "held"
    """Nobody: a person holds the conversation, or is waited for."""


@dataclass(frozen=True, slots=True)
class LastTurn:
    """What became of the newest message that was heard."""

    message_id: str
    """Of the message, on the timeline."""
    how: How
    agent: str
    """Who held the conversation after it."""
    flow: str
    """The flow that the message went to; empty where none was waiting."""
    tools: tuple[str, ...]
    """What was called, in order, each once."""
    seconds: float | None
    """For the answer; None where nothing was to be thought about."""
    handed_off: bool
    holder: AssigneeKind
    epoch: int
    replies: int
    attempts: int
    """Tries of all replies together."""
    status: MessageStatus | None
    """The least of what is known of its replies; None without one."""
    trouble: str
    """Why a reply was not sent."""


async def last_turn(store: Store, conversation: Conversation) -> LastTurn | None:
    """None while nothing was heard."""
    newest = await store.find(Message, {"conversation_id": conversation.id}, sort=("-timestamp",), limit=_LOOK)
    heard = next((message for message in newest if message.direction is Direction.INBOUND), None)
    if heard is None:
        return None
    steps = await store.find(JournalRow, {"turn_id": heard.turn_id}, sort=("step",)) if heard.turn_id else []
    said = [one for one in newest if one.direction is Direction.OUTBOUND and one.turn_id == heard.turn_id]
    sent = [one for one in await store.find(Delivery, {"conversation_id": conversation.id}) if one.message_id in _ids(said)]
    note = conversation.handoff
    return LastTurn(
        message_id=heard.id,
        how=_how(steps, said),
        agent=conversation.assignee_name,
        flow=next((row.id.rpartition(":")[2].partition(".")[0] for row in steps if row.kind is JournalKind.FLOW), ""),
        tools=tuple(dict.fromkeys(row.body["tool"] for row in steps if row.kind is JournalKind.TOOL)),
        seconds=next((row.body["seconds"] for row in steps if row.kind is JournalKind.END), None),
        handed_off=note is not None and note.at >= heard.timestamp,
        holder=conversation.assignee_kind,
        epoch=conversation.epoch,
        replies=len(said),
        attempts=sum(delivery.attempts for delivery in sent),
        status=min((message.status for message in said), key=_WORST.index, default=None),
        trouble=next((delivery.error for delivery in sent if delivery.error), ""),
    )


_WORST = (MessageStatus.FAILED, MessageStatus.PENDING, MessageStatus.SENT, MessageStatus.DELIVERED, MessageStatus.READ)


def _ids(messages: Sequence[Message]) -> set[str]:
    return {message.id for message in messages}


def _how(steps: Sequence[JournalRow], said: Sequence[Message]) -> How:
    ending = next((row.body for row in steps if row.kind is JournalKind.END), None)
    if ending is not None:
        return How.OFFLINE if ending["offline"] else How.MODEL if ending["steps"] else How.FLOW
    return How.RULE if said else How.HELD
