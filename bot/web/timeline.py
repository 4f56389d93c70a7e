"""A conversation's timeline: messages, notes and changes of hands, merged into one order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from bot.conversation import AssigneeKind
from bot.records.conversations import (
    Attachment,
    AttachmentType,
    Conversation,
    Direction,
    InternalNote,
    Message,
    MessageSender,
    MessageStatus,
    MessageType,
)
from bot.records.handoffs import Cause, Handoff
from bot.records.users import User
from bot.store.base import Store
from bot.web.endpoint import Model
from bot.web.fields import At
from bot.web.paging import Mark, is_behind, stretch
from bot.web.rows import Holder, Named, Rows, holder_of, named


class AttachmentLine(Model):
    type: AttachmentType
    id: str | None
    """Of the media store, where there is a `url`; else the vendor's."""
    url: str | None
    """Where it is shown to who is signed in; null for what is not in the media store."""
    name: str | None
    mime_type: str | None
    size: int | None
    """Bytes."""
    duration: float | None
    """Seconds."""


class Place(Model):
    latitude: float
    longitude: float
    name: str | None
    address: str | None


class MessageEntry(Model):
    """Something that was said."""

    kind: Literal["message"] = "message"
    id: str
    at: At
    by: MessageSender
    """`agent` is an operator, `ai` the AI."""
    user: Named | None
    """The operator who wrote it."""
    direction: Direction
    type: MessageType
    text: str
    status: MessageStatus
    error: str
    """Why it was not sent, as the vendor says it."""
    crossed: bool
    """The AI's, and being posted while somebody took over: it may have been said after that."""
    client_id: str | None
    """What the reader themself gave with a reply; null for what others wrote."""
    attachments: list[AttachmentLine]
    location: Place | None
    buttons: list[str]
    reply_to: str | None
    is_forwarded: bool
    delivered_at: At | None
    read_at: At | None
    start_seconds: int | None
    """Of a call: when it was said, from its beginning."""
    end_seconds: int | None
    interrupted: bool
    """Of a call: the person spoke over it, and this is what they heard."""


class NoteEntry(Model):
    """A note for the team."""

    kind: Literal["note"] = "note"
    id: str
    at: At
    user: Named | None
    text: str
    is_visible: bool
    """Whether the person may see it."""


class HandoffEntry(Model):
    """A change of hands."""

    kind: Literal["handoff"] = "handoff"
    id: str
    at: At
    cause: Cause
    reason: str
    """In words: the AI's, a rule's name, or a note."""
    giver: Holder
    taker: Holder
    by: str
    """`person:<id>`, `user:<id>`, `agent:<name>` or `system`."""
    user: Named | None
    """Who did it, where it was somebody of the team."""
    waited_ms: int | None
    summary: str
    summary_by: str
    """The model that wrote it; empty for an extract."""


Entry = Annotated[MessageEntry | NoteEntry | HandoffEntry, Field(discriminator="kind")]


class Timeline(Model):
    """Some entries, the oldest first."""

    items: list[Entry]
    before: str | None
    """For `before`, to see older ones; null where there are none."""
    after: str | None
    """For `after`, to see what comes later; null only while there is nothing at all."""


Found = tuple[datetime, str, Message | InternalNote | Handoff]
"""With its moment and its id: what the order is made of."""


async def read(
    store: Store, conversation: Conversation, limit: int, *, before: Mark | None, after: Mark | None
) -> tuple[list[Found], bool]:
    """Up to `limit` entries, the oldest first, and whether there are more in that direction; without a mark the latest.

    Every question is served by an index.
    """
    is_down, mark = after is None, after or before
    sign, own = ("-" if is_down else ""), {"conversation_id": conversation.id}
    messages = await stretch(store, Message, own, f"{sign}timestamp", limit + 1, mark)
    handoffs = await stretch(store, Handoff, own, f"{sign}at", limit + 1, mark)
    found: list[Found] = [(one.timestamp, one.id, one) for one in messages]
    found += [(one.at, one.id, one) for one in handoffs]
    notes = ((note.timestamp, f"note-{number}", note) for number, note in enumerate(conversation.internal_notes))
    found += [note for note in notes if mark is None or is_behind(note[0], note[1], mark, is_down)]
    found.sort(key=lambda one: one[:2], reverse=is_down)
    kept = found[:limit]
    return (kept[::-1] if is_down else kept), len(found) > limit


