"""The way out for WhatsApp: replies through Meta's Cloud API. The only file that knows pywa and httpx."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Coroutine
from typing import Any, Final

import httpx
from pywa_async.client import WhatsApp
from pywa_async.errors import WhatsAppError
from pywa_async.utils import Version

from bot.channels.whatsapp.failures import by_code, by_status, setting_of
from bot.channels.whatsapp.parser import CHANNEL
from bot.channels.whatsapp.shaping import shape
from bot.errors import Reach, SendDelayed, SendError, SendRefused, SendUnconfirmed, SettingsError
from bot.message import Address, Reply
from bot.pacing import Pace, Rate

# pywa logs whole bodies at DEBUG and advice at WARNING; httpx a line per request at INFO. Every failure is raised to us anyway.
for _name in ("pywa", "httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.ERROR)

API_VERSION: Final = str(Version.GRAPH_API.value)

_WA_ID = re.compile(r"\+?([0-9]{5,20})")
_BSUID = re.compile(r"[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128}")
_NUMBER_ID = re.compile(r"[0-9]{1,32}")

_NOTHING_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol)
"""Failures before the first byte of a request; after any other the message may have gone out."""

_UNREADABLE = (ValueError, KeyError, TypeError, AttributeError, IndexError)
"""What pywa lets through when an answer is not the JSON it expects (CHANNELS 1.3, trap 9)."""


_PER_SECOND = 80
"""Messages from one number, until Meta raises it (Cloud API, "Throughput")."""
_TO_ONE_PERSON = Rate(45, 1 / 6)
"""One in 6 s, and up to 45 at once at the expense of the time after (Cloud API, "Pair rate limits"; error 131056)."""


class WhatsAppChannel:
    """Says replies on WhatsApp (the port: `bot.channels.base.Channel`).

    `api_url` is Graph's or a fake's, without the version; `timeout` is how many seconds to wait for Meta's answer; `per_second`
    how many messages Meta takes from a number.
    Raises SettingsError for an `api_url` that is no URL.
    """

    name = CHANNEL
    tracks = True

    def __init__(self, phone_id: str, token: str, api_url: str, *, timeout: float = 15.0, per_second: int = _PER_SECOND) -> None:
        if not api_url.startswith(("https://", "http://")):
            raise SettingsError(f"WHATSAPP_API_URL must begin with https:// or http://, and it is {api_url!r}.")
        self.pace = Pace(sender=Rate(per_second, per_second), person=_TO_ONE_PERSON)
        self._phone_id = phone_id
        self._http = httpx.AsyncClient(
            timeout=httpx.Timeout(timeout, connect=min(timeout, 5.0), pool=min(timeout, 5.0)),
            limits=httpx.Limits(max_connections=100, max_keepalive_connections=100, keepalive_expiry=30.0),
        )
        self._wa = WhatsApp(phone_id=phone_id, token=token, session=self._http, api_version=API_VERSION, filter_updates=False)
        # The constructor of pywa forces Graph's own address on the client (CHANNELS 1.3, trap 12).
        self._http.base_url = f"{api_url.rstrip('/')}/v{API_VERSION}"

    def shape(self, reply: Reply) -> list[Reply]:
        return shape(reply)

    async def send(self, to: Address, reply: Reply, tracker: str) -> str:
        """Posts one shaped piece from the number `to.ours`; returns its wamid. The tracker comes back in every receipt."""
        message = {
            "sender": _sender(to.ours or self._phone_id),
            **_recipient(to.theirs),
            **_body(reply),
            "biz_opaque_callback_data": tracker or None,
        }
        # The layer below pywa's own `send_message`: that one takes a business-scoped id with letters for a group, and raises
        # after a message has gone out if the answer names no contact.
        return await self._ask(self._wa.api.send_message(**message), _wamid)

    async def check(self) -> str:
        """Asks Meta for our number's name: one line. Raises SendError that says what is wrong with id, token or address."""
        fields = ("display_phone_number", "verified_name", "quality_rating")
        return await self._ask(self._wa.api.get_business_phone_number(self._phone_id, fields), _number)

    async def _ask(self, question: Coroutine[Any, Any, Any], read: Callable[[Any], str]) -> str:
        """Asks Meta and reads the answer; whatever goes wrong becomes an error of ours."""
        if self._http.is_closed:
            question.close()
            raise SendDelayed("The channel is closed.")
        try:
            return read(await question)
        except WhatsAppError as error:
            # Here and not around us: this exception breaks when it passes a context manager (CHANNELS 1.3, trap 8).
            raise _explained(error) from error
        except _NOTHING_SENT as error:
            raise SendDelayed(f"WhatsApp could not be reached: {type(error).__name__}", reach=Reach.VENDOR) from error
        except httpx.HTTPError as error:
            raise SendUnconfirmed(f"WhatsApp did not answer: {type(error).__name__}", reach=Reach.VENDOR) from error
        except _UNREADABLE as error:
            raise SendUnconfirmed(f"WhatsApp's answer cannot be read: {type(error).__name__}", reach=Reach.VENDOR) from error

    async def close(self) -> None:
        await self._http.aclose()


