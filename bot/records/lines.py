"""Organizations and their lines: numbers to send from, with daily limits (S4)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from bot.records.base import PII, Index, Part, Record, record
from bot.records.fields import CalendarDay, Count, Email, Phone

NEW_CONVERSATIONS_A_DAY = 20
MESSAGES_A_DAY = 150


@record("organizations", Index("clerk_org_id", unique=True))
class Organization(Record):
    """A workspace's entitlement to lines."""

    clerk_org_id: str
    free_lines_included: Count = 0
    free_lines_used: Count = 0
    total_lines_purchased: Count = 0
    total_lines_count: Count = 0
    """`free_lines_used + total_lines_purchased`, moved in the same unit."""


class ProvisioningStatus(StrEnum):
    PROVISIONING = "provisioning"
    ACTIVE = "active"
    FAILED = "failed"


PROVISIONING_MOVES: dict[ProvisioningStatus, frozenset[ProvisioningStatus]] = {
    ProvisioningStatus.PROVISIONING: frozenset({ProvisioningStatus.ACTIVE, ProvisioningStatus.FAILED}),
    ProvisioningStatus.ACTIVE: frozenset({ProvisioningStatus.FAILED}),
    ProvisioningStatus.FAILED: frozenset({ProvisioningStatus.PROVISIONING}),
}


class BillingType(StrEnum):
    FREE = "free"
    PAID = "paid"


class LineUsage(Part):
    """What was used of today's limits."""

    date: CalendarDay
    new_conversations_count: Count = 0
    total_messages_count: Count = 0


@record("lines", Index("workspace_id", "-created_at"), Index("provisioning_status", "workspace_id"))
class Line(Record):
    """One number that messages go out from."""

    workspace_id: str
    created_by_user_id: str
    created_user_id: str | None = None
    """The user it is assigned to."""
    phone: Annotated[Phone, PII]
    email: Annotated[Email, PII]
    first_name: Annotated[str, PII]
    last_name: Annotated[str, PII]
    profile_image_url: str | None = None
    is_active: bool
    provisioning_status: Annotated[ProvisioningStatus, Field(examples=["active"])]
    provisioning_submitted_at: datetime | None = None
    estimated_ready_at: datetime | None = None
    billing_type: BillingType | None = None
    daily_new_conversations_limit: Annotated[int, Field(ge=0, examples=[NEW_CONVERSATIONS_A_DAY])] = NEW_CONVERSATIONS_A_DAY
    daily_total_messages_limit: Annotated[int, Field(ge=0, examples=[MESSAGES_A_DAY])] = MESSAGES_A_DAY
    usage: LineUsage | None = None

    @model_validator(mode="after")
    def _is_active_only_when_provisioned(self) -> Self:
        if self.is_active and self.provisioning_status is not ProvisioningStatus.ACTIVE:
            raise ValueError(f"isActive can be true only when provisioningStatus is active (it is {self.provisioning_status})")
        return self
