"""Webhook bodies of Meta's kinds, small; the shapes are those of CHANNELS 1.4."""

from __future__ import annotations

from typing import Any

import orjson

Node = dict[str, Any]

OURS = "106540352242922"
ANA = "12025550123"
ANA_ID = "US.13491208655302741918"
NOON = 1_749_416_383
"""Unix seconds of every good message here."""

KINDS: dict[str, Any] = {
    "text": {"body": "Hello"},
    "image": {"id": "65463453", "mime_type": "image/jpeg", "sha256": "4654+8g=", "caption": "Look"},
    "video": {"id": "65463454", "mime_type": "video/mp4"},
    "audio": {"id": "65463455", "mime_type": "audio/ogg; codecs=opus", "voice": True},
    "document": {"id": "65463456", "mime_type": "application/pdf", "filename": "bill.pdf", "caption": "My bill"},
    "sticker": {"id": "65463457", "mime_type": "image/webp", "animated": False},
    "location": {"latitude": 12.25089, "longitude": 43, "name": "Shop", "address": "1 Main St"},
    "contacts": [
        {"name": {"formatted_name": "Chandler Bing"}, "phones": [{"phone": "+1 202-555-0110"}, {"wa_id": "12025550111"}]}
    ],
    "interactive": {"type": "button_reply", "button_reply": {"id": "yes", "title": "Yes"}},
    "button": {"payload": "again", "text": "Call me again"},
    "reaction": {"message_id": "wamid.target", "emoji": "👍"},
    "order": {"catalog_id": "1", "text": "Two, please", "product_items": []},
    "system": {"type": "user_changed_number", "body": "Ana changed her number", "wa_id": "12025550124"},
    "edit": {"original_message_id": "wamid.first", "message": {"type": "text", "text": {"body": "Better so"}}},
    "revoke": {"original_message_id": "wamid.first"},
    "unsupported": {"type": "poll"},
}
"""The part of a message under its type's name, for every type Meta has."""


def message(kind: str = "text", part: object = None, from_: object = ANA, **more: object) -> Node:
    said = KINDS[kind] if part is None else part
    node: Node = {"from": from_, "id": f"wamid.{kind}", "timestamp": str(NOON), "type": kind, kind: said}
    return {key: value for key, value in {**node, **more}.items() if value is not None}


def status(name: str = "delivered", **more: object) -> Node:
    node: Node = {
        "id": "wamid.ours",
        "status": name,
        "timestamp": str(NOON),
        "recipient_id": ANA,
        "biz_opaque_callback_data": "d1",
    }
    return {key: value for key, value in {**node, **more}.items() if value is not None}


def contact(**more: object) -> Node:
    node: Node = {"profile": {"name": "Ana"}, "wa_id": ANA, "user_id": ANA_ID}
    return {key: value for key, value in {**node, **more}.items() if value is not None}


def change(*nodes: Node, contacts: object = None, **more: object) -> Node:
    value: Node = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "12025550100", "phone_number_id": OURS},
        "contacts": [contact()] if contacts is None else contacts,
        "messages": [node for node in nodes if "status" not in node],
        "statuses": [node for node in nodes if "status" in node],
    }
    return {"field": "messages", "value": {key: part for key, part in {**value, **more}.items() if part}}


def entry(*changes: Node) -> Node:
    return {"id": "102290129340398", "changes": list(changes)}


def document(*nodes: Node, **more: Any) -> Node:
    return {"object": "whatsapp_business_account", "entry": [entry(change(*nodes, **more))]}


def raw(*nodes: Node, **more: Any) -> bytes:
    return orjson.dumps(document(*nodes, **more))
