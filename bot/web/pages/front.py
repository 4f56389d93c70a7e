"""`/`: the front page."""

from __future__ import annotations

from aiohttp import web

from bot.web.site import Site


def routes(site: Site) -> list[web.RouteDef]:
    async def front(request: web.Request) -> web.Response:
        return site.page(request, "front.html", texts="front")

    return [web.get("/", front)]
