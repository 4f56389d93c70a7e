"""Consent that people take back or give again in their own words: the record, with its proof."""

from __future__ import annotations

from bot.clock import Clock, new_id
from bot.policy import MESSAGES
from bot.records.people import Consent, ConsentState
from bot.store.base import Unit


class Consents:
    """Writes what somebody wants to be told; `Policy` reads it, and records the fixed words itself."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def withdraw(self, unit: Unit, customer_id: str, source: str, words: str) -> Consent:
        """They want no more messages; `words` are the proof."""
        consent = Consent(
            id=new_id(),
            customer_id=customer_id,
            purpose=MESSAGES,
            state=ConsentState.WITHDRAWN,
            at=self._clock.now(),
            source=source,
            proof=words,
        )
        unit.insert(consent)
        return consent
