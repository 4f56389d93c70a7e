"""Webhooks: where events are posted to, and each posting (S3-144 to S3-148)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field

from bot.records.base import PII, Index, Record, Secret, record

KEEP_POSTS = 30 * 24 * 3600
"""Seconds for which it can be seen what became of a posting, and for which it can be sent again."""


@record("webhooks", Index("webhook_id", unique=True), Index("user_id"), Index("active"))
class Webhook(Record):
    """A subscription: events of these kinds are posted to this address."""

    user_id: str
    """Its owner: it tells what they may see, and no more."""
    webhook_id: str
    """S3's own key; the same as the id for those that are made here."""
    name: Annotated[str, Field(min_length=1, max_length=80, examples=["CRM"])]
    url: Annotated[str, Field(min_length=1, max_length=2000, examples=["https://crm.example.com/hooks"])]
    events: Annotated[list[str], Field(min_length=1, max_length=50, examples=[["ticket.*", "handoff"]])]
    """Names of events, or patterns like `ticket.*`."""
    secret: Annotated[str, Secret]
    """What posts are signed with, sealed (`bot.sealing`)."""
    active: bool = True
    last_triggered: datetime | None = None
    has_personal: bool = False
    """Whether names, numbers and what was written come along, where its owner may see them."""
    failures: int = 0
    """Posts in a row that were not taken."""
    rest_until: datetime | None = None
    """Its server is away, or asked for a pause: nothing is posted there before."""
    disabled_reason: str = ""
    """Why it was switched off without anybody doing it: gone, failing, owner."""


class PostState(StrEnum):
    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"
    """Tried too often, or nobody may see it any more; it can be sent again."""


@record(
    "webhook_deliveries",
    Index("webhook_id", "due_at", where={"openness": "open"}),
    Index("webhook_id", "-created_at"),
    Index("webhook_id", "state"),
    Index("state", "due_at", where={"state": "dead"}),
    Index("updated_at", where={"openness": "closed"}, ttl=KEEP_POSTS),
)
class WebhookDelivery(Record):
    """One event on its way to one webhook. Its id is `event:webhook`: an event is there once for each."""

    webhook_id: str
    event_id: str
    """Comes along, the same in every try: a receiver drops what it has seen."""
    event_type: str
    at: datetime
    """When it happened."""
    data: dict[str, Any] = {}
    """Ids and a few words."""
    personal: Annotated[dict[str, Any], PII] = {}
    """What only comes along where the webhook's owner may see it."""
    state: PostState = PostState.PENDING
    openness: str = "open"
    """`open` while it is still to be posted, else `closed`."""
    attempts: int = 0
    due_at: datetime
    status: int | None = None
    """The HTTP status of the last try; None where there was no answer."""
    error: str = ""
    delivered_at: datetime | None = None
