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
