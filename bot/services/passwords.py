"""Passwords: bcrypt (S1-109, S2-008), in threads, and what may be one."""

from __future__ import annotations

import asyncio
import unicodedata

import bcrypt

from bot.errors import PasswordRefused

LEAST = 12
"""Characters; there are no rules on kinds of characters, which only make people write `Password1!` (NIST SP 800-63B)."""
MOST_BYTES = 72
"""bcrypt reads no further. A longer one is refused rather than hashed first, so that other programs can read our hashes."""
COST = 12
"""2^12 rounds: about 0.3 s here."""
_DIFFERENT = 4
_AT_ONCE = 4
"""Hashes of one process; threads are needed for other things too."""

_NOBODYS = bcrypt.hashpw(b"a hash to compare with where there is none", bcrypt.gensalt(4))[7:].decode()
"""What comes behind the cost: for who is not there, the check takes as long as for who is."""


def check_new(password: str, email: str) -> None:
    """Raises PasswordRefused where it cannot be the password of the user with this address."""
    clean = _normal(password)
    if len(clean) < LEAST:
        raise PasswordRefused(f"password: has to have {LEAST} characters or more; several words are easy to keep", why="short")
    if len(clean.encode()) > MOST_BYTES:
        raise PasswordRefused(f"password: is longer than {MOST_BYTES} bytes; take a shorter one", why="long")
    if len(set(clean)) < _DIFFERENT or _is_like(clean, email):
        raise PasswordRefused("password: is too much like the address, or one character again and again", why="like_address")


def _is_like(password: str, email: str) -> bool:
    """Whether most of it is the user's own address."""
    name = email.partition("@")[0].casefold()
    return password.casefold() in email.casefold() or (name in password.casefold() and 2 * len(name) > len(password))


class Passwords:
    """Makes hashes and compares with them. The event loop goes on meanwhile."""

    def __init__(self, cost: int = COST) -> None:
        self._cost = cost
        self._room = asyncio.Semaphore(_AT_ONCE)

    async def hashed(self, password: str) -> str:
        """The hash of a password that `check_new` has let through."""
        async with self._room:
            return (await asyncio.to_thread(bcrypt.hashpw, _normal(password).encode(), bcrypt.gensalt(self._cost))).decode()

    async def is_right(self, password: str, hashed: str | None) -> bool:
        """Whether it is the password behind a hash; where there is none, False after as long a time."""
        against = hashed or f"$2b${self._cost:02}${_NOBODYS}"
        typed = _normal(password).encode(errors="replace")
        async with self._room:
            is_it = await asyncio.to_thread(_matches, typed[:MOST_BYTES], against)
        return is_it and hashed is not None and len(typed) <= MOST_BYTES


def _matches(typed: bytes, hashed: str) -> bool:
    try:
        return bcrypt.checkpw(typed, hashed.encode())
    except ValueError:  # an imported one that only looks like a hash
        return False


def _normal(password: str) -> str:
    """The same letters typed on another machine are the same password."""
    return unicodedata.normalize("NFC", password)
