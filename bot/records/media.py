"""Files that people and users attach: what is known of each; their bytes are in a directory (`bot.store.files`)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from bot.records.base import PII, Index, Record, record
from bot.records.conversations import AttachmentType
from bot.records.fields import Count


class MediaState(StrEnum):
    LOOSE = "loose"
    """Uploaded, and not part of anything yet: goes by itself after an hour."""
    ATTACHED = "attached"


@record(
    "media",
    Index("state", "uploaded_at"),
    Index("sha256"),
    Index("conversation_id"),
)
class MediaFile(Record):
    """One upload. Two of the same bytes are two of these, and one file in the directory."""

    name: Annotated[str, PII]
    """As whoever sent it called it, made harmless; ends as a file of its type does."""
    mime_type: str
    """By its content, whatever was claimed."""
    kind: AttachmentType
    size: Count
    """Bytes."""
    sha256: str
    """Of its bytes, in hex: where they are."""
    uploaded_by: str
    """`user:<id>`, `visitor:<id>`, or `system` for the recording of a call."""
    conversation_id: str | None = None
    ticket_id: str | None = None
    """The ticket that has it."""
    state: MediaState = MediaState.LOOSE
    uploaded_at: datetime
