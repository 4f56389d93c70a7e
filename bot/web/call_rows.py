"""Telephone calls as pages show them: a line in the list, and the record of one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from babel.numbers import format_currency

from bot.records.calls import (
    CALL_MOVES,
    ActionItem,
    ActionItemStatus,
    Call,
    CallDirection,
    CallStatus,
    Speaker,
    TranscriptSegment,
)
from bot.records.people import Customer
from bot.records.users import User
from bot.services.masking import masked_phone
from bot.web.rows import person_line
from bot.web.texts import Texts
from bot.web.times import shown

_TONES = {
    CallStatus.IN_PROGRESS: "ai",
    CallStatus.COMPLETED: "ok",
    CallStatus.FAILED: "bad",
    CallStatus.NO_ANSWER: "wait",
    CallStatus.MISSED: "wait",
}

_UNSURE = 0.6
"""Confidence of the recogniser below which words are marked."""


def is_live(call: Call) -> bool:
    """Whether it is not over."""
    return bool(CALL_MOVES[call.status]) and call.status is not CallStatus.SCHEDULED


def call_line(call: Call, people: Mapping[str, Customer], t: Texts, reader: User, *, whole: bool) -> dict[str, Any]:
    """One call. `whole` shows numbers as they are."""
    person = people.get(call.customer_id or "")
    line = person_line(person, whole=whole) if person is not None else None
    number = theirs(call)
    return {
        "id": call.id,
        "name": (line.name if line is not None else "") or "",
        "number": (number if whole else masked_phone(number)) if number else "",
        "is_inbound": call.direction is CallDirection.INBOUND,
        "direction": t(f"direction_{call.direction}") if call.direction is not None else "",
        "status": t(f"status_{call.status}"),
        "tone": _TONES.get(call.status, ""),
        "is_live": is_live(call),
        "at": shown(t.language, call.started_at or call.created_at, reader),
        "lasted": lasting(call.duration) if call.duration is not None else "",
        "summary": (call.ai_summary.summary or "") if call.ai_summary is not None else "",
        "has_recording": call.recording is not None and bool(call.recording.url),
        "conversation": call.conversation_id or "",
        "cost": money(call, t.language),
    }


def theirs(call: Call) -> str:
    """The number at the other end, E.164; empty where it was withheld."""
    return (call.caller_number if call.direction is CallDirection.INBOUND else call.dialed_number) or ""


def segment_line(segment: TranscriptSegment) -> dict[str, Any]:
    """Something that was said."""
    return {
        "from": "customer" if segment.speaker is Speaker.CUSTOMER else "ai",
        "text": segment.text,
        "at": lasting(int(segment.start_time)) if segment.start_time is not None else "",
        "is_unsure": segment.confidence is not None and segment.confidence < _UNSURE,
    }


def item_line(item: ActionItem, t: Texts, reader: User) -> dict[str, Any]:
    """Something that is to be done."""
    return {
        "id": item.id or "",
        "text": item.description,
        "kind": t(f"item_{item.kind}") if item.kind is not None else "",
        "status": t(f"item_{item.status}"),
        "tone": {ActionItemStatus.PENDING: "wait", ActionItemStatus.COMPLETED: "ok"}.get(item.status, ""),
        "is_open": item.status is ActionItemStatus.PENDING,
        "due": shown(t.language, item.due_date, reader),
    }


def lasting(seconds: int) -> str:
    """`01:42`, `1:02:03`."""
    minutes, rest = divmod(max(0, seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes:02d}:{rest:02d}"


def money(call: Call, language: str) -> str:
    """What the provider took; empty while that is not known."""
    if call.call_cost is None:
        return ""
    return str(
        format_currency(
            abs(call.call_cost), call.call_cost_unit or "USD", locale=language, currency_digits=False, decimal_quantization=False
        )
    )
