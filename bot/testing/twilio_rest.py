"""Twilio's REST API on a port of this machine, as far as calls need it: real HTTP, and it can fail in every way that hurts.

async with FakeRest() as twilio:
    rest = TwilioRest(twilio.account_sid, twilio.auth_token, "+12025550100", "https://bot.example.com", clock, api_url=twilio.url)
    await rest.place(order)
assert twilio.placed[0]["To"] == "+12025550123"
"""

from __future__ import annotations

import asyncio
import base64
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import format_datetime
from types import TracebackType
from typing import Any, Self

from aiohttp import web
from multidict import MultiDictProxy

from bot.clock import Clock, SystemClock

ACCOUNT_SID = "AC00000000000000000000000000000001"
AUTH_TOKEN = "fake-twilio-token"
_BASE = f"/2010-04-01/Accounts/{ACCOUNT_SID}"


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to the next request."""

    status: int = 0
    """The answer's; 0 for none at all: the connection is cut."""
    code: int = 0
    """Twilio's."""
    is_done: bool = False
    """Whether what was asked for is done before."""
    hangs: bool = False
    """Whether nothing is answered for as long as the server lives."""
    body: str | None = None
    """In place of Twilio's document."""
    retry_after: str = ""


@dataclass
class FakeRest:
    """One account. What it was asked for, and what it has made of it, are for a test to look at."""

    clock: Clock = field(default_factory=SystemClock)
    account_sid: str = ACCOUNT_SID
    auth_token: str = AUTH_TOKEN
    url: str = ""
    calls: dict[str, dict[str, Any]] = field(default_factory=dict)
    placed: list[MultiDictProxy[str]] = field(default_factory=list)
    """The forms of calls that were placed."""
    updates: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    recordings: dict[str, bytes] = field(default_factory=dict)
    numbers: dict[str, dict[str, Any]] = field(default_factory=dict)
    faults: deque[Fault] = field(default_factory=deque)
    requests: list[str] = field(default_factory=list)
    """Method and path of everything that came."""

    async def __aenter__(self) -> Self:
        app = web.Application(middlewares=[self._met])
        app.router.add_post(f"{_BASE}/Calls.json", self._place)
        app.router.add_get(f"{_BASE}/Calls.json", self._list)
        app.router.add_get(f"{_BASE}/Calls/{{sid}}.json", self._fetch)
        app.router.add_post(f"{_BASE}/Calls/{{sid}}.json", self._update)
        app.router.add_get(f"{_BASE}/Recordings/{{sid}}.mp3", self._sound)
        app.router.add_delete(f"{_BASE}/Recordings/{{sid}}.json", self._delete)
        app.router.add_get(f"{_BASE}/IncomingPhoneNumbers.json", self._numbers)
        app.router.add_post(f"{_BASE}/IncomingPhoneNumbers/{{sid}}.json", self._set_number)
        self._over = asyncio.Event()
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._over.set()
        await self._runner.cleanup()

    def owns(self, number: str, voice_url: str = "", status_callback: str = "") -> None:
        """The account has this number."""
        sid = f"PN{len(self.numbers):032d}"
        values = {"sid": sid, "phone_number": number, "voice_url": voice_url, "status_callback": status_callback}
        self.numbers[sid] = values

    @web.middleware
    async def _met(self, request: web.Request, handler: Callable[[web.Request], Any]) -> web.StreamResponse:
        self.requests.append(f"{request.method} {request.path.removeprefix(_BASE)}")
        expected = base64.b64encode(f"{self.account_sid}:{self.auth_token}".encode()).decode()
        if request.headers.get("Authorization") != f"Basic {expected}":
            return _error(401, 20003)
        fault = self.faults.popleft() if self.faults else None
        if fault is None or fault.is_done:
            answer: web.StreamResponse = await handler(request)
        if fault is None:
            return answer
        if fault.hangs:
            await self._over.wait()
        if not fault.status:
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        if fault.body is not None:
            return web.Response(status=fault.status, text=fault.body)
        failed = _error(fault.status, fault.code)
        if fault.retry_after:
            failed.headers["Retry-After"] = fault.retry_after
        return failed

    async def _place(self, request: web.Request) -> web.Response:
        form = await request.post()
        self.placed.append(form)  # type: ignore[arg-type]
        sid = f"CA{len(self.placed):032d}"
        self.calls[sid] = {
            "sid": sid,
            "account_sid": self.account_sid,
            "to": form["To"],
            "from": form["From"],
            "status": "queued",
            "direction": "outbound-api",
            "date_created": format_datetime(self.clock.now()),
            "answered_by": None,
            "duration": None,
            "price": None,
            "price_unit": "USD",
        }
        return web.json_response(self.calls[sid], status=201)

    async def _list(self, request: web.Request) -> web.Response:
        asked = request.query
        found = [call for call in self.calls.values() if call["to"] == asked.get("To", call["to"])]
        return web.json_response({"calls": found[::-1], "page_size": 50})

    async def _fetch(self, request: web.Request) -> web.Response:
        call = self.calls.get(request.match_info["sid"])
        return web.json_response(call) if call is not None else _error(404, 20404)

    async def _update(self, request: web.Request) -> web.Response:
        sid = request.match_info["sid"]
        if sid not in self.calls:
            return _error(404, 20404)
        if self.calls[sid]["status"] == "completed":
            return _error(400, 21220)
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.updates.append((sid, form))
        if form.get("Status"):
            self.calls[sid]["status"] = form["Status"]
        return web.json_response(self.calls[sid])

    async def _sound(self, request: web.Request) -> web.Response:
        sound = self.recordings.get(request.match_info["sid"])
        return web.Response(body=sound, content_type="audio/mpeg") if sound is not None else _error(404, 20404)

    async def _delete(self, request: web.Request) -> web.Response:
        gone = self.recordings.pop(request.match_info["sid"], None)
        return web.Response(status=204) if gone is not None else _error(404, 20404)

    async def _numbers(self, request: web.Request) -> web.Response:
        wanted = request.query.get("PhoneNumber", "")
        found = [each for each in self.numbers.values() if wanted in each["phone_number"]]
        return web.json_response({"incoming_phone_numbers": found})

    async def _set_number(self, request: web.Request) -> web.Response:
        number = self.numbers.get(request.match_info["sid"])
        if number is None:
            return _error(404, 20404)
        form = await request.post()
        number.update({"voice_url": str(form["VoiceUrl"]), "status_callback": str(form["StatusCallback"])})
        return web.json_response(number)


def _error(status: int, code: int) -> web.Response:
    """As Twilio words them: with the number in it, which must not get any further."""
    url = f"https://www.twilio.com/docs/errors/{code}"
    words = "The 'To' number +12025550123 is not what it should be."
    return web.json_response({"code": code, "message": words, "more_info": url, "status": status}, status=status)
