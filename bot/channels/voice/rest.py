"""Twilio's REST API, as far as calls need it, over one aiohttp session of our own (CHANNELS 2.1, 2.7).

Every request is bounded in time, and told in one line where it fails. https://www.twilio.com/docs/voice/api/call-resource
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import escape

import aiohttp
import orjson

from bot.breakers import Breaker
from bot.channels.voice.rest_answers import OurNumber, call_of, is_twilios_fault, lost, number_of, reason, refusal, rows
from bot.clock import Clock
from bot.errors import Reach, SendDelayed, SendRefused
from bot.services.phone_provider import ProviderCall
from bot.services.telephone import Order, VendorCall

VERSION = "2010-04-01"
SECONDS = 10.0
"""That a request may take; Twilio answers within one."""
_CONNECT_SECONDS = 5.0
_FILE_SECONDS = 120.0
_MOST_BYTES = 4 * 1024 * 1024
"""Of an answer."""
_SPOKEN = {"es": "es-MX", "en": "en-US", "hi": "hi-IN"}
_EVENTS = ("initiated", "ringing", "answered", "completed")
_UNSPEAKABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""What XML cannot hold."""
_RATE_LIMITED = 429

Form = Sequence[tuple[str, str]]


class TwilioRest:
    """One account. All methods raise SendDelayed (not done; again later) and SendRefused (never this one)."""

    name = "twilio"

    def __init__(
        self,
        account_sid: str,
        auth_token: str,
        ours: str,
        public_url: str,
        clock: Clock,
        *,
        api_url: str = "https://api.twilio.com",
        breaker: Breaker | None = None,
        seconds: float = SECONDS,
    ) -> None:
        """`ours` is the number that we call from, `public_url` where Twilio reaches us."""
        self.ours = ours
        self._account = account_sid
        self._headers = {"Authorization": aiohttp.encode_basic_auth(account_sid, auth_token), "Accept": "application/json"}
        self._public_url = public_url.rstrip("/")
        self._base = f"{api_url.rstrip('/')}/{VERSION}/Accounts/{quote(account_sid, safe='')}"
        self._breaker = breaker or Breaker(self.name, clock)
        self._timeout = aiohttp.ClientTimeout(total=seconds, sock_connect=min(seconds, _CONNECT_SECONDS))
        self._session: aiohttp.ClientSession | None = None

    @property
    def addresses(self) -> tuple[str, str]:
        """Where Twilio has to ask when somebody calls, and where to tell how calls go."""
        here = f"{self._public_url}/webhooks/twilio/voice"
        return here, f"{here}/status"

    # Calls

    async def place(self, order: Order) -> VendorCall:
        """Raises SendUnconfirmed where the answer was lost: the call may have been placed, so look before asking again."""
        return call_of(await self._asked("POST", "/Calls.json", self._form(order), is_repeatable=False))

    def _form(self, order: Order) -> Form:
        """Every address that Twilio asks names our own record, as its id is not known before (CHANNELS 2.7)."""
        about = f"?call={quote(order.call_id, safe='')}"
        here, status = self.addresses
        form = [
            ("To", order.number),
            ("From", self.ours),
            ("Url", f"{here}{about}"),
            ("Method", "POST"),
            ("StatusCallback", f"{status}{about}"),
            ("StatusCallbackMethod", "POST"),
            *(("StatusCallbackEvent", event) for event in _EVENTS),
            ("Timeout", str(order.ring_seconds)),
            ("TimeLimit", str(order.most_seconds)),
            ("MachineDetection", "DetectMessageEnd" if order.waits_for_beep else "Enable"),
            ("AsyncAmd", "true"),
            ("AsyncAmdStatusCallback", f"{here}/amd{about}"),
            ("AsyncAmdStatusCallbackMethod", "POST"),
        ]
        if order.record:
            form += [
                ("Record", "true"),
                ("RecordingChannels", "dual"),
                ("RecordingStatusCallback", f"{here}/recording{about}"),
                ("RecordingStatusCallbackMethod", "POST"),
            ]
        return form

    async def fetch(self, sid: str) -> VendorCall:
        """How a call stands, with its price once Twilio knows it."""
        return call_of(await self._asked("GET", f"/Calls/{quote(sid, safe='')}.json"))

    async def call_state(self, sid: str) -> ProviderCall | None:
        """The same in the words of what comes after a call; None where Twilio knows of no such call."""
        try:
            call = await self.fetch(sid)
        except SendRefused as error:
            if error.code == "20404":
                return None
            raise
        return ProviderCall(call.status, call.price, call.price_unit)

    async def calls_to(self, number: str, since: datetime) -> list[VendorCall]:
        """Calls from our number to this one that were made since then, the newest first: of the last fifty."""
        query = {"To": number, "From": self.ours, "PageSize": "50"}  # its filters know days only, and no call that waits
        answer = await self._asked("GET", "/Calls.json", query=query)
        found = [call_of(each) for each in rows(answer, "calls")]
        return [call for call in found if call.number == number and call.created_at is not None and call.created_at >= since]

    async def hang_up(self, sid: str) -> None:
        """Ends it, whether it waits, rings or is answered."""
        await self._update(sid, [("Status", "completed")])

    async def say_and_hang_up(self, sid: str, text: str, language: str) -> None:
        """Whatever is going on in the call ends; this is said and the call is over."""
        said = escape(_UNSPEAKABLE.sub(" ", text))
        await self.redirect(sid, f'<Response><Say language="{_SPOKEN.get(language, language)}">{said}</Say><Hangup/></Response>')

    async def redirect(self, sid: str, twiml: str) -> None:
        """The call goes on with this TwiML (at most 4000 characters)."""
        await self._update(sid, [("Twiml", twiml)])

    async def redirect_to(self, sid: str, url: str) -> None:
        """The call goes on with what this address answers."""
        await self._update(sid, [("Url", url), ("Method", "POST")])

    async def _update(self, sid: str, form: Form) -> None:
        await self._asked("POST", f"/Calls/{quote(sid, safe='')}.json", form)

    # Recordings

    async def fetch_recording(self, sid: str) -> AsyncIterator[bytes]:
        """The sound of a recording, as MP3, as it comes. Raises SendDelayed, SendRefused, also in the middle."""
        url, timeout = f"{self._base}/Recordings/{quote(sid, safe='')}.mp3", aiohttp.ClientTimeout(total=_FILE_SECONDS)
        async with self._breaker.asking(is_twilios_fault):
            with _told(is_repeatable=True):
                async with self._open().get(url, headers=self._headers, timeout=timeout) as response:
                    if response.status >= 300:
                        raise refusal(response.status, await _read(response), response.headers.get("Retry-After", ""), True)
                    async for part in response.content.iter_chunked(64 * 1024):
                        yield part

    async def delete_recording(self, sid: str) -> None:
        """Gone at Twilio; done twice it is the same."""
        try:
            await self._ask("DELETE", f"/Recordings/{quote(sid, safe='')}.json")
        except SendRefused as error:
            if error.code != "20404":
                raise

    # The account

    async def number(self, e164: str) -> OurNumber:
        """One of the account's numbers. Raises SendRefused where it has no such number."""
        answer = await self._asked("GET", "/IncomingPhoneNumbers.json", query={"PhoneNumber": e164})
        for each in rows(answer, "incoming_phone_numbers"):
            if each.get("phone_number") == e164:
                return number_of(each)
        raise SendRefused(f"TWILIO_FROM_NUMBER: this account has no number {e164}; `bot check` shows what is set")

    async def set_addresses(self, number: OurNumber, voice_url: str, status_callback: str) -> OurNumber:
        """Where Twilio asks from now on when somebody calls the number, and where it tells how calls go."""
        form = [
            ("VoiceUrl", voice_url),
            ("VoiceMethod", "POST"),
            ("StatusCallback", status_callback),
            ("StatusCallbackMethod", "POST"),
        ]
        return number_of(await self._asked("POST", f"/IncomingPhoneNumbers/{quote(number.sid, safe='')}.json", form))

    async def check(self) -> str:
        """Whether the account knows us and our number, and asks us when it is called (`bot check --live`)."""
        number = await self.number(self.ours)
        here, _ = self.addresses
        if number.voice_url != here:
            asked = number.voice_url or "nobody"
            raise SendRefused(f"{number.number} asks {asked} when it is called, not {here}; run `bot twilio setup`")
        return f"{number.number} is ours"

    async def close(self) -> None:
        """Connections that are open end."""
        if self._session is not None:
            await self._session.close()

    # One request

    async def _asked(
        self, method: str, path: str, form: Form = (), *, query: Mapping[str, str] | None = None, is_repeatable: bool = True
    ) -> dict[str, Any]:
        """The document that answers."""
        answer = await self._ask(method, path, form, query=query, is_repeatable=is_repeatable)
        try:
            document = orjson.loads(answer)
        except orjson.JSONDecodeError:
            document = None
        if not isinstance(document, dict):
            raise lost("Twilio's answer could not be read", is_repeatable)
        return document

    async def _ask(
        self,
        method: str,
        path: str,
        form: Form = (),
        *,
        query: Mapping[str, str] | None = None,
        is_repeatable: bool = True,
    ) -> bytes:
        """What is not `is_repeatable` is unconfirmed where it may have been done although we were not told."""
        async with self._breaker.asking(is_twilios_fault):
            with _told(is_repeatable):
                async with self._open().request(
                    method,
                    f"{self._base}{path}",
                    params=query,
                    data=aiohttp.FormData(form) if form else None,
                    headers=self._headers,
                    allow_redirects=False,
                ) as response:
                    body = await _read(response)
                    if response.status < 300:
                        return body
                    raise refusal(response.status, body, response.headers.get("Retry-After", ""), is_repeatable)

    def _open(self) -> aiohttp.ClientSession:
        """Made when it is first used: it needs a running loop."""
        if self._session is None:
            self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), timeout=self._timeout)
        return self._session


@contextmanager
def _told(is_repeatable: bool) -> Iterator[None]:
    """The client's errors in our words."""
    try:
        yield
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:  # it was not even sent
        raise SendDelayed(f"Twilio cannot be reached: {reason(error)}", reach=Reach.VENDOR) from None
    except TimeoutError:
        raise lost("Twilio has not answered in time", is_repeatable) from None
    except (aiohttp.ClientError, OSError) as error:
        raise lost(f"the connection to Twilio was lost: {reason(error)}", is_repeatable) from None


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """The body. Raises ClientPayloadError where it is longer than anything that is asked for."""
    parts = bytearray()
    async for part in response.content.iter_chunked(64 * 1024):
        parts += part
        if len(parts) > _MOST_BYTES:
            raise aiohttp.ClientPayloadError("too long")
    return bytes(parts)
