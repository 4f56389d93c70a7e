"""Customers: recognised by any identity the channel tells, made when unknown, changed, blocked (S2-055 to S2-058, C-02, C-15)."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import structlog

from bot.clock import Clock, new_id
from bot.errors import Conflict, Duplicate, NotFound, RecordError, ServiceError
from bot.message import Address, Sender
from bot.records.audit import AuditAction
from bot.records.merges import Merge
from bot.records.people import Customer, CustomerSource, CustomerStatus, Identity, IdentityKind, Segment
from bot.services.audit import Audit
from bot.services.editing import change_to, edited, twice
from bot.services.identities import Found, Identities, normal_identity
from bot.services.phones import normal_phone, read_phone
from bot.store.base import Store, Unit

__all__ = ["People", "identities_of", "normal_phone"]

log = structlog.get_logger()

_TRIES = 3
_NAME_LENGTH = 120
"""Characters of a profile's name that are kept."""
_JOINERS = "\u200c\u200d"
_MARKED = {"preferences.language": "preferences.is_language_chosen", "address.country": "address.is_country_known"}
"""A field with a default -> the mark that somebody said so."""
_FIXED = {
    "is_blocked": "block or unblock the customer",
    "block_reason": "block or unblock the customer",
    "statistics": "it is counted",
}


def identities_of(address: Address, sender: Sender) -> list[tuple[IdentityKind, str]]:
    """Every identity that a message tells of its sender, the strongest first."""
    found: list[tuple[IdentityKind, str]] = []
    if address.channel == "whatsapp":
        if sender.phone:
            found.append((IdentityKind.WA_ID, sender.phone))
        if sender.user_id:
            found.append((IdentityKind.BSUID, sender.user_id))
    elif address.channel == "web":
        return [(IdentityKind.VISITOR, address.theirs)]  # a number typed into a page is a claim, no proof (DESIGN 5)
    elif address.channel == "voice" and not sender.phone:  # a withheld number: whoever it is, it is somebody else each time
        return [(IdentityKind.VISITOR, f"call.{address.theirs}")]
    elif not sender.phone:
        found.append((IdentityKind.CONSOLE, address.theirs))
    phone = normal_phone(sender.phone) if sender.phone else None
    if phone:
        found.append((IdentityKind.PHONE, phone))
    if not found:
        found.append((IdentityKind.WA_ID if address.theirs.isdigit() else IdentityKind.BSUID, address.theirs))
    return found


