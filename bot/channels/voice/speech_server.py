"""The way to a server that speaks OpenAI's audio API: connections that stay open, bounds on waiting, one-line errors.

https://platform.openai.com/docs/api-reference/audio
Not by the `openai` package: that is for the model, and costs 40 MB where only speech is wanted. Nothing that the server writes is
repeated in an error: it may quote the words, or the key.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import orjson
from yarl import URL

from bot.breakers import Breaker
from bot.errors import SettingsError, SpeechError, VendorLeftAlone

OPENAI_URL = "https://api.openai.com/v1"

CONNECT_SECONDS = 3.0
IDLE_SECONDS = 75.0
"""How long an unused connection is kept: talks have pauses, and a new one costs a clause its handshakes."""
_REFUSES_EVERYTHING = frozenset({401, 402, 403, 404, 405})
_PASSING = frozenset({408, 409, 425, 429})  # and every 5xx: the same request may work later
_FIXES = {
    401: "the key was refused: check OPENAI_API_KEY",
    402: "the account has no credit: check the account of OPENAI_API_KEY",
    403: "the key may not do this: check what OPENAI_API_KEY is allowed",
    404: "no such model or address: check {setting} and OPENAI_BASE_URL",
    405: "that address takes no such request: check OPENAI_BASE_URL",
}
_MOST_OF_A_COMPLAINT = 4096

Payload = Callable[[], Any]
"""Makes the body anew for each attempt."""


class SpeechServer:
    """One server, for one purpose. An empty `base_url` means OpenAI's own, an empty `api_key` that none is asked for.

    Raises SettingsError for a key or an address that could never work.
    """

    def __init__(self, api_key: str, base_url: str, breaker: Breaker) -> None:
        key = api_key.strip()
        if not all("!" <= character <= "~" for character in key):
            raise SettingsError("OPENAI_API_KEY has a space, a line break or a letter in it that no key has: copy it again")
        self._base = (base_url or OPENAI_URL).rstrip("/")
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._breaker = breaker
        self._session: aiohttp.ClientSession | None = None

    @property
    def host(self) -> str:
        return URL(self._base).host or ""

    @asynccontextmanager
    async def post(self, path: str, payload: Payload, *, seconds: float, setting: str) -> AsyncIterator[aiohttp.ClientResponse]:
        """A request whose answer has begun, and is no error. `setting` names the model's, for errors.

        A connection that breaks before any answer is tried once more. Raises SpeechError: not reached, no answer within
        `seconds`, an error status, or left alone for a while since it failed too often.
        """
        try:
            async with self._breaker.asking(is_its_fault):
                response = await self._begin(path, payload, seconds, setting)
                async with response:
                    yield response
        except VendorLeftAlone:
            raise SpeechError(f"{self._breaker.name} failed too often and is left alone for a while") from None

    async def close(self) -> None:
        """Connections that are open end."""
        if self._session is not None:
            await self._session.close()

    async def _begin(self, path: str, payload: Payload, seconds: float, setting: str) -> aiohttp.ClientResponse:
        try:
            async with asyncio.timeout(seconds):
                try:
                    response = await self._send(path, payload)
                except aiohttp.ClientConnectionError:  # one that was kept open may have been closed at the other end
                    response = await self._send(path, payload)
                if response.status >= 300:
                    await self._refuse(response, setting)
                return response
        except TimeoutError:
            raise SpeechError(f"the speech server at {self.host} did not answer within {seconds:g} s") from None
        except (aiohttp.ClientError, OSError) as error:
            kind = type(error).__name__
            raise SpeechError(f"no connection to the speech server at {self.host} ({kind}): check OPENAI_BASE_URL") from None

    async def _send(self, path: str, payload: Payload) -> aiohttp.ClientResponse:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=IDLE_SECONDS),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers=self._headers,
            )
        body = payload()
        is_json = isinstance(body, dict)
        data = orjson.dumps(body) if is_json else body
        headers = {"Content-Type": "application/json"} if is_json else None
        return await self._session.post(f"{self._base}{path}", data=data, headers=headers, allow_redirects=False)

    async def _refuse(self, response: aiohttp.ClientResponse, setting: str) -> None:
        status = response.status
        async with response:
            await response.content.read(_MOST_OF_A_COMPLAINT)  # where that is all of it, the connection can be used again
        if status in _PASSING or status >= 500:
            raise SpeechError(f"the speech server at {self.host} cannot answer now ({status})", status=status)
        if status in (400, 415, 422):
            raise Refused(f"the speech server refused the request ({status}): check {setting}", status=status)
        fix = _FIXES.get(status, "it sent us elsewhere: check OPENAI_BASE_URL" if status < 400 else "it refused the request")
        raise SpeechError(f"{fix.format(setting=setting)} ({status})", status=status)


class Refused(SpeechError):
    """The server understood the request and does not do that."""


async def pieces_of(response: aiohttp.ClientResponse, *, idle: float, total: float) -> AsyncGenerator[bytes, None]:
    """The body as it comes. What its reader takes is not counted.

    Raises SpeechError where the server is silent for `idle` seconds, or has made us wait `total` in all, or breaks off.
    """
    loop = asyncio.get_running_loop()
    left = total
    while True:
        began = loop.time()
        try:
            async with asyncio.timeout(min(idle, left)):
                piece = await response.content.readany()
        except TimeoutError:
            raise SpeechError("the speech server stopped in the middle, or was too slow") from None
        except (aiohttp.ClientError, OSError) as error:
            raise SpeechError(f"the speech server broke off ({type(error).__name__})") from None
        if not piece:
            return
        left = max(0.0, left - (loop.time() - began))
        yield piece


def is_its_fault(error: Exception) -> bool:
    """Whether the next request would fare no better."""
    if isinstance(error, Refused):
        return False
    status = error.status if isinstance(error, SpeechError) else 0
    return status in _REFUSES_EVERYTHING or status in _PASSING or not 400 <= status < 500
