"""What one WhatsApp message says: a reader for each of Meta's message types (CHANNELS 1.4)."""

from __future__ import annotations

from collections.abc import Callable

from bot.channels.whatsapp.nodes import Node, id_in, kind_named, list_in, object_in, text_in
from bot.message import Card, Choice, Contacts, Content, Location, Media, Reaction, Text, Unsupported


def content_of(kind: str, message: Node) -> Content | None:
    """The content of a message of this type; None when the part that should hold it is missing or broken.

    A type we do not know yet is Unsupported, so that the person is told instead of ignored.
    """
    reader = _READERS.get(kind)
    return Unsupported(kind_named(kind)) if reader is None else reader(message)


def _text(message: Node) -> Content | None:
    part = message.get("text")
    if type(part) is not dict or type(part.get("body")) is not str:
        return None
    return Text(text_in(part, "body"))


def _media(kind: str) -> Callable[[Node], Content | None]:
    def read(message: Node) -> Content | None:
        part = message.get(kind)
        if type(part) is not dict:
            return None
        return Media(
            kind=kind,
            provider_id=id_in(part, "id"),
            mime_type=text_in(part, "mime_type"),
            caption=text_in(part, "caption"),
            filename=text_in(part, "filename"),
            sha256=text_in(part, "sha256"),
            voice=part.get("voice") is True,
        )

    return read


def _location(message: Node) -> Content | None:
    part = object_in(message, "location")
    latitude, longitude = part.get("latitude"), part.get("longitude")
    if not _within(latitude, 90) or not _within(longitude, 180):
        return None
    return Location(float(latitude), float(longitude), text_in(part, "name"), text_in(part, "address"))  # type: ignore[arg-type]


def _within(value: object, limit: int) -> bool:
    return (type(value) is float or type(value) is int) and -limit <= value <= limit


def _contacts(message: Node) -> Content | None:
    cards = tuple(_card(node) for node in list_in(message, "contacts") if type(node) is dict)
    return Contacts(cards) if cards else None


def _card(node: Node) -> Card:
    name = object_in(node, "name")
    written = text_in(name, "formatted_name") or f"{text_in(name, 'first_name')} {text_in(name, 'last_name')}".strip()
    phones = [phone for phone in list_in(node, "phones") if type(phone) is dict]
    return Card(written, tuple(number for phone in phones if (number := text_in(phone, "phone") or text_in(phone, "wa_id"))))


def _interactive(message: Node) -> Content | None:
    part = object_in(message, "interactive")
    kind = part.get("type")
    if type(kind) is not str:
        return None
    answer = object_in(part, kind)
    if kind == "button_reply" or kind == "list_reply":
        tapped = text_in(answer, "id")
        return Choice(tapped, text_in(answer, "title"), "button" if kind == "button_reply" else "list") if tapped else None
    if kind == "nfm_reply":  # a form (WhatsApp Flow) that was filled in; its answers are JSON in `response_json`
        return Unsupported(kind, text_in(answer, "name"))
    if kind == "call_permission_reply":
        return Unsupported(kind, text_in(answer, "response"))
    return Unsupported(kind_named(kind))


def _quick_reply(message: Node) -> Content | None:
    part = object_in(message, "button")
    title = text_in(part, "text")
    tapped = text_in(part, "payload") or title
    return Choice(tapped, title, "quick_reply") if tapped else None


def _reaction(message: Node) -> Content | None:
    part = object_in(message, "reaction")
    target = id_in(part, "message_id")
    return Reaction(text_in(part, "emoji"), target) if target else None


def _order(message: Node) -> Content | None:
    part = message.get("order")
    return Unsupported("order", text_in(part, "text")) if type(part) is dict else None


def _unsupported(message: Node) -> Content | None:
    # Meta names what it could not show us (a poll, a video note) in `unsupported.type`, and why in `errors`.
    named = object_in(message, "unsupported").get("type")
    errors = [error for error in list_in(message, "errors") if type(error) is dict]
    return Unsupported(kind_named(named) if named else "unsupported", text_in(errors[0], "title") if errors else "")


def _edit(message: Node) -> Content | None:
    # What they meant in the first place is what we must answer, so an edit is heard as what it now says.
    inner = object_in(object_in(message, "edit"), "message")
    kind = inner.get("type")
    if type(kind) is not str or kind == "edit":
        return None
    return content_of(kind, inner)


_READERS: dict[str, Callable[[Node], Content | None]] = {
    "text": _text,
    "image": _media("image"),
    "video": _media("video"),
    "audio": _media("audio"),
    "document": _media("document"),
    "sticker": _media("sticker"),
    "location": _location,
    "contacts": _contacts,
    "interactive": _interactive,
    "button": _quick_reply,
    "reaction": _reaction,
    "order": _order,
    "edit": _edit,
    "unsupported": _unsupported,
}