class People:
    """The only writer of customers and of what they are known by."""

    def __init__(self, store: Store, clock: Clock, audit: Audit) -> None:
        self._store = store
        self._clock = clock
        self._audit = audit
        self._identities = Identities(store)

    # Recognising

    async def recognise(self, address: Address, sender: Sender, at: datetime) -> Customer:
        """The customer behind an address; made, with their identities, when nobody is known by any of them.

        Two workers that meet the same newcomer at once both end up with the one that was written first.
        Raises Duplicate when an identity is taken by nobody who exists.
        """
        keys = identities_of(address, sender)
        for tried in range(1, _TRIES + 1):
            found = await self._identities.find(keys)
            known = await self._known(found)
            if known is not None:
                return known
            try:
                return await self._create(found, address, sender, at)
            except (Duplicate, Conflict):  # somebody created them in between
                if tried == _TRIES:
                    raise
        raise AssertionError("not reached")

    async def _known(self, found: Found) -> Customer | None:
        owner = found.owner or await self._with_number(found)
        if owner is None:
            return None
        await self._identities.join(found, owner)
        if found.owners - {owner}:
            log.warning("identities of one message belong to different customers; not merged", customer=owner)
        return await self._store.get(Customer, owner)

    async def _with_number(self, found: Found) -> str | None:
        """A customer with the phone number, whose identities nobody has written yet: an imported one."""
        numbers = [value for kind, value in found.keys if kind is IdentityKind.PHONE]
        customers = await self._store.find(Customer, {"phone_number": numbers[0]}, limit=1) if numbers else []
        return customers[0].id if customers else None

    async def _create(self, found: Found, address: Address, sender: Sender, at: datetime) -> Customer:
        first, _, last = _shown_name(sender.name).partition(" ")
        customer = Customer(
            id=new_id(),
            phone_number=next((value for kind, value in found.keys if kind is IdentityKind.PHONE), None),
            first_name=first or None,
            last_name=last or None,
            source=CustomerSource.WHATSAPP if address.channel == "whatsapp" else CustomerSource.OTHER,
            first_contact=at,
            last_interaction=at,
            last_message_at=at,
        )
        unit = Unit()
        unit.insert(customer)
        self._identities.give(unit, found, customer.id)
        unit.insert(
            self._audit.entry(AuditAction.CREATED, "customer", customer.id, "system", after={"source": str(customer.source)})
        )
        await self._store.commit(unit)
        return customer

    async def get(self, customer_id: str) -> Customer:
        """A customer, also by the id of one that was merged into them. Raises NotFound."""
        found = await self._store.get(Customer, customer_id)
        if found is None:
            merge = await self._store.get(Merge, customer_id)
            found = None if merge is None else await self._store.get(Customer, merge.into)
        if found is None:
            raise NotFound(f"there is no customer {customer_id}")
        return found

    # Changing

    async def update(
        self,
        customer_id: str,
        changes: Mapping[str, Any],
        *,
        by: str,
        reason: str = "",
        proven: bool = True,
        unit: Unit | None = None,
    ) -> Customer:
        """Sets fields (Python's names, dots reach into parts) and writes down who did it.

        Another phone number or e-mail address takes the place of the old one among the identities too, but for one that is not
        `proven`: what somebody only says of themselves is a way to reach them, and makes them known by it to nobody; whether it
        is somebody else's is not told. Custom fields are texts and nothing else (S2-057): a number has to be written as one.
        With a `unit` the change is put there, for its owner to commit. Raises RecordError that names field, rule and a valid
        example, NotFound, ServiceError where a number or address belongs to somebody else, Conflict.
        """
        if unit is not None:
            return await self._change(unit, await self.get(customer_id), changes, by, reason, proven)

        async def once() -> Customer:
            into = Unit()
            customer = await self._change(into, await self.get(customer_id), changes, by, reason, proven)
            if not into:
                return customer
            await self._commit(into)
            return await self.get(customer.id)

        return await twice(f"customer {customer_id}", once)

    async def _change(
        self, unit: Unit, customer: Customer, changes: Mapping[str, Any], by: str, reason: str, proven: bool
    ) -> Customer:
        change = edited(customer, _completed(customer, changes), _FIXED)
        if change.change is None:
            return customer
        unit.add(change.change)
        for kind, old, new in (
            (IdentityKind.PHONE, customer.phone_number, change.after.phone_number),
            (IdentityKind.EMAIL, customer.email, change.after.email),
        ):
            if old != new:
                await self._identities.replace(unit, customer.id, kind, old, new if proven else None)
        unit.insert(self._audit.change(AuditAction.UPDATED, "customer", customer, change.after, by, reason=reason))
        return change.after

    async def prove_email(self, customer_id: str, email: str, *, by: str, unit: Unit) -> None:
        """An address that they have shown to be theirs: on their record, and what they are known by; into the unit.

        Raises NotFound, and ServiceError where it belongs to somebody else.
        """
        customer = await self.get(customer_id)
        if customer.email != email:
            await self._change(unit, customer, {"email": email}, by, "shown with a one-time code", True)
            return
        found = await self._identities.find([(IdentityKind.EMAIL, email)])
        self._identities.refuse_taken(found, customer.id)
        self._identities.give(unit, found, customer.id)
        after = {"identity": Identity.key(IdentityKind.EMAIL, email)}
        reason = "shown with a one-time code"
        unit.insert(self._audit.entry(AuditAction.UPDATED, "customer", customer.id, by, after=after, reason=reason))

    async def block(self, customer_id: str, *, by: str, reason: str) -> Customer:
        """From now on nothing is said to them but by an operator, and no AI turn runs (S2-058)."""
        if not reason.strip():
            raise RecordError("Customer.blockReason: is required to block somebody; for example 'sends threats'")
        return await twice(f"customer {customer_id}", lambda: self._block(customer_id, True, by, reason.strip()))

    async def unblock(self, customer_id: str, *, by: str, reason: str = "") -> Customer:
        """They are answered again."""
        return await twice(f"customer {customer_id}", lambda: self._block(customer_id, False, by, reason))

    async def _block(self, customer_id: str, blocked: bool, by: str, reason: str) -> Customer:
        customer = await self.get(customer_id)
        if customer.is_blocked == blocked and (customer.status is CustomerStatus.BLOCKED) == blocked:
            return customer
        kept = reason if blocked else None
        after = customer.model_copy(update={"is_blocked": blocked, "block_reason": kept})
        after.status = _mirrored(after)
        unit = Unit(change_to(customer, after, ["is_blocked", "block_reason", "status"]))
        unit.insert(self._audit.change(AuditAction.UPDATED, "customer", customer, after, by, reason=reason))
        await self._commit(unit)
        return await self.get(customer.id)

    # Identities

    async def add_identity(self, customer_id: str, kind: IdentityKind, value: str, *, by: str, reason: str = "") -> Identity:
        """One more way of knowing somebody. Raises RecordError, NotFound, ServiceError where it belongs to somebody else."""
        customer = await self.get(customer_id)
        key = (kind, normal_identity(kind, value))
        found = await self._identities.find([key])
        if found.owner == customer.id:
            return found.known[Identity.key(*key)]
        self._identities.refuse_taken(found, customer.id)
        unit = Unit()
        self._identities.give(unit, found, customer.id)
        after = {"identity": Identity.key(*key)}
        unit.insert(self._audit.entry(AuditAction.UPDATED, "customer", customer.id, by, after=after, reason=reason))
        await self._commit(unit)
        return (await self._identities.find([key])).known[Identity.key(*key)]

    async def remove_identity(self, customer_id: str, kind: IdentityKind, value: str, *, by: str, reason: str = "") -> None:
        """They are no longer known by it. Raises NotFound, and ServiceError for the last one: nobody could reach them by any."""
        customer = await self.get(customer_id)
        key = (kind, normal_identity(kind, value))
        found = await self._identities.find([key])
        if found.owner != customer.id:
            raise NotFound(f"customer {customer.id} is not known by this {kind}")
        if len(await self._identities.of(customer.id)) == 1:
            raise ServiceError(f"customer {customer.id} is known by this {kind} alone; add another identity first")
        unit = Unit()
        self._identities.take_away(unit, found.known[Identity.key(*key)])
        before = {"identity": Identity.key(*key)}
        unit.insert(self._audit.entry(AuditAction.UPDATED, "customer", customer.id, by, before=before, reason=reason))
        await self._commit(unit)

    async def _commit(self, unit: Unit) -> None:
        """Raises ServiceError where a number or an address was taken meanwhile."""
        try:
            await self._store.commit(unit)
        except Duplicate as error:
            raise ServiceError(
                f"{error.key or error}: belongs to another customer; merge the two if they are one person"
            ) from None


