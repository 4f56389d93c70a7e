"""Leads and their lists (S4, S5; C-03, C-11, C-24, C-25), and the jobs that import them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from bot.records.base import PII, Index, Part, Record, TextIndex, record
from bot.records.fields import E164, Count, CustomValue, Email, Phone

MAX_CUSTOM_FIELDS = 50
DEFAULT_LANGUAGE = "english"


class LeadSource(StrEnum):
    CSV = "csv"
    GOOGLE_SHEETS = "google_sheets"
    SALESFORCE = "salesforce"
    HUBSPOT = "hubspot"
    MANUAL = "manual"
    CALL = "call"
    WHATSAPP = "whatsapp"
    WEB = "web"


SOURCES_WITH_PHONE_ONLY = frozenset({LeadSource.CALL, LeadSource.WHATSAPP, LeadSource.WEB})
"""Where the runtime met them: it knows a number and no more. All other sources need name, e-mail and phone (C-03)."""


class LeadStatus(StrEnum):
    NEW = "new"
    CONTACTED = "contacted"
    QUALIFIED = "qualified"
    CONVERTED = "converted"
    REJECTED = "rejected"


LEAD_MOVES: dict[LeadStatus, frozenset[LeadStatus]] = {
    LeadStatus.NEW: frozenset(LeadStatus) - {LeadStatus.NEW},
    LeadStatus.CONTACTED: frozenset({LeadStatus.QUALIFIED, LeadStatus.CONVERTED, LeadStatus.REJECTED}),
    LeadStatus.QUALIFIED: frozenset({LeadStatus.CONVERTED, LeadStatus.REJECTED}),
    LeadStatus.CONVERTED: frozenset(),
    LeadStatus.REJECTED: frozenset({LeadStatus.CONTACTED}),
}
"""Status -> those that may follow it (S5-025). A rejected lead that comes back begins again."""


class IntegrationIds(Part):
    hubspot_record_id: str | None = None
    salesforce_record_id: str | None = None
    google_sheets_row_id: str | None = None


@record(
    "leads",
    Index("user_id", "-created_at"),
    Index("list_id", "-created_at"),
    Index("user_id", "email", unique=True),
    Index("integration_ids.hubspot_record_id", unique=True),
    Index("integration_ids.salesforce_record_id", unique=True),
    Index("integration_config_id", "integration_ids.google_sheets_row_id", unique=True),
    Index("phone_e164"),
    Index("status"),
    Index("lead_source"),
    Index("email"),
    text=TextIndex(("first_name", "last_name", "email", "phone", "company_name")),
)
class Lead(Record):
    """Somebody who may become a customer."""

    first_name: Annotated[str | None, Field(max_length=50, examples=["John"]), PII] = None
    last_name: Annotated[str | None, Field(max_length=50, examples=["Doe"]), PII] = None
    email: Annotated[Email | None, Field(max_length=100, examples=["john.doe@example.com"]), PII] = None
    phone: Annotated[Phone, PII]
    """As it was typed."""
    phone_e164: Annotated[E164 | None, PII] = None
    """Normalised, for dialling and for telling duplicates."""
    dialable: bool | None = None
    """Whether the numbering plans know such a number; None until somebody looked (C-25)."""
    company_name: str | None = None
    job_title: str | None = None
    linkedin_url: str | None = None
    notes: Annotated[str | None, PII] = None
    custom_fields: Annotated[dict[str, CustomValue], Field(max_length=MAX_CUSTOM_FIELDS), PII] = {}
    integration_ids: IntegrationIds | None = None
    integration_config_id: str | None = None
    """The sheet that the row id is of (C-18)."""
    list_id: str | None = None
    user_id: str | None = None
    """The owner."""
    source: LeadSource = LeadSource.MANUAL
    lead_source: Annotated[str | None, Field(max_length=50, examples=["trade fair"])] = None
    """S5's own words for where it comes from."""
    status: LeadStatus = LeadStatus.NEW
    language_preference: Annotated[str, Field(max_length=20, examples=["hindi"])] = DEFAULT_LANGUAGE
    is_language_chosen: bool = False
    """Whether somebody said so, where the language is the one that all leads have by default."""
    dnd_status: bool = False
    dnd_checked_at: datetime | None = None

    @property
    def own_language(self) -> str | None:
        """The language that somebody set; None where it is only the default."""
        is_own = self.is_language_chosen or self.language_preference != DEFAULT_LANGUAGE
        return self.language_preference if is_own else None

    @model_validator(mode="after")
    def _has_what_its_source_tells(self) -> Self:
        if self.source not in SOURCES_WITH_PHONE_ONLY:
            for name in ("first_name", "last_name", "email"):
                if not getattr(self, name):
                    stored = self.shape.stored_name(name)
                    raise ValueError(f"{stored} is required where the source is {self.source}")
        return self


@record("lists", Index("user_id", "-created_at"), Index("user_id", "name", unique=True))
class LeadList(Record):
    """Leads under one name."""

    name: Annotated[str, Field(min_length=1, examples=["VIP"])]
    description: str | None = None
    user_id: str
    lead_count: Count = 0
    """Equals a recount at rest."""


class ImportType(StrEnum):
    CSV = "csv"
    GOOGLE_SHEETS = "google_sheets"
    SALESFORCE = "salesforce"
    HUBSPOT = "hubspot"


class ImportStatus(StrEnum):
    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"


IMPORT_MOVES: dict[ImportStatus, frozenset[ImportStatus]] = {
    ImportStatus.PENDING: frozenset({ImportStatus.PROCESSING, ImportStatus.FAILED}),
    ImportStatus.PROCESSING: frozenset({ImportStatus.PENDING, ImportStatus.COMPLETED, ImportStatus.FAILED}),
    ImportStatus.COMPLETED: frozenset(),
    ImportStatus.FAILED: frozenset({ImportStatus.PENDING}),
}


class RowError(Part):
    """What was wrong with one row."""

    row: int
    field: str
    message: str


@record("import_jobs", Index("user_id", "-created_at"), Index("status"), Index("-created_at"))
class ImportJob(Record):
    """One import of leads, and how far it is."""

    type: ImportType
    status: ImportStatus = ImportStatus.PENDING
    total_records: Count = 0
    processed_records: Count = 0
    successful_records: Count = 0
    failed_records: Count = 0
    errors: list[RowError] = []
    file_name: str | None = None
    file_size: Count | None = None
    integration_config_id: str | None = None
    list_id: str | None = None
    user_id: str
    completed_at: datetime | None = None
