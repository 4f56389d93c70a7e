"""May we say this, to them, now? And the words by which people take consent back or give it again.

Everything here reads the store, decides and names the rule; nothing is left to a model (DESIGN 5, 7).
"""

from __future__ import annotations

import asyncio
import unicodedata
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import cache

from bot.clock import Clock, new_id
from bot.message import Choice, InboundMessage, Text
from bot.records.conversations import Conversation
from bot.records.people import Consent, ConsentState, Customer, CustomerStatus
from bot.records.users import User
from bot.records.work import Author, Delivery
from bot.resources import words
from bot.store.base import Store

MESSAGES = "messages"
"""Purpose of consent: being written to."""

CALLS = "calls"
"""Purpose of consent: being called (`bot.services.calling_rules`)."""

WHATSAPP_WINDOW = timedelta(hours=24)
"""Meta's customer-service window: free text only within 24 h of their last message (CHANNELS 1.6)."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Policy's answer, with the name of the rule that gave it."""

    allowed: bool
    rule: str


ALLOWED = Verdict(True, "")


class Wish(StrEnum):
    """What somebody's words ask of policy."""

    STOP = "stop"
    RESUME = "resume"


def wish_of(message: InboundMessage, *, asked: bool = False) -> Wish | None:
    """Whether the whole message, written or tapped, is a word for stopping or resuming, in any of our languages.

    Said several times or with a "please" it is still that word. Where they were `asked` something, "cancel" answers that.
    """
    if not isinstance(message.content, Text | Choice):
        return None
    said = once(without_politeness(plain(message.content.as_text())))
    if said in plain_words("opt_out_words"):
        return Wish.STOP
    if said in plain_words("opt_out_typed_words") and isinstance(message.content, Text) and not asked:
        return Wish.STOP
    if said in plain_words("resume_words"):
        return Wish.RESUME
    return None


def plain(text: str) -> str:
    """Lower case, no accents, punctuation or emoji, single spaces; vowel signs of Indic scripts stay."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return " ".join("".join(c for c in decomposed if c.isspace() or _is_letter(c)).split())


@cache
def plain_words(name: str) -> frozenset[str]:
    """A list of words of all our languages, as `plain` gives them; without its emoji, of which `plain` leaves nothing."""
    return frozenset(filter(None, map(plain, words(name))))


@cache
def _polite() -> tuple[str, ...]:
    """The longest first: "muchas gracias" before "gracias". Every message of every turn is held against them."""
    return tuple(sorted(plain_words("polite_words"), key=len, reverse=True))


def without_politeness(said: str) -> str:
    """A plain text without the "please" and "thank you" at its ends; a text of nothing else stays."""
    for polite in _polite():
        for rest in (said.removeprefix(f"{polite} "), said.removesuffix(f" {polite}")):
            if rest != said:
                return without_politeness(rest)
    return said


def once(said: str) -> str:
    """What is said several times over ("stop stop"), once."""
    parts = said.split()
    for size in range(1, len(parts) // 2 + 1):
        if len(parts) % size == 0 and parts == parts[:size] * (len(parts) // size):
            return " ".join(parts[:size])
    return said


def _is_letter(c: str) -> bool:
    """Letters, digits and the marks that are letters of their script; neither accents nor an emoji's variation selector."""
    return unicodedata.category(c)[0] in "LNM" and not ("\u0300" <= c <= "\u036f") and not ("\ufe00" <= c <= "\ufe0f")


def is_blocked(customer: Customer) -> bool:
    """`isBlocked` is the master; the status mirrors it (C-15), so either says no."""
    return customer.is_blocked or customer.status is CustomerStatus.BLOCKED


class Policy:
    """Reads the store, decides, says why."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def consent(self, customer_id: str, purpose: str = MESSAGES) -> Consent | None:
        """The newest word of this person for this purpose, if there is any."""
        found = await self._store.find(Consent, {"customer_id": customer_id, "purpose": purpose})
        return max(found, key=lambda consent: (consent.at, consent.id), default=None)

    def record(self, customer_id: str, wish: Wish, message: InboundMessage) -> Consent:
        """The consent record that a wish makes, with the person's own words as the proof."""
        state = ConsentState.WITHDRAWN if wish is Wish.STOP else ConsentState.GIVEN
        return Consent(
            id=new_id(),
            customer_id=customer_id,
            purpose=MESSAGES,
            state=state,
            at=self._clock.now(),
            source=message.address.channel,
            proof=message.content.as_text(),
        )

    async def allows(self, delivery: Delivery, conversation: Conversation) -> Verdict:
        """Asked right before a delivery is claimed. Missing records mean no."""
        if conversation.user_id is not None:
            user = await self._store.get(User, conversation.user_id)
            return ALLOWED if user is not None and user.is_active else Verdict(False, "inactive_user")
        id_ = conversation.customer_id or ""
        customer, consent = await asyncio.gather(self._store.get(Customer, id_), self.consent(id_))
        if customer is None:
            return Verdict(False, "unknown_person")
        if is_blocked(customer) and delivery.author is not Author.OPERATOR:
            return Verdict(False, "blocked")
        if consent is not None and _is_opted_out(delivery, consent):
            return Verdict(False, "opted_out")
        if self._is_window_closed(conversation):
            return Verdict(False, "whatsapp_window")
        return ALLOWED

    def has_window(self, conversation: Conversation) -> bool:
        """Whether free text may be sent there at all, whoever writes it."""
        return not self._is_window_closed(conversation)

    def _is_window_closed(self, conversation: Conversation) -> bool:
        if conversation.channel != "whatsapp":
            return False
        last = conversation.last_customer_message
        return last is None or self._clock.now() - last >= WHATSAPP_WINDOW


def _is_opted_out(delivery: Delivery, consent: Consent) -> bool:
    """After "stop": nothing that was written before it, and nothing that does not answer a message of theirs."""
    if consent.state is ConsentState.GIVEN:
        return False
    return delivery.proactive or (delivery.created_at is not None and delivery.created_at < consent.at)
