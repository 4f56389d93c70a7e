"""Who is on the team, and what each may do: the use cases of whoever manages users (S2-193)."""

from __future__ import annotations

from collections.abc import Sequence

from bot.errors import NotFound, ServiceError
from bot.principal import UserRef
from bot.records.access import LinkPurpose
from bot.records.audit import AuditEntry
from bot.records.permissions import Permissions, covers
from bot.records.users import Role, User
from bot.services.access_links import AccessLinks
from bot.services.audit import Audit
from bot.services.sessions import Sessions
from bot.services.users import Users
from bot.store.base import Require, Store, Unit

CLI = "cli"
"""Who sits at the server may do everything."""


class Team:
    """Invites users, changes what they may do, lets them go. Nobody can give, or take from somebody, more than they have.

    `by` is the user who does it; None is who sits at the server.
    """

    def __init__(self, store: Store, audit: Audit, users: Users, sessions: Sessions, links: AccessLinks) -> None:
        self._store = store
        self._audit = audit
        self._users = users
        self._sessions = sessions
        self._links = links

    async def invite(
        self, email: str, name: str, role: Role | str, *, by: UserRef | None, permissions: Sequence[str] = ()
    ) -> tuple[User, str]:
        """A new user, and the link with which they choose a password.

        Raises RecordError that names the field, ServiceError where the address is taken or more would be given than `by` has.
        """
        user = self._users.new(email, name, role, permissions)
        _refuse_more(by, user.granted)
        unit = Unit()
        url = self._links.put(unit, user, LinkPurpose.INVITE, by=_name(by))
        await self._users.insert(unit, user, by=_name(by))
        return user, url

    async def invite_again(self, user_id: str, *, by: UserRef | None) -> tuple[User, str]:
        """Another link for somebody who has no password yet; the former one is void. Raises NotFound, ServiceError."""
        user = await self._theirs(user_id, by)
        if not user.is_active:
            raise ServiceError(f"{user.email} is not active; activate them first", why="not_active")
        if user.password_hash is not None:
            raise ServiceError(f"{user.email} has a password already; they can ask for another one at /reset", why="has_password")
        unit = Unit()
        url = self._links.put(unit, user, LinkPurpose.INVITE, by=_name(by))
        unit.insert(self._entry("invited_again", user, by))
        await self._store.commit(unit)
        return user, url

    async def reset(self, user_id: str) -> str:
        """A link for a new password, for who sits at the server to pass on. Raises NotFound, ServiceError."""
        user = await self._theirs(user_id, None)
        if not user.is_active:
            raise ServiceError(f"{user.email} is not active; activate them first", why="not_active")
        unit = Unit()
        url = self._links.put(unit, user, LinkPurpose.RESET, by=CLI)
        unit.insert(self._entry("reset_link_made", user, None))
        await self._store.commit(unit)
        return url

    async def set_role(self, user_id: str, role: Role | str, *, by: UserRef | None) -> User:
        """Another role. Signs the user out everywhere, so that no session has more than it was begun with.

        Raises NotFound, RecordError, Conflict, and ServiceError where it is not for `by` to give or to take.
        """
        user = await self._theirs(user_id, by)
        unit = Unit()
        if user.role is Role.ADMIN and role != Role.ADMIN:
            await self._keep_an_admin(unit, user)
        after = self._users.put(unit, user, {"role": role}, by=_name(by))
        _refuse_more(by, after.granted)
        if unit:
            self._sessions.put_end_all(unit, user.id)
            await self._store.commit(unit)
        return after

    async def deactivate(self, user_id: str, *, by: UserRef | None) -> User:
        """They cannot come in any more; every session ends at once (S1-111), and links are void. Raises as `set_role`."""
        user = await self._theirs(user_id, by)
        unit = Unit()
        if user.role is Role.ADMIN:
            await self._keep_an_admin(unit, user)
        after = self._users.put(unit, user, {"is_active": False}, by=_name(by))
        self._sessions.put_end_all(unit, user.id)
        self._links.put_void(unit, user.id)
        await self._store.commit(unit)
        return after

    async def activate(self, user_id: str, *, by: UserRef | None) -> User:
        """They can come in again, with the password they had. Raises as `set_role`."""
        user = await self._theirs(user_id, by)
        unit = Unit()
        after = self._users.put(unit, user, {"is_active": True}, by=_name(by))
        if unit:
            await self._store.commit(unit)
        return after

    async def sign_out(self, user_id: str, *, by: UserRef | None) -> User:
        """Ends all sessions of somebody. Raises NotFound, ServiceError."""
        user = await self._theirs(user_id, by)
        unit = Unit()
        self._sessions.put_end_all(unit, user.id)
        unit.insert(self._entry("signed_out_everywhere", user, by))
        await self._store.commit(unit)
        return user

    async def _theirs(self, user_id: str, by: UserRef | None) -> User:
        """The user, if they are for `by` to manage: others, who may do no more."""
        user = await self._store.get(User, user_id)
        if user is None:
            raise NotFound("there is no such user")
        if by is not None and by.user_id == user.id:
            raise ServiceError("this is you: somebody else who manages users can change that", why="yourself")
        _refuse_more(by, user.granted)
        return user

    async def _keep_an_admin(self, unit: Unit, leaving: User) -> None:
        """The unit holds only while another one is there, so that two who send each other away are not both gone."""
        admins = await self._store.find(User, {"role": Role.ADMIN})
        other = next((admin for admin in admins if admin.is_active and admin.id != leaving.id), None)
        if other is None:
            raise ServiceError(f"{leaving.email} is the last administrator; make somebody else one first", why="last_admin")
        unit.add(Require(User, {"id": other.id, "role": Role.ADMIN, "is_active": True}))

    def _entry(self, what: str, user: User, by: UserRef | None) -> AuditEntry:
        return self._audit.entry(what, "user", user.id, _name(by))


def _name(by: UserRef | None) -> str:
    return CLI if by is None else f"user:{by.user_id}"


def _refuse_more(by: UserRef | None, permissions: Permissions) -> None:
    if by is not None and not covers(by.permissions, permissions):
        raise ServiceError("that is more than you may do yourself; somebody who may has to do it", why="more_than_you")
