"""Who somebody is, shown with a one-time code that goes to an address which is known to be theirs (DESIGN 5).

What the code proves is only that its reader holds the address it went to. Whose record that opens is decided when it comes back,
in `Verifying.accept`: a stranger's own address never opens the record that they merely claim.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from math import ceil
from typing import Any

from bot.clock import Clock, new_id
from bot.errors import LimitReached, ServiceError
from bot.jobs import Jobs
from bot.message import Button, Reply
from bot.policy import WHATSAPP_WINDOW, Policy
from bot.principal import PersonRef, Strength
from bot.records.audit import AuditAction, AuditEntry
from bot.records.conversations import ChannelName, Conversation, ConversationKind, FlowState, Verification
from bot.records.people import ConsentState, Customer, IdentityKind
from bot.resources import say
from bot.services.audit import Audit, stored
from bot.services.identities import Identities
from bot.services.masking import masked_email
from bot.services.merging import Merging
from bot.services.one_time_codes import OneTimeCodes
from bot.services.people import People
from bot.services.phones import read_email
from bot.store.base import Between, Change, In, Store, Unit

FLOW = "one_time_code"
"""Name of the flow that waits for a code."""
JOB = "one-time-code"
"""Name of the job that sends one."""
LIVES = timedelta(minutes=10)
TRIES = 5
COUNTS_FOR = timedelta(hours=12)
"""So long a conversation counts as verified, unless it is closed before."""
PER_PERSON, PERSON_WINDOW = 3, timedelta(hours=1)
PER_ADDRESS = 10
"""Codes to one address a day (UTC)."""

_SENT = "code_sent"


class Via(StrEnum):
    WHATSAPP = "whatsapp"
    EMAIL = "email"


class Proof(StrEnum):
    """What a right code has shown."""

    VERIFIED = "verified"
    """Who they are."""
    ADDRESS = "address"
    """That the address is theirs: it is on their record now. It does not make surer who they are."""
    NOTHING = "nothing"
    """Nothing that opens this record."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """A code that is awaited: all that is needed to check it, and not the code."""

    via: Via
    to: str
    """The address it went to, as identities have it."""
    nonce: str
    """What the code follows from, with the secret key. Nobody outside ever sees it."""
    tries: int = 0
    """Wrong ones so far; those of the codes before this one count."""


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks for a code, and where."""

    customer_id: str
    conversation: Conversation
    language: str
    agent: str