def _shown_name(name: str) -> str:
    """A profile's name on one line and of a name's length, without what nobody sees (but the joiners that scripts need)."""
    seen = "".join(c for c in name[: 4 * _NAME_LENGTH] if c in _JOINERS or c.isspace() or unicodedata.category(c)[0] != "C")
    return " ".join(seen.split())[:_NAME_LENGTH].rstrip()


def _completed(customer: Customer, changes: Mapping[str, Any]) -> dict[str, Any]:
    """What goes with a change: normalised numbers, and the fields that mirror others (C-15)."""
    made = dict(changes)
    if isinstance(made.get("phone_number"), str):
        number = read_phone(made["phone_number"], region=_region(customer), field="Customer.phoneNumber")
        made["phone_number"] = number.e164 or number.typed
    for path, mark in (
        ("preferences.language", "preferences.is_language_chosen"),
        ("address.country", "address.is_country_known"),
    ):
        if path in made:
            made.setdefault(mark, True)
    if made.get("status") in (CustomerStatus.BLOCKED, CustomerStatus.VIP):
        raise RecordError("Customer.status: mirrors isBlocked and segment; block the customer, or set the segment to vip")
    segment = made.get("segment", customer.segment)
    if ("segment" in made or "status" in made) and segment in frozenset(Segment):
        wanted = customer.model_copy(update={"segment": Segment(segment)})
        mirrored = _mirrored(wanted)
        if mirrored is not CustomerStatus.ACTIVE:
            made["status"] = mirrored
        elif "status" not in made:
            made["status"] = mirrored if customer.status is CustomerStatus.VIP else customer.status
    return made


def _mirrored(customer: Customer) -> CustomerStatus:
    """The status that isBlocked and the segment make (C-15)."""
    if customer.is_blocked:
        return CustomerStatus.BLOCKED
    if customer.segment is Segment.VIP:
        return CustomerStatus.VIP
    return CustomerStatus.INACTIVE if customer.status is CustomerStatus.INACTIVE else CustomerStatus.ACTIVE


_REGIONS = {"méxico": "MX", "mexico": "MX", "india": "IN", "united states": "US", "españa": "ES", "spain": "ES"}


def _region(customer: Customer) -> str | None:
    """Where a number without a country code is from: only if somebody said where the customer is."""
    country = (customer.own_country or "").strip()
    return _REGIONS.get(country.lower()) or (country.upper() if len(country) == 2 else None)
