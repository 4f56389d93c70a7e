"""One change of who holds a conversation, with everything that moves along: fields of ours and the seed's, statistics, record."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from bot.conversation import (
    SEED_FIELDS,
    AgentRef,
    Assignee,
    AssigneeKind,
    ConversationStatus,
    OperatorRef,
    Queue,
    kind_of,
    name_of,
)
from bot.errors import EpochMoved
from bot.message import Address
from bot.records.audit import AuditAction
from bot.records.conversations import Conversation, HandoffNote, MessageSender
from bot.records.handoffs import Cause, Handoff
from bot.records.users import User
from bot.records.work import Author, Delivery, DeliveryState
from bot.services.audit import Audit
from bot.store.base import Change, In, Unit

_MILLISECOND = timedelta(milliseconds=1)


def handoff_id(conversation_id: str, epoch: int) -> str:
    """Of the change after which the conversation's epoch was this one: there is exactly one."""
    return f"{conversation_id}:{epoch}"


def put_move(
    unit: Unit,
    old: Conversation,
    to: Assignee,
    now: datetime,
    audit: Audit,
    *,
    by: str,
    cause: Cause,
    reason: str,
    note: str,
    since: datetime | None = None,
) -> Handoff:
    """Puts the change into a unit, by compare-and-set on who held it: the unit is void with EpochMoved if somebody was first."""
    handoff = _record(old, to, now, by=by, cause=cause, reason=reason)
    told = HandoffNote(cause=cause, reason=reason, by=by, at=now, note=note)
    unit.add(
        Change(
            Conversation,
            {
                "id": old.id,
                "epoch": old.epoch,
                "status": _status_then(old),
                "assignee_kind": old.assignee_kind,
                "assignee_name": old.assignee_name,
            },
            set={**_assignment(to, by), "assigned_at": now, "handoff": told, "missed": 0, **_waiting(old, to, now, since)},
            inc={"epoch": 1},
            must=1,
            otherwise=EpochMoved,
        )
    )
    if isinstance(to, OperatorRef):
        _mark_crossed(unit, old.address, now)
    unit.add(*leaving(old), *coming(to, now))
    unit.insert(handoff, _entry(audit, old, to, by, cause, reason))
    return handoff


def _status_then(old: Conversation) -> Any:
    """The status that it still has to have. A turn opens again what was resolved, and may pass it on in its end: an operator's
    load is not concerned by that."""
    if old.assignee_kind is AssigneeKind.OPERATOR:
        return old.status
    return In([old.status, SEED_FIELDS[old.assignee_kind][0]])


def cause_of(old: Conversation, to: Assignee) -> Cause:
    """What a change is where nobody says why."""
    if isinstance(to, AgentRef):
        return Cause.COLLEAGUE if old.assignee_kind is AssigneeKind.AGENT else Cause.HANDED_BACK
    return Cause.OPERATOR_TOOK_OVER if isinstance(to, OperatorRef) else Cause.ASKED


def leaving(old: Conversation) -> list[Change]:
    """What changes for the operator who serves it no more; nothing where none did."""
    if old.status is not ConversationStatus.ASSIGNED or not old.assigned_agent:
        return []
    return [Change(User, {"id": old.assigned_agent}, inc={"statistics.current_active_conversations": -1})]


def coming(to: Assignee, now: datetime) -> list[Change]:
    """What changes for the operator who serves it from now on."""
    if not isinstance(to, OperatorRef):
        return []
    more = {"statistics.current_active_conversations": 1, "statistics.total_conversations": 1}
    return [Change(User, {"id": to.id}, set={"idle_since": now}, inc=more)]


def _record(old: Conversation, to: Assignee, now: datetime, *, by: str, cause: Cause, reason: str) -> Handoff:
    waited = now - old.assigned_at if old.assignee_kind is AssigneeKind.QUEUE and old.assigned_at else None
    return Handoff(
        id=handoff_id(old.id, old.epoch + 1),
        conversation_id=old.id,
        customer_id=old.customer_id,
        epoch=old.epoch + 1,
        from_kind=old.assignee_kind,
        from_name=old.assignee_name,
        to_kind=kind_of(to),
        to_name=name_of(to),
        cause=cause,
        reason=reason,
        by=by,
        at=now,
        waited_ms=None if waited is None else max(0, waited // _MILLISECOND),
    )


def _assignment(to: Assignee, by: str) -> dict[str, Any]:
    """The fields that say who holds it, ours and the seed's, always together."""
    kind = kind_of(to)
    status, is_ai_enabled = SEED_FIELDS[kind]
    return {
        "assignee_kind": kind,
        "assignee_name": name_of(to),
        "status": status,
        "is_ai_enabled": is_ai_enabled,
        "assigned_agent": to.id if isinstance(to, OperatorRef) else None,
        "assigned_by": by,
    }


def _waiting(old: Conversation, to: Assignee, now: datetime, since: datetime | None) -> dict[str, Any]:
    """Since when the person waits for one of ours: from the first words on that nobody has answered (S2-099)."""
    if isinstance(to, AgentRef):
        return {"waiting_since": None, "told": None, "snoozed_until": None}
    if old.waiting_since is not None:
        return {"snoozed_until": None}
    if isinstance(to, Queue):
        return {"waiting_since": min(since or now, now), "snoozed_until": None}
    last = old.last_message
    is_unanswered = last is not None and last.sender is MessageSender.CUSTOMER
    return {"waiting_since": last.timestamp if last is not None and is_unanswered else None, "snoozed_until": None}


def _mark_crossed(unit: Unit, address: Address, now: datetime) -> None:
    """What the AI was saying at this very instant cannot be caught any more: the timeline shows it as such."""
    posting = {
        "openness": "open",
        "lane": address.lane,
        "author": Author.AI,
        "state": In([DeliveryState.SENDING, DeliveryState.UNCONFIRMED]),
    }
    unit.add(Change(Delivery, posting, set={"crossed_at": now}))


def _entry(audit: Audit, old: Conversation, to: Assignee, by: str, cause: Cause, reason: str) -> Any:
    is_passed_on = cause is Cause.TRANSFERRED
    return audit.entry(
        AuditAction.TRANSFERRED if is_passed_on else AuditAction.ASSIGNED,
        "conversation",
        old.id,
        by,
        before={"assignee": f"{old.assignee_kind}:{old.assignee_name}"},
        after={"assignee": f"{kind_of(to)}:{name_of(to)}"},
        reason=reason or cause,
    )
