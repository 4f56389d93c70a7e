"""How users come in: sessions, links that set a password once, tries that failed. Kept as hashes: a copy lets nobody in."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from bot.records.base import PII, Index, Record, record
from bot.records.fields import Count


@record("sessions", Index("user_id"), Index("expires_at", ttl=0))
class Session(Record):
    """One sign-in. Its id is a hash of the token that the browser holds."""

    user_id: str
    expires_at: datetime
    """Moves on while it is used (S1-113), at most to `ends_at`."""
    ends_at: datetime | None = None
    """However much it is used, it is over then (S1-127)."""
    last_seen_at: datetime | None = None
    ip_address: Annotated[str | None, Field(max_length=45, examples=["203.0.113.7"]), PII] = None
    """The network it was begun from, as a hint for its owner: an IPv4 address, or the /64 of an IPv6 one."""
    user_agent: Annotated[str | None, Field(max_length=400)] = None
    revoked_at: datetime | None = None
    """It was ended before its time."""


class LinkPurpose(StrEnum):
    INVITE = "invite"
    RESET = "reset"


@record("access_links", Index("user_id"), Index("expires_at", ttl=0))
class AccessLink(Record):
    """A link that lets somebody choose a password, once. Its id is a hash of the token in the link."""

    purpose: LinkPurpose
    user_id: str
    expires_at: datetime
    used_at: datetime | None = None
    created_by: str = "system"


@record("failed_sign_ins", Index("expires_at", ttl=0))
class FailedSignIns(Record):
    """How often signing in has failed of late: with one address, whoever's it is, or from one network. Its id is a pseudonym."""

    failures: Count = 0
    locked_until: datetime
    expires_at: datetime
