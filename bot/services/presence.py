"""Which operators are there: they say so, and an open desk keeps saying so (S2's agents: online, busy, away, offline)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog

from bot.clock import Clock
from bot.conversation import ConversationStatus
from bot.errors import NotFound
from bot.jobs import Jobs
from bot.records.audit import AuditAction
from bot.records.conversations import Conversation
from bot.records.permissions import allows
from bot.records.users import OPERATORS, Presence, User
from bot.services.audit import Audit
from bot.services.conversations import DESK_JOB
from bot.services.settings import SystemSettings
from bot.store.base import Change, In, Store, Unit

log = structlog.get_logger()

BEAT_SECONDS = 30.0
"""How often an open desk says that it is open."""
_GONE_AFTER = 90.0

_THERE = (Presence.ONLINE, Presence.BUSY, Presence.AWAY)


class OperatorPresence:
    """Keeps who is there."""

    def __init__(self, store: Store, clock: Clock, audit: Audit, settings: SystemSettings, jobs: Jobs) -> None:
        self._store = store
        self._clock = clock
        self._audit = audit
        self._settings = settings
        self._jobs = jobs

    async def arrive(self, user_id: str) -> Presence:
        """A desk is opened, or open again: who was offline is online. Raises NotFound."""
        await self.beat(user_id)
        user = await self._get(user_id)
        if user.status is not Presence.OFFLINE:
            return user.status
        await self.set_status(user_id, Presence.ONLINE)
        return Presence.ONLINE

    async def beat(self, user_id: str) -> None:
        """The desk of a user is still open, every `BEAT_SECONDS`. It changes no status."""
        now = self._clock.now()
        await self._store.change(User, {"id": user_id}, set={"last_seen_at": now, "last_activity": now})

    async def set_status(self, user_id: str, status: Presence | str, *, by: str = "") -> None:
        """What a user says of themself: only who is online is given conversations. Raises NotFound."""
        await self.beat(user_id)
        await self._set(await self._get(user_id), Presence(status), by or f"user:{user_id}", "")
        if status == Presence.OFFLINE:  # what they leave is taken back at once
            await self._store.change(User, {"id": user_id}, set={"last_seen_at": None})
        await self._jobs.hurry(DESK_JOB)

    async def sweep(self) -> int:
        """Whose desk has not been heard of for a while is offline; how many became so."""
        limit = self._clock.now() - timedelta(seconds=await self._patience())
        there = await self._store.find(User, {"status": In(_THERE)})
        gone = [user for user in there if _is_silent(user, limit)]
        for user in gone:
            await self._set(user, Presence.OFFLINE, "system", "the desk was not heard of any more")
        return len(gone)

    async def there(self) -> list[User]:
        """Operators whose desk is open, also those who are busy or away."""
        return [user for user in await self._store.find(User, {"status": In(_THERE)}) if user.is_active]

    async def operators(self) -> list[User]:
        """Everybody who may be given conversations, there or not."""
        found = await self._store.find(User, {"is_active": True})
        return [user for user in found if is_operator(user)]

    async def gone_with_work(self) -> list[User]:
        """Users who hold conversations and are offline, and silent by whatever other way they work, or no longer active."""
        holders = await self._store.distinct(Conversation, "assigned_agent", {"status": ConversationStatus.ASSIGNED})
        users = await self._store.find(User, {"id": In([holder for holder in holders if holder])}) if holders else []
        limit = self._clock.now() - timedelta(seconds=await self._patience())
        return [user for user in users if not user.is_active or (user.status is Presence.OFFLINE and _is_silent(user, limit))]

    async def _set(self, user: User, status: Presence, by: str, reason: str) -> None:
        if user.status is status:
            return
        as_known: dict[str, Any] = {"id": user.id, "status": user.status}
        if status is Presence.OFFLINE and by == "system":  # not whose desk was heard of in this instant
            as_known["last_seen_at"] = user.last_seen_at
        unit = Unit(Change(User, as_known, set={"status": status}))
        before, after = {"status": str(user.status)}, {"status": str(status)}
        unit.insert(self._audit.entry(AuditAction.UPDATED, "agent", user.id, by, before=before, after=after, reason=reason))
        await self._store.commit(unit)

    async def _patience(self) -> float:
        rules = await self._settings.value("assignment_rules")
        seconds = rules.get("offline_after_seconds") if isinstance(rules, Mapping) else None
        return float(seconds) if isinstance(seconds, int | float) and seconds > 0 else _GONE_AFTER

    async def _get(self, user_id: str) -> User:
        user = await self._store.get(User, user_id)
        if user is None:
            raise NotFound(f"there is no user {user_id}")
        return user


def _is_silent(user: User, limit: datetime) -> bool:
    return user.last_seen_at is None or user.last_seen_at < limit


def is_operator(user: User) -> bool:
    """Whether conversations are given to them: by their role, or because somebody wrote down what they serve; and they may write
    there (a sales rep's role alone does not allow it)."""
    return user.is_active and (user.role in OPERATORS or bool(user.skills)) and may_write(user)


def may_write(user: User) -> bool:
    """Whether they may write to people at all (S2: write:messages)."""
    return allows(user.granted, "messages", "write")


def serves(user: User, skill: str) -> bool:
    """Whether a queue is theirs: by their skills or their department; who has neither serves all."""
    own = {word.strip().casefold() for word in (*user.skills, user.department or "")} - {""}
    return not own or skill.casefold() in own
