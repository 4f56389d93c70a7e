"""Two customers that are one person: merged by somebody's explicit word, never by the program's own guess (C-02)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from bot.clock import Clock
from bot.conversation import AssigneeKind
from bot.errors import Conflict, NotFound, RecordError, ServiceError
from bot.records.audit import AuditAction
from bot.records.base import RECORDS, Record
from bot.records.conversations import Conversation, ConversationKind, Direction, Message
from bot.records.knowledge import UserMemory
from bot.records.merges import Merge
from bot.records.people import Customer, CustomerStatistics
from bot.records.tickets import Ticket
from bot.services.audit import Audit, stored
from bot.services.conversations import put_close
from bot.services.editing import change_to, twice
from bot.services.ratings import average_rating
from bot.store.base import Between, Change, Delete, Require, Store, Unit

_STRAGGLERS_FOR = timedelta(days=1)
_TAKEN = ("email", "first_name", "last_name", "avatar", "phone_number", "source_detail", "block_reason", "last_language")
"""Fields that the one who is kept gets from the other where they have none."""


def references() -> dict[type[Record], str]:
    """Every record type that names a customer -> the field: whatever is declared with a `customer_id` is moved, and memories."""
    return {UserMemory: "user_id", **{kind: "customer_id" for kind in RECORDS.values() if "customer_id" in kind.model_fields}}


class Merging:
    """Makes one customer of two."""

    def __init__(self, store: Store, clock: Clock, audit: Audit) -> None:
        self._store = store
        self._clock = clock
        self._audit = audit

    async def merge(self, keep: str, gone: str, *, by: str, reason: str) -> Customer:
        """Everything of `gone` goes to `keep`, in one unit; the id `gone` leads to `keep` from then on.

        What `keep` has stays; what only `gone` has is taken over; notes, tags and numbers are joined. Who was blocked stays so.
        Raises ServiceError for one and the same, and where both have an open conversation with us at one address; RecordError
        without a reason; NotFound; Conflict.
        """
        if keep == gone:
            raise ServiceError(f"customer {keep}: cannot be merged into itself")
        if not reason.strip():
            raise RecordError("Merge.reason: is required; for example 'same person, new number'")
        await twice(f"customer {keep}", lambda: self._merge(keep, gone, by, reason.strip()))
        merged = await self._store.get(Customer, keep)
        if merged is None:
            raise Conflict(f"customer {keep}: was taken away while it was merged")
        return merged

    async def _merge(self, keep: str, gone: str, by: str, reason: str) -> None:
        unit = Unit()
        await self.put(unit, keep, gone, by=by, reason=reason)
        await self._store.commit(unit)

    async def put(self, unit: Unit, keep: str, gone: str, *, by: str, reason: str, closes: bool = False) -> None:
        """The same as `merge`, into a unit that its owner commits. Raises ServiceError, NotFound.

        With `closes`, an open conversation of `keep` that is in the way is closed if an agent holds it: the person has gone on in
        the one of `gone`.
        """
        kept, other = await self._customer(keep), await self._customer(gone)
        await self._make_room(unit, kept, other, by, closes)
        joined = _joined(kept, other)
        unit.first(*(Require(Customer, _as_read(one)) for one in (kept, other)))
        # First the one who goes: two customers cannot have one number, not even within a unit.
        unit.add(Delete(Customer, {"id": other.id}))
        names = [name for name in type(kept).model_fields if getattr(joined, name) != getattr(kept, name)]
        names = [name for name in names if name != "statistics"]
        if names:
            unit.add(change_to(kept, joined, names))
        unit.add(self._counted(kept, other))
        for kind, field in references().items():
            unit.add(Change(kind, {field: other.id}, set={field: keep}))
        for merge in await self._store.find(Merge, {"into": gone}):
            unit.add(Change(Merge, {"id": merge.id}, set={"into": keep}))
        unit.insert(Merge(id=gone, into=keep, by=by, at=self._clock.now(), reason=reason))
        unit.insert(
            self._audit.change(AuditAction.UPDATED, "customer", kept, joined, by, reason=f"merged with {gone}: {reason}"),
            self._audit.entry(
                AuditAction.DELETED, "customer", gone, by, before=stored(other), reason=f"merged into {keep}: {reason}"
            ),
        )
        score = await average_rating(self._store, keep, gone)
        if score is not None:
            unit.add(Change(Customer, {"id": keep}, set={"statistics.satisfaction_score": score}))

    async def stragglers(self) -> int:
        """Moves what was still written under the old id by work that was under way during a merge; how many records.

        To be called now and then: a turn holds the customer it began with until it ends.
        """
        moved = 0
        since = self._clock.now() - _STRAGGLERS_FOR
        for merge in await self._store.find(Merge, {"at": Between(since)}):
            for kind, field in references().items():
                moved += await self._store.change(kind, {field: merge.id}, set={field: merge.into})
        return moved

    async def _customer(self, id_: str) -> Customer:
        found = await self._store.get(Customer, id_)
        if found is None:
            raise NotFound(f"there is no customer {id_}")
        return found

    async def _make_room(self, unit: Unit, kept: Customer, other: Customer, by: str, closes: bool) -> None:
        """A person has at most one conversation that is not closed per channel and number of ours (DESIGN 3)."""
        taken = {_place(conversation): conversation for conversation in await self._open(kept)}
        for conversation in await self._open(other):
            left = taken.get(_place(conversation))
            if left is None:
                continue
            if not closes or left.assignee_kind is not AssigneeKind.AGENT:
                raise ServiceError(
                    f"customers {kept.id} and {other.id} both have an open conversation on {conversation.channel}; close "
                    f"{conversation.id} or the other one first"
                )
            put_close(unit, left, self._clock.now(), self._audit, by=by, reason="went on in another conversation")

    async def _open(self, customer: Customer) -> list[Conversation]:
        found = await self._store.find(Conversation, {"customer_id": customer.id})
        return [one for one in found if one.openness == "open" and one.kind is ConversationKind.CUSTOMER]

    @staticmethod
    def _counted(kept: Customer, other: Customer) -> Change:
        """What was counted is added up: atomically, because it goes on being counted meanwhile."""
        mine, theirs = kept.statistics, other.statistics
        conversations = mine.total_conversations + theirs.total_conversations
        waited = (
            mine.average_response_time * mine.total_conversations + theirs.average_response_time * theirs.total_conversations
        ) / (conversations or 1)
        more = {
            f"statistics.{name}": getattr(theirs, name)
            for name in ("total_conversations", "total_messages", "total_tickets")
            if getattr(theirs, name)
        }
        return Change(Customer, {"id": kept.id}, set={"statistics.average_response_time": waited}, inc=more, must=1)


def _place(conversation: Conversation) -> tuple[str, str]:
    return str(conversation.channel), conversation.our_address


def _as_read(customer: Customer) -> dict[str, Any]:
    """True only while nothing was counted or changed since: what is counted for the one who goes must not be lost."""
    return {"id": customer.id, "updated_at": customer.updated_at, "statistics.total_messages": customer.statistics.total_messages}


def _joined(kept: Customer, other: Customer) -> Customer:
    """The one who is kept, with what they have from the other."""
    values: dict[str, Any] = {
        name: getattr(other, name) for name in _TAKEN if getattr(kept, name) is None and getattr(other, name) is not None
    }
    phone = values.get("phone_number", kept.phone_number)
    numbers = [other.phone_number, *kept.alternative_phones, *other.alternative_phones]
    values["alternative_phones"] = [number for number in dict.fromkeys(numbers) if number and number != phone]
    values["tags"] = list(dict.fromkeys((*kept.tags, *other.tags)))
    values["custom_fields"] = {**other.custom_fields, **kept.custom_fields}
    values["notes"] = "\n".join(note for note in (kept.notes, other.notes) if note) or None
    values["is_blocked"] = kept.is_blocked or other.is_blocked
    if values["is_blocked"]:
        values["status"] = kept.status if kept.is_blocked else other.status
    for name, choose in (("first_contact", min), ("last_interaction", max), ("last_message_at", max)):
        moments = [moment for moment in (getattr(kept, name), getattr(other, name)) if moment is not None]
        values[name] = choose(moments) if moments else None
    return kept.model_copy(update=values)


async def recount(store: Store, customer_id: str) -> CustomerStatistics:
    """A customer's statistics counted from what is stored: what they are to equal at rest."""
    conversations = await store.find(Conversation, {"customer_id": customer_id})
    heard = [await store.count(Message, {"conversation_id": one.id, "direction": Direction.INBOUND}) for one in conversations]
    customer = await store.get(Customer, customer_id)
    return CustomerStatistics(
        total_conversations=len(conversations),
        total_messages=sum(heard),
        total_tickets=await store.count(Ticket, {"customer_id": customer_id}),
        average_response_time=customer.statistics.average_response_time if customer else 0,
        satisfaction_score=await average_rating(store, customer_id),
    )
