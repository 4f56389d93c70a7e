"""Phone numbers and e-mail addresses as people type them, and as they are kept (C-24, C-25)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from zoneinfo import ZoneInfo

import phonenumbers
from phonenumbers import timezone as zones
from pydantic import TypeAdapter, ValidationError

from bot.errors import RecordError
from bot.records.fields import Email, Phone
from bot.records.tokens import fold

_AS_TYPED: TypeAdapter[str] = TypeAdapter(Phone)
_EMAIL: TypeAdapter[str] = TypeAdapter(Email)
_MEXICO, _MEXICAN_DIGITS = 52, 10
_WITH_COUNTRY_CODE = 11
"""So many digits may be a whole international number whose plus nobody typed."""


@dataclass(frozen=True, slots=True)
class PhoneNumber:
    """One number in its three readings."""

    typed: str
    e164: str | None
    """Plus, country code, digits; None where the country cannot be told."""
    dialable: bool
    """Whether the numbering plans know such a number: asked before a call or a message, never before keeping it."""


@lru_cache(maxsize=4096)  # the same people write again and again
def normal_phone(digits: str) -> str | None:
    """Digits with the country code -> E.164 with the plus, if the numbering plans could hold it; else None."""
    number = _parsed("+" + digits.lstrip("+"), None)
    return None if number is None or not phonenumbers.is_possible_number(number) else _e164(number)


def read_phone(typed: str, *, region: str | None = None, field: str = "phone") -> PhoneNumber:
    """A number as somebody typed it; `region` (MX, IN, ...) is where one without a country code is from, if anybody said so.

    Raises RecordError where it is no number at all: not 7 to 15 digits with the usual punctuation.
    """
    typed = " ".join(fold(typed).split())
    try:
        _AS_TYPED.validate_python(typed)
    except ValidationError:
        raise RecordError(f"{field}: must be 7 to 15 digits with the usual punctuation; for example '+52 55 5555 0123'") from None
    number = _parsed(typed, region)
    digits = "".join(c for c in typed if c.isdigit())
    if number is None and len(digits) >= _WITH_COUNTRY_CODE:
        number = _parsed("+" + digits, None)
        if number is not None and not phonenumbers.is_valid_number(number):
            number = None  # as likely a national number of some country
    if number is None or not phonenumbers.is_possible_number(number):
        return PhoneNumber(typed, f"+{digits}" if typed.startswith("+") and not digits.startswith("0") else None, False)
    return PhoneNumber(typed, _e164(number), phonenumbers.is_valid_number(number))


def read_email(typed: str, *, field: str = "email") -> str:
    """An e-mail address as it is kept and compared: without spaces around it, in lower case. Raises RecordError."""
    try:
        return _EMAIL.validate_python(typed)
    except ValidationError:
        raise RecordError(f"{field}: must be an e-mail address; for example 'ana@example.org'") from None


def _parsed(text: str, region: str | None) -> phonenumbers.PhoneNumber | None:
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    national = number.national_number or 0
    if number.country_code == 52 and 10**10 <= national < 2 * 10**10:
        number.national_number = national - 10**10  # the 1 of Mexico's mobile numbers until 2019, which WhatsApp still writes
    return number


def _e164(number: phonenumbers.PhoneNumber) -> str:
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a number may be at home."""

    country: str
    """Two letters."""
    zones: tuple[ZoneInfo, ...]
    """Every one that its digits leave open."""


_NOT_CALLED = frozenset({phonenumbers.PhoneNumberType.PREMIUM_RATE, phonenumbers.PhoneNumberType.SHARED_COST})


@lru_cache(maxsize=4096)
def place_of(e164: str) -> Place | None:
    """Where somebody with this number may be; None for one that no numbering plan knows, that costs extra, or is nowhere."""
    number = _parsed(e164, None)
    if number is None or not phonenumbers.is_valid_number(number) or phonenumbers.number_type(number) in _NOT_CALLED:
        return None
    country, names = phonenumbers.region_code_for_number(number), zones.time_zones_for_number(number)
    if not country or len(country) != 2 or not names or zones.UNKNOWN_TIMEZONE in names:
        return None
    try:
        return Place(country, tuple(map(ZoneInfo, names)))
    except (ValueError, OSError, LookupError):  # one that this machine's data do not know
        return None


@lru_cache(maxsize=4096)
def zone_of(e164: str | None) -> ZoneInfo | None:
    """Where a number is at home, as far as its digits tell: None where that may be several zones, or cannot be told."""
    if not e164:
        return None
    try:
        names = zones.time_zones_for_number(phonenumbers.parse(e164))
        return ZoneInfo(names[0]) if len(names) == 1 and names[0] != zones.UNKNOWN_TIMEZONE else None
    except (phonenumbers.NumberParseException, ValueError, OSError, LookupError):
        return None
