"""The port of whoever places our calls: Twilio's REST API is one (`bot.channels.voice.rest`)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Order:
    """A call to be placed."""

    call_id: str
    """Of our record: the addresses that the provider asks name it."""
    number: str
    """E.164."""
    ring_seconds: int
    most_seconds: int
    waits_for_beep: bool
    """Whether an answering machine is to be told something: it is then listened to until it has finished."""
    record: bool = False


@dataclass(frozen=True, slots=True)
class VendorCall:
    """A call as the provider knows it."""

    sid: str
    status: str
    """The provider's own word: queued, ringing, in-progress, completed, ..."""
    number: str
    """Who was called."""
    ours: str
    created_at: datetime | None
    duration: int | None = None
    """Seconds."""
    price: Decimal | None = None
    """What it has cost us, as a positive amount; None until the provider knows, which takes minutes."""
    price_unit: str = ""
    """ISO 4217."""
    answered_by: str = ""


class Telephone(Protocol):
    """Places calls and ends them.

    Every method may raise SendDelayed (not done, try again), SendRefused (never this one). `ours` is E.164.
    """

    @property
    def ours(self) -> str: ...

    async def place(self, order: Order) -> VendorCall:
        """Raises SendUnconfirmed, too: it may have been placed, and is never asked for again without having looked."""

    async def fetch(self, sid: str) -> VendorCall: ...

    async def calls_to(self, number: str, since: datetime) -> list[VendorCall]:
        """Calls from our number to this one that were made since then, the newest first."""

    async def hang_up(self, sid: str) -> None:
        """Ends it, whether it waits, rings or is answered."""

    async def say_and_hang_up(self, sid: str, text: str, language: str) -> None:
        """Whatever is going on in the call ends; this is said and the call is over."""
