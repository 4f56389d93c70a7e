"""What a desk is opened with: the first rows and one conversation are in the page, so that they are seen without asking."""

from __future__ import annotations

from typing import Any

from bot.errors import NotFound
from bot.records.permissions import Permissions, allows
from bot.records.users import User
from bot.services.media import MOST_ATTACHED
from bot.services.media_types import ALLOWED
from bot.services.settings import SystemSettings
from bot.web.api.conversations import Conversations, Listed, Span, View
from bot.web.desk.counts import counts
from bot.web.endpoint import Call
from bot.web.paging import Page
from bot.web.rows import Row, called
from bot.web.site import Site

ROWS = 50
"""Of each list in the page; more come as one scrolls."""


class Opening:
    """Reads it, by the API's own reading."""

    def __init__(self, site: Site) -> None:
        self._parts = site.parts
        self._conversations = Conversations(site)
        self._settings = SystemSettings(site.parts.store, site.parts.clock)

    async def of(self, call: Call, asked: str) -> dict[str, Any]:
        """For the page's script. `asked` is the conversation in its address; else one of theirs, or who waits longest."""
        mine = await self._conversations.listed(call, Listed(view=View.MINE, snoozed=True, limit=ROWS))
        waiting = await self._conversations.listed(call, Listed(view=View.WAITING, limit=ROWS))
        calls = await self._conversations.listed(call, Listed(view=View.CALLS, limit=ROWS))
        first = asked or next((row.id for row in (*mine.items, *waiting.items)), "")
        return {
            "me": await self.me(call.user, call.who.principal.permissions),
            "lists": {"mine": _plain(mine), "waiting": _plain(waiting), "calls": _plain(calls)},
            "counts": await counts(self._parts),
            "files": self._files(),
            "open": await self._whole(call, first) if first else None,
        }

    async def me(self, user: User, granted: Permissions) -> dict[str, Any]:
        """Who looks, and what they may do."""
        most = await self._settings.value("max_conversations_per_agent")
        return {
            "id": user.id,
            "name": called(user),
            "status": user.status.value,
            "open": user.statistics.current_active_conversations,
            "most": most if isinstance(most, int) else 0,
            "may": {
                "write": allows(granted, "messages", "write"),
                "assign": allows(granted, "conversations", "assign"),
                "tickets": allows(granted, "tickets", "write"),
                "call": allows(granted, "calls", "write") and self._parts.settings.has_twilio,
            },
        }

    def _files(self) -> dict[str, Any]:
        """What may be attached to a reply."""
        types = sorted(type_.mime_type for type_ in ALLOWED)
        endings = sorted(f".{ending}" for type_ in ALLOWED for ending in type_.extensions)
        return {"most": MOST_ATTACHED, "bytes": self._parts.media.bounds.file, "types": [*types, *endings]}

    async def _whole(self, call: Call, id: str) -> dict[str, Any] | None:
        try:
            conversation = await self._conversations.one(call, id)
            timeline = await self._conversations.messages(call, id, Span())
        except NotFound:
            return None
        return {"conversation": conversation.model_dump(mode="json"), "timeline": timeline.model_dump(mode="json")}


def _plain(page: Page[Row]) -> dict[str, Any]:
    return page.model_dump(mode="json")
