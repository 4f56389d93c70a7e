"""What a browser's form says, whatever it really sent; and where it may be sent on to."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.http_exceptions import BadHttpMessage


async def form_of(request: web.Request) -> Mapping[str, str]:
    """The fields of a form that are texts; of several with one name the last. Raises HTTPBadRequest where it is no form."""
    try:
        posted = await request.post()
    except (ValueError, LookupError, AssertionError, BadHttpMessage):  # a wrong charset, a boundary that is none
        raise web.HTTPBadRequest(text="this is no form that can be read") from None
    return {name: clean(value) for name, value in posted.items() if isinstance(value, str)}


def clean(text: str) -> str:
    """Without what no store and no page can hold: halves of characters."""
    return text.encode("utf-8", "replace").decode()


def local_path(asked: str) -> str:
    """A path of this site, to go on to; empty for everything else, however it is dressed up."""
    try:
        parts = urlsplit(asked)
    except ValueError:
        return ""
    is_local = asked.startswith("/") and not asked.startswith(("//", "/\\")) and not parts.scheme and not parts.netloc
    return asked if is_local and asked.isprintable() and "\\" not in asked and " " not in asked else ""
