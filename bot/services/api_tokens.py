"""Tokens with which programs use the API on behalf of a user: shown once, kept as a hash, never allowed more than their user."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from pydantic import PrivateAttr

from bot.clock import Clock
from bot.errors import NotFound, RecordError, ServiceError
from bot.records.access import ApiToken
from bot.records.audit import AuditAction
from bot.records.permissions import Permissions, common, compile_permissions, covers
from bot.records.users import User
from bot.services.audit import Audit
from bot.services.sessions import hashed
from bot.store.base import Change, Store, Unit

PREFIX = "sb_"
"""How every token begins, so that one that was left somewhere is recognised."""
MOST = 50
"""Tokens that one user may have at a time."""
LONGEST = timedelta(days=366)
_USUAL = timedelta(days=90)
_NOTED = timedelta(minutes=1)
"""Within this time a token's use is written down once."""
_SHOWN = len(PREFIX) + 6


class UserInScope(User):
    """A user as a token may act for them: the same record, with what the token's scopes leave of their permissions."""

    _granted: Permissions = PrivateAttr(default=frozenset())

    @property
    def granted(self) -> Permissions:
        return self._granted

    @classmethod
    def of(cls, user: User, token: ApiToken) -> UserInScope:
        """The user as this token may act for them."""
        scoped = cls.model_construct(user.model_fields_set, **user.__dict__)
        scoped._granted = common(user.granted, compile_permissions(token.scopes))
        return scoped


class ApiTokens:
    """The only writer of tokens. Finding one costs two look-ups by id, so that what ends it ends it at once."""

    def __init__(self, store: Store, clock: Clock, audit: Audit) -> None:
        self._store = store
        self._clock = clock
        self._audit = audit

    async def make(
        self, user: User, name: str, scopes: Sequence[str], *, expires_at: datetime | None = None
    ) -> tuple[ApiToken, str]:
        """A new token and its secret, which is kept nowhere; for 90 days, or until `expires_at`, a year at most.

        Raises RecordError (naming field and fix), ServiceError where the scopes go beyond what the user may do, or for too many.
        """
        now, secret = self._clock.now(), PREFIX + secrets.token_urlsafe(32)
        token = ApiToken.new(
            id=hashed(secret),
            user_id=user.id,
            name=" ".join(name.split()),
            scopes=list(dict.fromkeys(scopes)),
            beginning=secret[:_SHOWN],
            expires_at=expires_at or now + _USUAL,
        )
        if not now < token.expires_at <= now + LONGEST:
            raise RecordError(f"ApiToken.expiresAt: must be within the next {LONGEST.days} days")
        beyond = [scope for scope in token.scopes if not covers(user.granted, compile_permissions([scope]))]
        if beyond:
            raise ServiceError(f"ApiToken.scopes: you may not do {beyond[0]} yourself; leave it out", why="beyond")
        if len(await self.of(user.id)) >= MOST:
            raise ServiceError(f"you have {MOST} tokens; revoke one that is not used any more", why="too_many")
        after = {"name": token.name, "scopes": token.scopes, "expiresAt": token.expires_at.isoformat()}
        unit = Unit()
        unit.insert(token, self._audit.entry(AuditAction.CREATED, "api_key", token.id, f"user:{user.id}", after=after))
        await self._store.commit(unit)
        return token, secret

    async def find(self, secret: str) -> tuple[ApiToken, User] | None:
        """The token with this secret and its user as it may act for them, while both are good."""
        token = await self._store.get(ApiToken, hashed(secret)) if secret.startswith(PREFIX) else None
        if token is None or not self._is_good(token):
            return None
        user = await self._store.get(User, token.user_id)
        if user is None or not user.is_active:
            return None
        await self._note(token)
        return token, UserInScope.of(user, token)

    async def of(self, user_id: str) -> list[ApiToken]:
        """A user's tokens that are good, the newest first."""
        found = [token for token in await self._store.find(ApiToken, {"user_id": user_id}) if self._is_good(token)]
        return sorted(found, key=lambda token: token.created_at or token.expires_at, reverse=True)

    async def revoke(self, token_id: str, user_id: str) -> None:
        """Ends one token of a user with the next request. Raises NotFound."""
        found = await self._store.get(ApiToken, token_id)
        if found is None or found.user_id != user_id or not self._is_good(found):
            raise NotFound("there is no such token; it may have ended already")
        unit = Unit(Change(ApiToken, {"id": token_id}, set={"revoked_at": self._clock.now()}))
        before = {"name": found.name}
        unit.insert(self._audit.entry(AuditAction.DELETED, "api_key", token_id, f"user:{user_id}", before=before))
        await self._store.commit(unit)

    def _is_good(self, token: ApiToken) -> bool:
        return token.revoked_at is None and token.expires_at > self._clock.now()

    async def _note(self, token: ApiToken) -> None:
        now = self._clock.now()
        if token.last_used_at is None or now - token.last_used_at >= _NOTED:
            await self._store.change(ApiToken, {"id": token.id}, set={"last_used_at": now})
