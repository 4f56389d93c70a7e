"""Lines that no parser can read: what they mean, by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple


class Format(NamedTuple):
    """Values of a form."""

    accepted: tuple[tuple[Any, Any], ...]
    """(as given, as kept)."""
    refused: tuple[Any, ...] = ()


def _same(*values: Any) -> tuple[tuple[Any, Any], ...]:
    return tuple((value, value) for value in values)


_EMAIL = Format((("Ana.Ruiz@X.COM", "ana.ruiz@x.com"), (" a@x.com ", "a@x.com")), ("not-an-email", "a@b", "@x.com", "a b@x.com"))
_BCRYPT = Format(
    _same("$2b$12$" + "N" * 53, "$2a$10$" + "./" * 26 + "x"), ("hunter2", "", "5f4dcc3b5aa765d61d8327deb882cf99", "$1$abc$def")
)

FORMATS: dict[str, Format] = {
    "S1-108": Format(
        _same(["contacts:*"], ["accounts:*"], ["calls:*"], ["intelligence:read"], ["read:conversations"]),
        (["contacts"], ["contacts:fly"], [":"], ["*"]),
    ),
    "S1-109": _BCRYPT,
    "S2-007": _EMAIL,
    "S2-008": _BCRYPT,
    "S2-034": _EMAIL,
    "S2-145": Format(
        _same("TICKET-2026-000001", "TICKET-2027-999999"),
        (
            "TICKET-26-000001",
            "TICKET-2026-00001",
            "TICKET-2026-0000001",
            "ticket-2026-000001",
            "TICKET-2026-00000A",
            " TICKET-2026-000001",
        ),
    ),
    "S2-154": Format(_same("#1A2B3C", "#fff"), ("1A2B3C", "#12", "#1A2B3G", "red")),
    "S5-054": Format(
        _same(Decimal("0.0085"), Decimal("999999.9999"), Decimal("0.1") + Decimal("0.2")),
        (Decimal("0.00851"), Decimal("1000000.0000"), "much"),
    ),
    "S5-063": Format(
        _same(Decimal("-1.00"), Decimal("1.00"), Decimal("0.85")),
        (Decimal("-1.01"), Decimal("1.01"), Decimal("0.855")),
    ),
}
LIMITS: dict[str, int] = {"S4-023": 50}
CUSTOM_TYPES: dict[str, tuple[tuple[Any, ...], tuple[Any, ...]]] = {
    "S4-022": (
        ("text", "2026-01-15", 7, 0.5, True, False, datetime(2026, 1, 15, 10, 0, tzinfo=UTC)),
        ([1], {"a": 1}, None, float("nan")),
    )
}
"""Line -> values that keep their type, and what is refused."""
