"""A telephone that rings nowhere: for programs that place calls, and for their tests.

telephone = FakeTelephone(clock)
async with open_scene(folder, telephone=telephone) as scene: ...
assert [order.number for order in telephone.placed] == ["+12025550123"]
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from datetime import datetime

from bot.clock import Clock
from bot.errors import SendError, SendRefused, SendUnconfirmed
from bot.services.telephone import Order, VendorCall


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to the next order."""

    error: SendError
    is_placed: bool = False
    """Whether the call was placed all the same, and only the answer was lost."""


class FakeTelephone:
    """The port `bot.services.telephone.Telephone` in memory."""

    def __init__(self, clock: Clock, ours: str = "+12025550100") -> None:
        self.ours = ours
        self.placed: list[Order] = []
        """Every order that became a call."""
        self.asked_at: list[datetime] = []
        """When a call was asked for, whatever came of it."""
        self.calls: dict[str, VendorCall] = {}
        self.hung_up: list[str] = []
        self.said: list[tuple[str, str, str]] = []
        """Call, text, language of what took the place of a talk."""
        self.faults: deque[Fault] = deque()
        self.is_away: SendError | None = None
        """What every question about calls is answered with, where it is set."""
        self._clock = clock

    @property
    def asked(self) -> int:
        """How often a call was asked for, whatever came of it."""
        return len(self.asked_at)

    async def place(self, order: Order) -> VendorCall:
        self.asked_at.append(self._clock.now())
        fault = self.faults.popleft() if self.faults else None
        if fault is not None and not fault.is_placed:
            raise fault.error
        self.placed.append(order)
        sid = f"CA{len(self.placed):032d}"
        now = self._clock.now().replace(microsecond=0)
        call = self.calls[sid] = VendorCall(sid, "queued", order.number, self.ours, now)
        if fault is not None:
            raise fault.error
        return call

    def follows(self, clock: Clock) -> None:
        """The program was started again, on this clock."""
        self._clock = clock

    def becomes(self, sid: str, status: str) -> None:
        """The provider's word for the call from here on."""
        self.calls[sid] = replace(self.calls[sid], status=status)

    def loses_the_answer(self, *, is_placed: bool) -> None:
        """Of the next order."""
        self.faults.append(Fault(SendUnconfirmed("the connection was lost"), is_placed))

    async def fetch(self, sid: str) -> VendorCall:
        self._answer()
        if sid not in self.calls:
            raise SendRefused("there is no such call", code="20404")
        return self.calls[sid]

    async def calls_to(self, number: str, since: datetime) -> list[VendorCall]:
        self._answer()
        found = [call for call in self.calls.values() if call.number == number and call.created_at and call.created_at >= since]
        return found[::-1]

    async def hang_up(self, sid: str) -> None:
        self._answer()
        self.hung_up.append(sid)
        self.becomes(sid, "completed")

    async def say_and_hang_up(self, sid: str, text: str, language: str) -> None:
        self._answer()
        self.said.append((sid, text, language))
        self.becomes(sid, "completed")

    def _answer(self) -> None:
        if self.is_away is not None:
            raise self.is_away
