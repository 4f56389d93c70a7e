"""Which system settings there are, by subject, and what each of their fields may be: for forms, for the API, and for the check
before anything is written. A program that reads a setting still reads it with care: rows may have been written by anybody."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from bot.errors import RecordError, SettingsError
from bot.records.conversations import ChannelName, Priority
from bot.records.settings import WEEKDAYS
from bot.records.tickets import SlaLevel, TicketStatus
from bot.services.calling_hours import check_calling_hours
from bot.services.calling_settings import read_attempts, read_line
from bot.services.hours import DEFAULT_ZONE, read_hours
from bot.services.origins import origins_of
from bot.services.service_levels import MOST_MINUTES, read_escalation, read_levels
from bot.services.settings import DEFAULTS
from bot.services.spending import PER_CONVERSATION, PER_DAY, micros_of
from bot.services.ticket_news import read_news
from bot.services.webhook_rules import read_rules


class Kind(StrEnum):
    """What a field holds, and how it is typed in."""

    YES_NO = "yes_no"
    WHOLE = "whole"
    MONEY = "money"
    TIME = "time"
    TEXT = "text"
    CHOICE = "choice"
    SEVERAL = "several"
    """Any of the choices."""
    WORDS = "words"
    """A list of texts, with commas or line breaks between them."""
    ROWS = "rows"
    """A list of mappings, each with the fields `parts`."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a setting's value; the whole value where there is no path."""

    key: str
    kind: Kind
    path: tuple[str, ...] = ()
    least: int = 0
    most: int = 0
    """Of a whole number; of a text, its length; of rows and words, how many."""
    choices: tuple[str, ...] = ()
    parts: tuple[Field, ...] = ()
    group: str = ""
    """Fields of one group stand together."""
    is_required: bool = True
    example: str = ""

    @property
    def name(self) -> str:
        """`assignment_rules.preferred_agent`."""
        return ".".join((self.key, *self.path))


_PRIORITIES = tuple(map(str, Priority))
_RULES: tuple[Field, ...] = (
    Field("name", Kind.TEXT, most=60, example="refund"),
    Field("words", Kind.WORDS, most=50, example="refund, money back"),
    Field("skill", Kind.TEXT, most=40, is_required=False, example="billing"),
    Field("priority", Kind.CHOICE, choices=_PRIORITIES, is_required=False),
    Field("channel", Kind.CHOICE, choices=tuple(map(str, ChannelName)), is_required=False),
)
_STEPS: tuple[Field, ...] = (
    Field("after_minutes", Kind.WHOLE, most=100_000, example="240"),
    Field("to", Kind.TEXT, most=64, example="supervisor"),
)
_COUNTRIES: tuple[Field, ...] = (
    Field("country", Kind.TEXT, most=2, example="IN"),
    Field("start", Kind.TIME, example="09:00"),
    Field("end", Kind.TIME, example="20:00"),
)


def _hours() -> tuple[Field, ...]:
    found = [Field("timezone", Kind.TEXT, most=64, example=DEFAULT_ZONE)]
    for day in WEEKDAYS:
        found.append(Field("business_hours", Kind.YES_NO, (day, "enabled"), group=day))
        found += [Field("business_hours", Kind.TIME, (day, end), group=day, example="09:00") for end in ("start", "end")]
    return tuple(found)


def _promises() -> tuple[Field, ...]:
    found = []
    for level in map(str, SlaLevel):
        found.append(Field("ticket_sla", Kind.YES_NO, (level, "business_hours"), group=level))
        for clock in ("first_response", "resolution"):
            found += [
                Field("ticket_sla", Kind.WHOLE, (level, clock, priority), 0, MOST_MINUTES, group=level, example="240")
                for priority in _PRIORITIES
            ]
    return tuple(found)


