"""Which events follow from what is being written, and for whom: they are written in the same unit, so none is lost or made up.

Every change of a conversation or a ticket writes an audit entry with it, every change of hands a handoff: what is told is read
off those, so that no service has to think of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from bot.clock import Clock
from bot.jobs import Jobs
from bot.records.audit import AuditEntry
from bot.records.base import Record
from bot.records.conversations import Conversation, ConversationKind
from bot.records.handoffs import Handoff
from bot.records.tickets import Ticket
from bot.records.webhooks import Webhook, WebhookDelivery
from bot.services.ticket_clock import broken
from bot.store.base import Change, Insert, Put, Store, Unit

R = TypeVar("R", bound=Record)

_OF_BOTH = ("created", "updated", "assigned", "resolved", "closed", "reopened", "commented")
EVENTS = (
    *(f"conversation.{action}" for action in (*_OF_BOTH, "transferred")),
    *(f"ticket.{action}" for action in (*_OF_BOTH, "escalated", "breached")),
    "handoff",
    "rating",
)
PING = "ping"
"""An event that only tries a webhook; nobody subscribes to it."""
MAX_AGE = 2.0
"""Seconds after which every process knows of a webhook that was made, changed or switched off."""


def is_wanted(events: Iterable[str], type_: str) -> bool:
    """Whether a subscription to these names and patterns has this event."""
    subject = type_.partition(".")[0]
    return not {"*", type_, f"{subject}.*"}.isdisjoint(events)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened."""

    id: str
    type: str
    at: datetime
    data: Mapping[str, Any]
    personal: Mapping[str, Any] = field(default_factory=dict)


def job_of(webhook_id: str) -> str:
    """The id of the recurring job that posts for a webhook."""
    return f"webhook:{webhook_id}"


def delivery_of(event: Event, hook: Webhook, now: datetime) -> WebhookDelivery:
    """Of what is personal nothing is kept that was not asked for."""
    return WebhookDelivery(
        id=f"{event.id}:{hook.id}",
        webhook_id=hook.id,
        event_id=event.id,
        event_type=event.type,
        at=event.at,
        data=dict(event.data),
        personal=dict(event.personal) if hook.has_personal else {},
        due_at=now,
    )


class WebhookEvents:
    """Looks at every unit before it is written (`Store.before_commit`)."""

    def __init__(self, store: Store, clock: Clock, jobs: Jobs) -> None:
        self._store = store
        self._clock = clock
        self._jobs = jobs
        self._known: list[Webhook] = []
        self._read_at: float | None = None

    def forget(self) -> None:
        """A webhook was changed by this process."""
        self._read_at = None

    async def __call__(self, unit: Unit) -> None:
        """Adds a posting for each event and each webhook that wants it; costs next to nothing where none does."""
        told = [record for record in _inserted(unit) if type(record) is AuditEntry or type(record) is Handoff]
        if not told or not (hooks := await self._active()):
            return
        if any(type(record) is WebhookDelivery for record in _inserted(unit)):
            return  # it was shown before, and is tried again
        now, hurried = self._clock.now(), set()
        for record in told:
            for event in await self._events_of(record, unit):
                for hook in hooks:
                    if is_wanted(hook.events, event.type):
                        unit.insert(delivery_of(event, hook, now))
                        hurried.add(hook.id)
        for id_ in sorted(hurried):
            unit.then(partial(self._jobs.hurry_one, job_of(id_)))

    async def _active(self) -> list[Webhook]:
        now = self._clock.monotonic()
        if self._read_at is None or now - self._read_at >= MAX_AGE:
            self._known = await self._store.find(Webhook, {"active": True})
            self._read_at = now
        return self._known

    async def _events_of(self, record: Record, unit: Unit) -> list[Event]:
        if isinstance(record, Handoff):
            return [_handoff(record)] if record.customer_id else []
        if not isinstance(record, AuditEntry) or record.entity_id is None:
            return []
        if record.entity_type == "ticket":
            ticket = _whole(unit, Ticket, record.entity_id) or await self._store.get(Ticket, record.entity_id)
            return list(_ticket_events(record, ticket)) if ticket is not None else []
        if record.entity_type == "conversation":
            talk = _whole(unit, Conversation, record.entity_id) or await self._store.get(Conversation, record.entity_id)
            if talk is not None and talk.kind is not ConversationKind.ASSISTANT:
                return list(_conversation_events(record, talk, _news(unit, talk.id)))
        return []


