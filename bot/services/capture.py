"""Whoever talks to us and is interested becomes a lead, once, with what they say of themselves (C-02, C-03, S5-025).

A lead is reached from here by the phone number that is proven to be the person's, and in no other way.
"""

from __future__ import annotations

from collections.abc import Mapping

from bot.clock import Clock
from bot.errors import Conflict, ServiceError
from bot.records.conversations import ChannelName, Conversation
from bot.records.leads import SOURCES_WITH_PHONE_ONLY, Lead, LeadSource, LeadStatus
from bot.records.people import Customer, Identity, IdentityKind
from bot.services.identities import Identities
from bot.services.leads import Leads
from bot.services.phones import read_phone
from bot.store.base import In, Require, Store, Unit

QUESTIONS = ("need", "budget", "timeline", "authority")
"""What is asked before somebody sells: the lead's own fields of these names hold the answers. With all four it is qualified."""

_SOURCES = {ChannelName.WHATSAPP: LeadSource.WHATSAPP, ChannelName.VOICE: LeadSource.CALL}
"""Channel -> source; any other one is a page of ours."""
_LANGUAGES = {"es": "spanish", "en": "english", "hi": "hindi"}
_NOTES_LENGTH = 8000
"""Characters of a lead's notes that people can still read."""
_NAME_LENGTH = 50


class Capture:
    """What the runtime does with leads. It writes into the caller's unit, and through `Leads` only."""

    def __init__(self, store: Store, clock: Clock, leads: Leads) -> None:
        self._store = store
        self._clock = clock
        self._leads = leads
        self._identities = Identities(store)

    async def lead_of(self, person: Customer) -> Lead | None:
        """The person's own lead: of several with their number the one that we captured, else the newest. Raises ServiceError."""
        return await self._lead(await self._number(person))

    async def capture(
        self,
        unit: Unit,
        person: Customer,
        conversation: Conversation,
        interest: str,
        details: Mapping[str, str],
        *,
        is_sure: bool,
        by: str,
    ) -> Lead:
        """The person becomes a lead that is nobody's yet; of who is one already, all that they say is added to its notes.

        `details` are what they say of themselves: first_name, last_name, email, company_name. Where it is not sure that they are
        who they seem to be, the note says so. Raises RecordError that names the field, and ServiceError where no number is theirs
        or the notes are full.
        """
        known_by = await self._number(person)
        source = _SOURCES.get(conversation.channel, LeadSource.WEB)
        heard = f"{self._clock.now():%Y-%m-%d}, {source}{'' if is_sure else ', not sure that it is them'}"
        lead = await self._lead(known_by)
        if lead is not None:
            return self._leads.put(unit, lead, {"notes": _with_note(lead, _note(heard, interest, details))}, by)
        # Void where another conversation of the same person makes a lead of them meanwhile.
        unit.add(Require(Identity, {"id": known_by.id, "updated_at": known_by.updated_at}, Conflict))
        names = {name: value[:_NAME_LENGTH] for name in ("first_name", "last_name") if (value := getattr(person, name))}
        values = {
            "phone": known_by.value,
            "notes": _note(heard, interest, {}),
            "lead_source": "call" if source is LeadSource.CALL else str(conversation.channel),
            **({"language_preference": _LANGUAGES[language]} if (language := conversation.language) in _LANGUAGES else {}),
            **names,
            **details,
        }
        return await self._leads.create(None, values, by=by, source=source, proven=False, unit=unit)

    def qualify(self, unit: Unit, lead: Lead, answers: Mapping[str, str], *, by: str) -> Lead:
        """Keeps answers to the QUESTIONS: with one of them a new lead is contacted, with all qualified; it never goes back."""
        fields = {**lead.custom_fields, **answers}
        return self._leads.put(unit, lead, {"custom_fields": fields, "status": _status_after(lead.status, set(fields))}, by)

    async def _number(self, person: Customer) -> Identity:
        """The number on the person's record, as an identity. Raises ServiceError where it is not proven to be theirs."""
        e164 = read_phone(person.phone_number).e164 if person.phone_number else None
        if e164 is None:
            raise ServiceError("no phone number of the person with its country code is on record, so they cannot be a lead")
        found = (await self._identities.find([(IdentityKind.PHONE, e164)])).known.get(Identity.key(IdentityKind.PHONE, e164))
        if found is None or found.customer_id != person.id:
            raise ServiceError("the phone number on the person's record is not proven to be theirs, so they cannot be a lead")
        return found

    async def _lead(self, number: Identity) -> Lead | None:
        leads = await self._store.find(Lead, {"id": In(number.lead_ids)}) if number.lead_ids else []
        return max(leads, key=lambda lead: (lead.source in SOURCES_WITH_PHONE_ONLY, lead.id), default=None)


def _with_note(lead: Lead, line: str) -> str:
    """The lead's notes with one line more, unless it is there. Raises ServiceError where they are full."""
    known = lead.notes or ""
    if line in known.splitlines():
        return known
    notes = f"{known}\n{line}" if known else line
    if len(notes) > _NOTES_LENGTH:
        raise ServiceError("the notes on the person as a lead are full; pass them to a person of the team")
    return notes


def _note(heard: str, interest: str, details: Mapping[str, str]) -> str:
    said = [" ".join(interest.split()), *(f"{name.replace('_', ' ')}: {value}" for name, value in details.items())]
    return f"{heard}: {'; '.join(said)}"


def _status_after(status: LeadStatus, answered: set[str]) -> LeadStatus:
    if status not in (LeadStatus.NEW, LeadStatus.CONTACTED) or answered.isdisjoint(QUESTIONS):
        return status
    return LeadStatus.QUALIFIED if answered.issuperset(QUESTIONS) else LeadStatus.CONTACTED
