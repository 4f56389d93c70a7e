"""Users: who has a login, and what each may do (C-07, C-23, S2-005 to S2-028)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bot.clock import Clock, new_id
from bot.errors import Conflict, Duplicate, NotFound, RecordError, ServiceError
from bot.principal import UserRef
from bot.records.audit import AuditAction
from bot.records.users import Role, User
from bot.services.audit import Audit, stored
from bot.services.editing import edited
from bot.services.phones import read_email
from bot.store.base import Store, Unit

_PAGE = 200
_LONGEST_NAME = 100
_FIXED = {"email": "who is reached by another address is another user"}


class Users:
    """The only writer of users."""

    def __init__(self, store: Store, clock: Clock, audit: Audit) -> None:
        self._store = store
        self._clock = clock
        self._audit = audit

    async def add(self, email: str, name: str, role: Role | str, *, by: str, permissions: Sequence[str] = ()) -> User:
        """A new user; `permissions` are granted besides what the role allows.

        Raises RecordError that names field, rule and a valid example, and ServiceError where the address is another user's.
        """
        user = self.new(email, name, role, permissions)
        await self.insert(Unit(), user, by=by)
        return user

    @staticmethod
    def new(email: str, name: str, role: Role | str, permissions: Sequence[str] = ()) -> User:
        """A user who is not stored yet. Raises RecordError."""
        address, called = read_email(email, field="User.email"), clean_name(name)
        return User.new(id=new_id(), email=address, name=called, role=role, permissions=list(permissions))

    async def insert(self, unit: Unit, user: User, *, by: str) -> None:
        """Stores a new user with what else is in the unit. Raises ServiceError where the address is another user's."""
        unit.insert(user, self._audit.entry(AuditAction.CREATED, "user", user.id, by, after=stored(user)))
        try:
            await self._store.commit(unit)
        except Duplicate:
            taken = f"User.email: {user.email} is another user's already; give another address"
            raise ServiceError(taken, why="address_taken") from None

    def put(self, unit: Unit, user: User, changes: Mapping[str, Any], *, by: str, reason: str = "") -> User:
        """Other values in fields of a user, in the unit, and who did it; the user then. Raises RecordError.

        The unit is void with Conflict if somebody else has changed these fields meanwhile.
        """
        edit = edited(user, changes, _FIXED)
        if edit.change is not None:
            unit.add(edit.change)
            unit.insert(self._audit.change(AuditAction.UPDATED, "user", user, edit.after, by, reason=reason))
        return edit.after

    async def get(self, user_id: str) -> User:
        """Raises NotFound."""
        found = await self._store.get(User, user_id)
        if found is None:
            raise NotFound(f"there is no user {user_id}")
        return found

    async def by_email(self, email: str) -> User:
        """However the address is spelled. Raises RecordError where it is none, NotFound."""
        address = read_email(email, field="User.email")
        found = await self._store.find(User, {"email": address}, limit=1)
        if not found:
            raise NotFound(f"there is no user {address}; `bot user list` shows all")
        return found[0]

    async def all(self) -> list[User]:
        """Everybody, by e-mail address."""
        users: list[User] = []
        after: str | None = None
        while page := await self._store.find(User, {}, sort=("email",), limit=_PAGE, after=after):
            users += page
            after = page[-1].id
        return users

    async def page(self, after: str, most: int) -> tuple[list[User], str]:
        """So many users by e-mail address, behind the one with the id `after`; and the id to go on behind, if there are more."""
        try:
            found = await self._store.find(User, {}, sort=("email",), limit=most + 1, after=after or None)
        except Conflict:  # that one is gone
            found = await self._store.find(User, {}, sort=("email",), limit=most + 1)
        return found[:most], found[most - 1].id if len(found) > most else ""

    @staticmethod
    def principal_of(user: User) -> UserRef:
        """On whose behalf tools run. Raises ServiceError for a user who is not active: nothing runs on their behalf."""
        if not user.is_active:
            raise ServiceError(f"user {user.id} is not active; somebody who manages users can change that")
        return UserRef(user.id, str(user.role), user.granted)


def clean_name(name: str) -> str:
    """A name as it is kept. Raises RecordError where there is nothing in it."""
    clean = " ".join(name.split())
    if not clean:
        raise RecordError("User.name: is required; for example 'Ana Ruiz'")
    if len(clean) > _LONGEST_NAME:
        raise RecordError(f"User.name: must have at most {_LONGEST_NAME} characters; for example 'Ana Ruiz'")
    return clean


def name_of(user: User) -> str:
    """As they are called: the seeds know one name or two."""
    return user.name or " ".join(part for part in (user.first_name, user.last_name) if part) or user.username or ""
