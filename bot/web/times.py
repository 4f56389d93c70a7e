"""Moments on a page, as the user who looks at it reads them."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.records.users import User
from bot.resources import moment


def zone_of(user: User) -> ZoneInfo:
    """The user's zone; UTC where theirs is none."""
    try:
        return ZoneInfo(user.preferences.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def shown(language: str, at: datetime | None, user: User) -> str:
    """A moment in the user's zone; nothing where there is no moment."""
    return moment(language, at, zone_of(user)) if at is not None else ""
