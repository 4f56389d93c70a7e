"""`/media/{id}`: a file, for users who may read conversations, and for whoever has a signed link to it."""

from __future__ import annotations

from urllib.parse import quote

from aiohttp import web

from bot.errors import NotFound
from bot.records.media import MediaFile
from bot.records.permissions import allows, canonical
from bot.services.media_types import BY_MIME_TYPE, TEXT
from bot.web.access import anyone
from bot.web.forms import clean
from bot.web.site import Site

_READ = canonical("read:conversations")
_KEEP_SECONDS = 3600


class MediaPage:
    """Gives out what is in the media store, in a way that nothing in it can do anything on a page of ours."""

    def __init__(self, site: Site) -> None:
        self._media = site.parts.media
        self._gate = site.gate

    async def show(self, request: web.Request) -> web.StreamResponse:
        """The file, or the part of it that is asked for (`Range`). `?download=1` saves it whatever it is.

        Raises HTTPForbidden for a link that is not ours or over, HTTPUnauthorized, HTTPNotFound.
        """
        id_ = clean(request.match_info["id"])
        await self._require(request, id_)
        try:
            file = await self._media.get(id_)
            path = await self._media.path(file)
        except NotFound as error:
            raise web.HTTPNotFound(text=str(error)) from None
        return web.FileResponse(path, headers=headers_of(file, is_download="download" in request.query))

    async def _require(self, request: web.Request, id_: str) -> None:
        if "sig" in request.query:
            until, signature = clean(request.query.get("until", "")), clean(request.query["sig"])
            if not self._media.links.is_good(id_, until, signature):
                raise web.HTTPForbidden(text="this link is over or not ours; open the conversation again for a new one")
            return
        who = await self._gate.who(request)
        if who is None:
            raise web.HTTPUnauthorized(text="sign in first")
        if not allows(who.principal.permissions, *_READ):
            raise web.HTTPForbidden(text="this needs the permission read:conversations")


def headers_of(file: MediaFile, *, is_download: bool = False) -> dict[str, str]:
    """What a browser is told of a file: its true type, its name, and that whatever is in it may run nothing and load nothing."""
    type_ = BY_MIME_TYPE.get(file.mime_type)
    way = "inline" if type_ is not None and type_.is_inline and not is_download else "attachment"
    content_type = file.mime_type if type_ is not None else "application/octet-stream"
    return {
        "Content-Type": f"{content_type}; charset=utf-8" if type_ is TEXT else content_type,
        "Content-Disposition": f"{way}; filename=\"{_ascii(file.name)}\"; filename*=UTF-8''{quote(file.name, safe='')}",
        "Content-Security-Policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": f"private, max-age={_KEEP_SECONDS}",
        "Server": "Switchboard",
    }


def _ascii(name: str) -> str:
    """RFC 6266: for programs that do not know `filename*`."""
    return "".join(c if " " <= c <= "~" and c not in '"\\%;' else "_" for c in name)


def routes(site: Site) -> list[web.RouteDef]:
    return anyone(web.get("/media/{id}", MediaPage(site).show))
