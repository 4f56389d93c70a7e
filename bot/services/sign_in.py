"""Signing in and out, and passwords of one's own (S1-109 to S1-114, S2-008)."""

from __future__ import annotations

from dataclasses import dataclass

from bot.clock import Clock
from bot.errors import Conflict, NotFound, RecordError, SignInRefused
from bot.records.access import LinkPurpose, Session
from bot.records.audit import AuditEntry
from bot.records.users import User
from bot.services.access_links import AccessLinks
from bot.services.audit import Audit
from bot.services.lockout import Lockout, Try
from bot.services.one_time_codes import OneTimeCodes
from bot.services.passwords import Passwords, check_new
from bot.services.phones import read_email
from bot.services.sessions import Sessions, Visit, hashed
from bot.services.users import Users
from bot.store.base import Change, Store, Unit

_LONGEST_ADDRESS = 254


@dataclass(frozen=True, slots=True)
class SignInParts:
    """What signing in is made of."""

    store: Store
    clock: Clock
    audit: Audit
    users: Users
    sessions: Sessions
    links: AccessLinks
    passwords: Passwords
    codes: OneTimeCodes
    """For pseudonyms of addresses and networks."""


class SignIn:
    """Lets users in and out. For an address that nobody has it does the same, and takes as long."""

    def __init__(self, parts: SignInParts) -> None:
        self._parts = parts
        self._store = parts.store
        self._sessions = parts.sessions
        self._lockout = Lockout(parts.store, parts.clock)

    async def enter(self, address: str, password: str, visit: Visit, *, former: str = "") -> tuple[User, str]:
        """Signs in; the user and the token of a new session. The browser's `former` session ends.

        Raises SignInRefused, which does not say what was wrong, and LimitReached after too many failures.
        """
        typed = _as_kept(address)
        pseudonym = self._parts.codes.pseudonym(typed)
        taken = await self._begin(pseudonym, visit)
        user = await self._somebody(typed)
        may = user is not None and user.is_active
        is_right = await self._parts.passwords.is_right(password, user.password_hash if user is not None and may else None)
        if user is None or not is_right:
            await self._store.insert([self._entry("sign_in_failed", user.id if user else pseudonym, "nobody", visit)])
            raise SignInRefused("no user has this address and this password")
        unit = Unit()
        token = self._sessions.put(unit, user, visit)
        if former:
            self._sessions.put_end(unit, hashed(former), user.id)
        now = self._parts.clock.now()
        # The hash that was looked at: a password that is replaced at this moment must not leave a session behind.
        as_read = {"id": user.id, "is_active": True, "password_hash": user.password_hash}
        unit.add(Change(User, as_read, set={"last_login": now, "last_activity": now}, must=1))
        unit.insert(self._entry("signed_in", user.id, f"user:{user.id}", visit))
        self._lockout.give_back(unit, taken)
        try:
            await self._store.commit(unit)
        except Conflict:
            raise SignInRefused("this user was let go, or given another password, at this moment") from None
        await self._lockout.give_back_network(taken)
        return user, token

    async def leave(self, session: Session, visit: Visit) -> None:
        """Signs out of one session."""
        await self.end(session.user_id, session.id, visit, what="signed_out")

    async def end(self, user_id: str, session_id: str, visit: Visit, *, what: str = "session_ended") -> None:
        """Ends one of a user's own sessions."""
        unit = Unit()
        self._sessions.put_end(unit, session_id, user_id)
        unit.insert(self._entry(what, user_id, f"user:{user_id}", visit))
        await self._store.commit(unit)

    async def leave_everywhere(self, user_id: str, visit: Visit, *, but: str = "") -> None:
        """Ends all of a user's own sessions, or all but this one."""
        unit = Unit()
        self._sessions.put_end_all(unit, user_id, but=but)
        unit.insert(self._entry("signed_out_everywhere", user_id, f"user:{user_id}", visit))
        await self._store.commit(unit)

    async def choose_password(self, token: str, purpose: LinkPurpose, password: str, visit: Visit, *, language: str = "") -> User:
        """Sets the password by a link, which is used up; all sessions end. `language` is that of the page, kept by the first one.

        Raises NotFound where the link opens nothing, PasswordRefused, Conflict where it is used at this very moment.
        """
        link, user = await self._parts.links.find(token, purpose)
        check_new(password, user.email)
        unit = Unit()
        await self._put_password(unit, user, password, visit, reason=purpose.value)
        if language and purpose is LinkPurpose.INVITE:
            unit.add(Change(User, {"id": user.id}, set={"preferences.language": language}, must=1))
        self._parts.links.put_used(unit, link)
        await self._store.commit(unit)
        await self._lockout.forget(self._parts.codes.pseudonym(user.email))
        return user

    async def change_password(self, user: User, old: str, new: str, visit: Visit) -> str:
        """Sets one's own password; every session ends, and a new one begins here: its token.

        Raises SignInRefused where the old one is wrong, LimitReached after too many wrong ones, PasswordRefused.
        """
        check_new(new, user.email)
        taken = await self._begin(self._parts.codes.pseudonym(user.email), visit)
        if not await self._parts.passwords.is_right(old, user.password_hash):
            await self._store.insert([self._entry("password_not_changed", user.id, f"user:{user.id}", visit)])
            raise SignInRefused("this is not the password so far")
        unit = Unit()
        await self._put_password(unit, user, new, visit, reason="changed")
        token = self._sessions.put(unit, user, visit)
        self._lockout.give_back(unit, taken)
        await self._store.commit(unit)
        await self._lockout.give_back_network(taken)
        return token

    async def _put_password(self, unit: Unit, user: User, password: str, visit: Visit, *, reason: str) -> None:
        """With the hash that it replaces as a condition: of two changes at once one is refused."""
        new = await self._parts.passwords.hashed(password)
        where = {"id": user.id, "is_active": True, "password_hash": user.password_hash}
        unit.add(Change(User, where, set={"password_hash": new}, must=1))
        unit.insert(self._entry("password_set", user.id, f"user:{user.id}", visit, reason=reason))
        self._sessions.put_end_all(unit, user.id)
        self._parts.links.put_void(unit, user.id)

    async def _begin(self, pseudonym: str, visit: Visit) -> Try:
        """Raises LimitReached."""
        return await self._lockout.begin(pseudonym, self._parts.codes.pseudonym(visit.network))

    async def _somebody(self, typed: str) -> User | None:
        try:
            return await self._parts.users.by_email(typed)
        except (NotFound, RecordError):
            return None

    def _entry(self, what: str, entity_id: str, by: str, visit: Visit, *, reason: str = "") -> AuditEntry:
        entry = self._parts.audit.entry(what, "user", entity_id, by, reason=reason)
        hints = {"ip_address": visit.network[:45] or None, "user_agent": visit.user_agent[:400] or None}
        return entry.model_copy(update=hints)


def _as_kept(address: str) -> str:
    """However it is spelled, the same address is counted and looked for as one."""
    try:
        return read_email(address)
    except RecordError:
        return address.strip()[:_LONGEST_ADDRESS]
