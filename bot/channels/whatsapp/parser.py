"""Meta's webhook body into our own messages: every entry, change, message and status of it.

Ours and not pywa's, because pywa reads only the first item of a batch and drops messages whose contact has no user id
(CHANNELS 1.3, traps 1 and 2). Total: only a body that is not a webhook at all is an error; a part that cannot be read is
left out with a reason, and its siblings are parsed.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Final

import msgspec
import orjson

from bot.channels.whatsapp.contents import content_of
from bot.channels.whatsapp.nodes import NOTHING, Node, id_in, kind_named, list_in, moment_in, number_id_in, object_in, text_in
from bot.errors import BadPayload
from bot.message import Address, InboundMessage, Incoming, Notice, Receipt, ReceiptStatus, Sender

CHANNEL: Final = "whatsapp"

_STATUSES = {
    "sent": ReceiptStatus.SENT,
    "delivered": ReceiptStatus.DELIVERED,
    "read": ReceiptStatus.READ,
    "played": ReceiptStatus.READ,  # a voice note that was listened to
    "failed": ReceiptStatus.FAILED,
}


class Parsed(msgspec.Struct):
    """What a webhook body held."""

    items: list[Incoming]
    ignored: list[str]
    """One short reason for each part that was left out; no personal data, fit for a log line."""


def parse(body: bytes, received_at: datetime) -> Parsed:
    """Reads a webhook body; `received_at` stands in for a timestamp that is missing or absurd.

    Raises BadPayload if the body is not JSON, or not an object with a list of entries.
    """
    document = _loaded(body)
    entries = document.get("entry") if type(document) is dict else None
    if type(entries) is not list:
        raise BadPayload("The body is not a webhook: there is no list of entries in it.")
    parsed = Parsed([], [])
    for entry in entries:
        changes = entry.get("changes") if type(entry) is dict else None
        if type(changes) is not list:
            parsed.ignored.append("entry without changes")
            continue
        for change in changes:
            value = change.get("value") if type(change) is dict else None
            if type(value) is dict:
                _read_change(change.get("field"), value, received_at, parsed)
            else:
                parsed.ignored.append("change without a value")
    return parsed


def _loaded(body: bytes) -> object:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        pass
    # orjson refuses half of an emoji (a lone `\ud83d`, as left by a cut profile name), and Meta would redeliver that body for
    # a week: read it with the tolerant parser and drop the halves while writing it anew. ValueError covers bad UTF-8 too.
    try:
        return orjson.loads(json.dumps(json.loads(body), ensure_ascii=False).encode(errors="ignore"))
    except (ValueError, RecursionError) as error:
        raise BadPayload("The body is not JSON.") from error


def _read_change(field: object, value: Node, received_at: datetime, parsed: Parsed) -> None:
    if field != "messages" and type(field) is str:
        parsed.ignored.append(f"field {kind_named(field)}")
        return
    ours = id_in(object_in(value, "metadata"), "phone_number_id")
    if not ours:
        parsed.ignored.append("change without a phone number id")
        return
    contacts = list_in(value, "contacts")
    _read_each("messages", _message, value, contacts, ours, received_at, parsed)
    _read_each("statuses", _receipt, value, contacts, ours, received_at, parsed)
    if value.get("errors"):
        parsed.ignored.append("errors of the account")


_Reader = Callable[[Node, list[object], str, datetime], Incoming | str]


def _read_each(
    key: str, read: _Reader, value: Node, contacts: list[object], ours: str, received_at: datetime, parsed: Parsed
) -> None:
    nodes = value.get(key)
    if nodes is None:
        return
    if type(nodes) is not list:
        parsed.ignored.append(f"{key} that are no list")
        return
    for node in nodes:
        outcome = read(node, contacts, ours, received_at) if type(node) is dict else f"{key}: not an object"
        if type(outcome) is str:
            parsed.ignored.append(outcome)
        else:
            parsed.items.append(outcome)  # type: ignore[arg-type]  # what is not a reason is an item


def _message(node: Node, contacts: list[object], ours: str, received_at: datetime) -> Incoming | str:
    """One message as an item, or the reason why it cannot be one."""
    provider_id = id_in(node, "id")
    kind = node.get("type")
    if not provider_id:
        return "message without an id"
    if type(kind) is not str:
        return "message without a type"
    if "group_id" in node:  # answering it would answer one person in private
        return "message of a group"
    phone, user_id = number_id_in(node, "from"), id_in(node, "from_user_id")
    contact = _contact(contacts, phone, user_id)
    phone = phone or number_id_in(contact, "wa_id")
    user_id = user_id or id_in(contact, "user_id")
    if not phone and not user_id:
        return "message without a sender"
    address = Address(CHANNEL, ours, phone or user_id)
    sent_at = moment_in(node, "timestamp", received_at)
    if kind == "system" or kind == "revoke":
        return _notice(kind, node, provider_id, address, sent_at)
    content = content_of(kind, node)
    if content is None:
        return f"message {kind_named(kind)} without its content"
    context = object_in(node, "context")
    return InboundMessage(
        id=provider_id,
        address=address,
        content=content,
        sent_at=sent_at,
        sender=Sender(text_in(object_in(contact, "profile"), "name"), phone if phone.isdigit() else "", user_id),
        reply_to=id_in(context, "id") if kind != "edit" else id_in(object_in(node, "edit"), "original_message_id"),
        forwarded=context.get("forwarded") is True or context.get("frequently_forwarded") is True,
    )


def _notice(kind: str, node: Node, provider_id: str, address: Address, at: datetime) -> Incoming | str:
    part = node.get(kind)
    if type(part) is not dict:
        return f"message {kind} without its content"
    if kind == "revoke":  # the text of it is the id of the message that was taken back
        return Notice(provider_id, address, kind, at, id_in(part, "original_message_id"))
    return Notice(provider_id, address, kind_named(part.get("type")), at, text_in(part, "body"))


def _receipt(node: Node, contacts: list[object], ours: str, received_at: datetime) -> Incoming | str:
    """One status as a receipt, or the reason why it cannot be one."""
    provider_id = id_in(node, "id")
    raw_status = node.get("status")
    if not provider_id:
        return "status without an id"
    status = _STATUSES.get(raw_status) if type(raw_status) is str else None
    if status is None:
        return f"status {kind_named(raw_status)}"
    if node.get("recipient_type") == "group":
        return "status of a group"
    phone, user_id = number_id_in(node, "recipient_id"), id_in(node, "recipient_user_id")
    if not phone and not user_id:
        contact = _contact(contacts, "", "")
        phone, user_id = number_id_in(contact, "wa_id"), id_in(contact, "user_id")
    if not phone and not user_id:
        return "status without a recipient"
    error = next((error for error in list_in(node, "errors") if type(error) is dict), NOTHING)
    return Receipt(
        id=f"{provider_id}:{raw_status}",
        address=Address(CHANNEL, ours, phone or user_id),
        provider_id=provider_id,
        status=status,
        at=moment_in(node, "timestamp", received_at),
        tracker=text_in(node, "biz_opaque_callback_data"),
        raw_status=str(raw_status),
        error_code=id_in(error, "code"),
        error_title=text_in(error, "title") or text_in(error, "message"),
    )


def _contact(contacts: list[object], phone: str, user_id: str) -> Node:
    """The contact of this sender: the one that matches, or the only one unless it is somebody else's."""
    for contact in contacts:
        if type(contact) is dict and (
            (phone and contact.get("wa_id") == phone) or (user_id and contact.get("user_id") == user_id)
        ):
            return contact
    only = contacts[0] if len(contacts) == 1 else None
    if type(only) is not dict or (phone and only.get("wa_id")) or (user_id and only.get("user_id")):
        return NOTHING
    return only
