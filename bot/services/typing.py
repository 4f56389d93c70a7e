"""Who is typing right now: told live to whoever looks at the conversation, kept nowhere, forgotten after seconds."""

from __future__ import annotations

from bot.clock import Clock
from bot.live import Live

LASTS = 6.0
"""Seconds for which one sign counts; a page that goes on typing says so again after half of them."""
_MOST = 10_000


class Typing:
    """Signs of typing, in this process."""

    def __init__(self, clock: Clock, live: Live) -> None:
        self._clock = clock
        self._live = live
        self._until: dict[str, dict[str, tuple[str, float]]] = {}

    def types(self, lane: str, who: str, name: str = "") -> None:
        """Somebody types in a lane: an operator by their id and name, the person as `person`."""
        if len(self._until) >= _MOST:
            self._forget_old()
        self._until.setdefault(lane, {})[who] = (name, self._clock.monotonic() + LASTS)
        self._live.tell(lane)

    def stops(self, lane: str, who: str) -> None:
        """They have sent it, or left."""
        if self._until.get(lane, {}).pop(who, None) is not None:
            self._live.tell(lane)

    def who(self, lane: str) -> dict[str, str]:
        """Who types there now: id -> name."""
        now = self._clock.monotonic()
        return {who: name for who, (name, until) in self._until.get(lane, {}).items() if until > now}

    def _forget_old(self) -> None:
        self._until = {lane: there for lane, there in self._until.items() if self.who(lane)}
