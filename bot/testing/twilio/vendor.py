"""Twilio's other side: it signs webhooks and handshakes, and posts its forms as it does (CHANNELS 2.2, 2.3)."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlencode, urljoin

import aiohttp

from bot.clock import Clock, SystemClock, new_id

ACCOUNT_SID = "AC00000000000000000000000000000001"
AUTH_TOKEN = "fake-twilio-token"
OURS = "+12025550100"
VOICE = "/webhooks/twilio/voice"

Fields = Sequence[tuple[str, str]]


def new_call_sid() -> str:
    """The id of a new call."""
    return f"CA{new_id()}"


def signature(token: str, url: str, fields: Fields = (), algorithm: str = "sha1") -> str:
    """As Twilio's documents have it ("Webhooks security"): the URL, then each parameter's name and values in order."""
    signed = url + "".join(name + value for name, value in sorted(set(fields)))
    return base64.b64encode(hmac.new(token.encode(), signed.encode(), getattr(hashlib, algorithm)).digest()).decode()


@dataclass(frozen=True, slots=True)
class Answer:
    """What a webhook was answered with."""

    status: int
    body: str
    content_type: str


class Vendor:
    """Signs and posts. `public_url` is what it believes our address to be, `target` where we really listen."""

    def __init__(
        self,
        target: str,
        *,
        public_url: str = "",
        account_sid: str = ACCOUNT_SID,
        auth_token: str = AUTH_TOKEN,
        clock: Clock | None = None,
    ) -> None:
        self.target = target.rstrip("/")
        self.public_url = (public_url or target).rstrip("/")
        self.account_sid = account_sid
        self.auth_token = auth_token
        self.clock = clock or SystemClock()
        self._http: aiohttp.ClientSession | None = None
        self._is_closed = False

    @property
    def http(self) -> aiohttp.ClientSession:
        """The connections to our target."""
        assert not self._is_closed, "Twilio is gone"
        if self._http is None:
            self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30))
        return self._http

    async def close(self) -> None:
        """Lets go of its connections; whoever is on a call is gone."""
        self._is_closed = True
        if self._http is not None:
            await self._http.close()
            self._http = None

    async def post(self, url: str, fields: Mapping[str, str], *, signed: str | None = None, **headers: str) -> Answer:
        """Posts a form; `url` may be a path. Signed as it should be, or with `signed` (an empty one leaves the header out)."""
        asked = urljoin(self.public_url, url)
        header = signature(self.auth_token, asked, list(fields.items())) if signed is None else signed
        return await self.post_raw(url, urlencode(fields).encode(), header, **headers)

    async def post_raw(self, url: str, body: bytes, header: str = "", **headers: str) -> Answer:
        """Posts any body with any header."""
        sent = {
            "Content-Type": "application/x-www-form-urlencoded",
            **({"X-Twilio-Signature": header} if header else {}),
            **headers,
        }
        async with self.http.post(self._real(url), data=body, headers=sent) as answer:
            return Answer(answer.status, await answer.text(), answer.content_type)

    def socket(self, url: str, *, signed: str | None = None) -> Any:
        """Opens the websocket at this ws(s):// address, as an async context manager; its signature is over the URL alone."""
        header = signature(self.auth_token, url) if signed is None else signed
        headers = {"X-Twilio-Signature": header} if header else {}
        return self.http.ws_connect(self._real("http" + url.removeprefix("ws")), headers=headers, max_msg_size=1 << 20)

    def _real(self, url: str) -> str:
        """Where what we are called is really to be found."""
        asked = urljoin(self.public_url, url)
        return self.target + asked.removeprefix(self.public_url)

    def timestamp(self) -> str:
        """Now, as callbacks tell it."""
        return format_datetime(self.clock.now())
