"""What a call's webhooks set going elsewhere: ports, so that the way in knows none of those who act on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from bot.records.calls import Call


class Hooks(Protocol):
    """Told once a webhook has been checked. What is done here is durable when it returns; told twice it is the same."""

    async def placed(self, call_id: str, sid: str) -> None:
        """The call that we meant to place is the one that the provider calls so: its answer to our request may have been lost."""

    async def answered_by(self, call: Call, answered_by: str) -> str:
        """Who has picked up, in Twilio's words (`human`, `machine_end_beep`, `fax`, ...; CHANNELS 2.7).

        What a machine is to be told, empty for nothing; of a person it says nothing.
        """

    async def recorded(self, call: Call, news: Mapping[str, str]) -> None:
        """News of a recording: Twilio's fields (`RecordingSid`, `RecordingUrl`, `RecordingStatus`, `RecordingDuration`)."""

    async def do_not_call(self, call_id: str, proof: str) -> None:
        """They do not want to be called any more; `proof` is how they said so."""

    async def unanswered(self, call: Call) -> bool:
        """Whom the call was passed on to did not answer; whether what is said about it stands on the timeline already."""