class Verifying:
    """Sends codes, within limits, and draws the consequences of right ones."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        audit: Audit,
        policy: Policy,
        jobs: Jobs,
        people: People,
        merging: Merging,
        codes: OneTimeCodes,
        *,
        has_email: bool,
    ) -> None:
        self._store = store
        self._clock = clock
        self._audit = audit
        self._policy = policy
        self._jobs = jobs
        self._people = people
        self._merging = merging
        self._codes = codes
        self._has_email = has_email
        self._identities = Identities(store)

    # A code goes out

    async def begin(self, unit: Unit, asker: Asker, via: Via, address: str = "", tries: int = 0) -> FlowState:
        """Puts the sending of a code into the unit; what is awaited from then on.

        By e-mail it goes to the address that the person names, known or not: so nobody learns which addresses we know. On
        WhatsApp it goes to the number on record, where that has written to us within 24 hours.
        Raises ServiceError where there is no such way, LimitReached, RecordError for what is no e-mail address.
        """
        if via is Via.EMAIL:
            to, place = self._mailbox(address), ""
        else:
            to, place = await self._whatsapp(asker)
        unit.insert(await self._counted(asker.customer_id, via, to))
        now = self._clock.now()
        challenge = Challenge(via, to, new_id(), tries)
        payload = {
            "via": str(via),
            "to": to,
            "conversation": place,
            "nonce": challenge.nonce,
            "language": asker.language,
            "until": (now + LIVES).isoformat(),
        }
        self._jobs.add(unit, JOB, payload, id=challenge.nonce)
        return _awaited(challenge, asker.agent, now)

    def _mailbox(self, address: str) -> str:
        if not self._has_email:
            raise ServiceError("codes cannot be sent by e-mail here; offer another way or a person of the team")
        return read_email(address, field="address")

    async def _whatsapp(self, asker: Asker) -> tuple[str, str]:
        """Their number, and their conversation there."""
        consent = await self._policy.consent(asker.customer_id)
        is_wanted = consent is None or consent.state is ConsentState.GIVEN
        of_theirs = {"customer_id": asker.customer_id, "openness": "open"}
        known = {one.value for one in await self._identities.of(asker.customer_id) if one.kind in _WHATSAPP_KINDS}
        found = [
            one
            for one in await self._store.find(Conversation, of_theirs)
            if one.channel is ChannelName.WHATSAPP and one.kind is ConversationKind.CUSTOMER
            # Of the phone they are writing from, a code would show nothing.
            and one.their_address in known and one.their_address != asker.conversation.their_address
            and one.last_customer_message is not None
            and self._clock.now() - one.last_customer_message < WHATSAPP_WINDOW
        ]  # fmt: skip
        if not found or not is_wanted:
            raise ServiceError(
                "no code can be sent on WhatsApp: that takes a number on their record, another one than they write from, which "
                "has written to us on WhatsApp within 24 hours; offer e-mail or a person of the team"
            )
        newest = max(found, key=lambda one: (one.last_customer_message, one.id))
        return newest.their_address, newest.id

    async def _counted(self, customer_id: str, via: Via, to: str) -> AuditEntry:
        """The entry that counts this code. Raises LimitReached.

        Its id is one of so many places for the address and the day: two at once cannot both take the last one.
        """
        now, by = self._clock.now(), f"person:{customer_id}"
        mine = await self._store.find(
            AuditEntry, {"performed_by": by, "timestamp": Between(now - PERSON_WINDOW)}, sort=("-timestamp",)
        )
        sent = [entry for entry in mine if entry.action == _SENT]
        if len(sent) >= PER_PERSON:
            raise _too_many(sent[PER_PERSON - 1].timestamp + PERSON_WINDOW - now)
        address = self._codes.pseudonym(f"{via}:{to}")
        places = [f"{JOB}:{address}:{now:%Y%m%d}:{number}" for number in range(PER_ADDRESS)]
        taken = {entry.id for entry in await self._store.find(AuditEntry, {"id": In(places)})}
        free = next((place for place in places if place not in taken), None)
        if free is None:
            tomorrow = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
            raise _too_many(tomorrow - now)
        entry = self._audit.entry(_SENT, "verification", address, by, after={"via": str(via)})
        return entry.model_copy(update={"id": free})

    # A code comes back

    def is_right(self, challenge: Challenge, typed: str) -> bool:
        """Whether this is the code that went out. The caller counts the tries."""
        return self._codes.is_right(challenge.nonce, typed)

    async def accept(self, unit: Unit, conversation: Conversation, person: PersonRef, challenge: Challenge) -> Proof:
        """The person holds the address of the challenge: what follows from it for this conversation goes into the unit.

        An address of their own record shows who they are. One that is nobody's yet comes on their record where the channel
        vouches for them, or where the record is no more than a visitor of a page, who is from then on its owner. One of another
        customer's makes a mere visitor that customer. Anything else opens nothing: somebody who only claims to be a customer
        (a number that a call shows) cannot add an address of their own to that customer and come in by it later.
        """
        by = f"person:{person.customer_id}"
        owner = await self._owner(challenge)
        if owner == person.customer_id:
            return self._verified(unit, conversation, challenge.via, by)
        if challenge.via is not Via.EMAIL:
            return Proof.NOTHING
        is_mere_visitor = await self._is_mere_visitor(person.customer_id)
        if owner is not None:
            return await self._joined(unit, conversation, person, owner, by) if is_mere_visitor else Proof.NOTHING
        if not is_mere_visitor and person.strength < Strength.SIGNED:
            return Proof.NOTHING
        await self._people.prove_email(person.customer_id, challenge.to, by=by, unit=unit)
        return self._verified(unit, conversation, challenge.via, by) if is_mere_visitor else Proof.ADDRESS

    async def _owner(self, challenge: Challenge) -> str | None:
        kinds = (IdentityKind.EMAIL,) if challenge.via is Via.EMAIL else _WHATSAPP_KINDS
        return (await self._identities.find([(kind, challenge.to) for kind in kinds])).owner

    async def _is_mere_visitor(self, customer_id: str) -> bool:
        """Whether a record has nothing that anybody could be known by but a visitor's browser."""
        customer = await self._store.get(Customer, customer_id)
        kinds = {identity.kind for identity in await self._identities.of(customer_id)}
        return customer is not None and customer.phone_number is None and kinds == {IdentityKind.VISITOR}

    async def _joined(self, unit: Unit, conversation: Conversation, person: PersonRef, owner: str, by: str) -> Proof:
        merge = Unit()
        try:
            await self._merging.put(merge, owner, person.customer_id, by=by, reason="shown with a one-time code", closes=True)
        except ServiceError:  # they are on this very page from another browser, in conversation with a person of ours
            return Proof.NOTHING
        unit.add(*merge.operations)
        return self._verified(unit, conversation, Via.EMAIL, by)

    def _verified(self, unit: Unit, conversation: Conversation, via: Via, by: str) -> Proof:
        now = self._clock.now()
        verification = Verification(via=via, at=now, until=now + COUNTS_FOR)
        unit.add(Change(Conversation, {"id": conversation.id}, set={"verification": verification}))
        after: dict[str, Any] = {"verification": verification.model_dump(mode="json", by_alias=True)}
        before = {"verification": stored(conversation).get("verification")}
        unit.insert(self._audit.entry(AuditAction.UPDATED, "conversation", conversation.id, by, before=before, after=after))
        return Proof.VERIFIED


