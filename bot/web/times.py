"""Moments on a page, as the user who looks at it reads them."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.records.users import User
from bot.resources import moment


def shown(language: str, at: datetime | None, user: User) -> str:
    """A moment in the user's zone; UTC where their zone is none, nothing where there is no moment."""
    if at is None:
        return ""
    try:
        zone = ZoneInfo(user.preferences.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        zone = ZoneInfo("UTC")
    return moment(language, at, zone)
