"""From which pages a browser may open a connection to us."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit

from aiohttp import web


def is_same_origin(request: web.Request, public_url: str) -> bool:
    """Whether the page that asks is one of ours: a browser always says which it is, and no script can say otherwise.

    The scheme is not compared: behind a proxy that speaks https we see http.
    """
    host = urlsplit(request.headers.get("Origin", "")).netloc.lower()
    return bool(host) and host in (request.host.lower(), urlsplit(public_url).netloc.lower())


def may_connect(request: web.Request, public_url: str, allowed: Collection[str]) -> bool:
    """Whether the page that asks is one of ours, or of a site that may use us."""
    return is_same_origin(request, public_url) or request.headers.get("Origin", "").lower() in allowed


def is_https(request: web.Request, public_url: str) -> bool:
    """Whether the browser speaks https with us, or with the proxy before us."""
    return request.secure or (public_url.startswith("https:") and urlsplit(public_url).netloc.lower() == request.host.lower())
