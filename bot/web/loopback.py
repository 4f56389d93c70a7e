"""Who sits at this machine: until there is sign-in, only they may use what stands for somebody else (DESIGN 5)."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from aiohttp import web

from bot.config import Settings

FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Via")
"""A proxy's words: then the one who asks is not the one who is connected."""


def is_local(request: web.Request, settings: Settings) -> bool:
    """Whether a browser of this machine asks, of a server that listens to nobody else.

    The name in the address bar is checked too: a page of any site could have its name lead here (DNS rebinding).
    """
    if not settings.is_loopback or any(name in request.headers for name in FORWARDED):
        return False
    return _is_loopback(request.remote or "") and _is_loopback(urlsplit(f"//{request.host}").hostname or "")


def _is_loopback(name: str) -> bool:
    if name == "localhost":
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False
