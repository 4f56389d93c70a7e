"""Who is at the other end: recognised by any identity the channel tells, created when unknown (S2-055, S2-056, C-02)."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache

import phonenumbers
import structlog

from bot.clock import Clock, new_id
from bot.errors import Duplicate
from bot.message import Address, Sender
from bot.records.audit import AuditAction
from bot.records.people import Customer, CustomerSource, Identity, IdentityKind
from bot.services.audit import Audit
from bot.store.base import In, Store, Unit

log = structlog.get_logger()


@lru_cache(maxsize=4096)  # the same people write again and again
def normal_phone(digits: str) -> str | None:
    """Digits with the country code -> E.164 with the plus, if the numbering plans could hold it; else None."""
    digits = digits.lstrip("+")
    if digits.startswith("521") and len(digits) == 13:
        digits = "52" + digits[3:]  # WhatsApp keeps the 1 that Mexico's mobile numbers had until 2019
    try:
        number = phonenumbers.parse("+" + digits)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def identities_of(address: Address, sender: Sender) -> list[tuple[IdentityKind, str]]:
    """Every identity that a message tells of its sender, the strongest first."""
    found: list[tuple[IdentityKind, str]] = []
    if address.channel == "whatsapp":
        if sender.phone:
            found.append((IdentityKind.WA_ID, sender.phone))
        if sender.user_id:
            found.append((IdentityKind.BSUID, sender.user_id))
    elif not sender.phone:
        found.append((IdentityKind.CONSOLE, address.theirs))
    phone = normal_phone(sender.phone) if sender.phone else None
    if phone:
        found.append((IdentityKind.PHONE, phone))
    if not found:
        found.append((IdentityKind.WA_ID if address.theirs.isdigit() else IdentityKind.BSUID, address.theirs))
    return found


class People:
    """Recognises and creates customers."""

    def __init__(self, store: Store, clock: Clock, audit: Audit) -> None:
        self._store = store
        self._clock = clock
        self._audit = audit

    async def recognise(self, address: Address, sender: Sender, at: datetime) -> Customer:
        """The customer behind an address; made, with their identities, when nobody is known by any of them.

        Two workers that meet the same newcomer at once both end up with the one that was written first.
        Raises Duplicate when an identity is taken by nobody who exists.
        """
        keys = identities_of(address, sender)
        known = await self._known(keys)
        if known is not None:
            return known
        try:
            return await self._create(keys, address, sender, at)
        except Duplicate:
            known = await self._known(keys)  # somebody created them in between
            if known is None:
                raise
            return known

    async def _known(self, keys: list[tuple[IdentityKind, str]]) -> Customer | None:
        ids = [Identity.key(kind, value) for kind, value in keys]
        found = {identity.id: identity for identity in await self._store.find(Identity, {"id": In(ids)})}
        owner = next((found[id_].customer_id for id_ in ids if id_ in found), None) or await self._with_number(keys)
        if owner is None:
            return None
        await self._join(owner, [key for key, id_ in zip(keys, ids, strict=True) if id_ not in found])
        if any(identity.customer_id != owner for identity in found.values()):
            log.warning("identities of one message belong to different customers; not merged", customer=owner)
        return await self._store.get(Customer, owner)

    async def _with_number(self, keys: list[tuple[IdentityKind, str]]) -> str | None:
        """A customer with the phone number, whose identities nobody has written yet: an imported one."""
        numbers = [value for kind, value in keys if kind is IdentityKind.PHONE]
        found = await self._store.find(Customer, {"phone_number": numbers[0]}, limit=1) if numbers else []
        return found[0].id if found else None

    async def _join(self, customer_id: str, keys: list[tuple[IdentityKind, str]]) -> None:
        """Identities told for the first time are added to the person we know by another one."""
        if keys:
            await self._store.insert([self._identity(kind, value, customer_id) for kind, value in keys])

    async def _create(self, keys: list[tuple[IdentityKind, str]], address: Address, sender: Sender, at: datetime) -> Customer:
        first, _, last = sender.name.partition(" ")
        customer = Customer(
            id=new_id(),
            phone_number=next((value for kind, value in keys if kind is IdentityKind.PHONE), None),
            first_name=first or None,
            last_name=last.strip() or None,
            source=CustomerSource.WHATSAPP if address.channel == "whatsapp" else CustomerSource.OTHER,
            first_contact=at,
            last_interaction=at,
            last_message_at=at,
        )
        unit = Unit()
        unit.insert(customer, *(self._identity(kind, value, customer.id) for kind, value in keys))
        unit.insert(
            self._audit.entry(AuditAction.CREATED, "customer", customer.id, "system", after={"source": str(customer.source)})
        )
        await self._store.commit(unit)
        return customer

    @staticmethod
    def _identity(kind: IdentityKind, value: str, customer_id: str) -> Identity:
        return Identity(id=Identity.key(kind, value), kind=kind, value=value, customer_id=customer_id)
