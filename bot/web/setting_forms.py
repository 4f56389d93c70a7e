"""System settings as fields of a form, and back: `assignment_rules.preferred_agent`, `handoff_rules.words.0.name`."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from typing import Any

from bot.services.setting_fields import Field, Kind, value_in

SPARE = 2
"""Empty rows under those that are there."""
_BETWEEN = re.compile(r"[,\n]+")


def shown(field: Field, value: Any) -> Any:
    """What stands in the form for a field's value: a text, a tick, several, or rows of these."""
    match field.kind:
        case Kind.YES_NO:
            return value is True
        case Kind.SEVERAL:
            return [str(one) for one in value] if isinstance(value, list) else []
        case Kind.WORDS:
            return ", ".join(map(str, value)) if isinstance(value, list) else str(value or "")
        case Kind.ROWS:
            rows = value if isinstance(value, list) else []
            filled = [{part.key: shown(part, value_in(row, (part.key,))) for part in field.parts} for row in rows]
            return filled + [{part.key: "" for part in field.parts} for _ in range(SPARE)]
    return "" if value is None else str(value)


def typed(fields: Sequence[Field], form: Mapping[str, str], values: Mapping[str, Any]) -> dict[str, Any]:
    """The settings' values with what the form says in them. What cannot be read stays a text: the check then says so."""
    found = {key: copy.deepcopy(value) for key, value in values.items()}
    for field in fields:
        value = _read(field, form, field.name)
        if not field.path:
            found[field.key] = value
            continue
        if not isinstance(found[field.key], dict):
            found[field.key] = {}
        place = found[field.key]
        for step in field.path[:-1]:
            if not isinstance(place.get(step), dict):
                place[step] = {}
            place = place[step]
        place[field.path[-1]] = value
    return found


def _read(field: Field, form: Mapping[str, str], name: str) -> Any:
    text = form.get(name, "").strip()
    match field.kind:
        case Kind.YES_NO:
            return name in form
        case Kind.WHOLE:
            return int(text) if re.fullmatch(r"-?[0-9]{1,12}", text) else text
        case Kind.SEVERAL:
            return [choice for choice in field.choices if f"{name}.{choice}" in form]
        case Kind.WORDS:
            return [word.strip() for word in _BETWEEN.split(text) if word.strip()]
        case Kind.ROWS:
            rows = [_row(field, form, f"{name}.{number}") for number in range(field.most + SPARE)]
            return [row for row in rows if row is not None]
    return text


def _row(field: Field, form: Mapping[str, str], name: str) -> dict[str, Any] | None:
    """None where it was not sent, or nothing is in it."""
    row = {part.key: _read(part, form, f"{name}.{part.key}") for part in field.parts}
    return row if any(value not in ("", []) for value in row.values()) else None
