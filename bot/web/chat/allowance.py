"""How much a visitor of the chat may, and everybody from one network together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from bot.limits import Limit, Limits

BY_VISITOR = Limit("chat-visitor", 20)
"""Messages. Ten in a second are no abuse."""
BY_NETWORK = Limit("chat-network", 60)
NEWCOMERS = Limit("chat-newcomers", 10)
"""Visitors of one network who say their first word. An office behind one address is several."""
OPENED = Limit("chat-opened", 240)
"""Pages of one network that connect. After a restart of ours all that are open do so at once, some of them twice."""

PAGES_OF_VISITOR = 8
"""Tabs of one browser."""
PAGES_OF_NETWORK = 64
PAGES = 5000


class Allowance:
    """Messages are counted for all processes together, pages for this one. What models may cost is bounded elsewhere."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._pages: Counter[str] = Counter()

    async def wait(self, visitor: str, network: str, *, is_newcomer: bool) -> float:
        """Counts one message; 0 when it may be taken, else the seconds until it may."""
        wait = await self._limits.take(BY_VISITOR, visitor) or await self._limits.take(BY_NETWORK, network)
        return wait or (await self._limits.take(NEWCOMERS, network) if is_newcomer else 0.0)

    @contextmanager
    def page(self, visitor: str, network: str) -> Iterator[bool]:
        """Counts an open page for as long as it is open; whether there is room for it."""
        keys = {"": PAGES, f"visitor {visitor}": PAGES_OF_VISITOR, f"network {network}": PAGES_OF_NETWORK}
        if any(self._pages[key] >= most for key, most in keys.items()):
            yield False
            return
        self._pages.update(keys.keys())
        try:
            yield True
        finally:
            for key in keys:
                self._pages[key] -= 1
                if not self._pages[key]:
                    del self._pages[key]
