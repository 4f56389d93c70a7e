"""Customers, and the identities that join the three kinds of person (S2-032 to S2-054, C-02)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from bot.records.base import PII, Index, Part, Record, record


class Segment(StrEnum):
    VIP = "vip"
    REGULAR = "regular"
    NEW = "new"
    INACTIVE = "inactive"


class CustomerSource(StrEnum):
    WHATSAPP = "whatsapp"
    REFERRAL = "referral"
    WEBSITE = "website"
    SOCIAL_MEDIA = "social_media"
    OTHER = "other"


class CustomerStatus(StrEnum):
    ACTIVE = "active"
    INACTIVE = "inactive"
    BLOCKED = "blocked"
    VIP = "vip"


class Coordinates(Part):
    latitude: float
    longitude: float


class PostalAddress(Part):
    street: str | None = None
    city: str | None = None
    state: str | None = None
    country: str = "México"
    postal_code: str | None = None
    coordinates: Coordinates | None = None


class CommunicationHours(Part):
    start: str = "09:00"
    end: str = "18:00"


class CustomerPreferences(Part):
    language: str = "es"
    communication_hours: CommunicationHours = CommunicationHours()
    preferred_agent: str | None = None


class CustomerStatistics(Part):
    total_conversations: int = 0
    total_messages: int = 0
    total_tickets: int = 0
    average_response_time: float = 0
    satisfaction_score: Annotated[float | None, Field(ge=1, le=5)] = None


@record(
    "customers",
    Index("phone_number", unique=True),
    Index("email"),
    Index("tags"),
    Index("segment"),
    Index("status"),
    Index("-last_interaction"),
)
class Customer(Record):
    """Somebody who wrote to us."""

    phone_number: Annotated[str | None, PII] = None
    """E.164 with the plus; absent where the channel gives no number (DESIGN 6)."""
    first_name: Annotated[str | None, PII] = None
    last_name: Annotated[str | None, PII] = None
    email: Annotated[str | None, PII] = None
    avatar: str | None = None
    alternative_phones: Annotated[list[str], PII] = []
    address: Annotated[PostalAddress, PII] = PostalAddress()
    tags: list[str] = []
    segment: Segment = Segment.NEW
    source: CustomerSource = CustomerSource.WHATSAPP
    custom_fields: dict[str, str] = {}
    preferences: CustomerPreferences = CustomerPreferences()
    status: CustomerStatus = CustomerStatus.ACTIVE
    is_blocked: bool = False
    block_reason: str | None = None
    notes: str | None = None
    statistics: CustomerStatistics = CustomerStatistics()
    first_contact: datetime | None = None
    last_interaction: datetime | None = None
    last_message_at: datetime | None = None


class IdentityKind(StrEnum):
    PHONE = "phone"
    EMAIL = "email"
    WA_ID = "wa_id"
    BSUID = "bsuid"
    CONSOLE = "console"


@record("identities", Index("customer_id"))
class Identity(Record):
    """One way of knowing a person. Its id is `kind:value`, normalised: two people cannot share one (C-02)."""

    kind: IdentityKind
    value: Annotated[str, PII]
    customer_id: str | None = None

    @staticmethod
    def key(kind: IdentityKind, value: str) -> str:
        return f"{kind}:{value}"


class ConsentState(StrEnum):
    GIVEN = "given"
    WITHDRAWN = "withdrawn"


@record("consents", Index("customer_id", "purpose"))
class Consent(Record):
    """What a person allowed or took back, with the proof: the newest of a purpose counts."""

    customer_id: str
    purpose: str
    """`messages` or `calls`."""
    state: ConsentState
    at: datetime
    source: str
    """Where it was captured: `whatsapp`, `console`, `cli`, ..."""
    proof: Annotated[str, PII] = ""
    """The person's own words, or a reference to the form."""
