"""Tells whoever is looking at a lane that there is something new in it: speed, never truth.

It says nothing of what is new. Who is told reads the timeline, so that nothing depends on having been told: a reconnect, another
process and a restart show the same.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

DESK = "desk"
"""The lane of the operators' desk: told when conversations have come to people, or gone from them."""

Told = Callable[[], None]


class Live:
    """Who is looking at which lane, in this process."""

    def __init__(self) -> None:
        self._listeners: dict[str, list[Told]] = {}

    def listen(self, lane: str, told: Told) -> Callable[[], None]:
        """Calls `told` whenever something has changed in the lane; returns what ends it. It must not raise, nor take long."""
        self._listeners.setdefault(lane, []).append(told)

        def end() -> None:
            listeners = self._listeners.get(lane, [])
            with suppress(ValueError):  # it has ended already
                listeners.remove(told)
            if not listeners:
                self._listeners.pop(lane, None)

        return end

    def tell(self, lane: str) -> None:
        """Something has changed in this lane."""
        for told in list(self._listeners.get(lane, ())):
            told()

    def count(self) -> int:
        """How many are listening. No `__len__`: whoever has nobody listening yet is no less there."""
        return sum(map(len, self._listeners.values()))
