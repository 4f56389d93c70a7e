"""What a visitor sees of their conversation: what both have said, who holds it, whether an answer is under way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec

from bot.conversation import AssigneeKind
from bot.inbox import read_item
from bot.message import Address, Button, Choice, InboundMessage, Incoming, Media
from bot.records.conversations import Attachment, Conversation, Direction, Message, MessageSender, MessageStatus
from bot.records.work import Delivery, InboxRow, InboxState
from bot.services.media_links import MediaLinks
from bot.store.base import Between, Store

MOST = 200
"""Messages that are shown at once; of an older conversation, its end."""

OVERLAP = timedelta(minutes=10)
"""So far before what a page has seen last it is shown again: a reply is seen when it is sent, and that may be later than
something that was written after it. The page knows each message by its id."""

_SAID = frozenset((MessageStatus.SENT, MessageStatus.DELIVERED, MessageStatus.READ))
_FROM = {
    MessageSender.CUSTOMER: "customer",
    MessageSender.AI: "ai",
    MessageSender.AGENT: "op",
    MessageSender.SYSTEM: "system",
}
_HOLDERS = {AssigneeKind.AGENT: "ai", AssigneeKind.QUEUE: "nobody", AssigneeKind.OPERATOR: "op"}

Shown = dict[str, Any]
"""A message as the page gets it."""


@dataclass(frozen=True, slots=True)
class View:
    """What there is to see."""

    messages: Sequence[Shown]
    """In the order of their ids: that in which they were received and written."""
    holder: str
    """`ai`, `op` (a person), or `nobody` while it waits for one."""
    is_typing: bool
    newest: datetime | None
    """When the last of them was said."""


class Timeline:
    """Reads what one address sees."""

    def __init__(self, store: Store, links: MediaLinks) -> None:
        self._store = store
        self._links = links

    async def view(self, address: Address, since: datetime | None = None) -> View:
        """What has been said since a moment, less the overlap; without one, the end of the conversation."""
        conversation = await self._conversation(address)
        waiting = await self._waiting(address)
        said = await self._messages(conversation, since) if conversation is not None else []
        holder = _HOLDERS[conversation.assignee_kind] if conversation is not None else "ai"
        heard = {message.whatsapp_message_id for message in said}
        unheard = [_unheard(position, message, self._links) for position, message in waiting if message.id not in heard]
        is_typing = holder == "ai" and (bool(waiting) or await self._is_sending(address))
        newest = max((message.timestamp for message in said), default=since)
        messages = sorted([*(_shown(message, self._links) for message in said), *unheard], key=lambda shown: str(shown["id"]))
        return View(messages, holder, is_typing, newest)

    async def is_known(self, address: Address) -> bool:
        """Whether they have said anything yet."""
        return await self._conversation(address) is not None or bool(await self._waiting(address))

    async def moment(self, address: Address, message_id: str) -> datetime | None:
        """When a message of this address was said; None for another's, and for none."""
        conversation = await self._conversation(address)
        message = await self._store.get(Message, message_id) if message_id else None
        if conversation is None or message is None or message.conversation_id != conversation.id:
            return None
        return message.timestamp

    async def button(self, address: Address, button_id: str, message_id: str = "") -> Button | None:
        """The button with this id that was shown there, under this message or else last; None where none was."""
        conversation = await self._conversation(address)
        said = await self._messages(conversation, None) if conversation is not None else []
        asked = (message for message in said if message_id in ("", message.id) and message.interactive)
        shown = (button for message in asked if message.interactive for button in message.interactive.buttons)
        return next((Button(button.id, button.title) for button in shown if button.id == button_id), None)

    async def _conversation(self, address: Address) -> Conversation | None:
        found = await self._store.find(Conversation, {"lane": address.lane, "openness": "open"}, limit=1)
        return found[0] if found else None

    async def _messages(self, conversation: Conversation, since: datetime | None) -> list[Message]:
        where: dict[str, Any] = {"conversation_id": conversation.id}
        if since is not None:
            where["timestamp"] = Between(low=since - OVERLAP)
        found = await self._store.find(Message, where, sort=("-timestamp",), limit=MOST)
        return list(filter(_is_seen, found))

    async def _waiting(self, address: Address) -> list[tuple[str, InboundMessage]]:
        """What is accepted and not answered yet, each with the id that it has on the timeline once it is heard."""
        rows = await self._store.find(
            InboxRow, {"state": InboxState.WAITING, "lane": address.lane}, sort=("position",), limit=MOST
        )
        read = ((row.position, _item(row)) for row in rows)
        return [(position, item) for position, item in read if isinstance(item, InboundMessage)]

    async def _is_sending(self, address: Address) -> bool:
        return bool(await self._store.count(Delivery, {"lane": address.lane, "openness": "open"}))


def _item(row: InboxRow) -> Incoming | None:
    try:
        return read_item(row)
    except msgspec.DecodeError:  # a newer version's; the worker sets it aside
        return None


def _is_seen(message: Message) -> bool:
    return message.direction is Direction.INBOUND or message.status in _SAID


def _shown(message: Message, links: MediaLinks) -> Shown:
    shown: Shown = {
        "id": message.id,
        "from": _FROM.get(message.sender, "system"),
        "text": message.content,
        "at": message.timestamp,
    }
    ours = [one for one in message.attachments if one.public_id and (one.url or "").startswith("/media/")]
    if ours:
        shown["text"] = _without_files(message.content, ours)
        shown["files"] = [_file(one.type, one.filename or "", one.public_id or "", links) for one in ours]
    buttons = message.interactive.buttons if message.interactive else []
    if message.direction is Direction.INBOUND:
        shown["key"] = _key(message.whatsapp_message_id or "")
        shown["heard"] = True
        if buttons:
            shown["choice"] = buttons[0].id
    elif buttons:
        shown["buttons"] = [{"id": button.id, "title": button.title or button.id} for button in buttons]
    return shown


def _without_files(text: str, files: Sequence[Attachment]) -> str:
    """What was written with files: on the timeline their names stand before it."""
    for file in files:
        text = text.removeprefix(Media(file.type, filename=file.filename or "").as_text()).removeprefix(" ")
    return text


def _file(kind: str, name: str, id_: str, links: MediaLinks) -> Shown:
    return {"kind": kind, "name": name, "url": links.path(id_)}


def _unheard(position: str, message: InboundMessage, links: MediaLinks) -> Shown:
    shown: Shown = {
        "id": position,
        "key": _key(message.id),
        "from": "customer",
        "text": message.content.as_text(),
        "at": message.sent_at,
    }
    if isinstance(message.content, Choice):
        shown["choice"] = message.content.id
    if isinstance(message.content, Media) and message.content.media_id:
        file = message.content
        shown["text"] = file.caption
        shown["files"] = [_file(file.kind, file.filename, file.media_id, links)]
    return shown


def _key(provider_id: str) -> str:
    """The page's own id of a message: what stands behind the visitor's."""
    return provider_id.rpartition(".")[2]
