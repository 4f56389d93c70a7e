"""How often a number may be dialled, and how a call is placed: the settings `calling_attempts` and `calling_line`, read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bot.errors import RecordError
from bot.records.settings import CALLING_RULES

ATTEMPTS, LINE = "calling_attempts", "calling_line"
DAY, WEEK = timedelta(days=1), timedelta(days=7)
_ATTEMPT_BOUNDS = {"per_day": (1, 10), "per_week": (1, 20), "gap_minutes": (0, 10_080)}
_LINE_BOUNDS = {"ring_seconds": (5, 120), "most_minutes": (1, 240)}


@dataclass(frozen=True, slots=True)
class AttemptCaps:
    """How often one number may be dialled in our own time: a choice, not a law (CHANNELS 4)."""

    per_day: int
    """In any 24 hours."""
    per_week: int
    """In any 7 days."""
    gap: timedelta
    """Between two of them at least."""

    def refuses(self, attempts: Sequence[datetime], now: datetime) -> tuple[str, datetime] | None:
        """The rule that is in the way of one more, and from when on it is not; None where one may be made."""
        made = sorted(attempts)
        last = [
            ("too_soon", made[-1] + self.gap) if made else None,
            ("attempts_today", made[-self.per_day] + DAY) if len(made) >= self.per_day else None,
            ("attempts_this_week", made[-self.per_week] + WEEK) if len(made) >= self.per_week else None,
        ]
        return max((each for each in last if each is not None and each[1] > now), key=lambda each: each[1], default=None)


class Machine(StrEnum):
    """What an answering machine gets."""

    HANG_UP = "hang_up"
    MESSAGE = "message"


@dataclass(frozen=True, slots=True)
class LineRules:
    """How calls are placed."""

    ring_seconds: int
    most_minutes: int
    """Then the provider ends the call."""
    machine: Machine


def read_attempts(value: object) -> AttemptCaps:
    """Raises RecordError that names the field and a valid example."""
    rules = _whole(ATTEMPTS, value, _ATTEMPT_BOUNDS)
    return AttemptCaps(rules["per_day"], rules["per_week"], timedelta(minutes=rules["gap_minutes"]))


def read_line(value: object) -> LineRules:
    """Raises RecordError that names the field and a valid example."""
    numbers = _whole(LINE, value, _LINE_BOUNDS)
    given = {**CALLING_RULES[LINE], **(value if isinstance(value, Mapping) else {})}
    if given["machine"] not in tuple(Machine):
        raise RecordError(f"{LINE}.machine: must be one of {', '.join(Machine)}")
    return LineRules(numbers["ring_seconds"], numbers["most_minutes"], Machine(given["machine"]))


def _whole(key: str, value: object, bounds: Mapping[str, tuple[int, int]]) -> dict[str, int]:
    """The whole numbers of a setting; what is not given counts as it does by default."""
    default = CALLING_RULES[key]
    if not isinstance(value, Mapping):
        raise RecordError(f"{key}: must be a mapping of {', '.join(default)}")
    unknown = sorted(str(name) for name in value if name not in default)
    if unknown:
        raise RecordError(f"{key}: there is no {unknown[0][:40]!r}; there are {', '.join(default)}")
    found: dict[str, int] = {}
    for name, (low, high) in bounds.items():
        number = value.get(name, default[name])
        if isinstance(number, bool) or not isinstance(number, int) or not low <= number <= high:
            raise RecordError(f"{key}.{name}: must be a whole number from {low} to {high}; for example {default[name]}")
        found[name] = number
    return found
