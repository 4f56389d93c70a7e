"""Numbers and addresses shown so that who knows them recognises them, and nobody else could use them."""

from __future__ import annotations

_HIDDEN = "•••"
_SHOWN_FIRST, _SHOWN_LAST, _LEAST_HIDDEN = 5, 4, 3


def masked_phone(number: str) -> str:
    """`+12025550123` -> `+1202•••0123`; of a short number less, so that three digits at least stay hidden."""
    first = max(0, min(_SHOWN_FIRST, len(number) - _SHOWN_LAST - _LEAST_HIDDEN))
    return f"{number[:first]}{_HIDDEN}{number[-_SHOWN_LAST:]}"


def masked_email(address: str) -> str:
    """`ana@example.com` -> `a•••@example.com`."""
    name, _, domain = address.partition("@")
    return f"{name[:1]}{_HIDDEN}@{domain}"
