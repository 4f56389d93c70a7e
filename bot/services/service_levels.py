"""What is promised for tickets, and who is told when it is not kept: read from system settings, as they are now (S2-175).

`read_levels` and `read_escalation` are also what a page asks before it writes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import structlog

from bot.errors import RecordError
from bot.records.conversations import Priority
from bot.records.settings import TICKET_RULES
from bot.records.tickets import SlaLevel, Ticket
from bot.records.users import Role
from bot.services.hours import BusinessHours, Hours
from bot.services.settings import SystemSettings

log = structlog.get_logger()

LEVELS, ESCALATION = "ticket_sla", "ticket_escalation"
MOST_MINUTES = 527_040
"""A year."""
MOST_STEPS = 10
_TARGETS = ("first_response", "resolution")


@dataclass(frozen=True, slots=True)
class Promise:
    """What a level promises."""

    first_response: Mapping[Priority, float]
    """Minutes; 0 is no promise."""
    resolution: Mapping[Priority, float]
    by_business_hours: bool


@dataclass(frozen=True, slots=True)
class Step:
    """So many minutes after a promise was broken, a ticket goes to somebody."""

    after_minutes: float
    to: str
    """A role, or a user's id."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What counts for a ticket now."""

    response_minutes: float
    resolution_minutes: float
    by_business_hours: bool
    hours: BusinessHours | None
    """None where every hour counts, or where nobody can read when we are open."""
    steps: tuple[Step, ...]


def read_levels(value: object) -> dict[SlaLevel, Promise]:
    """The setting `ticket_sla`. Raises RecordError that names the field and the fix."""
    if not isinstance(value, Mapping):
        raise RecordError(f"{LEVELS}: must be a mapping of levels ({', '.join(SlaLevel)})")
    unknown = sorted(str(name) for name in value if name not in list(SlaLevel))
    if unknown:
        raise RecordError(f"{LEVELS}: there is no level {unknown[0][:40]!r}; there are {', '.join(SlaLevel)}")
    return {level: _read_promise(f"{LEVELS}.{level}", value.get(level, {})) for level in SlaLevel}


def _read_promise(path: str, value: object) -> Promise:
    if not isinstance(value, Mapping):
        raise RecordError(f'{path}: must be like {{"first_response": 240, "resolution": 1440, "business_hours": true}}')
    unknown = sorted(str(name) for name in value if name not in (*_TARGETS, "business_hours"))
    if unknown:
        raise RecordError(f"{path}: there is no {unknown[0][:40]!r}; there are {', '.join(_TARGETS)} and business_hours")
    by_hours = value.get("business_hours", True)
    if not isinstance(by_hours, bool):
        raise RecordError(f"{path}.business_hours: must be true or false")
    response, resolution = (_read_targets(f"{path}.{name}", value.get(name, 0)) for name in _TARGETS)
    late = next((each for each in Priority if 0 < resolution[each] < response[each]), None)
    if late is not None:
        raise RecordError(f"{path}.resolution: is shorter than first_response for {late}; give it at least as many minutes")
    return Promise(response, resolution, by_hours)


def _read_targets(path: str, value: object) -> dict[Priority, float]:
    if not isinstance(value, Mapping):
        return dict.fromkeys(Priority, _read_minutes(path, value))
    unknown = sorted(str(name) for name in value if name not in list(Priority))
    if unknown:
        raise RecordError(f"{path}: there is no priority {unknown[0][:40]!r}; there are {', '.join(Priority)}")
    return {each: _read_minutes(f"{path}.{each}", value.get(each, 0)) for each in Priority}


def _read_minutes(path: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MOST_MINUTES:
        raise RecordError(f"{path}: must be minutes from 0 (no promise) to {MOST_MINUTES}; for example 240")
    return float(value)


def read_escalation(value: object) -> tuple[Step, ...]:
    """The setting `ticket_escalation`; nothing where it is switched off. Raises RecordError."""
    if not isinstance(value, Mapping) or not isinstance(value.get("enabled", True), bool):
        raise RecordError(
            f'{ESCALATION}: must be like {{"enabled": true, "levels": [{{"after_minutes": 0, "to": "supervisor"}}]}}'
        )
    levels = value.get("levels", [])
    if not isinstance(levels, list) or len(levels) > MOST_STEPS:
        raise RecordError(f"{ESCALATION}.levels: must be a list of at most {MOST_STEPS}")
    steps = tuple(_read_step(f"{ESCALATION}.levels.{number}", level) for number, level in enumerate(levels))
    for number, (one, following) in enumerate(pairwise(steps), 1):
        if following.after_minutes < one.after_minutes:
            raise RecordError(f"{ESCALATION}.levels.{number}.after_minutes: is earlier than the level before; put them in order")
    return steps if value.get("enabled", True) else ()


def _read_step(path: str, level: object) -> Step:
    if not isinstance(level, Mapping):
        raise RecordError(f'{path}: must be like {{"after_minutes": 0, "to": "supervisor"}}')
    to = level.get("to")
    if not isinstance(to, str) or not to.strip():
        raise RecordError(f"{path}.to: must be a role ({Role.SUPERVISOR}, {Role.ADMIN}, ...) or a user's id")
    return Step(_read_minutes(f"{path}.after_minutes", level.get("after_minutes", 0)), to.strip())


class ServiceLevels:
    """What counts now. What cannot be read is as it is by default: a ticket is opened whatever somebody wrote there."""

    def __init__(self, settings: SystemSettings, hours: Hours) -> None:
        self._settings = settings
        self._hours = hours

    async def terms(self, ticket: Ticket) -> Terms:
        """For a ticket as it is."""
        promise = (await self._levels())[ticket.sla_level]
        return Terms(
            response_minutes=promise.first_response[ticket.priority],
            resolution_minutes=promise.resolution[ticket.priority],
            by_business_hours=promise.by_business_hours,
            hours=await self._open_hours(),
            steps=await self._steps(),
        )

    async def _levels(self) -> dict[SlaLevel, Promise]:
        try:
            return read_levels(await self._settings.value(LEVELS))
        except RecordError as error:
            log.warning("setting cannot be read, its default counts", why=str(error))
            return read_levels(TICKET_RULES[LEVELS])

    async def _steps(self) -> tuple[Step, ...]:
        try:
            return read_escalation(await self._settings.value(ESCALATION))
        except RecordError as error:
            log.warning("setting cannot be read, its default counts", why=str(error))
            return read_escalation(TICKET_RULES[ESCALATION])

    async def _open_hours(self) -> BusinessHours | None:
        try:
            return await self._hours.hours()
        except RecordError as error:
            log.warning("business hours cannot be read, all hours count", why=str(error))
            return None


def check_setting(key: str, value: Any) -> None:
    """Whether a value may be written under one of these keys. Raises RecordError."""
    if key == LEVELS:
        read_levels(value)
    elif key == ESCALATION:
        read_escalation(value)