_SUBJECTS: Mapping[str, tuple[Field, ...]] = {
    "hours": _hours(),
    "ai": (
        Field("ai_response_enabled", Kind.YES_NO),
        Field(PER_CONVERSATION, Kind.MONEY, example="1.00"),
        Field(PER_DAY, Kind.MONEY, example="50.00"),
        Field("handoff_summary", Kind.CHOICE, choices=("extract", "model")),
    ),
    "handoff": (
        Field("handoff_rules", Kind.YES_NO, ("anger",)),
        Field("handoff_rules", Kind.WHOLE, ("unanswered_turns",), 0, 20, example="2"),
        Field("handoff_rules", Kind.ROWS, ("words",), most=50, parts=_RULES),
    ),
    "assignment": (
        Field("auto_assignment_enabled", Kind.YES_NO),
        Field("max_conversations_per_agent", Kind.WHOLE, (), 0, 1000, example="10"),
        Field("assignment_rules", Kind.YES_NO, ("preferred_agent",)),
        Field("assignment_rules", Kind.WHOLE, ("anybody_after_minutes",), 0, 10_080, example="10"),
        Field("assignment_rules", Kind.WHOLE, ("offline_after_seconds",), 30, 86_400, example="90"),
    ),
    "waiting": (
        Field("waiting_news", Kind.WHOLE, ("say_again_after_minutes",), 1, 1440, example="5"),
        Field("csat_enabled", Kind.YES_NO),
    ),
    "notify": (
        Field("notify_operators", Kind.YES_NO, ("enabled",)),
        Field("notify_operators", Kind.WHOLE, ("at_most_every_minutes",), 1, 1440, example="15"),
        Field("notify_operators", Kind.TEXT, ("desk_url",), most=200, is_required=False, example="https://desk.example.com/desk"),
    ),
    "promises": _promises(),
    "escalation": (
        Field("ticket_escalation", Kind.YES_NO, ("enabled",)),
        Field("ticket_escalation", Kind.ROWS, ("levels",), most=10, parts=_STEPS),
        Field("ticket_news", Kind.YES_NO, ("enabled",)),
        Field("ticket_news", Kind.SEVERAL, ("statuses",), choices=tuple(map(str, TicketStatus))),
    ),
    "calls": (
        Field("calling_hours", Kind.TIME, ("default", "start"), example="09:00"),
        Field("calling_hours", Kind.TIME, ("default", "end"), example="20:00"),
        Field("calling_hours", Kind.ROWS, ("countries",), most=250, parts=_COUNTRIES),
        Field("calling_attempts", Kind.WHOLE, ("per_day",), 1, 10, example="1"),
        Field("calling_attempts", Kind.WHOLE, ("per_week",), 1, 20, example="3"),
        Field("calling_attempts", Kind.WHOLE, ("gap_minutes",), 0, 10_080, example="240"),
        Field("calling_line", Kind.WHOLE, ("ring_seconds",), 5, 120, example="30"),
        Field("calling_line", Kind.WHOLE, ("most_minutes",), 1, 240, example="30"),
        Field("calling_line", Kind.CHOICE, ("machine",), choices=("hang_up", "message")),
    ),
    "aftercall": (
        Field("call_summary", Kind.CHOICE, choices=("model", "rules")),
        Field("call_action_items", Kind.CHOICE, choices=("rule", "person")),
        Field("call_recording_days", Kind.WHOLE, (), 0, 3650, example="90"),
    ),
    "web": (Field("web_chat_origins", Kind.WORDS, most=50, is_required=False, example="https://shop.example.com"),),
    "webhooks": (
        Field("webhook_rules", Kind.YES_NO, ("allow_private",)),
        Field("webhook_rules", Kind.WHOLE, ("timeout_seconds",), 1, 60, example="10"),
        Field("webhook_rules", Kind.WHOLE, ("attempts",), 1, 20, example="8"),
        Field("webhook_rules", Kind.WHOLE, ("disable_after",), 1, 1000, example="25"),
    ),
}
_WITHOUT_DEFAULT: Mapping[str, Any] = {"timezone": DEFAULT_ZONE, "web_chat_origins": []}


def subjects() -> dict[str, tuple[Field, ...]]:
    """The fields of each subject, of those settings that this version reads."""
    known = DEFAULTS.keys() | _WITHOUT_DEFAULT.keys()
    return {name: fields for name, fields in _SUBJECTS.items() if all(field.key in known for field in fields)}


