"""The chat on a web page. Replies need no transport: whoever has the page open reads them from the timeline.

A reply is sent when it is on the timeline. Open pages are told of it once that is written (`bot.live`), and a page that comes
back later finds it there.
"""

from __future__ import annotations

from bot.message import Address, Reply

NAME = "web"


class WebChannel:
    """A page shows text of any length, any number of buttons and files, so no reply needs another shape."""

    name = NAME
    carries_media = True
    tracks = True
    """A reply whose sending broke off is sent again: on the timeline it is one message either way."""

    def shape(self, reply: Reply) -> list[Reply]:
        return [reply] if reply.text.strip() or reply.buttons or reply.media else []

    async def send(self, to: Address, reply: Reply, tracker: str) -> str:
        return f"web.{tracker}"

    async def close(self) -> None:
        return
