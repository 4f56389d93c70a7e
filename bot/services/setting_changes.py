"""Changes system settings: checked before it is written, audited, and in force everywhere within seconds (S2-199)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.clock import Clock
from bot.errors import Conflict, Duplicate, ServiceError
from bot.records.audit import AuditAction
from bot.records.settings import SettingCategory, SystemSetting
from bot.records.users import User
from bot.services.audit import Audit
from bot.services.setting_fields import check, default_of
from bot.store.base import In, Store, Unit

ENTITY = "setting"


class SettingChanges:
    """The only writer of system settings, besides the rows that a workspace begins with."""

    def __init__(self, store: Store, clock: Clock, audit: Audit) -> None:
        self._store = store
        self._clock = clock
        self._audit = audit

    async def rows(self, keys: list[str]) -> dict[str, SystemSetting]:
        """Those of them that somebody has set, by key."""
        return {row.key: row for row in await self._store.find(SystemSetting, {"key": In(keys)})}

    async def save(self, user: User, values: Mapping[str, Any]) -> list[str]:
        """Sets these settings, all or none; the keys of those that were another value before.

        Raises RecordError naming the field and the fix, ServiceError for one that is fixed, Conflict (somebody else was faster).
        """
        for key, value in values.items():
            check(key, value)
        there, unit, changed = await self.rows(list(values)), Unit(), []
        for key, value in values.items():
            row = there.get(key)
            before = row.value if row is not None else default_of(key)
            if before == value:
                continue
            if row is not None and not row.is_editable:
                raise ServiceError(f"{key}: is fixed in this installation; ask whoever runs it")
            self._write(unit, row, key, value, user)
            by = f"user:{user.id}"
            old, new = {"value": before}, {"value": value}
            unit.insert(self._audit.entry(AuditAction.UPDATED, ENTITY, key, by, before=old, after=new))
            changed.append(key)
        if changed:
            try:
                await self._store.commit(unit)
            except Duplicate:
                raise Conflict(f"{changed[0]}: was set by somebody else at this moment") from None
        return changed

    @staticmethod
    def _write(unit: Unit, row: SystemSetting | None, key: str, value: Any, user: User) -> None:
        if row is None:
            unit.insert(SystemSetting(id=key, key=key, value=value, category=_category(key), updated_by=user.id))
        else:
            unit.put(row.model_copy(update={"value": value, "updated_by": user.id}))


def _category(key: str) -> SettingCategory:
    return SettingCategory.AI if key.startswith("ai_") else SettingCategory.BUSINESS
