"""Which sites may show our chat inside their pages: the system setting `web_chat_origins`."""

from __future__ import annotations

import re
from typing import Any

from bot.errors import SettingsError

KEY = "web_chat_origins"
"""A list of origins, or a text with spaces between them; empty: only our own pages."""

_ORIGIN = re.compile(r"https?://[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?")
_MOST = 50


def origins_of(value: Any) -> tuple[str, ...]:
    """The origins that the setting names (RFC 6454: scheme, host, port if it is another than usual). Raises SettingsError."""
    named = re.split(r"[\s,]+", value.strip()) if isinstance(value, str) else (value or [])
    if not isinstance(named, list) or len(named) > _MOST:
        raise SettingsError(f"{KEY}: must be a list of at most {_MOST} origins; for example https://shop.example.com")
    return tuple(_checked(origin) for origin in named if origin != "")


def _checked(origin: Any) -> str:
    text = origin.strip().lower().rstrip("/") if isinstance(origin, str) else ""
    if not _ORIGIN.fullmatch(text):
        raise SettingsError(
            f"{KEY}: {str(origin)[:60]!r} is no origin; give scheme and host alone, for example https://shop.example.com"
        )
    return text
