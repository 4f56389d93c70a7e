"""Where the simulated telephone of the front page is reached, and who may use it."""

from __future__ import annotations

from aiohttp import web

from bot.config import Settings
from bot.web.loopback import is_local
from bot.web.origins import is_same_origin

CALLS = "/phone/calls"
"""Begins a call, as the vendor's webhook does."""
LINE = "/phone/line"
"""Its sound, as the vendor's Media Stream; never on the vendor's own routes."""
CAPTIONS = "/phone/captions"
"""What is said and heard on it, for the page to show."""
WORDS = "/phone/words"
"""The sound of what somebody types."""


def require_here(request: web.Request, settings: Settings) -> None:
    """Only a page of ours on this machine may use what stands for somebody else. Raises HTTPForbidden that says why not."""
    if not is_local(request, settings):
        raise web.HTTPForbidden(
            text="the simulator is only for this machine: BOT_HOST=127.0.0.1, no proxy, opened by its address"
        )
    if not is_same_origin(request, ""):
        raise web.HTTPForbidden(text="only the front page itself may use the simulator")
