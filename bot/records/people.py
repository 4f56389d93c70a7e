"""Customers, and the identities that join the three kinds of person (S2-032 to S2-054, C-02)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from bot.records.base import PII, Index, Part, Record, TextIndex, record
from bot.records.fields import Count, Email, Phone, TimeOfDay

DEFAULT_COUNTRY = "México"
DEFAULT_LANGUAGE = "es"


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
    country: str = DEFAULT_COUNTRY
    is_country_known: bool = False
    """Whether somebody said so, where the country is the one that all customers have by default."""
    postal_code: str | None = None
    coordinates: Coordinates | None = None


class CommunicationHours(Part):
    start: TimeOfDay = "09:00"
    end: TimeOfDay = "18:00"


class CustomerPreferences(Part):
    language: str = DEFAULT_LANGUAGE
    is_language_chosen: bool = False
    """Whether somebody said so, where the language is the one that all customers have by default."""
    communication_hours: CommunicationHours = CommunicationHours()
    preferred_agent: str | None = None


class CustomerStatistics(Part):
    total_conversations: Count = 0
    total_messages: Count = 0
    total_tickets: Count = 0
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
    text=TextIndex(("first_name", "last_name", "phone_number", "email")),
)
class Customer(Record):
    """Somebody who wrote to us."""

    phone_number: Annotated[Phone | None, PII] = None
    """E.164 with the plus when we met them, as it was when imported; absent where the channel gives none (DESIGN 6)."""
    first_name: Annotated[str | None, PII] = None
    last_name: Annotated[str | None, PII] = None
    email: Annotated[Email | None, PII] = None
    avatar: str | None = None
    alternative_phones: Annotated[list[str], PII] = []
    address: Annotated[PostalAddress, PII] = PostalAddress()
    tags: list[str] = []
    segment: Segment = Segment.NEW
    source: CustomerSource = CustomerSource.WHATSAPP
    source_detail: str | None = None
    """What the seed's five sources have no word for: `call`, `console`, ... (C-06)."""
    custom_fields: Annotated[dict[str, str], PII] = {}
    preferences: CustomerPreferences = CustomerPreferences()
    last_language: str | None = None
    """The language they last wrote in, on whatever channel, when it could be told: a new conversation begins in it."""
    status: CustomerStatus = CustomerStatus.ACTIVE
    is_blocked: bool = False
    block_reason: str | None = None
    notes: Annotated[str | None, PII] = None
    statistics: CustomerStatistics = CustomerStatistics()
    first_contact: datetime | None = None
    last_interaction: datetime | None = None
    last_message_at: datetime | None = None

    @property
    def own_language(self) -> str | None:
        """The language that somebody set; None where it is only the default."""
        language = self.preferences.language
        return language if self.preferences.is_language_chosen or language != DEFAULT_LANGUAGE else None

    @property
    def own_country(self) -> str | None:
        """The country that somebody set; None where it is only the default."""
        country = self.address.country
        return country if self.address.is_country_known or country != DEFAULT_COUNTRY else None


class IdentityKind(StrEnum):
    PHONE = "phone"
    EMAIL = "email"
    WA_ID = "wa_id"
    BSUID = "bsuid"
    VISITOR = "visitor"
    """A browser on the web chat."""
    CONSOLE = "console"


@record("identities", Index("customer_id"), Index("contact_id"), Index("lead_ids"))
class Identity(Record):
    """One way of knowing a person. Its id is `kind:value`, normalised: two customers cannot share one (C-02)."""

    kind: IdentityKind
    value: Annotated[str, PII]
    customer_id: str | None = None
    contact_id: str | None = None
    lead_ids: list[str] = []
    """Leads with this number or address, of whichever user."""

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
