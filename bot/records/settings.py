"""System settings (S2-182 to S2-199), and the rows that are there from the beginning."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from bot.records.base import Index, Record, record

MONEY_BOUNDS = {"ai_max_cost_per_conversation": "1.00", "ai_max_cost_per_day": "50.00"}
"""The most that models may cost per UTC day, in US dollars: one conversation's, and everybody's together. 0 is no bound.

They count without rows of their own: a workspace begins with exactly four (S2-193).
"""

DESK_RULES: dict[str, Any] = {
    "handoff_rules": {"anger": True, "unanswered_turns": 2, "words": []},
    "assignment_rules": {"preferred_agent": True, "anybody_after_minutes": 10, "offline_after_seconds": 90},
    "waiting_news": {"say_again_after_minutes": 5},
    "notify_operators": {"enabled": True, "at_most_every_minutes": 15, "desk_url": ""},
    "csat_enabled": True,
    "handoff_summary": "extract",
}
"""How conversations come to people and back. They count without rows of their own, as the bounds on money do.

`handoff_rules.words`: a list of {name, words, skill, priority, channel}: who writes one of the words is passed on by that rule.
`handoff_summary`: `extract`, or `model`, which costs a call of the model for each conversation that is passed to a person.
"""

TICKET_RULES: dict[str, Any] = {
    "ticket_sla": {
        "standard": {
            "first_response": {"low": 480, "medium": 240, "high": 120, "urgent": 60},
            "resolution": {"low": 4320, "medium": 2160, "high": 1080, "urgent": 480},
            "business_hours": True,
        },
        "priority": {
            "first_response": {"low": 240, "medium": 120, "high": 60, "urgent": 30},
            "resolution": {"low": 2160, "medium": 1080, "high": 540, "urgent": 240},
            "business_hours": True,
        },
        "vip": {
            "first_response": {"low": 120, "medium": 60, "high": 30, "urgent": 15},
            "resolution": {"low": 1440, "medium": 720, "high": 360, "urgent": 120},
            "business_hours": False,
        },
    },
    "ticket_escalation": {
        "enabled": True,
        "levels": [{"after_minutes": 0, "to": "supervisor"}, {"after_minutes": 240, "to": "admin"}],
    },
    "ticket_news": {"enabled": True, "statuses": ["in_progress", "waiting_customer", "resolved", "closed"]},
}
"""What is promised for tickets, in minutes, and what follows when it is late. They count without rows of their own (S2-175).

`business_hours`: only those minutes count in which we are open. `ticket_news`: of which statuses the customer is told.
"""

WEBHOOK_RULES: dict[str, Any] = {
    "webhook_rules": {"allow_private": False, "timeout_seconds": 10, "attempts": 8, "disable_after": 25}
}
"""How events are posted: whether also into this network, how long an answer is waited for, how often, and when it is given up."""

CALLING_RULES: dict[str, Any] = {
    "calling_hours": {
        "default": {"start": "09:00", "end": "20:00"},
        "countries": [
            {"country": "IN", "start": "09:00", "end": "21:00"},
            {"country": "US", "start": "09:00", "end": "20:00"},
        ],
    },
    "calling_attempts": {"per_day": 1, "per_week": 3, "gap_minutes": 240},
    "calling_line": {"ring_seconds": 30, "most_minutes": 30, "machine": "hang_up"},
}
"""When people may be called where they are, how often one number may be dialled, and how calls are placed (CHANNELS 4).

`calling_line.machine`: what an answering machine gets, `hang_up` or `message`.
"""

HARD_CALLING_HOURS: dict[str, dict[str, str]] = {
    "IN": {"start": "09:00", "end": "21:00"},
    "US": {"start": "08:00", "end": "21:00"},
}
"""What the law allows at most, whatever is set: TRAI's rules of 2010 (S5-023); 47 CFR 64.1200(c)(1)."""

CALL_RULES: dict[str, Any] = {"call_summary": "model", "call_action_items": "rule", "call_recording_days": 0}
"""What is made of calls that are over. They count without rows of their own.

`call_summary`: `model` where there is one, or `rules`: an extract that costs nothing. `call_action_items`: whether what is to
be done becomes a ticket or a callback by `rule`, or once a `person` has accepted it. `call_recording_days`: a recording is
deleted so many days after its call; 0 keeps it until somebody deletes it.
"""

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class SettingCategory(StrEnum):
    GENERAL = "general"
    WHATSAPP = "whatsapp"
    AI = "ai"
    NOTIFICATIONS = "notifications"
    SECURITY = "security"
    BUSINESS = "business"


@record("systemsettings", Index("key", unique=True), Index("category"))
class SystemSetting(Record):
    """One setting that can be changed while the program runs."""

    key: str
    value: Any = None
    description: str = ""
    category: SettingCategory = SettingCategory.GENERAL
    is_editable: bool = True
    updated_by: str | None = None


def default_settings() -> list[SystemSetting]:
    """The rows that every workspace begins with (S2-188 to S2-191), each under its key as id."""
    hours = {day: {"start": "09:00", "end": "18:00", "enabled": True} for day in WEEKDAYS}
    rows: tuple[tuple[str, Any, SettingCategory, str], ...] = (
        ("business_hours", hours, SettingCategory.BUSINESS, "When people of ours are there, per weekday"),
        (
            "auto_assignment_enabled",
            True,
            SettingCategory.GENERAL,
            "Whether waiting conversations go to free operators by themselves",
        ),
        ("max_conversations_per_agent", 10, SettingCategory.GENERAL, "How many conversations an operator holds at once"),
        ("ai_response_enabled", True, SettingCategory.AI, "Whether the AI answers; off, every conversation waits for a person"),
    )
    return [
        SystemSetting(id=key, key=key, value=value, category=category, description=description)
        for key, value, category, description in rows
    ]
