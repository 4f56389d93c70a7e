"""System settings: what counts now, and changing it while the program runs."""

from __future__ import annotations

from pydantic import JsonValue

from bot.records.settings import SettingCategory, SystemSetting
from bot.services.audit import Audit
from bot.services.setting_edits import SettingEdits
from bot.web.endpoint import Call, Endpoint, Model, declared, endpoint
from bot.web.fields import At
from bot.web.paging import Page
from bot.web.site import Site

ADMIN = "system:admin"


class Setting(Model):
    key: str
    value: JsonValue
    description: str
    category: SettingCategory
    is_editable: bool
    updated_by: str | None
    updated_at: At | None
    """Null while the default counts."""


class NewValue(Model):
    value: JsonValue


class Settings:
    def __init__(self, site: Site) -> None:
        self._settings = SettingEdits(site.parts.store, Audit(site.parts.clock))

    @endpoint("GET", "/settings", ADMIN)
    async def listed(self, call: Call) -> Page[Setting]:
        """Every setting, by its key."""
        return Page(items=[_shown(row) for row in await self._settings.all()])

    @endpoint("GET", "/settings/{key}", ADMIN)
    async def one(self, call: Call, key: str) -> Setting:
        """One setting."""
        return _shown(await self._settings.get(key))

    @endpoint("PUT", "/settings/{key}", ADMIN)
    async def put(self, call: Call, key: str, body: NewValue) -> Setting:
        """Another value; every process sees it within seconds."""
        return _shown(await self._settings.put(key, body.value, by=call.by))


def _shown(row: SystemSetting) -> Setting:
    return Setting(
        key=row.key,
        value=row.value,
        description=row.description,
        category=row.category,
        is_editable=row.is_editable,
        updated_by=row.updated_by,
        updated_at=row.updated_at,
    )


def endpoints(site: Site) -> list[Endpoint]:
    return declared(Settings(site))
