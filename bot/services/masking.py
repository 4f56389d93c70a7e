"""Numbers and addresses shown so that who knows them recognises them, and nobody else could use them."""

from __future__ import annotations

import re

from bot.records.people import Customer
from bot.records.tokens import document_tokens, fold, query_words

_HIDDEN = "•••"
_NOT_DIGIT = re.compile(r"[^0-9]+")
_SHOWN_FIRST, _SHOWN_LAST, _LEAST_HIDDEN = 5, 4, 3


def masked_phone(number: str) -> str:
    """`+12025550123` -> `+1202•••0123`; of a short number less, so that three digits at least stay hidden."""
    first = max(0, min(_SHOWN_FIRST, len(number) - _SHOWN_LAST - _LEAST_HIDDEN))
    return f"{number[:first]}{_HIDDEN}{number[-_SHOWN_LAST:]}"


def masked_email(address: str) -> str:
    """`ana@example.com` -> `a•••@example.com`."""
    name, _, domain = address.partition("@")
    return f"{name[:1]}{_HIDDEN}@{domain}"


def is_findable(person: Customer, text: str) -> bool:
    """Whether words find a person by what somebody sees who sees numbers and addresses masked, or by the whole number or address.

    Else whoever searches for more and more of a hidden number would read it off what is found.
    """
    phone, email = person.phone_number or "", person.email or ""
    shown = [person.first_name, person.last_name]
    if phone:
        first, _, last = masked_phone(phone).partition(_HIDDEN)
        digits, typed = _NOT_DIGIT.sub("", phone), _NOT_DIGIT.sub("", fold(text))
        hidden_on = digits[len(_NOT_DIGIT.sub("", first)) :]
        shown += [phone] if digits.endswith(typed) and typed.endswith(hidden_on) else [first, last]
    if email:
        shown.append(email if email.casefold() in text.casefold() else masked_email(email).partition("@")[2])
    tokens = document_tokens(shown)
    return all(word.is_in(tokens) for word in query_words(text))
