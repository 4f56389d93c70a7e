"""Consent that people give, take back or give again: the record, with its proof (DESIGN 7)."""

from __future__ import annotations

from bot.clock import Clock, new_id
from bot.errors import RecordError
from bot.message import Address, Sender
from bot.policy import CALLS, MESSAGES
from bot.records.people import Consent, ConsentState
from bot.services.audit import Audit
from bot.services.people import People
from bot.services.phones import read_phone
from bot.store.base import Store, Unit

PURPOSES = (CALLS, MESSAGES)


class Consents:
    """Writes what somebody wants to be told; `Policy` reads it, and records the fixed words itself."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def withdraw(self, unit: Unit, customer_id: str, source: str, words: str, *, purpose: str = MESSAGES) -> Consent:
        """They want no more of it; `words` are the proof."""
        return self.put(unit, customer_id, purpose, ConsentState.WITHDRAWN, source, words)

    def put(self, unit: Unit, customer_id: str, purpose: str, state: ConsentState, source: str, words: str) -> Consent:
        """What they said, in the unit; the newest of a purpose counts."""
        consent = Consent(
            id=new_id(),
            customer_id=customer_id,
            purpose=purpose,
            state=state,
            at=self._clock.now(),
            source=source,
            proof=words,
        )
        unit.insert(consent)
        return consent


class ConsentBook:
    """Consent that was given elsewhere, on a form or on paper, and is written down here by somebody who answers for it."""

    def __init__(self, store: Store, clock: Clock, audit: Audit, people: People) -> None:
        self._store = store
        self._clock = clock
        self._audit = audit
        self._people = people

    async def record(
        self, number: str, purpose: str, *, source: str, by: str, proof: str = "", state: ConsentState = ConsentState.GIVEN
    ) -> Consent:
        """What the person with this number allowed or took back; somebody we have not met becomes a customer.

        `source` says where the proof is to be found. Raises RecordError.
        """
        if purpose not in PURPOSES:
            raise RecordError(f"Consent.purpose: must be one of {', '.join(PURPOSES)}")
        if not source.strip():
            raise RecordError("Consent.source: is required; for example 'form on our site, 2026-01-15'")
        phone = read_phone(number, field="number")
        if phone.e164 is None or not phone.dialable:
            raise RecordError(f"number: {number[:20]!r} is no number that can be called; give it like +12025550123")
        digits = phone.e164.removeprefix("+")
        address, now = Address("voice", "", phone.e164), self._clock.now()
        customer = await self._people.recognise(address, Sender(phone=digits), now)
        unit = Unit()
        consent = Consents(self._clock).put(unit, customer.id, purpose, state, source.strip(), proof.strip())
        after = {"purpose": purpose, "state": str(state), "source": source.strip()}
        unit.insert(self._audit.entry("consent_recorded", "customer", customer.id, by, after=after))
        await self._store.commit(unit)
        return consent