_WHATSAPP_KINDS = (IdentityKind.WA_ID, IdentityKind.BSUID)


def challenge_of(state: FlowState) -> Challenge:
    """What a waiting flow knows of its code."""
    slots = state.slots
    return Challenge(Via(slots["via"]), str(slots["to"]), str(slots["nonce"]), int(slots["tries"]))


def _awaited(challenge: Challenge, agent: str, now: datetime) -> FlowState:
    slots = {"via": str(challenge.via), "to": challenge.to, "nonce": challenge.nonce, "tries": challenge.tries}
    return FlowState(name=FLOW, slots=slots, token=new_id(), agent=agent, asked_at=now, expires_at=now + LIVES)


def after_wrong(state: FlowState) -> FlowState | None:
    """What is awaited after a wrong code; None when it may not be tried again."""
    tries = int(state.slots["tries"]) + 1
    return None if tries >= TRIES else state.model_copy(update={"slots": {**state.slots, "tries": tries}})


def asking(state: FlowState, language: str) -> Reply:
    """Says that a code is on its way and where to write it: the same whoever is at the other end of that address."""
    challenge = challenge_of(state)
    if challenge.via is Via.EMAIL:
        text = say(language, "code_sent_email", to=masked_email(challenge.to))
    else:
        text = say(language, "code_sent_whatsapp")
    return Reply(text, buttons(state, language))


def buttons(state: FlowState, language: str) -> tuple[Button, ...]:
    """Another code, or none."""
    again, cancel = say(language, "option_code_again"), say(language, "option_cancel")
    return Button(button_id(state, "again"), again), Button(button_id(state, "cancel"), cancel)


def button_id(state: FlowState, what: str) -> str:
    """Of this very code: a button of an older one does nothing to it."""
    return f"code:{state.token}:{what}"


def _too_many(wait: timedelta) -> LimitReached:
    seconds = wait.total_seconds()
    return LimitReached(f"too many codes were asked for; the next one can be sent in {minutes(seconds)} minutes", wait=seconds)


def minutes(seconds: float) -> int:
    """Whole minutes to wait, at least one."""
    return max(1, ceil(seconds / 60))
