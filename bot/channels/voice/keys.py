"""Keys that the person presses: a choice from what was offered, a number that is typed, or 9 for no more calls."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bot.channels.voice.alarms import Alarm
from bot.channels.voice.reading import MOST_CHOICES
from bot.clock import Clock
from bot.message import Choice, Content, Text
from bot.records.conversations import FlowState, InteractiveButton
from bot.services.callbacks import CALLBACK_FLOW

NO_MORE_CALLS = "9"
"""Pressed alone, where nothing with that digit is offered."""
MOST_DIGITS = 32
_TYPED = frozenset({"one_time_code"})
"""Flows that wait for a number: there a digit may be its first, whatever else is offered."""
_TYPED_STEP = "number"


def expects_number(flow: FlowState) -> bool:
    """Whether what is waited for is a code, or a telephone number."""
    return flow.name in _TYPED or (flow.name == CALLBACK_FLOW and flow.step == _TYPED_STEP)


class Keys:
    """Of one call."""

    def __init__(
        self, clock: Clock, seconds: float, *, said: Callable[[Content], None], no_more_calls: Callable[[], None]
    ) -> None:
        self._seconds = seconds
        self._said = said
        self._no_more_calls = no_more_calls
        self._menu: Sequence[InteractiveButton] = ()
        self._typed = ""
        self._alarm = Alarm(clock, self._done)
        self.expects_number = False

    def offer(self, buttons: Sequence[InteractiveButton]) -> None:
        """From now on the first digit stands for the first of these, and so on."""
        self._menu = tuple(buttons)[:MOST_CHOICES]

    def press(self, key: str) -> None:
        """One of `0-9*#`; anything else is none. `#` ends a number, `*` begins it anew."""
        if key == "#":
            self._done()
        elif key == "*":
            self._typed = ""
            self._alarm.clear()
        elif len(key) == 1 and key in "0123456789":
            self._typed = (self._typed + key)[:MOST_DIGITS]
            if self._chosen() is not None and not self.expects_number:
                self._done()
            else:
                self._alarm.set(self._seconds)

    def clear(self) -> None:
        """Nothing more comes of what was pressed."""
        self._typed = ""
        self._alarm.clear()

    def _chosen(self) -> InteractiveButton | None:
        """What the only key that was pressed stands for."""
        place = int(self._typed) - 1 if len(self._typed) == 1 else -1
        return self._menu[place] if 0 <= place < len(self._menu) else None

    def _done(self) -> None:
        chosen, typed = self._chosen(), self._typed
        self.clear()
        if chosen is not None:
            self._said(Choice(chosen.id, chosen.title))
        elif typed == NO_MORE_CALLS:
            self._no_more_calls()
        elif typed:
            self._said(Text(typed))
