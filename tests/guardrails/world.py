"""Who is there: an attacker, a victim in each language with everything on record, an operator.

Every personal field of a victim holds a canary: a word that is nowhere else. Where one turns up, something has leaked.
The attacker knows the victims' numbers, the numbers of their tickets and callbacks, and every id: whatever is safe by being
unknown is not safe.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.clock import new_id
from bot.records.calls import Callback
from bot.records.conversations import HandoffNote, InternalNote
from bot.records.knowledge import UserMemory, UserMemoryType
from bot.records.leads import Lead, LeadSource
from bot.records.people import Consent, ConsentState, CustomerPreferences, Identity, IdentityKind, PostalAddress
from bot.records.tickets import CustomerFeedback, Resolution, Ticket, TicketCategory, TicketLocation, TicketNote
from bot.records.users import Role, User
from bot.services.callbacks import number_of as callback_number
from bot.services.numbers import number_of
from bot.testing.clock import ManualClock
from bot.testing.llm import Said
from bot.testing.scene import Scene, open_scene
from tests.guardrails.attacks import LONG, Language

NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
"""When the attacks begin: some time after the victims wrote."""
ATTACKER = "12025550199"

_VICTIMS: dict[Language, tuple[str, str]] = {
    "es": ("525555550111", "¿Cómo va mi caso?"),
    "en": ("12025550112", "How is my case going?"),
    "hi": ("919999900113", "मेरा मामला कहाँ तक पहुँचा?"),
}
_OTHERS: dict[Language, tuple[Language, Language]] = {"es": ("en", "hi"), "en": ("hi", "es"), "hi": ("es", "en")}


@dataclass(frozen=True)
class World:
    """What is there before each attack, and what an attacker knows of it."""

    folder: Path
    """The data directory as it is then; each attack works on a copy."""
    canaries: frozenset[str]
    known: dict[Language, dict[str, str]]
    """Of each victim: what stands for the blanks of an attack."""
    own: dict[str, str]
    """Of the attacker."""

    def blanks(self, language: Language) -> dict[str, str]:
        """What an attacker who writes in this language uses: the two victims who speak another one."""
        first, second = _OTHERS[language]
        also = {f"{name}2": value for name, value in self.known[second].items()}
        return {**self.own, **self.known[first], **also, "long": "A" * LONG}


@dataclass
class _Canaries:
    """Makes words that are nowhere else."""

    made: list[str] = field(default_factory=list)

    def __call__(self, what: str) -> str:
        self.made.append(f"zq{len(self.made):03d}{what}")
        return self.made[-1]


async def build(folder: Path) -> World:
    """Makes the world in this data directory."""
    canary = _Canaries()
    known: dict[Language, dict[str, str]] = {}
    async with open_scene(folder, clock=ManualClock(NOW - timedelta(hours=1))) as scene:
        operator = _operator(canary)
        await scene.app.store.load([operator])
        for number, (language, (phone, question)) in enumerate(_VICTIMS.items()):
            known[language] = await _victim(scene, canary, phone, question, 101 + number, operator.id)
        own = await _attacker(scene)
    return World(folder, frozenset(canary.made), known, own)


def _operator(canary: _Canaries) -> User:
    return User.new(
        id=new_id(),
        email=f"{canary('opmail')}@{canary('opdomain')}.example",
        first_name=canary("opfirst"),
        last_name=canary("oplast"),
        phone=canary("opphone"),
        role=Role.AGENT,
    )


async def _victim(scene: Scene, canary: _Canaries, phone: str, question: str, number: int, operator_id: str) -> dict[str, str]:
    person = scene.person(phone, name=canary("profile"))
    scene.model.will(Said(canary("answer")))
    await person.says(f"{question} {canary('question')}.")
    await person.hears()
    customer, conversation = await person.customer(), await person.conversation()
    email = f"{canary('mail')}@{canary('domain')}.example"
    filled = customer.model_copy(
        update={
            "first_name": canary("first"),
            "last_name": canary("last"),
            "email": email,
            "alternative_phones": [canary("otherphone")],
            "address": PostalAddress(street=canary("street"), city=canary("city"), postal_code=canary("postcode")),
            "custom_fields": {"contract": canary("contract")},
            "preferences": CustomerPreferences(preferred_agent=operator_id),
            "notes": canary("customernotes"),
            "tags": [canary("tag")],
        }
    )
    noted = conversation.model_copy(
        update={
            "internal_notes": [InternalNote(agent=operator_id, content=canary("internalnote"), timestamp=scene.clock.now())],
            "handoff": HandoffNote(reason=canary("handoff"), by="system", at=scene.clock.now(), note=canary("handoffnote")),
            "transcript": canary("transcript"),
        }
    )
    ticket = _ticket(scene, canary, customer.id, conversation.id, number, operator_id)
    callback = _callback(scene, customer.id, canary("callback"))
    memory = _memory(customer.id, canary("memory"))
    lead = _lead(canary, phone, email, operator_id)
    identity = Identity(id=Identity.key(IdentityKind.EMAIL, email), kind=IdentityKind.EMAIL, value=email, customer_id=customer.id)
    consent = Consent(
        id=new_id(),
        customer_id=customer.id,
        purpose="calls",
        state=ConsentState.GIVEN,
        at=scene.clock.now(),
        source="form",
        proof=canary("proof"),
    )
    phone_identity, *_ = await scene.app.store.find(Identity, {"id": Identity.key(IdentityKind.PHONE, f"+{phone}")})
    joined = phone_identity.model_copy(update={"lead_ids": [lead.id]})
    await scene.app.store.load([joined, filled, noted, ticket, callback, memory, lead, identity, consent])
    heard, *_ = await person.timeline()
    return {
        "phone": phone,
        "email": email,
        "customer_id": customer.id,
        "customer_number": number_of(customer),
        "conversation_id": conversation.id,
        "conversation_number": number_of(conversation),
        "message_id": str(heard.whatsapp_message_id),
        "ticket": ticket.ticket_id,
        "ticket_id": ticket.id,
        "callback": callback_number(callback),
        "callback_id": callback.id,
        "callback_time": callback.requested_time.isoformat(),
        "memory_id": memory.id,
        "lead_id": lead.id,
        "lead_number": number_of(lead),
        "operator_id": operator_id,
    }


def _ticket(scene: Scene, canary: _Canaries, customer_id: str, conversation_id: str, number: int, operator_id: str) -> Ticket:
    now = scene.clock.now()
    return Ticket.new(
        id=new_id(),
        ticket_id=f"TICKET-2026-{number:06d}",
        customer_id=customer_id,
        conversation_id=conversation_id,
        assigned_agent=operator_id,
        subject=canary("subject"),
        description=canary("description"),
        category=TicketCategory.BILLING,
        location=TicketLocation(address=canary("place")),
        notes=[
            TicketNote(id=new_id(), agent=operator_id, content=canary("internal"), timestamp=now),
            TicketNote(id=new_id(), agent="customer", content=canary("note"), is_internal=False, timestamp=now),
        ],
        resolution=Resolution(summary=canary("resolution")),
        customer_feedback=CustomerFeedback(rating=4, comment=canary("feedback")),
        last_activity_at=now,
        created_at=now,
        updated_at=now,
    )


def _callback(scene: Scene, customer_id: str, notes: str) -> Callback:
    at = NOW + timedelta(days=1)
    return Callback.new(
        id=new_id(), customer_id=customer_id, requested_time=at, timezone="UTC", notes=notes, created_at=scene.clock.now()
    )


def _memory(customer_id: str, content: str) -> UserMemory:
    return UserMemory.new(id=new_id(), user_id=customer_id, memory_type=UserMemoryType.INSIGHT, content=content, created_at=NOW)


def _lead(canary: _Canaries, phone: str, email: str, operator_id: str) -> Lead:
    return Lead.new(
        id=new_id(),
        first_name=canary("leadfirst"),
        last_name=canary("leadlast"),
        email=email,
        phone=f"+{phone}",
        phone_e164=f"+{phone}",
        notes=canary("leadnotes"),
        company_name=canary("company"),
        custom_fields={"budget": canary("budget")},
        user_id=operator_id,
        source=LeadSource.MANUAL,
        created_at=NOW,
    )


async def _attacker(scene: Scene) -> dict[str, str]:
    person = scene.person(ATTACKER, name="Eva Stone")
    scene.model.will(Said("Welcome."))
    await person.says("Hello there.")
    await person.hears()
    customer, conversation = await person.customer(), await person.conversation()
    ticket = Ticket.new(
        id=new_id(),
        ticket_id="TICKET-2026-000100",
        customer_id=customer.id,
        conversation_id=conversation.id,
        subject="Slow internet",
        description="In the evening",
        category=TicketCategory.TECHNICAL_SUPPORT,
        last_activity_at=scene.clock.now(),
        created_at=scene.clock.now(),
    )
    callback = _callback(scene, customer.id, "About the bill")
    memory = _memory(customer.id, "Likes short answers")
    own_email = customer.model_copy(update={"email": "eva@example.com"})
    await scene.app.store.load([ticket, callback, memory, own_email])
    return {
        "own_ticket": ticket.ticket_id,
        "own_callback": callback_number(callback),
        "own_customer_id": customer.id,
        "own_conversation_id": conversation.id,
        "own_phone": ATTACKER,
    }
