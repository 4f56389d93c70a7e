"""Contacts and accounts of the sales CRM (S1)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field

from bot.records.base import PII, Index, Part, Record, Secret, TextIndex, record
from bot.records.fields import Count, DayOfYear, Email, TimeOfDay, Timezone


class OccasionType(StrEnum):
    BIRTHDAY = "birthday"
    ANNIVERSARY = "anniversary"
    WORK_ANNIVERSARY = "work_anniversary"
    CUSTOM = "custom"


class SocialPlatform(StrEnum):
    LINKEDIN = "linkedin"
    TWITTER = "twitter"
    FACEBOOK = "facebook"


class SyncStatus(StrEnum):
    SUCCESS = "success"
    FAILED = "failed"
    PENDING = "pending"


class ContactSource(StrEnum):
    MANUAL = "manual"
    IMPORT = "import"
    API = "api"


class ImportantDate(Part):
    """A day in the year on which the contact is to be greeted."""

    id: Annotated[str | None, Field(alias="_id")] = None
    type: OccasionType
    label: str | None = None
    date: Annotated[DayOfYear, PII]
    year: Annotated[int | None, PII] = None
    send_time: TimeOfDay | None = None
    timezone: Timezone | None = None
    email_template_id: str | None = None
    repeat_annually: bool = True
    opt_out: bool = False
    is_active: bool = True
    last_sent_at: datetime | None = None
    next_send_at: datetime | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None


class SocialProfile(Part):
    id: Annotated[str | None, Field(alias="_id")] = None
    platform: SocialPlatform
    profile_url: Annotated[str | None, PII] = None
    profile_id: Annotated[str | None, PII] = None
    display_name: Annotated[str | None, PII] = None
    headline: Annotated[str | None, PII] = None
    avatar_url: str | None = None
    followers: Count | None = None
    connections: Count | None = None
    is_verified: bool = False
    access_token: Annotated[str | None, Secret] = None
    refresh_token: Annotated[str | None, Secret] = None
    token_expires_at: datetime | None = None
    last_synced_at: datetime | None = None
    sync_status: SyncStatus | None = None
    created_at: datetime | None = None


@record(
    "contacts",
    Index("email", unique=True),
    Index("account_id"),
    Index("owner_id"),
    Index("important_dates.date"),
    Index("important_dates.next_send_at"),
    Index("social_profiles.platform"),
    Index("social_profiles.profile_id"),
    Index("tags"),
    Index("-created_at"),
    text=TextIndex(("first_name", "last_name", "email", "phone", "title")),
)
class Contact(Record):
    """Somebody at a company we sell to. First name and e-mail are required of new ones (S1-028)."""

    first_name: Annotated[str, Field(min_length=1, examples=["Rajesh"]), PII]
    last_name: Annotated[str | None, PII] = None
    email: Annotated[Email, PII]
    phone: Annotated[str | None, PII] = None
    title: str | None = None
    account_id: str | None = None
    owner_id: str | None = None
    important_dates: list[ImportantDate] = []
    social_profiles: list[SocialProfile] = []
    source: ContactSource = ContactSource.MANUAL
    tags: list[str] = []
    custom_fields: Annotated[dict[str, Any], PII] = {}
    created_by: str | None = None
    updated_by: str | None = None


class AlertFrequency(StrEnum):
    REALTIME = "realtime"
    DAILY = "daily"
    WEEKLY = "weekly"


class NewsCategory(StrEnum):
    EARNINGS = "earnings"
    PRODUCT_LAUNCH = "product_launch"
    MERGERS = "ma"
    LEADERSHIP = "leadership"
    REGULATORY = "regulatory"
    MARKET = "market"


class AccountType(StrEnum):
    PROSPECT = "prospect"
    CUSTOMER = "customer"
    PARTNER = "partner"
    ENTERPRISE = "enterprise"


class AccountAddress(Part):
    street: str | None = None
    city: str | None = None
    state: str | None = None
    country: str | None = None
    postal_code: str | None = None


class IntelligenceConfig(Part):
    """Which news of the company somebody wants to hear of, and how often."""

    news_subscription: bool = False
    alert_frequency: AlertFrequency = AlertFrequency.DAILY
    keywords: list[str] = []
    competitors: list[str] = []
    categories: list[NewsCategory] = []
    last_alert_at: datetime | None = None


@record(
    "accounts",
    Index("name"),
    Index("owner_id"),
    Index("industry"),
    Index("intelligence_config.news_subscription"),
    Index("parent_account_id"),
    text=TextIndex(("name", "website", "industry")),
)
class Account(Record):
    """A company that contacts belong to."""

    name: Annotated[str, Field(min_length=1, examples=["Tata Steel Ltd"])]
    website: str | None = None
    industry: str | None = None
    employees: str | None = None
    annual_revenue: str | None = None
    address: AccountAddress | None = None
    intelligence_config: IntelligenceConfig = IntelligenceConfig()
    owner_id: str | None = None
    parent_account_id: str | None = None
    type: AccountType = AccountType.PROSPECT
    status: str = "active"
