"""Where calls are put through to people of ours: a number, or an address of SIP."""

from __future__ import annotations

import re

from bot.errors import RecordError
from bot.records.users import User
from bot.services.phones import read_phone

_SIP = re.compile(r"sips?:[A-Za-z0-9_.!~*'()&=+$,;?/-]{1,64}@[A-Za-z0-9.-]{1,190}(:[0-9]{1,5})?")


def telephone_of(user: User) -> str:
    """`sip:...`, else E.164; empty where they have neither, or a number that nobody can dial."""
    return user.sip or (read_phone(user.phone).e164 if user.phone else "") or ""


def read_number(typed: str) -> str | None:
    """A number as a user's record keeps it; None where it was left empty. Raises RecordError."""
    if not typed.strip():
        return None
    number = read_phone(typed, field="User.phone")
    if number.e164 is None or not number.dialable:
        raise RecordError("User.phone: must be a number with its country code; for example '+12025550123'")
    return number.e164


def read_sip(typed: str) -> str | None:
    """The same of an address of SIP."""
    address = typed.strip()
    if not address:
        return None
    if _SIP.fullmatch(address) is None:
        raise RecordError("User.sip: must be an address of SIP; for example 'sip:ana@pbx.example.com'")
    return address
