"""Who is at the other end of a call, as far as it shows, and in which language they are spoken to at first."""

from __future__ import annotations

import re

from bot.records.people import Customer
from bot.resources import LANGUAGES
from bot.services.people import normal_phone

_E164 = re.compile(r"\+[1-9]\d{6,14}")
_WITHHELD = frozenset({"+266696687", "+7378742833", "+2562533", "+8656696", "+86282452253", "+464"})
"""What Twilio shows of who shows nothing: ANONYMOUS, RESTRICTED, BLOCKED, UNKNOWN, UNAVAILABLE on the keys (CHANNELS 2.3)."""

_COUNTRIES = {
    "en": ("1", "44", "353", "61", "64"),
    "hi": ("91",),
    "es": ("34", "51", "52", "53", "54", "56", "57", "58", "502", "503", "504", "505", "506", "507", "591", "593", "595", "598"),
}
"""Language -> country codes where it is the first guess."""
_BY_CODE = {code: language for language, codes in _COUNTRIES.items() for code in codes}
_LONGEST_CODE = 3


def shown_number(address: str) -> str:
    """The number that a call shows, as E.164; empty for one that is withheld, and for what is no number (a SIP address)."""
    if address in _WITHHELD or not _E164.fullmatch(address):
        return ""
    return normal_phone(address) or ""


def language_of(customer: Customer | None, number: str, default: str) -> str:
    """Set for them, else last written by them, else their country's, else the default."""
    known = (customer.own_language, customer.last_language) if customer is not None else ()
    for language in (*known, _of_country(number), default):
        if language in LANGUAGES:
            return str(language)
    return LANGUAGES[0]


def _of_country(number: str) -> str:
    digits = number.removeprefix("+")
    return next((_BY_CODE[digits[:length]] for length in range(_LONGEST_CODE, 0, -1) if digits[:length] in _BY_CODE), "")