def _inserted(unit: Unit) -> Iterator[Record]:
    return (operation.record for operation in unit.operations if type(operation) is Insert)


def _whole(unit: Unit, kind: type[R], id_: str) -> R | None:
    """The record as this unit leaves it, where it writes it whole."""
    for operation in reversed(unit.operations):
        if isinstance(operation, Insert | Put) and isinstance(operation.record, kind) and operation.record.id == id_:
            return operation.record
    return None


def _news(unit: Unit, conversation_id: str) -> dict[str, Any]:
    """What this unit sets of a conversation."""
    news: dict[str, Any] = {}
    for operation in unit.operations:
        if isinstance(operation, Change) and operation.kind is Conversation and operation.where.get("id") == conversation_id:
            news |= operation.set
    return news


def _type_of(entry: AuditEntry) -> str:
    return f"{entry.entity_type}.{entry.action}"


def _ticket_events(entry: AuditEntry, ticket: Ticket) -> Iterator[Event]:
    changes = [str(name) for name in entry.details.get("changes", ())]
    data = {
        "ticketId": ticket.id,
        "number": ticket.ticket_id,
        "customerId": ticket.customer_id,
        "conversationId": ticket.conversation_id,
        "status": str(ticket.status),
        "priority": str(ticket.priority),
        "category": str(ticket.category),
        "slaLevel": str(ticket.sla_level),
        "assignedAgent": ticket.assigned_agent,
        "escalated": ticket.escalated,
        "breaches": sorted(broken(ticket.sla)),
        "changes": changes,
        "by": entry.performed_by,
    }
    personal = {"subject": ticket.subject}
    if _type_of(entry) in EVENTS:
        yield Event(entry.id, _type_of(entry), entry.timestamp, data, personal)
    if _breaches(entry.details.get("before")) != _breaches(entry.details.get("after")):
        yield Event(f"{entry.id}-breached", "ticket.breached", entry.timestamp, data, personal)
    feedback = ticket.customer_feedback
    if "customerFeedback" in changes and feedback is not None and feedback.rating is not None:
        rated = {name: data[name] for name in ("ticketId", "number", "customerId", "conversationId")}
        comment = {"comment": feedback.comment} if feedback.comment else {}
        yield Event(f"{entry.id}-rating", "rating", entry.timestamp, {**rated, "rating": feedback.rating}, comment)


def _breaches(values: object) -> tuple[object, ...]:
    """When each promise was broken, in an entry's values; what an entry does not speak of is not changed."""
    sla = values.get("sla") if isinstance(values, Mapping) else None
    clocks = [sla.get(name) if isinstance(sla, Mapping) else None for name in ("response", "resolution")]
    return tuple(clock.get("breachedAt") if isinstance(clock, Mapping) else None for clock in clocks)


def _conversation_events(entry: AuditEntry, talk: Conversation, news: Mapping[str, Any]) -> Iterator[Event]:
    def now(name: str) -> Any:
        value = news.get(name, getattr(talk, name))
        return str(value) if isinstance(value, str) else value

    ids = {"conversationId": talk.id, "customerId": talk.customer_id, "channel": str(talk.channel)}
    data = {
        **ids,
        "status": now("status"),
        "priority": now("priority"),
        "category": now("category"),
        "holder": {"kind": now("assignee_kind"), "name": now("assignee_name")},
        "changes": [str(name) for name in entry.details.get("changes", ())],
        "by": entry.performed_by,
    }
    if _type_of(entry) in EVENTS:
        yield Event(entry.id, _type_of(entry), entry.timestamp, data, {"address": talk.their_address})
    given = news.get("customer_satisfaction")
    if given is not None:
        comment = {"comment": given.comment} if given.comment else {}
        yield Event(f"{entry.id}-rating", "rating", entry.timestamp, {**ids, "rating": given.rating}, comment)


def _handoff(handoff: Handoff) -> Event:
    data = {
        "conversationId": handoff.conversation_id,
        "customerId": handoff.customer_id,
        "from": {"kind": str(handoff.from_kind), "name": handoff.from_name},
        "to": {"kind": str(handoff.to_kind), "name": handoff.to_name},
        "cause": str(handoff.cause),
        "by": handoff.by,
        "waitedMs": handoff.waited_ms,
    }
    return Event(handoff.id, "handoff", handoff.at, data, {"reason": handoff.reason} if handoff.reason else {})
