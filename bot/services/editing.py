"""Changing single fields of a record: validated as a whole, written one by one, so that counters beside them lose nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Generic, TypeVar

from bot.errors import Conflict, RecordError
from bot.records.base import Record
from bot.store.base import Change

R = TypeVar("R", bound=Record)
T = TypeVar("T")

_COMPARED = (str, int, float, bool, datetime, Enum, type(None))


@dataclass(frozen=True, slots=True)
class Edited(Generic[R]):
    """A record before and after a change, and the change."""

    before: R
    after: R
    change: Change | None
    """None where nothing differs. It holds only while what it overwrites is as it was read (else Conflict)."""


def edited(record: R, changes: Mapping[str, Any], fixed: Mapping[str, str]) -> Edited[R]:
    """The record with other values in fields (Python's names; dots reach into parts: `address.city`).

    `fixed` names fields that are not set this way, with what to do instead. Raises RecordError that names record, field and rule.
    """
    after = changed(record, changes, fixed)
    tops = dict.fromkeys(path.partition(".")[0] for path in changes)
    differing = [name for name in tops if getattr(after, name) != getattr(record, name)]
    return Edited(record, after, change_to(record, after, differing) if differing else None)


def changed(record: R, changes: Mapping[str, Any], fixed: Mapping[str, str]) -> R:
    """The record with other values, as `edited` reads them. Raises RecordError."""
    kind = type(record)
    values = record.model_dump(by_alias=True)  # errors speak of fields as everybody else sees them
    for path, value in changes.items():
        top, stored = path.partition(".")[0], kind.shape.stored_name(path)
        if top in fixed or top in _OWN:
            raise RecordError(f"{kind.__name__}.{stored}: cannot be set; {fixed.get(top, _OWN.get(top))}")
        _put(values, stored.split("."), value)
    return kind.new(**values)


_OWN = dict.fromkeys(("id", "version", "created_at", "updated_at", "shape_number"), "it is the store's own")


def change_to(before: R, after: R, names: list[str]) -> Change:
    """The change that makes these fields what they are in `after`, if they are still as in `before`."""
    kind = type(before)
    text = kind.shape.text
    if text is not None and not set(names).isdisjoint(text.fields):
        names = list(dict.fromkeys((*names, *text.fields)))  # the store makes the words to search by of all of them
    old = {name: getattr(before, name) for name in names}
    where = {name: value for name, value in old.items() if isinstance(value, _COMPARED)}
    return Change(kind, {"id": before.id, **where}, set={name: getattr(after, name) for name in names}, must=1)


def _put(values: dict[str, Any], path: list[str], value: Any) -> None:
    for name in path[:-1]:
        inner = values.get(name)
        if not isinstance(inner, dict):
            inner = values[name] = {}
        values = inner
    values[path[-1]] = value


async def twice(what: str, work: Callable[[], Awaitable[T]]) -> T:
    """Does it, and once more if somebody else was faster. Raises Conflict with one clear line when they are again."""
    try:
        return await work()
    except Conflict:
        pass
    try:
        return await work()
    except Conflict:
        raise Conflict(f"{what} is being changed by somebody else; look at it again and repeat what you did") from None
