"""Tells whoever is looking at a lane that there is something new in it: speed, never truth.

It says nothing of what is new. Who is told reads the timeline, so that nothing depends on having been told: a reconnect, another
process and a restart show the same. Where several processes work together they pass the word on (`on_told`, `heard`); a
word that is lost costs a look, for everybody who listens looks by themselves now and then.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

Told = Callable[[], None]

ANYTHING = "*"
"""The topic of whoever wants to know that something has changed in any lane: the desk's lists."""


class Live:
    """Who is looking at which lane, in this process. A topic of any other name may be told and listened to as well."""

    def __init__(self) -> None:
        self._listeners: dict[str, list[Told]] = {}
        self._overhearing: list[Callable[[str], None]] = []
        self._pass_on: Callable[[str], None] = lambda _: None

    def on_told(self, pass_on: Callable[[str], None]) -> None:
        """Calls this with each topic that is told here, for other processes. It must not raise, nor take long."""
        self._pass_on = pass_on

    def listen(self, topic: str, told: Told) -> Callable[[], None]:
        """Calls `told` whenever something has changed in this lane; returns what ends it. It must not raise, nor take long."""
        self._listeners.setdefault(topic, []).append(told)

        def end() -> None:
            listeners = self._listeners.get(topic, [])
            with suppress(ValueError):  # it has ended already
                listeners.remove(told)
            if not listeners:
                self._listeners.pop(topic, None)

        return end

    def overhear(self, told: Callable[[str], None]) -> Callable[[], None]:
        """Calls `told` with each topic that is told; returns what ends it. It must not raise, nor take long."""
        self._overhearing.append(told)
        return lambda: self._overhearing.remove(told) if told in self._overhearing else None

    def tell(self, topic: str) -> None:
        """Something has changed in this lane."""
        self.heard(topic)
        self._pass_on(topic)

    def heard(self, topic: str) -> None:
        """Another process says that something has changed there: whoever listens here is told."""
        for told in (*self._listeners.get(topic, ()), *self._listeners.get(ANYTHING, ())):
            told()
        for overheard in tuple(self._overhearing):
            overheard(topic)

    def count(self) -> int:
        """How many are listening. No `__len__`: whoever has nobody listening yet is no less there."""
        return sum(map(len, self._listeners.values()))
