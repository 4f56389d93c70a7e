"""How much a visitor of the chat may, and everybody from one network together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from bot.clock import Clock
from bot.web.limits import Limiter

BY_VISITOR = (20, 60.0)
"""Messages at once, and as many again in so many seconds. Ten in a second are no abuse."""
BY_NETWORK = (60, 60.0)
NEWCOMERS = (10, 120.0)
"""Visitors of one network who say their first word. An office behind one address is several."""

PAGES_OF_VISITOR = 8
"""Tabs of one browser."""
PAGES_OF_NETWORK = 64
PAGES = 5000


class Allowance:
    """What is counted, in bounded memory. What models may cost is bounded elsewhere, per conversation and day."""

    def __init__(self, clock: Clock) -> None:
        self._by_visitor = Limiter(clock, *BY_VISITOR)
        self._by_network = Limiter(clock, *BY_NETWORK)
        self._newcomers = Limiter(clock, *NEWCOMERS)
        self._pages: Counter[str] = Counter()

    def wait(self, visitor: str, network: str, *, is_newcomer: bool) -> float:
        """Counts one message; 0 when it may be taken, else the seconds until it may."""
        wait = self._by_visitor.take(visitor) or self._by_network.take(network)
        return wait or (self._newcomers.take(network) if is_newcomer else 0.0)

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
