"""Users: who has a login, and what each may do (C-07, C-23, S2-005 to S2-028)."""

from __future__ import annotations

from collections.abc import Sequence

from bot.clock import Clock, new_id
from bot.errors import Duplicate, NotFound, RecordError, ServiceError
from bot.principal import UserRef
from bot.records.audit import AuditAction
from bot.records.users import Role, User
from bot.services.audit import Audit, stored
from bot.services.phones import read_email
from bot.store.base import Store, Unit

_PAGE = 200


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
        name = " ".join(name.split())
        if not name:
            raise RecordError("User.name: is required; for example 'Ana Ruiz'")
        user = User.new(
            id=new_id(), email=read_email(email, field="User.email"), name=name, role=role, permissions=list(permissions)
        )
        unit = Unit()
        unit.insert(user, self._audit.entry(AuditAction.CREATED, "user", user.id, by, after=stored(user)))
        try:
            await self._store.commit(unit)
        except Duplicate:
            raise ServiceError(f"User.email: {user.email} is another user's already; give another address") from None
        return user

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

    @staticmethod
    def principal_of(user: User) -> UserRef:
        """On whose behalf tools run. Raises ServiceError for a user who is not active: nothing runs on their behalf."""
        if not user.is_active:
            raise ServiceError(f"user {user.id} is not active; somebody who manages users can change that")
        return UserRef(user.id, str(user.role), user.granted)


def name_of(user: User) -> str:
    """As they are called: the seeds know one name or two."""
    return user.name or " ".join(part for part in (user.first_name, user.last_name) if part) or user.username or ""
