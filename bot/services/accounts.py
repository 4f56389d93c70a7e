"""The parts of sign-in, joined: for the web, for the command line, for tests."""

from __future__ import annotations

from dataclasses import dataclass

from bot.clock import Clock
from bot.services.access_links import AccessLinks
from bot.services.api_tokens import ApiTokens
from bot.services.audit import Audit
from bot.services.one_time_codes import OneTimeCodes
from bot.services.passwords import Passwords
from bot.services.sessions import Sessions
from bot.services.sign_in import SignIn, SignInParts
from bot.services.team import Team
from bot.services.users import Users
from bot.store.base import Store


@dataclass(frozen=True, slots=True)
class Accounts:
    """Everything about who has a login."""

    users: Users
    sessions: Sessions
    links: AccessLinks
    passwords: Passwords
    sign_in: SignIn
    team: Team
    tokens: ApiTokens


def accounts_of(
    store: Store, clock: Clock, audit: Audit, key: bytes, web_url: str, passwords: Passwords | None = None
) -> Accounts:
    """The parts over a store. `key` is the secret key; links begin with `web_url`; tests bring cheaper `passwords`."""
    users = Users(store, clock, audit)
    sessions = Sessions(store, clock)
    links = AccessLinks(store, clock, key, web_url)
    passwords = passwords or Passwords()
    tokens = ApiTokens(store, clock, audit)
    parts = SignInParts(store, clock, audit, users, sessions, links, passwords, OneTimeCodes(key))
    return Accounts(users, sessions, links, passwords, SignIn(parts), Team(store, audit, users, sessions, links), tokens)