def default_of(key: str) -> Any:
    """What counts where nobody has set it."""
    return DEFAULTS.get(key, _WITHOUT_DEFAULT.get(key))


def value_in(value: Any, path: Sequence[str]) -> Any:
    """The field of a value at a path; None where there is none."""
    for step in path:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def check(key: str, value: Any) -> None:
    """Raises RecordError, naming the field and the fix, where this cannot be the setting's value."""
    fields = [field for found in subjects().values() for field in found if field.key == key]
    if not fields:
        raise RecordError(f"{key[:60]}: is no setting that can be changed here; see the page /settings for those that can")
    for field in fields:
        check_field(field, value_in(value, field.path), field.name)
    try:
        _check_whole(key, value)
    except SettingsError as error:
        raise RecordError(str(error)) from None


def _check_whole(key: str, value: Any) -> None:
    """What only the whole value tells, as whoever reads the setting reads it."""
    checked = _CHECKS.get(key)
    if checked is not None:
        checked(value)


def _check_notices(value: Any) -> None:
    url = str(value_in(value, ("desk_url",)) or "")
    is_web = not url or url.startswith(("https://", "http://"))
    _require(is_web, "notify_operators.desk_url", "must begin with https://; for example https://desk.example.com/desk")


_CHECKS: Mapping[str, Callable[[Any], object]] = {
    "business_hours": lambda value: read_hours(value, DEFAULT_ZONE),
    "timezone": lambda value: read_hours({}, value),
    "notify_operators": _check_notices,
    "web_chat_origins": origins_of,
    PER_CONVERSATION: lambda value: micros_of(PER_CONVERSATION, value),
    PER_DAY: lambda value: micros_of(PER_DAY, value),
    "ticket_sla": read_levels,
    "ticket_escalation": read_escalation,
    "ticket_news": read_news,
    "webhook_rules": read_rules,
    "calling_hours": check_calling_hours,
    "calling_attempts": read_attempts,
    "calling_line": read_line,
}


def check_field(field: Field, value: Any, name: str) -> None:
    """One field of a value. Raises RecordError."""
    if not field.is_required and value in (None, "", []):
        return
    match field.kind:
        case Kind.YES_NO:
            _require(isinstance(value, bool), name, "must be true or false")
        case Kind.WHOLE:
            is_whole = isinstance(value, int) and not isinstance(value, bool)
            fits = is_whole and field.least <= value <= field.most
            _require(fits, name, f"must be a whole number from {field.least} to {field.most:,}; for example {field.example}")
        case Kind.MONEY:
            _require(_is_money(value), name, f"must be an amount in US dollars; for example {field.example}, or 0 for no bound")
        case Kind.CHOICE:
            _require(value in field.choices, name, f"must be one of {', '.join(field.choices)}")
        case Kind.SEVERAL:
            fits = isinstance(value, list) and all(one in field.choices for one in value)
            _require(fits, name, f"must be a list of {', '.join(field.choices)}")
        case Kind.TEXT | Kind.TIME:
            fits = isinstance(value, str) and value.strip() != "" and len(value) <= (field.most or 5)
            _require(fits, name, f"must be a text of 1 to {field.most or 5} characters; for example {field.example}")
        case Kind.WORDS:
            fits = isinstance(value, list) and 0 < len(value) <= field.most and all(isinstance(one, str) for one in value)
            _require(fits, name, f"must be a list of 1 to {field.most} texts; for example {field.example}")
        case Kind.ROWS:
            _require(isinstance(value, list) and len(value) <= field.most, name, f"must be a list of at most {field.most} rows")
            for number, row in enumerate(value):
                for part in field.parts:
                    check_field(part, value_in(row, (part.key,)), f"{name}.{number + 1}.{part.key}")


def _is_money(value: Any) -> bool:
    try:
        return not isinstance(value, bool) and 0 <= Decimal(str(value)) <= 10**9
    except InvalidOperation:
        return False


def _require(fits: bool, name: str, what: str) -> None:
    if not fits:
        raise RecordError(f"{name}: {what}")
