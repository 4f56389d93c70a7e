"""How much time has passed, and when so much will have, where only business hours count or where all hours do."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from bot.services.hours import BusinessHours, edges_of

_DAY = timedelta(days=1)
_NOTHING = timedelta()
_FARTHEST = 800
"""Days that are looked ahead: who has not been open for so much by then is not open."""


def counted(hours: BusinessHours | None, begins: datetime, ends: datetime) -> timedelta:
    """The time between two moments that counts: that of business hours; all of it where there are none (None)."""
    if ends <= begins:
        return _NOTHING
    if hours is None:
        return ends - begins
    spans = _open_spans(hours, begins, (ends - begins).days + 2)
    return sum((max(_NOTHING, min(ends, high) - max(begins, low)) for low, high in spans), _NOTHING)


def moment_after(hours: BusinessHours | None, begins: datetime, amount: timedelta) -> datetime | None:
    """When so much time that counts has passed since a moment; None where that never comes (nobody is ever there)."""
    if amount <= _NOTHING or hours is None:
        return begins + max(amount, _NOTHING)
    if not any(hours.days):
        return None
    left = amount
    for low, high in _open_spans(hours, begins, _FARTHEST):
        low = max(low, begins)
        if high - low >= left:
            return low + left
        left -= max(_NOTHING, high - low)
    return None


def _open_spans(hours: BusinessHours, begins: datetime, days: int) -> Iterator[tuple[datetime, datetime]]:
    """The open stretches of so many days from a moment on, in order. Between two edges it is open or closed throughout."""
    first: date = begins.astimezone(hours.zone).date() - _DAY
    before: datetime | None = None
    for number in range(days + 2):
        for edge in edges_of(hours, first + number * _DAY):
            if before is not None and edge > before:
                if edge > begins and hours.is_open(before):
                    yield before, edge
                before = edge
            elif before is None:
                before = edge.astimezone(UTC)
