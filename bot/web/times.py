"""Moments on a page, as the user who looks at it reads them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.records.users import User
from bot.resources import moment


def zone_of(user: User) -> ZoneInfo:
    """The user's zone; UTC where theirs is none."""
    try:
        return ZoneInfo(user.preferences.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def day_of(text: str, reader: User, later: int) -> datetime | None:
    """The midnight at which a day (`2026-11-20`) begins for the reader, or one so many days later; None where it is no day."""
    try:
        day = date.fromisoformat(text) + timedelta(days=later)
        return datetime.combine(day, time(), zone_of(reader)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def shown(language: str, at: datetime | None, user: User) -> str:
    """A moment in the user's zone; nothing where there is no moment."""
    return moment(language, at, zone_of(user)) if at is not None else ""
