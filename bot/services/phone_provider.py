"""What is asked of the telephone provider about calls that were made: how they ended, what they cost, what was recorded."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ProviderCall:
    """A call, as the provider knows it."""

    status: str
    """In the provider's words: those of `TWILIO_STATUSES`."""
    price: Decimal | None = None
    """What it cost us; None while that is not known. The sign does not matter."""
    unit: str = ""
    """The currency of the price: `USD`."""


class PhoneProvider(Protocol):
    """The provider. All may raise ChannelError."""

    async def call_state(self, sid: str) -> ProviderCall | None:
        """The call with this id of theirs; None where they know none."""

    def fetch_recording(self, sid: str) -> AsyncIterator[bytes]:
        """The sound of a recording, as MP3 (or WAV), as it comes."""

    async def delete_recording(self, sid: str) -> None:
        """They keep it no longer; also where they had none."""
