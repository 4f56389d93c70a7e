"""Sessions: who is signed in, in which browser, until when (S1-113, S1-114, S1-127)."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta

from bot.clock import Clock
from bot.records.access import Session
from bot.records.users import User
from bot.store.base import Change, Not, Store, Unit

IDLE = timedelta(hours=24)
"""A session that is not used for so long is over."""
LONGEST = timedelta(days=7)
"""Every session is over so long after it was begun."""
_NOTED = timedelta(minutes=1)
"""Within this time a session's use is written down once."""
_AGENT_LENGTH = 400


@dataclass(frozen=True, slots=True)
class Visit:
    """From where somebody comes: hints for the owner of the account, never proof."""

    network: str = ""
    user_agent: str = ""


class Sessions:
    """The only writer of sessions. Reading one costs two look-ups by id, so that what ends it ends it at once (S1-111)."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def put(self, unit: Unit, user: User, visit: Visit) -> str:
        """A new session in the unit; its token, which is kept nowhere."""
        token = secrets.token_urlsafe(32)
        now = self._clock.now()
        unit.insert(
            Session(
                id=hashed(token),
                user_id=user.id,
                expires_at=now + IDLE,
                ends_at=now + LONGEST,
                last_seen_at=now,
                ip_address=visit.network[:45] or None,
                user_agent=visit.user_agent[:_AGENT_LENGTH] or None,
            )
        )
        return token

    async def find(self, token: str) -> tuple[Session, User] | None:
        """The session of a token and its user, while both are good; using it moves its end on."""
        session = await self._store.get(Session, hashed(token))
        user = await self._user_of(session)
        if session is None or user is None:
            return None
        await self._note(session)
        return session, user

    async def still(self, session_id: str) -> User | None:
        """The user of a session while both are good, for what stays open: it is not counted as use."""
        return await self._user_of(await self._store.get(Session, session_id))

    async def of(self, user_id: str) -> list[Session]:
        """A user's open sessions, the one used last first."""
        found = [session for session in await self._store.find(Session, {"user_id": user_id}) if self._is_open(session)]
        return sorted(found, key=lambda session: session.last_seen_at or session.expires_at, reverse=True)

    def put_end(self, unit: Unit, session_id: str, user_id: str) -> None:
        """Ends one session of a user; another's is left as it is."""
        where = {"id": session_id, "user_id": user_id, "revoked_at": None}
        unit.add(Change(Session, where, set={"revoked_at": self._clock.now()}))

    def put_end_all(self, unit: Unit, user_id: str, *, but: str = "") -> None:
        """Ends all sessions of a user, or all but one."""
        where = {"user_id": user_id, "revoked_at": None, **({"id": Not(but)} if but else {})}
        unit.add(Change(Session, where, set={"revoked_at": self._clock.now()}))

    async def _user_of(self, session: Session | None) -> User | None:
        if session is None or not self._is_open(session):
            return None
        user = await self._store.get(User, session.user_id)
        return user if user is not None and user.is_active else None

    def _is_open(self, session: Session) -> bool:
        now = self._clock.now()
        is_over = session.ends_at is not None and session.ends_at <= now
        return session.revoked_at is None and session.expires_at > now and not is_over

    async def _note(self, session: Session) -> None:
        now = self._clock.now()
        if session.last_seen_at is not None and now - session.last_seen_at < _NOTED:
            return
        until = min(now + IDLE, session.ends_at or now + IDLE)
        where = {"id": session.id, "revoked_at": None}
        await self._store.change(Session, where, set={"last_seen_at": now, "expires_at": until})


def hashed(token: str) -> str:
    """Under which a token is kept. It is random, so a plain hash is enough."""
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()
