"""What is to be done after a call: an action item becomes a ticket or a callback once it is accepted (S1-074; DESIGN 6).

By rule, where the setting allows it and the call itself has made nothing of the kind; else by a person of ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bot.clock import Clock, new_id
from bot.errors import Conflict, MoveRefused, NotFound, RecordError, ServiceError
from bot.records.audit import AuditAction
from bot.records.calls import ActionItem, ActionItemStatus, ActionKind, Call, CallbackStatus, ProcessingStatus
from bot.records.conversations import Priority
from bot.records.people import Customer
from bot.services.audit import Audit
from bot.services.call_reading import CallFacts, Wanted
from bot.services.callbacks import Callbacks
from bot.services.tickets import Tickets
from bot.store.base import Change, Store, Unit

MOST = 5
"""Items of one call."""
MOST_BOOKED = 5
"""Calls booked for one person above which a rule books none."""
BY_RULE = "system"
_SUBJECT = 120


class ActionItems:
    """Accepts and declines them."""

    def __init__(self, store: Store, clock: Clock, audit: Audit, tickets: Tickets, callbacks: Callbacks) -> None:
        self._store = store
        self._clock = clock
        self._audit = audit
        self._tickets = tickets
        self._callbacks = callbacks

    async def made_of(
        self, unit: Unit, call: Call, facts: CallFacts, wanted: Sequence[Wanted], *, by_rule: bool
    ) -> list[ActionItem]:
        """The items of a call; where `by_rule` allows it, what becomes of them is put into the unit that writes them."""
        items = [_item(one) for one in wanted[:MOST]]
        if not by_rule:
            return items
        no_call = bool(facts.callbacks) or facts.opted_out or await self._is_full(call)
        made = {ActionKind.TICKET: bool(facts.tickets), ActionKind.CALLBACK: no_call}
        done = []
        for item in items:
            if item.kind is None or made[item.kind]:
                done.append(item)  # the call has seen to it; whether this is another one, a person decides
                continue
            accepted = await self._made(unit, call, item, by=BY_RULE)
            made[item.kind] = accepted is not item and item.kind is ActionKind.CALLBACK
            done.append(accepted)
        return done

    async def accept(
        self, call_id: str, item_id: str, *, by: str, assignee_id: str | None = None, due: datetime | None = None
    ) -> ActionItem:
        """A person of ours accepts it: it becomes a ticket (given to `assignee_id`) or a callback at its time, or at `due`.

        Raises NotFound, MoveRefused (it was decided on already), RecordError (a callback without a time to come), ServiceError.
        """
        call, item = await self._pending(call_id, item_id)
        changes = {"assignee_id": assignee_id or item.assignee_id, "due_date": due or item.due_date}
        item, unit = item.model_copy(update=changes), Unit()
        accepted = await self._become(unit, call, item, by)
        await self._write(unit, call, accepted, by)
        return accepted

    async def decline(self, call_id: str, item_id: str, *, by: str) -> ActionItem:
        """Nothing becomes of it. Raises NotFound, MoveRefused."""
        call, item = await self._pending(call_id, item_id)
        declined = item.model_copy(update={"status": ActionItemStatus.CANCELLED, "decided_by": by})
        await self._write(Unit(), call, declined, by)
        return declined

    async def _is_full(self, call: Call) -> bool:
        """Whether so many calls are booked for them that no rule books another: anybody can make a call show a number."""
        if call.customer_id is None:
            return False
        booked = await self._callbacks.of_customer(call.customer_id, 100)
        return sum(callback.status is CallbackStatus.SCHEDULED for callback in booked) >= MOST_BOOKED

    async def _pending(self, call_id: str, item_id: str) -> tuple[Call, ActionItem]:
        call = await self._store.get(Call, call_id)
        if call is None:
            raise NotFound(f"there is no call {call_id}")
        items = call.ai_summary.action_items if call.ai_summary is not None else []
        item = next((one for one in items if one.id == item_id), None)
        if item is None:
            raise NotFound(f"call {call_id} has no action item {item_id}")
        if item.status is not ActionItemStatus.PENDING:
            raise MoveRefused(f"action item {item_id} is {item.status} already")
        return call, item

    async def _write(self, unit: Unit, call: Call, item: ActionItem, by: str) -> None:
        """The call with this item in its place, unless somebody has changed its summary meanwhile. Raises Conflict."""
        summary = call.ai_summary
        if summary is None or summary.status is not ProcessingStatus.COMPLETED:
            raise Conflict(f"call {call.id} is being summed up; look at it again")
        items = [item if one.id == item.id else one for one in summary.action_items]
        as_read = {"id": call.id, "updated_at": call.updated_at}
        unit.first(Change(Call, as_read, set={"ai_summary.action_items": items}, must=1))
        after = {"actionItem": item.id, "status": str(item.status), "became": item.became}
        unit.insert(self._audit.entry(AuditAction.UPDATED, "call", call.id, by, after=after))
        await self._store.commit(unit)

    async def _made(self, unit: Unit, call: Call, item: ActionItem, by: str) -> ActionItem:
        """Accepted by rule; the item as it is where it cannot become anything."""
        try:
            return await self._become(unit, call, item, by)
        except (RecordError, ServiceError):
            return item

    async def _become(self, unit: Unit, call: Call, item: ActionItem, by: str) -> ActionItem:
        if call.customer_id is None and (call.lead_id is None or item.kind is not ActionKind.CALLBACK):
            raise ServiceError(f"call {call.id}: nobody is known at the other end, so nothing can be made for them")
        made = await (self._callback if item.kind is ActionKind.CALLBACK else self._ticket)(unit, call, item, by)
        return item.model_copy(update={"status": ActionItemStatus.COMPLETED, "became": made, "decided_by": by})

    async def _ticket(self, unit: Unit, call: Call, item: ActionItem, by: str) -> str:
        due = f"\n\nDue: {item.due_date:%Y-%m-%d %H:%M} UTC" if item.due_date is not None else ""
        ticket = await self._tickets.create(
            unit,
            customer_id=str(call.customer_id),
            conversation_id=call.conversation_id,
            subject=item.description[:_SUBJECT],
            description=f"{item.description}{due}",
            priority=_priority(item.priority),
            by=by,
        )
        if item.assignee_id:
            ticket.assigned_agent = item.assignee_id
            unit.insert(
                self._audit.entry(AuditAction.ASSIGNED, "ticket", ticket.id, by, after={"assignedAgent": item.assignee_id})
            )
        return ticket.id

    async def _callback(self, unit: Unit, call: Call, item: ActionItem, by: str) -> str:
        if item.due_date is None:
            raise RecordError("ActionItem.dueDate: a callback needs a time; give one that is to come")
        if call.customer_id is not None:
            customer = await self._store.get(Customer, call.customer_id)
            if customer is None or customer.phone_number is None:
                raise ServiceError("no phone number of the person is on record, so nobody could call; open a ticket instead")
        who = {"customer_id": call.customer_id} if call.customer_id is not None else {"lead_id": call.lead_id}
        booked = await self._callbacks.book(
            item.due_date, by=by, conversation_id=call.conversation_id, notes=item.description, unit=unit, **who
        )
        return booked.id


def _item(wanted: Wanted) -> ActionItem:
    return ActionItem(
        id=new_id(),
        description=wanted.description,
        due_date=wanted.due,
        priority=str(_priority(wanted.priority)),
        kind=wanted.kind,
    )


def _priority(value: str | None) -> Priority:
    return Priority(value) if value in list(Priority) else Priority.MEDIUM
