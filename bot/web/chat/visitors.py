"""Who visits the chat: an id and its proof, signed so that nothing has to be kept for whoever only looks."""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import timedelta

from aiohttp import web

from bot.clock import Clock, new_id

KEEP = timedelta(days=30)
RENEW = timedelta(days=1)
"""A token older than this is renewed when the page is opened: who comes back within 30 days is known."""

COOKIE = "chat_visitor"
EMBEDDED_COOKIE = "chat_visitor_embedded"
"""Its own name: the same browser may know a visitor of our own page and one inside each of other sites'."""

_PURPOSE = b"web chat visitors, 1"
_TOKEN = re.compile(r"[0-9a-f]{32}\.[0-9a-f]{1,12}\.[\w-]{43}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody in one browser."""

    id: str
    token: str
    is_due: bool = False
    """Whether the token should be renewed."""


class Visitors:
    """Makes tokens and reads them. A token is all a visitor has: who holds it is them."""

    def __init__(self, key: bytes, clock: Clock) -> None:
        self._key = hmac.digest(key, _PURPOSE, hashlib.sha256)  # of its own: a token proves nothing elsewhere
        self._clock = clock

    def new(self) -> Visitor:
        """Somebody who was not here before."""
        return self._issue(new_id())

    def renewed(self, visitor: Visitor) -> Visitor:
        """The same one, for another 30 days."""
        return self._issue(visitor.id)

    def read(self, token: str) -> Visitor | None:
        """Whose token this is; None where it is not ours or too old."""
        if not _TOKEN.fullmatch(token):
            return None
        id_, issued, signature = token.split(".")
        if not hmac.compare_digest(signature, self._sign(f"{id_}.{issued}")):
            return None
        age = timedelta(seconds=self._clock.now().timestamp() - int(issued, 16))
        return Visitor(id_, token, is_due=age > RENEW) if age <= KEEP else None

    def _issue(self, id_: str) -> Visitor:
        body = f"{id_}.{int(self._clock.now().timestamp()):x}"
        return Visitor(id_, f"{body}.{self._sign(body)}")

    def _sign(self, body: str) -> str:
        return urlsafe_b64encode(hmac.digest(self._key, body.encode(), hashlib.sha256)).decode().rstrip("=")


def visitor_of(request: web.Request, visitors: Visitors, *, embedded: bool) -> Visitor | None:
    """The visitor whose cookie came along."""
    return visitors.read(request.cookies.get(EMBEDDED_COOKIE if embedded else COOKIE, ""))


def remember(response: web.Response, visitor: Visitor, *, embedded: bool, is_https: bool) -> None:
    """Gives the browser its cookie, out of reach of scripts.

    Inside another site's page a browser keeps it only over https, and apart for each of those sites (CHIPS); elsewhere it
    drops it, and the page keeps its token itself.
    """
    name = EMBEDDED_COOKIE if embedded else COOKIE
    scope = "; Secure; SameSite=None; Partitioned" if embedded else f"{'; Secure' if is_https else ''}; SameSite=Lax"
    age = int(KEEP.total_seconds())
    # Python 3.11's cookies know no Partitioned.
    response.headers.add("Set-Cookie", f"{name}={visitor.token}; Max-Age={age}; Path=/chat; HttpOnly{scope}")