async def shown(
    rows: Rows, found: Sequence[Found], reader: User, crossed: Iterable[str]
) -> list[MessageEntry | NoteEntry | HandoffEntry]:
    """The entries as a reader sees them."""
    users = await rows.by_id(User, [id_ for _, _, one in found for id_ in _users_in(one)])
    late = frozenset(crossed)
    return [_entry(id_, one, users, reader, late) for _, id_, one in found]


def _users_in(one: Message | InternalNote | Handoff) -> list[str | None]:
    if isinstance(one, Message):
        return [one.agent_id]
    if isinstance(one, InternalNote):
        return [one.agent]
    ends = ((one.from_kind, one.from_name), (one.to_kind, one.to_name))
    return [_user_of(one.by), *(name for kind, name in ends if kind is AssigneeKind.OPERATOR)]


def _user_of(by: str) -> str | None:
    return by.removeprefix("user:") if by.startswith("user:") else None


def _entry(
    id_: str, one: Message | InternalNote | Handoff, users: dict[str, User], reader: User, crossed: frozenset[str]
) -> MessageEntry | NoteEntry | HandoffEntry:
    if isinstance(one, Message):
        return message_entry(one, users, reader, is_crossed=one.id in crossed)
    if isinstance(one, InternalNote):
        return note_entry(id_, one, users)
    return handoff_entry(one, users)


def message_entry(message: Message, users: dict[str, User], reader: User, *, is_crossed: bool = False) -> MessageEntry:
    own = f"{reader.id}:"
    key = message.client_id or ""
    error = message.whatsapp_error
    return MessageEntry(
        id=message.id,
        at=message.timestamp,
        by=message.sender,
        user=named(message.agent_id, users),
        direction=message.direction,
        type=message.type,
        text=message.content,
        status=message.status,
        error=(error.title or error.code) if error is not None else "",
        crossed=is_crossed,
        client_id=key.removeprefix(own) if key.startswith(own) else None,
        attachments=[_attachment(one) for one in message.attachments],
        location=_place(message),
        buttons=[button.title for button in message.interactive.buttons] if message.interactive is not None else [],
        reply_to=message.reply_to,
        is_forwarded=message.is_forwarded,
        delivered_at=message.delivered_at,
        read_at=message.read_at,
        start_seconds=message.start_time,
        end_seconds=message.end_time,
        interrupted=message.interrupted,
    )


def _attachment(one: Attachment) -> AttachmentLine:
    return AttachmentLine(
        type=one.type,
        id=one.public_id,
        url=_local(one.url),
        name=one.filename,
        mime_type=one.mime_type,
        size=one.size,
        duration=one.duration,
    )


def _local(url: str | None) -> str | None:
    """Only what is ours: an imported record may name any address."""
    return url if url is not None and url.startswith("/media/") else None


def _place(message: Message) -> Place | None:
    there = message.location
    if there is None:
        return None
    return Place(latitude=there.latitude, longitude=there.longitude, name=there.name, address=there.address)


def note_entry(id_: str, note: InternalNote, users: dict[str, User]) -> NoteEntry:
    return NoteEntry(id=id_, at=note.timestamp, user=named(note.agent, users), text=note.content, is_visible=note.is_visible)


def handoff_entry(handoff: Handoff, users: dict[str, User]) -> HandoffEntry:
    return HandoffEntry(
        id=handoff.id,
        at=handoff.at,
        cause=handoff.cause,
        reason=handoff.reason,
        giver=holder_of(handoff.from_kind, handoff.from_name, users),
        taker=holder_of(handoff.to_kind, handoff.to_name, users),
        by=handoff.by,
        user=named(_user_of(handoff.by), users),
        waited_ms=handoff.waited_ms,
        summary=handoff.summary,
        summary_by=handoff.summary_by,
    )
