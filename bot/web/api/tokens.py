"""One's own tokens: with them programs use this API."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bot.errors import NotFound, ServiceError
from bot.records.access import ApiToken
from bot.web.endpoint import Call, Endpoint, Model, declared, endpoint
from bot.web.fields import At, Moment
from bot.web.paging import Page
from bot.web.site import Site


class NewToken(Model):
    name: Annotated[str, Field(min_length=1, max_length=80, examples=["nightly report"])]
    scopes: Annotated[
        list[Annotated[str, Field(max_length=60)]], Field(min_length=1, max_length=40, examples=[["read:conversations"]])
    ]
    """What it may do, as permissions are written; never more than its user may."""
    expires_at: Moment | None = None
    """At most a year from now; 90 days without it."""


class Token(Model):
    id: str
    name: str
    scopes: list[str]
    beginning: str
    """How its secret begins."""
    created_at: At | None
    expires_at: At
    last_used_at: At | None


class Made(Model):
    token: Token
    secret: str
    """Told this once. Send it as `Authorization: Bearer <secret>`."""


class Tokens:
    def __init__(self, site: Site) -> None:
        self._tokens = site.parts.accounts.tokens

    @endpoint("GET", "/tokens")
    async def listed(self, call: Call) -> Page[Token]:
        """One's own tokens that are good, the newest first."""
        return Page(items=[_shown(token) for token in await self._tokens.of(call.user.id)])

    @endpoint("POST", "/tokens", status=201)
    async def make(self, call: Call, body: NewToken) -> Made:
        """Makes a token; its secret is told in this answer and never again.

        Only for who is signed in: a token that was revoked, or is over, would live on in those that it made.
        """
        if call.who.token is not None:
            raise ServiceError("a token makes no other tokens; make it on /account, or signed in")
        token, secret = await self._tokens.make(call.user, body.name, body.scopes, expires_at=body.expires_at)
        return Made(token=_shown(token), secret=secret)

    @endpoint("DELETE", "/tokens/{id}")
    async def revoke(self, call: Call, id: str) -> None:
        """Ends a token with the next request; a program ends no other token than its own."""
        if call.who.token is not None and call.who.token.id != id:
            raise NotFound("there is no such token; it may have ended already")
        await self._tokens.revoke(id, call.user.id)


def _shown(token: ApiToken) -> Token:
    return Token(
        id=token.id,
        name=token.name,
        scopes=token.scopes,
        beginning=token.beginning,
        created_at=token.created_at,
        expires_at=token.expires_at,
        last_used_at=token.last_used_at,
    )


def endpoints(site: Site) -> list[Endpoint]:
    return declared(Tokens(site))
