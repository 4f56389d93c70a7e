"""What people are known by: each number, address or id once, joined to a customer, a contact and leads (C-02)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.errors import RecordError, ServiceError
from bot.records.people import Identity, IdentityKind
from bot.services.phones import read_email, read_phone
from bot.store.base import Change, Delete, In, Insert, Store, Unit

Key = tuple[IdentityKind, str]


@dataclass(frozen=True, slots=True)
class Found:
    """Identities that were asked for, and those of them that are known."""

    keys: list[Key]
    known: dict[str, Identity]

    @property
    def owner(self) -> str | None:
        """The customer that the first known one belongs to."""
        ids = (Identity.key(*key) for key in self.keys)
        return next((owner for id_ in ids if id_ in self.known and (owner := self.known[id_].customer_id)), None)

    @property
    def owners(self) -> set[str]:
        return {identity.customer_id for identity in self.known.values() if identity.customer_id}


def normal_identity(kind: IdentityKind, value: str) -> str:
    """A value as it is compared. Raises RecordError that names the rule."""
    if kind is IdentityKind.EMAIL:
        return read_email(value, field="Identity.value")
    if kind is IdentityKind.PHONE:
        e164 = read_phone(value, field="Identity.value").e164
        if e164 is None:
            raise RecordError("Identity.value: a phone needs its country code; for example '+52 55 5555 0123'")
        return e164
    plain = value.strip()
    if kind is IdentityKind.WA_ID:
        plain = plain.lstrip("+")
        if not plain.isdecimal():
            raise RecordError("Identity.value: a WhatsApp id is digits with the country code; for example '5215555550123'")
    if not plain:
        raise RecordError(f"Identity.value: a {kind} cannot be empty")
    return plain


class Identities:
    """Reads them, and puts what becomes of them into units."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def find(self, keys: Sequence[Key]) -> Found:
        ids = [Identity.key(kind, value) for kind, value in keys]
        return Found(list(keys), {identity.id: identity for identity in await self._store.find(Identity, {"id": In(ids)})})

    async def of(self, customer_id: str) -> list[Identity]:
        """All that a customer is known by."""
        return await self._store.find(Identity, {"customer_id": customer_id})

    async def join(self, found: Found, customer_id: str) -> None:
        """What nobody was known by yet goes to this customer, whom we know by another one."""
        missing = [self._made(key, customer_id) for key in found.keys if Identity.key(*key) not in found.known]
        if missing:
            await self._store.insert(missing)
        for identity in found.known.values():
            if identity.customer_id is None:
                await self._store.change(Identity, {"id": identity.id, "customer_id": None}, set={"customer_id": customer_id})

    def give(self, unit: Unit, found: Found, customer_id: str) -> None:
        """The customer is known by all of these; the unit is void if one is somebody's by then."""
        for key in found.keys:
            known = found.known.get(Identity.key(*key))
            if known is None or known.customer_id not in (None, customer_id):
                unit.insert(self._made(key, customer_id))
            elif known.customer_id is None:  # a lead's or a contact's, so far
                unit.add(Change(Identity, {"id": known.id, "customer_id": None}, set={"customer_id": customer_id}, must=1))

    def take_away(self, unit: Unit, identity: Identity) -> None:
        """Its customer is no longer known by it; a lead or a contact may still be."""
        if identity.contact_id is None and not identity.lead_ids:
            unit.add(Delete(Identity, {"id": identity.id, "customer_id": identity.customer_id}))
        else:
            unit.add(Change(Identity, {"id": identity.id}, set={"customer_id": None}))

    def refuse_taken(self, found: Found, customer_id: str) -> None:
        """Raises ServiceError where one of them belongs to another customer."""
        for identity in found.known.values():
            if identity.customer_id not in (None, customer_id):
                raise ServiceError(
                    f"this {identity.kind} belongs to customer {identity.customer_id}; merge the two if they are one person"
                )

    async def replace(self, unit: Unit, customer_id: str, kind: IdentityKind, old: str | None, new: str | None) -> None:
        """A customer's number or address was corrected: they are known by the new one, and no longer by the old one.

        Raises ServiceError where the new one belongs to another customer.
        """
        if new is not None:
            found = await self.find([(kind, new)])
            self.refuse_taken(found, customer_id)
            self.give(unit, found, customer_id)
        if old is not None:
            before = (await self.find([(kind, old)])).known.get(Identity.key(kind, old))
            if before is not None and before.customer_id == customer_id:
                self.take_away(unit, before)

    async def join_lead(self, unit: Unit, lead_id: str, keys: Sequence[Key]) -> None:
        """A lead has these numbers and addresses."""
        found = await self.find(keys)
        for kind, value in found.keys:
            known = found.known.get(Identity.key(kind, value))
            if known is None:
                unit.add(Insert(Identity(id=Identity.key(kind, value), kind=kind, value=value, lead_ids=[lead_id])))
            elif lead_id not in known.lead_ids:
                unit.add(Change(Identity, {"id": known.id}, push={"lead_ids": lead_id}, must=1))

    async def leave_lead(self, unit: Unit, lead_id: str, keys: Sequence[Key]) -> None:
        """A lead has these no longer."""
        for identity in (await self.find(keys)).known.values():
            rest = [other for other in identity.lead_ids if other != lead_id]
            if len(rest) == len(identity.lead_ids):
                continue
            where = {"id": identity.id, "updated_at": identity.updated_at}
            if rest or identity.customer_id or identity.contact_id:
                unit.add(Change(Identity, where, set={"lead_ids": rest}, must=1))
            else:
                unit.add(Delete(Identity, where))

    @staticmethod
    def _made(key: Key, customer_id: str) -> Identity:
        kind, value = key
        return Identity(id=Identity.key(kind, value), kind=kind, value=value, customer_id=customer_id)
