"""What Twilio's REST API answers, in our words: calls, numbers, and errors of one line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from typing import Any

import orjson

from bot.errors import Reach, SendDelayed, SendError, SendRefused, SendUnconfirmed
from bot.services.telephone import VendorCall

_RATE_LIMITED = 429


@dataclass(frozen=True, slots=True)
class OurNumber:
    """One of the account's telephone numbers, and where Twilio asks when somebody calls it."""

    sid: str
    number: str
    voice_url: str
    status_callback: str


def is_twilios_fault(error: Exception) -> bool:
    return isinstance(error, SendError) and error.reach is Reach.VENDOR


def lost(what: str, is_repeatable: bool) -> SendError:
    """It may have been done although we were not told: only what can be repeated is."""
    kind = SendDelayed if is_repeatable else SendUnconfirmed
    return kind(what, reach=Reach.VENDOR)


def reason(error: Exception) -> str:
    """Without the address, which names the account."""
    return str(getattr(error, "strerror", None) or type(error).__name__)


def refusal(status: int, body: bytes, retry_after: str, is_repeatable: bool) -> SendError:
    """Twilio's own error, by its code; never its words, which repeat numbers. https://www.twilio.com/docs/api/errors"""
    code = _code(body) or str(status)
    if status == _RATE_LIMITED:
        wait = float(retry_after) if retry_after.isdecimal() else 1.0
        return SendDelayed("Twilio is asked too often", code=code, wait=wait, reach=Reach.SENDER)
    if status >= 500:
        return lost(f"Twilio has failed (HTTP {status})", is_repeatable)
    if status in (401, 403):
        what = "Twilio does not take TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN"
        return SendRefused(f"{what} ({code})", code=code, reach=Reach.VENDOR)
    known = _KNOWN.get(code, "Twilio refuses this")
    return SendRefused(f"{known} (error {code}; see https://www.twilio.com/docs/errors/{code})", code=code)


_KNOWN = {
    "13224": "Twilio does not place calls to such a number",
    "20404": "Twilio knows no such thing",
    "21205": "BOT_PUBLIC_URL is no address that Twilio can ask",
    "21210": "TWILIO_FROM_NUMBER is not a number of this account, or not verified",
    "21211": "Twilio takes this for no telephone number",
    "21212": "TWILIO_FROM_NUMBER is no telephone number",
    "21215": "this account may not call that country; allow it in Twilio's geographic permissions",
    "21219": "a trial account calls verified numbers only",
    "21220": "the call has ended already",
    "32205": "this account may not call that country; allow it in Twilio's geographic permissions",
}
"""Twilio's code -> what to do about it."""


def _code(body: bytes) -> str:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ""
    code = document.get("code") if isinstance(document, dict) else None
    return str(code) if isinstance(code, int) else ""


def rows(answer: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    found = answer.get(name)
    return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []


def number_of(row: Mapping[str, Any]) -> OurNumber:
    texts = (str(row.get(name) or "") for name in ("sid", "phone_number", "voice_url", "status_callback"))
    return OurNumber(*texts)


def call_of(row: Mapping[str, Any]) -> VendorCall:
    """Raises SendUnconfirmed for an answer without an id: something was done, and we were not told what."""
    sid = row.get("sid")
    if not isinstance(sid, str) or not sid:
        raise SendUnconfirmed("Twilio's answer names no call", reach=Reach.VENDOR)
    duration, price = str(row.get("duration") or ""), _decimal(row.get("price"))
    return VendorCall(
        sid=sid,
        status=str(row.get("status") or ""),
        number=str(row.get("to") or ""),
        ours=str(row.get("from") or ""),
        created_at=_moment(row.get("date_created")),
        duration=int(duration) if duration.isdecimal() else None,
        price=abs(price) if price is not None else None,
        price_unit=str(row.get("price_unit") or ""),
        answered_by=str(row.get("answered_by") or ""),
    )


def _decimal(value: object) -> Decimal | None:
    try:
        return Decimal(str(value)) if value not in (None, "") else None
    except InvalidOperation:
        return None


def _moment(value: object) -> datetime | None:
    """`Fri, 20 Nov 2026 19:00:00 +0000` (RFC 2822)."""
    try:
        return parsedate_to_datetime(str(value)) if value else None
    except ValueError:
        return None