def _sender(number_id: str) -> str:
    if not _NUMBER_ID.fullmatch(number_id):
        raise SendRefused("The sending side is not a WhatsApp phone number id.")
    return number_id


def _recipient(theirs: str) -> dict[str, str | None]:
    # pywa would post to whatever it does not understand as a group (CHANNELS 1.3, trap 10).
    number = _WA_ID.fullmatch(theirs)
    if number:
        return {"to": number[1], "recipient": None, "recipient_type": "individual"}
    if _BSUID.fullmatch(theirs):
        return {"to": None, "recipient": theirs, "recipient_type": "individual"}
    raise SendRefused("The recipient is neither a WhatsApp number nor a business-scoped user id.")


def _body(reply: Reply) -> dict[str, Any]:
    text = _writable(reply.text)
    if not reply.buttons:
        return {"typ": "text", "msg": {"body": text, "preview_url": False}}
    buttons = [{"type": "reply", "reply": {"id": button.id, "title": _writable(button.title)}} for button in reply.buttons]
    return {"typ": "interactive", "msg": {"type": "button", "body": {"text": text}, "action": {"buttons": buttons}}}


def _writable(text: str) -> str:
    """Without what JSON cannot carry: half an emoji, as a model's cut stream may leave one, or a NUL."""
    return text.encode(errors="ignore").decode().replace("\x00", "")


def _wamid(answer: Any) -> str:
    wamid = answer["messages"][0]["id"]
    if not isinstance(wamid, str) or not wamid:
        raise ValueError("no id in the answer")
    return wamid


def _number(answer: Any) -> str:
    """The line that tells our number and its name."""
    quality = answer.get("quality_rating")
    return f"{answer['display_phone_number']} ({answer['verified_name']})" + (f", quality {quality}" if quality else "")


def _explained(error: WhatsAppError) -> SendError:
    """Our error for Meta's; its text names the code and never quotes the message, which may hold a number."""
    response = error.raw_response
    status = response.status_code if response is not None else 0
    if error.code == status:  # pywa puts the status where there was no JSON
        failure, code = by_status(status), ""
        text = f"WhatsApp answered with HTTP {status}"
    else:
        failure = by_code(error.code, error.subcode, status, transient=error.is_transient is True)
        code = str(error.code)
        setting = setting_of(error.code, error.subcode)
        text = f"WhatsApp says {error.code} ({type(error).__name__})" + (f": check {setting}" if setting else "")
    asked = response.headers.get("Retry-After", "") if response is not None else ""
    wait = max(failure.wait, min(float(asked), 3600.0) if re.fullmatch("[0-9]{1,9}", asked) else 0.0)
    return failure.error(text, code=code, wait=wait, reach=failure.reach)
