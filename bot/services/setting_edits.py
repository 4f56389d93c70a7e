"""Changing system settings while the program runs: known ones, to values that their readers can read (S2-182 to S2-199)."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

import orjson

from bot.errors import Conflict, NotFound, RecordError, ServiceError
from bot.records.audit import AuditAction
from bot.records.settings import MONEY_BOUNDS, SystemSetting
from bot.services.audit import Audit
from bot.services.hours import DEFAULT_ZONE, read_hours
from bot.services.settings import DEFAULTS
from bot.store.base import Change, Store, Unit

_MOST_BYTES = 32 * 1024
_DEEPEST = 8
_KINDS: Mapping[type, str] = {
    bool: "true or false",
    int: "a whole number, 0 or more",
    str: "text",
    list: "a list",
    dict: "a mapping of names to values",
}


class SettingEdits:
    """The only writer of settings that somebody changes."""

    def __init__(self, store: Store, audit: Audit) -> None:
        self._store = store
        self._audit = audit

    async def all(self) -> list[SystemSetting]:
        """Every setting by its key: the rows that there are, and what counts where there is none."""
        rows = {row.key: row for row in await self._store.find(SystemSetting, {}, sort=("key",))}
        missing = (SystemSetting(id=key, key=key, value=value) for key, value in DEFAULTS.items() if key not in rows)
        return sorted((*rows.values(), *missing), key=lambda row: row.key)

    async def get(self, key: str) -> SystemSetting:
        """Raises NotFound."""
        found = await self._store.find(SystemSetting, {"key": key}, limit=1)
        if found:
            return found[0]
        if key not in DEFAULTS:
            raise NotFound(f"there is no setting {key[:60]}")
        return SystemSetting(id=key, key=key, value=DEFAULTS[key])

    async def put(self, key: str, value: Any, *, by: str) -> SystemSetting:
        """Another value; every process sees it within seconds.

        Raises RecordError that says what the value has to be, ServiceError for one that cannot be changed, NotFound, Conflict.
        """
        old = await self.get(key)
        if not old.is_editable:
            raise ServiceError(f"the setting {key} cannot be changed here")
        _check(key, value, old.value)
        row = old.model_copy(update={"value": value, "updated_by": by})
        unit = Unit()
        if old.created_at is None:
            unit.insert(row)
        else:
            as_read = {"id": old.id, "version": old.version}
            unit.add(Change(SystemSetting, as_read, set={"value": value, "updated_by": by}, must=1, otherwise=Conflict))
        before, after = {"value": old.value}, {"value": value}
        unit.insert(self._audit.entry(AuditAction.UPDATED, "setting", key, by, before=before, after=after))
        await self._store.commit(unit)
        return await self.get(key)


def _check(key: str, value: Any, known: Any) -> None:
    """Raises RecordError where a value is not of the kind that the setting is."""
    if _depth(value) > _DEEPEST or len(orjson.dumps(value)) > _MOST_BYTES:
        raise RecordError(f"SystemSetting.value: {key} is too large or nested too deeply")
    if key == "business_hours":
        read_hours(value, DEFAULT_ZONE)
    if key in MONEY_BOUNDS:
        _check_money(key, value)
        return
    words = _KINDS.get(type(known))
    if words and (type(value) is not type(known) or (isinstance(value, int) and value < 0)):
        raise RecordError(f"SystemSetting.value: {key} must be {words}")
    default = DEFAULTS.get(key)
    if isinstance(default, Mapping) and key != "business_hours" and (unknown := sorted(set(value) - set(default))):
        raise RecordError(f"SystemSetting.value: {key} has no part {unknown[0][:40]}; it has {', '.join(sorted(default))}")


def _check_money(key: str, value: Any) -> None:
    try:
        is_right = isinstance(value, str) and Decimal(value).is_finite() and 0 <= Decimal(value) < 1_000_000
    except InvalidOperation:
        is_right = False
    if not is_right:
        raise RecordError(f"SystemSetting.value: {key} must be an amount of US dollars in text, like '2.50'; '0' is no bound")


def _depth(value: Any) -> int:
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return 1 + max(map(_depth, inner), default=0)
