"""Users: everybody with a login (S2's agents, S1's, S3's and S5's users; C-07, C-09, C-23)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field

from bot.records.base import PII, Index, Part, Record, Secret, record
from bot.records.fields import BcryptHash, Count, Email, Timezone
from bot.records.permissions import AgentPermission, Permissions, check_permission, compile_permissions


class Role(StrEnum):
    """The union of the seeds' roles."""

    ADMIN = "admin"
    SUPERVISOR = "supervisor"
    AGENT = "agent"
    SALES_HEAD = "sales_head"
    SALES_REP = "sales_rep"
    MANAGER = "manager"
    USER = "user"
    VIEWER = "viewer"


OPERATORS = frozenset({Role.AGENT, Role.SALES_REP})
SUPERVISORS = frozenset({Role.SUPERVISOR, Role.SALES_HEAD})
MARKETERS = frozenset({Role.MANAGER, Role.USER})

ROLE_PERMISSIONS: Mapping[Role, tuple[str, ...]] = {
    Role.ADMIN: (AgentPermission.SYSTEM_ADMIN,),
    Role.SUPERVISOR: (
        AgentPermission.READ_CONVERSATIONS,
        AgentPermission.WRITE_MESSAGES,
        AgentPermission.ASSIGN_CONVERSATIONS,
        AgentPermission.MANAGE_CUSTOMERS,
        AgentPermission.MANAGE_TICKETS,
        AgentPermission.VIEW_ANALYTICS,
        "read:calls",
        "write:calls",
    ),
    Role.AGENT: (
        AgentPermission.READ_CONVERSATIONS,
        AgentPermission.WRITE_MESSAGES,
        AgentPermission.MANAGE_TICKETS,
        "read:customers",
        "read:calls",
        "write:calls",
    ),
    Role.SALES_HEAD: (
        "contacts:*",
        "accounts:*",
        "calls:*",
        "leads:*",
        "intelligence:read",
        "customers:read",
        "conversations:read",
    ),
    Role.SALES_REP: ("contacts:*", "accounts:read", "calls:*", "leads:*", "intelligence:read", "customers:read"),
    Role.MANAGER: ("campaigns:*", "analytics:read"),
    Role.USER: ("campaigns:*",),
    # Named one by one: what is added later is not open to whoever may only look.
    Role.VIEWER: (
        "contacts:read",
        "accounts:read",
        "leads:read",
        "customers:read",
        "conversations:read",
        "tickets:read",
        "campaigns:read",
        "analytics:read",
    ),
}
"""What each role may do without anything being granted besides, in the spelling of the seed that the role comes from (C-07)."""

_GRANTED = {role: compile_permissions(permissions) for role, permissions in ROLE_PERMISSIONS.items()}


class Presence(StrEnum):
    ONLINE = "online"
    OFFLINE = "offline"
    BUSY = "busy"
    AWAY = "away"


class Plan(StrEnum):
    FREE = "free"
    BASIC = "basic"
    PRO = "pro"
    ENTERPRISE = "enterprise"


class SubscriptionStatus(StrEnum):
    ACTIVE = "active"
    SUSPENDED = "suspended"
    CANCELLED = "cancelled"


class NotificationPreferences(Part):
    """How a user wants to be told (C-09)."""

    email: bool = True
    push: bool = True
    sound: bool = True
    whatsapp: bool = False
    """To their own number, where they have lately written to us from it."""


class UserPreferences(Part):
    language: str = "es"
    timezone: Timezone = "America/Mexico_City"
    notifications: NotificationPreferences = NotificationPreferences()
    auto_assignment: bool = True
    theme: str | None = None


class UserStatistics(Part):
    total_conversations: Count = 0
    resolved_conversations: Count = 0
    average_response_time: float = 0
    """Minutes."""
    current_active_conversations: Count = 0
    responses: Count = 0
    """Answers given, and how long people had waited for them in all: what the average is made of."""
    response_ms: Count = 0


class Subscription(Part):
    plan: Plan
    status: SubscriptionStatus
    expires_at: datetime | None = None


Permission = Annotated[str, AfterValidator(check_permission), Field(examples=["contacts:*", "read:conversations"])]


@record(
    "users",
    Index("email", unique=True),
    Index("username", unique=True),
    Index("user_id", unique=True),
    Index("status"),
    Index("role"),
    Index("is_active"),
)
class User(Record):
    """Somebody with a login: operator, supervisor, marketer, administrator, viewer."""

    user_id: str | None = None
    """S3's own key."""
    username: Annotated[str | None, Field(max_length=50, examples=["ana"])] = None
    email: Annotated[Email, Field(max_length=100), PII]
    password_hash: Annotated[BcryptHash | None, Secret] = None
    """Absent for who signs in elsewhere."""
    first_name: Annotated[str | None, Field(max_length=50, examples=["Ana"]), PII] = None
    last_name: Annotated[str | None, Field(max_length=50, examples=["Ruiz"]), PII] = None
    name: Annotated[str | None, PII] = None
    """S3 knows one name only."""
    title: str | None = None
    company: str | None = None
    department: str | None = None
    skills: list[str] = []
    """Queues that they serve beside their department's, by name; whoever has neither serves all."""
    phone: Annotated[str | None, PII] = None
    """Where calls are put through to them: E.164."""
    sip: Annotated[str | None, Field(max_length=255, examples=["sip:ana@pbx.example.com"]), PII] = None
    """The same by SIP, which goes before the number."""
    avatar: str | None = None
    role: Role = Role.AGENT
    permissions: list[Permission] = []
    """Granted besides what the role allows, as they were written; `granted` is what all of it means."""
    status: Presence = Presence.OFFLINE
    preferences: UserPreferences = UserPreferences()
    statistics: UserStatistics = UserStatistics()
    subscription: Subscription | None = None
    is_active: bool = True
    last_login: datetime | None = None
    last_activity: datetime | None = None
    last_seen_at: datetime | None = None
    """Their desk was open then."""
    idle_since: datetime | None = None
    """When they were last given a conversation."""
    notified_at: datetime | None = None
    """When they were last told, away from the desk, that somebody waits."""

    @property
    def granted(self) -> Permissions:
        """What the user may do, in canonical words: what the role allows and what was granted besides."""
        return _GRANTED[self.role] | compile_permissions(self.permissions)
