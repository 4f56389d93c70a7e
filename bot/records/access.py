"""How users come in: sessions, links that set a password once, tries that failed. Kept as hashes: a copy lets nobody in."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from bot.records.base import PII, Index, Record, record
from bot.records.fields import Count
from bot.records.users import Permission


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


@record("api_tokens", Index("user_id"), Index("expires_at", ttl=0))
class ApiToken(Record):
    """A program's way in, on behalf of the user who made it. Its id is a hash of the token."""

    user_id: str
    name: Annotated[str, Field(min_length=1, max_length=80, examples=["nightly report"])]
    scopes: Annotated[list[Permission], Field(min_length=1, max_length=40, examples=[["read:conversations"]])]
    """What it may do, in either spelling of permissions; never more than its user may at that moment."""
    beginning: str
    """The first characters of the token, by which its owner tells it from others."""
    expires_at: datetime
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None


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
