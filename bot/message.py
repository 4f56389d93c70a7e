"""What people send us and what we send them, in words no vendor owns.

Plain msgspec structs: they are parsed on the path of every webhook, stored in the inbox as JSON and read back in another process.
Frozen, they cannot hold themselves, so the garbage collector need not look at them (`gc=False`).
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec


class Address(msgspec.Struct, gc=False, frozen=True):
    """Where a conversation takes place: a channel, our end and their end."""

    channel: str
    """The channel's name: `whatsapp`, `console`, ..."""
    ours: str
    """Our end: a WhatsApp phone number id, a page, a terminal."""
    theirs: str
    """Their end: a wa_id, a business-scoped user id, a number, a visitor."""

    @property
    def lane(self) -> str:
        """The key under which this address's messages wait and are worked on, one at a time."""
        return f"{self.channel}:{self.ours}:{self.theirs}"


class Sender(msgspec.Struct, gc=False, frozen=True, omit_defaults=True):
    """Who a message says it is from."""

    name: str = ""
    """The profile name, as the person wrote it."""
    phone: str = ""
    """Digits of their number with the country code and no plus, when the channel tells it."""
    user_id: str = ""
    """Meta's business-scoped user id (`US.1349...`), when the channel tells it."""


class Text(msgspec.Struct, gc=False, frozen=True, tag="text", omit_defaults=True):
    """Written words, or spoken ones."""

    text: str
    start: float | None = None
    """Spoken on a call: seconds from its beginning."""
    end: float | None = None
    confidence: float | None = None
    """Of the recogniser, 0 to 1, where it tells."""

    def as_text(self) -> str:
        return self.text


class Choice(msgspec.Struct, gc=False, frozen=True, tag="choice"):
    """A tapped button or a chosen list row: the engine reads the id, people read the title (S2-135)."""

    id: str
    title: str
    source: str = "button"
    """`button`, `list`, `quick_reply`, or the `key` of a telephone."""

    def as_text(self) -> str:
        return self.title or self.id


class Media(msgspec.Struct, gc=False, frozen=True, tag="media", omit_defaults=True):
    """A picture, a voice note, a video, a document or a sticker."""

    kind: str
    """`image`, `audio`, `video`, `document` or `sticker`."""
    provider_id: str = ""
    mime_type: str = ""
    caption: str = ""
    filename: str = ""
    sha256: str = ""
    voice: bool = False
    """Whether an audio is a recorded voice note."""
    media_id: str = ""
    """Of our own media store, where the file is there."""
    size: int = 0
    """Bytes, where they are known."""

    def as_text(self) -> str:
        name = "voice note" if self.voice else self.kind
        shown = f"[{name}: {self.filename}]" if self.filename else f"[{name}]"
        return f"{shown} {self.caption}".strip()


class Location(msgspec.Struct, gc=False, frozen=True, tag="location", omit_defaults=True):
    """A place on the map (S2-136)."""

    latitude: float
    longitude: float
    name: str = ""
    address: str = ""

    def as_text(self) -> str:
        place = ", ".join(part for part in (self.name, self.address) if part)
        return f"[location: {place + ' ' if place else ''}({self.latitude:.5f}, {self.longitude:.5f})]"


class Card(msgspec.Struct, gc=False, frozen=True, omit_defaults=True):
    """One person of a shared contact."""

    name: str
    phones: tuple[str, ...] = ()


class Contacts(msgspec.Struct, gc=False, frozen=True, tag="contacts"):
    """Contact cards that somebody shared."""

    cards: tuple[Card, ...]

    def as_text(self) -> str:
        return "[contact: " + "; ".join(" ".join((card.name, *card.phones)) for card in self.cards) + "]"


class Reaction(msgspec.Struct, gc=False, frozen=True, tag="reaction", omit_defaults=True):
    """An emoji on one of the messages; empty means it was taken away."""

    emoji: str
    target: str = ""
    """Provider id of the message it is on."""

    def as_text(self) -> str:
        return f"[reaction: {self.emoji}]" if self.emoji else "[reaction removed]"


class Unsupported(msgspec.Struct, gc=False, frozen=True, tag="unsupported", omit_defaults=True):
    """Something the channel could not show us, or that we do not know yet."""

    kind: str
    detail: str = ""

    def as_text(self) -> str:
        return f"[{self.kind}, which cannot be shown here]"


EMPTY_MESSAGE = "[empty message]"
"""Stands for a message without a word in the timeline and to the model: both want some text."""

Content = Text | Choice | Media | Location | Contacts | Reaction | Unsupported


class InboundMessage(msgspec.Struct, gc=False, frozen=True, tag="message", omit_defaults=True):
    """One message that a person sent us."""

    id: str
    """The provider's own id: the key that drops duplicates."""
    address: Address
    content: Content
    sent_at: datetime
    """When the provider says it was sent, UTC."""
    sender: Sender = Sender()
    reply_to: str = ""
    """Provider id of the message it answers."""
    forwarded: bool = False


class ReceiptStatus(StrEnum):
    """How far a delivery of ours has come, lowest first; FAILED is terminal."""

    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"


class Receipt(msgspec.Struct, gc=False, frozen=True, tag="receipt", omit_defaults=True):
    """The provider's word about something we sent."""

    id: str
    """Unique per (delivery, raw status)."""
    address: Address
    provider_id: str
    status: ReceiptStatus
    at: datetime
    tracker: str = ""
    """What we sent along with the message: our delivery's id; empty when the provider did not echo it."""
    raw_status: str = ""
    error_code: str = ""
    error_title: str = ""


class Notice(msgspec.Struct, gc=False, frozen=True, tag="notice", omit_defaults=True):
    """A system event of the channel: a changed number, a template that was paused."""

    id: str
    address: Address
    kind: str
    at: datetime
    text: str = ""


Incoming = InboundMessage | Receipt | Notice


class Button(msgspec.Struct, gc=False, frozen=True):
    """One button under a reply."""

    id: str
    title: str


class Reply(msgspec.Struct, gc=False, frozen=True, omit_defaults=True):
    """What is to be said, before a channel gives it its shape."""

    text: str
    buttons: tuple[Button, ...] = ()
    media: tuple[Media, ...] = ()
    """Files of our own store; only for a channel that carries them."""

    def as_text(self) -> str:
        """The whole reply as one text, for a channel or a reader without buttons and files."""
        lines = [*([self.with_files()] if self.media else [self.text]), *(f"[{button.title}]" for button in self.buttons)]
        return "\n".join(lines)

    def with_files(self) -> str:
        """The text behind the names of the files, as the timeline and the model have it."""
        return " ".join(part for part in (*(file.as_text() for file in self.media), self.text) if part)


_INCOMING = msgspec.json.Decoder(Incoming)
_ENCODER = msgspec.json.Encoder()


def encode_incoming(item: Incoming) -> str:
    """One incoming item as the JSON text that the inbox keeps."""
    return _ENCODER.encode(item).decode()


def decode_incoming(text: str) -> Incoming:
    """The incoming item that `encode_incoming` wrote.

    Raises msgspec.ValidationError if the text is not one.
    """
    item: Incoming = _INCOMING.decode(text)
    return item
