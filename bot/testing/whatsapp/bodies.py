"""Webhook bodies as Meta writes them, and what it was sent, read back (shapes: CHANNELS 1.4)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from bot.message import Button

Node = dict[str, Any]


class Sent(msgspec.Struct, frozen=True):
    """One message that was posted to the fake."""

    id: str
    """The wamid the fake gave it."""
    phone_id: str
    """The number it was sent from."""
    to: str
    """The wa_id or business-scoped user id it is for."""
    text: str
    buttons: tuple[Button, ...]
    tracker: str
    at: datetime
    raw: Node
    """The posted body."""

    @property
    def to_user_id(self) -> bool:
        """Whether it was addressed to a business-scoped user id instead of a number."""
        return "recipient" in self.raw


def read_sent(wamid: str, phone_id: str, raw: Node, at: datetime) -> Sent:
    """What a body posted to `/messages` says. Raises KeyError or TypeError if it is not of a kind the fake knows."""
    kind = raw["type"]
    part = raw[kind]
    text = (
        part["body"]
        if kind == "text"
        else part.get("body", {}).get("text", "")
        if kind == "interactive"
        else part.get("caption", "")
    )
    buttons = part.get("action", {}).get("buttons", ()) if kind == "interactive" else ()
    return Sent(
        id=wamid,
        phone_id=phone_id,
        to=raw.get("to") or raw["recipient"],
        text=text,
        buttons=tuple(Button(button["reply"]["id"], button["reply"]["title"]) for button in buttons),
        tracker=raw.get("biz_opaque_callback_data", ""),
        at=at,
        raw=raw,
    )


def message(kind: str, part: object, *, from_: str, id: str, at: datetime, **more: object) -> Node:
    """One message of any of Meta's types; `more` are further fields, such as `context`."""
    who = {"from": from_} if from_.isdigit() else {"from_user_id": from_}
    return {**who, "id": id, "timestamp": str(int(at.timestamp())), "type": kind, kind: part, **more}


def status(sent: Sent, name: str, at: datetime, error: Node | None = None) -> Node:
    """One status of a message that was sent; the tracker is echoed."""
    node: Node = {"id": sent.id, "status": name, "timestamp": str(int(at.timestamp()))}
    node["recipient_user_id" if sent.to_user_id else "recipient_id"] = sent.to
    if sent.tracker:
        node["biz_opaque_callback_data"] = sent.tracker
    if error is not None:
        node["errors"] = [error]
    return node


def contact(who: str, name: str) -> Node:
    """The contact that goes along with somebody's messages."""
    return {"profile": {"name": name}, ("wa_id" if who.isdigit() else "user_id"): who}


def body(phone_id: str, *, messages: Sequence[Node] = (), statuses: Sequence[Node] = (), contacts: Sequence[Node] = ()) -> Node:
    """A whole webhook body with one change."""
    value: Node = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "12025550100", "phone_number_id": phone_id},
    }
    for key, nodes in (("contacts", contacts), ("messages", messages), ("statuses", statuses)):
        if nodes:
            value[key] = list(nodes)
    return {
        "object": "whatsapp_business_account",
        "entry": [{"id": "102290129340398", "changes": [{"field": "messages", "value": value}]}],
    }


def written(document: Node) -> bytes:
    """The bytes of a body, escaped as Meta does: `\\uXXXX` for whatever is not ASCII, and `\\/`."""
    return json.dumps(document, separators=(",", ":")).replace("/", "\\/").encode()
